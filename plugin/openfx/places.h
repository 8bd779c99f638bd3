/* Where a user's engine listens, and the command that starts it. */

#ifndef RDE_ROTO_PLACES_H
#define RDE_ROTO_PLACES_H

#include "base.h"
#include "engine.h"

struct endpoint {
    char *unix_path; /* NULL over TCP */
    char *token;
    int port;
};

/* 1: it is there. 0: no engine listens. -1: trouble, which is said. */
int endpoint_read(struct endpoint *endpoint, struct trouble *trouble);
void endpoint_free(struct endpoint *endpoint);

/* Reads a small file of JSON. On true the caller frees both. */
bool read_json_file(const char *path, char **source, struct json *json);

/* Starts the engine, unless this process did so just now. */
bool engine_start(struct trouble *trouble);

/* Once an engine has answered, the next one may be started at once. */
void engine_answered(void);

#endif
