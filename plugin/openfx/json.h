/* A strict JSON parser for untrusted input, bounded in size and in depth. */

#ifndef RDE_ROTO_JSON_H
#define RDE_ROTO_JSON_H

#include "base.h"

#define JSON_MAX_BYTES (1 << 20)
#define JSON_MAX_DEPTH 32

enum json_kind {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

/* Nodes are in the order of the source: a container, then everything in it. */
struct json_node {
    enum json_kind kind;
    uint32_t start, end; /* in the source; a string's without its quotes */
    int next;            /* the node after this one and its contents */
};

struct json {
    const char *source; /* must outlive this */
    struct json_node *nodes;
    int count, room;
};

/* Node 0 is the root. On false there is nothing to free. */
bool json_parse(struct json *json, const char *source, size_t length);
void json_free(struct json *json);

/* Below, a missing node is -1. It may be passed on: it has no members, no elements, no value. */
int json_member(const struct json *json, int object, const char *name);
int json_element(const struct json *json, int array, int index);
int json_length(const struct json *json, int array);
bool json_is(const struct json *json, int node, enum json_kind kind);
bool json_integer(const struct json *json, int node, int64_t least, int64_t most, int64_t *value);

/* A copy that the caller frees; NULL if the node is not a string or holds a zero byte, or if memory
   runs out. */
char *json_string(const struct json *json, int node);

#endif
