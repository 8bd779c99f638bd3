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

static bool is_hex(int one)
{
    return (one >= '0' && one <= '9') || (one >= 'a' && one <= 'f') || (one >= 'A' && one <= 'F');
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
        if (!is_hex(peek(reader)))
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
    if (node < 0 || depth >= JSON_MAX_DEPTH)
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
    if (length > JSON_MAX_BYTES || !is_utf8(source, length))
        return false;
    if (read_value(&reader, 0)) {
        skip_blanks(&reader);
        if (reader.at == reader.length)
            return true;
    }
    json_free(json);
    return false;
}
