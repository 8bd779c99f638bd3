/* A connection to the user's engine: requests and their answers. */

#ifndef RDE_ROTO_ENGINE_H
#define RDE_ROTO_ENGINE_H

#include "base.h"
#include "text.h"
#include "trouble.h"
#include "wire.h"

/* Sets the sentence and the kind of an error object of the engine. Always false. */
bool fail_with_error(const struct json *json, int error, struct trouble *trouble);

struct engine {
    intptr_t socket; /* NO_SOCKET: none */
    int number;      /* of the last request */
    bool heartbeats; /* whether it sends one a second while it works on an answer */
};

/* Connects to the engine, starting one if none answers. With `patient` it waits until that one
   accepts; otherwise it fails at once with a sentence that says it is being started. */
bool engine_connect(struct engine *engine, const struct limit *wait, bool patient,
                    struct trouble *trouble);
void engine_close(struct engine *engine);

/* Sends a request and receives its answer. `request` is the inside of a JSON object, without the
   braces, such as "do":"presets". Free the answer with message_free, also after a failure. */
bool engine_ask(struct engine *engine, const struct limit *wait, const struct text *request,
                const void *pixels, size_t bytes, struct message *answer, struct trouble *trouble);

#endif
