/* Messages over a connection to the engine: docs/protocol.md. */

#ifndef RDE_ROTO_WIRE_H
#define RDE_ROTO_WIRE_H

#include "base.h"
#include "json.h"

#define WIRE_MOST_PIXEL_BYTES ((int64_t)1 << 30) /* 16384 x 16384 floats */

/* How long somebody waits. */
struct wait {
    int64_t until_ms; /* by the clock of now_ms; 0 for as long as it takes */
    bool (*aborted)(void *context); /* asked some times a second; may be NULL */
    void *context;
};

enum wire_result {
    WIRE_OK,
    WIRE_CLOSED,  /* the other end has gone, perhaps in the middle */
    WIRE_BAD,     /* what came is no message */
    WIRE_ABORTED, /* the host does not want it any more */
    WIRE_LATE,
    WIRE_SILENT, /* the engine gives no sign of life, or none that it gets on */
    WIRE_MEMORY
};

/* Pixels that came along: in a file (descriptor >= 0) or in memory. */
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

int64_t now_ms(void);

/* Whether to go on; else why not. */
enum wire_result wait_goes_on(const struct wait *wait);

/* Waits until a socket has something, or takes something. */
enum wire_result wire_ready(int socket, bool to_send, const struct wait *wait);

/* Sends an object, and behind it `bytes` of pixels where there are any; the object then has to say
   so. */
enum wire_result wire_send(int socket, const struct wait *wait, const char *object, size_t length,
                           const void *pixels, size_t bytes);

/* The next message, freed with message_free whatever came. */
enum wire_result wire_receive(int socket, const struct wait *wait, struct message *message);
void message_free(struct message *message);

/* Reads some of the pixels; false when they are not there. A file is read and never mapped: one
   that is cut short behind our back would kill the host. */
bool pixels_read(const struct pixels *pixels, size_t offset, void *out, size_t bytes);

#endif
