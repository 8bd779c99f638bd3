/* Where the user's engine listens. */

#ifndef RDE_ROTO_ENDPOINT_H
#define RDE_ROTO_ENDPOINT_H

#include "base.h"
#include "json.h"
#include "trouble.h"

struct endpoint {
    char *unix_path; /* NULL over TCP */
    char *token;
    int port;
};

/* 1: found. 0: no engine listens. -1: failed, and `trouble` is set. Always free the endpoint. */
int endpoint_read(struct endpoint *endpoint, struct trouble *trouble);
void endpoint_free(struct endpoint *endpoint);

/* Reads a small JSON file. On true the caller frees both. */
bool read_json_file(const char *path, char **source, struct json *json);

#endif
