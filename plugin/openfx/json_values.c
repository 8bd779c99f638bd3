#include "base.h"

#include "json.h"

void json_free(struct json *json)
{
    free(json->nodes);
    memset(json, 0, sizeof *json);
}

bool json_is(const struct json *json, int node, enum json_kind kind)
{
    return node >= 0 && node < json->count && json->nodes[node].kind == kind;
}

int json_member(const struct json *json, int object, const char *name)
{
    if (!json_is(json, object, JSON_OBJECT))
        return -1;
    for (int key = object + 1; key < json->nodes[object].next;) {
        int value = json->nodes[key].next;
        size_t length = json->nodes[key].end - json->nodes[key].start;
        if (length == strlen(name) && !memcmp(json->source + json->nodes[key].start, name, length))
            return value;
        key = json->nodes[value].next;
    }
    return -1;
}

int json_element(const struct json *json, int array, int index)
{
    if (!json_is(json, array, JSON_ARRAY))
        return -1;
    for (int node = array + 1; node < json->nodes[array].next; node = json->nodes[node].next)
        if (index-- == 0)
            return node;
    return -1;
}

int json_length(const struct json *json, int array)
{
    int length = 0;
    if (!json_is(json, array, JSON_ARRAY))
        return 0;
    for (int node = array + 1; node < json->nodes[array].next; node = json->nodes[node].next)
        length++;
    return length;
}

bool json_integer(const struct json *json, int node, int64_t least, int64_t most, int64_t *value)
{
    if (!json_is(json, node, JSON_NUMBER))
        return false;
    uint32_t at = json->nodes[node].start, end = json->nodes[node].end;
    bool negative = json->source[at] == '-';
    int64_t found = 0;
    for (at += negative; at < end; at++) {
        int digit = json->source[at] - '0';
        if (digit < 0 || digit > 9 || found > (INT64_MAX - 9) / 10)
            return false; /* a fraction, an exponent, or more than any bound here */
        found = 10 * found + digit;
    }
    *value = negative ? -found : found;
    return *value >= least && *value <= most;
}

/* The digit was checked by the parser. */
static uint32_t hex_digit(char one)
{
    if (one <= '9')
        return (uint32_t)(one - '0');
    return (uint32_t)((one | 0x20) - 'a' + 10);
}

static uint32_t four_digits(const char *digits)
{
    uint32_t code = 0;
    for (int digit = 0; digit < 4; digit++)
        code = code << 4 | hex_digit(digits[digit]);
    return code;
}

static size_t write_utf8(char *out, uint32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

/* The code point of an escape, after its \u. An unpaired surrogate gives 0, which is not allowed in
   a string here. */
static uint32_t read_code(const char **at, const char *end)
{
    uint32_t code = four_digits(*at);
    *at += 4;
    if (code < 0xd800 || code > 0xdfff)
        return code;
    if (code > 0xdbff || end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u')
        return 0;
    uint32_t low = four_digits(*at + 2);
    *at += 6;
    return low >= 0xdc00 && low <= 0xdfff ? 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00) : 0;
}

char *json_string(const struct json *json, int node)
{
    static const char names[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    if (!json_is(json, node, JSON_STRING))
        return NULL;
    const char *at = json->source + json->nodes[node].start;
    const char *end = json->source + json->nodes[node].end;
    char *chars = malloc((size_t)(end - at) + 1); /* an escape is longer than what it means */
    size_t length = 0;
    if (chars == NULL)
        return NULL;
    while (at < end) {
        uint32_t code = (unsigned char)*at++;
        if (code != '\\') {
            chars[length++] = (char)code;
            continue;
        }
        char name = *at++;
        code = name == 'u' ? read_code(&at, end)
                           : (unsigned char)meant[strchr(names, name) - names];
        if (code == 0) {
            free(chars);
            return NULL;
        }
        length += write_utf8(chars + length, code);
    }
    chars[length] = 0;
    return chars;
}
