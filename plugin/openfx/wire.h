/* Messages over a connection to the engine: docs/protocol.md. */

#ifndef RDE_ROTO_WIRE_H
#define RDE_ROTO_WIRE_H

#include "base.h"
#include "json.h"
#include "system.h"

#define WIRE_MAX_PIXEL_BYTES ((int64_t)1 << 30) /* 16384 x 16384 floats */

/* How long to wait, and what ends it early. */
struct limit {
    int64_t until_ms; /* by the clock of now_ms; 0: no limit */
    bool (*aborted)(void *context); /* polled several times a second; may be NULL */
    void *context;
};

enum wire_result {
    WIRE_OK,
    WIRE_CLOSED,  /* the other end is gone, perhaps in mid-message */
    WIRE_BAD,     /* not a valid message */
    WIRE_LONG,    /* ours is longer than the engine takes */
    WIRE_ABORTED, /* by the host */
    WIRE_LATE,
    WIRE_SILENT, /* no heartbeat from the engine, or no progress in them */
    WIRE_MEMORY
};

/* Pixels received with a message: in a file (descriptor >= 0) or in memory. */
struct pixels {
    int descriptor;
    unsigned char *memory;
    size_t bytes;
};

struct message {
    char *source;
    struct json json; /* node 0 is an object */
    struct pixels pixels;
};

/* WIRE_OK while the wait may go on; otherwise why it ended. */
enum wire_result wait_check(const struct limit *wait);

/* Waits until a socket can be read, or written. */
enum wire_result wire_ready(intptr_t socket, bool to_send, const struct limit *wait);

/* Sends a JSON object, followed by `bytes` of pixels; if there are any, the object must announce
   them. */
enum wire_result wire_send(intptr_t socket, const struct limit *wait, const char *object,
                           size_t length, const void *pixels, size_t bytes);

/* Receives the next message. Free it with message_free, also after a failure. */
enum wire_result wire_receive(intptr_t socket, const struct limit *wait, struct message *message);
void message_free(struct message *message);

/* Reads some of the pixels; false if they are missing. A file is read and never mapped: a mapped
   file that is cut short would crash the host. */
bool pixels_read(const struct pixels *pixels, size_t offset, void *out, size_t bytes);

#endif
