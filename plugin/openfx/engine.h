/* The user's engine: where it is, how it is started, what it is asked. */

#ifndef RDE_ROTO_ENGINE_H
#define RDE_ROTO_ENGINE_H

#include "base.h"
#include "text.h"
#include "wire.h"

#define TROUBLE_BYTES 512

enum trouble_kind {
    TROUBLE_NONE,
    TROUBLE_ABORTED, /* by the host: nothing to say */
    TROUBLE_GONE,    /* the connection broke: worth asking once more */
    TROUBLE_LACKS,   /* frames of the plate, which the answer's error names */
    TROUBLE_SAID
};

/* Why something did not work, in a sentence for the artist. */
struct trouble {
    enum trouble_kind kind;
    char sentence[TROUBLE_BYTES];
};

/* Says it; always false. */
bool trouble_say(struct trouble *trouble, enum trouble_kind kind, const char *first,
                 const char *second, const char *third);

/* The usual case: one sentence. */
bool say(struct trouble *trouble, const char *sentence);

/* Says the sentence of an error of the engine's; always false. */
bool say_error(const struct json *json, int error, struct trouble *trouble);

struct engine {
    int socket; /* -1: none */
    int number; /* of the last request */
    bool signs; /* whether it gives a sign of life a second while it works on an answer */
};

/* Connects to the engine and greets it, starting it where nobody answers. With `patient` it waits
   until that one is there, else it says that it was started. */
bool engine_connect(struct engine *engine, const struct wait *wait, bool patient,
                    struct trouble *trouble);
void engine_close(struct engine *engine);

/* Asks: `request` is the inside of an object, without braces, such as "do":"presets". The answer is
   freed with message_free, whatever came. */
bool engine_ask(struct engine *engine, const struct wait *wait, const struct text *request,
                const void *pixels, size_t bytes, struct message *answer, struct trouble *trouble);

#endif
