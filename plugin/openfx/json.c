#include "base.h"

#include "json.h"
#include "text.h"

struct reader {
    struct json *json;
    uint32_t at, length;
};

static bool read_value(struct reader *reader, int depth);

static int peek(const struct reader *reader)
{
    return reader->at < reader->length ? (unsigned char)reader->json->source[reader->at] : -1;
}

static void skip_blanks(struct reader *reader)
{
    int one = peek(reader);
    while (one == ' ' || one == '\t' || one == '\n' || one == '\r') {
        reader->at++;
        one = peek(reader);
    }
}

static bool take(struct reader *reader, char wanted)
{
    if (peek(reader) != wanted)
        return false;
    reader->at++;
    return true;
}

static int add_node(struct reader *reader, enum json_kind kind, uint32_t start)
{
    struct json *json = reader->json;
    if (json->count == json->room) {
        int room = json->room ? 2 * json->room : 32;
        struct json_node *nodes = realloc(json->nodes, (size_t)room * sizeof *nodes);
        if (nodes == NULL)
            return -1;
        json->nodes = nodes;
        json->room = room;
    }
    json->nodes[json->count].kind = kind;
    json->nodes[json->count].start = start;
    json->nodes[json->count].end = start;
    json->nodes[json->count].next = json->count + 1;
    return json->count++;
}

static bool close_node(struct reader *reader, int node)
{
    reader->json->nodes[node].end = reader->at;
    reader->json->nodes[node].next = reader->json->count;
    return true;
}

static bool read_word(struct reader *reader, const char *word, enum json_kind kind)
{
    size_t length = strlen(word);
    int node = add_node(reader, kind, reader->at);
    if (node < 0 || reader->length - reader->at < length)
        return false;
    if (memcmp(reader->json->source + reader->at, word, length) != 0)
        return false;
    reader->at += (uint32_t)length;
    return close_node(reader, node);
}

static bool skip_digits(struct reader *reader)
{
    uint32_t start = reader->at;
    while (peek(reader) >= '0' && peek(reader) <= '9')
        reader->at++;
    return reader->at > start;
}

static bool read_number(struct reader *reader)
{
    int node = add_node(reader, JSON_NUMBER, reader->at);
    if (node < 0)
        return false;
    take(reader, '-');
    if (!take(reader, '0') && !skip_digits(reader))
        return false;
    if (take(reader, '.') && !skip_digits(reader))
        return false;
    if (peek(reader) == 'e' || peek(reader) == 'E') {
        reader->at++;
        if (!take(reader, '+'))
            take(reader, '-');
        if (!skip_digits(reader))
            return false;
    }
    return close_node(reader, node);
}

static int hex_digit(int one)
{
    if (one >= '0' && one <= '9')
        return one - '0';
    if (one >= 'a' && one <= 'f')
        return one - 'a' + 10;
    if (one >= 'A' && one <= 'F')
        return one - 'A' + 10;
    return -1;
}

static bool read_escape(struct reader *reader)
{
    int one = peek(reader);
    if (one < 0)
        return false;
    reader->at++;
    if (one != 'u')
        return strchr("\"\\/bfnrt", one) != NULL && one != 0;
    for (int digit = 0; digit < 4; digit++) {
        if (hex_digit(peek(reader)) < 0)
            return false;
        reader->at++;
    }
    return true;
}

static bool read_string(struct reader *reader)
{
    int node = take(reader, '"') ? add_node(reader, JSON_STRING, reader->at) : -1;
    if (node < 0)
        return false;
    for (;;) {
        int one = peek(reader);
        if (one < 0x20) /* also the end */
            return false;
        if (one == '"')
            break;
        reader->at++;
        if (one == '\\' && !read_escape(reader))
            return false;
    }
    close_node(reader, node);
    reader->at++;
    return true;
}

static bool read_container(struct reader *reader, bool object, int depth)
{
    char last = object ? '}' : ']';
    int node = add_node(reader, object ? JSON_OBJECT : JSON_ARRAY, reader->at);
    if (node < 0 || depth >= JSON_DEEPEST)
        return false;
    reader->at++;
    skip_blanks(reader);
    if (take(reader, last))
        return close_node(reader, node);
    do {
        skip_blanks(reader);
        if (object) {
            if (!read_string(reader))
                return false;
            skip_blanks(reader);
            if (!take(reader, ':'))
                return false;
        }
        if (!read_value(reader, depth + 1))
            return false;
        skip_blanks(reader);
    } while (take(reader, ','));
    return take(reader, last) && close_node(reader, node);
}

static bool read_value(struct reader *reader, int depth)
{
    skip_blanks(reader);
    switch (peek(reader)) {
    case '{':
        return read_container(reader, true, depth);
    case '[':
        return read_container(reader, false, depth);
    case '"':
        return read_string(reader);
    case 'n':
        return read_word(reader, "null", JSON_NULL);
    case 't':
        return read_word(reader, "true", JSON_TRUE);
    case 'f':
        return read_word(reader, "false", JSON_FALSE);
    default:
        return read_number(reader);
    }
}

bool json_parse(struct json *json, const char *source, size_t length)
{
    struct reader reader = {json, 0, (uint32_t)length};
    memset(json, 0, sizeof *json);
    json->source = source;
    if (length > JSON_MOST_BYTES || !is_utf8(source, length))
        return false;
    if (read_value(&reader, 0)) {
        skip_blanks(&reader);
        if (reader.at == reader.length)
            return true;
    }
    json_free(json);
    return false;
}

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

static uint32_t four_digits(const char *digits)
{
    uint32_t code = 0;
    for (int digit = 0; digit < 4; digit++)
        code = code << 4 | (uint32_t)hex_digit(digits[digit]);
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

/* The code of an escape whose \u was passed. Half a pair of surrogates gives 0, which no string of
   ours may hold. */
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
    while (chars != NULL && at < end) {
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
    if (chars != NULL)
        chars[length] = 0;
    return chars;
}
