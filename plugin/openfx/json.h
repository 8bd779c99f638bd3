/* Reads JSON that somebody else wrote: bounded in size and in depth, and strict. */

#ifndef RDE_ROTO_JSON_H
#define RDE_ROTO_JSON_H

#include "base.h"

#define JSON_MOST_BYTES (1 << 20)
#define JSON_DEEPEST 32

enum json_kind {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

/* Nodes stand in the order of the source: a container, then all that is in it. */
struct json_node {
    enum json_kind kind;
    uint32_t start, end; /* in the source; a string's without its quotes */
    int next;            /* the node behind this one and what is in it */
};

struct json {
    const char *source; /* must outlive this */
    struct json_node *nodes;
    int count, room;
};

/* Node 0 is the whole. On false there is nothing to free. */
bool json_parse(struct json *json, const char *source, size_t length);
void json_free(struct json *json);

/* Below, a node that is not there is -1, which may be passed on: it has no member, no element and
   no value. */
int json_member(const struct json *json, int object, const char *name);
int json_element(const struct json *json, int array, int index);
int json_length(const struct json *json, int array);
bool json_is(const struct json *json, int node, enum json_kind kind);
bool json_integer(const struct json *json, int node, int64_t least, int64_t most, int64_t *value);

/* A copy that the caller frees; NULL for what is no string, holds a zero or when memory ends. */
char *json_string(const struct json *json, int node);

#endif
