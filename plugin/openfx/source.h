/* Source as the plate, where there are no files that the engine could read. */

#ifndef RDE_ROTO_SOURCE_H
#define RDE_ROTO_SOURCE_H

#include "base.h"
#include "host.h"

/* A frame that was pushed, and a sum of its pixels. */
struct seen {
    int frame;
    uint64_t sum;
};

/* A plate that nobody else has pushed. */
void source_begin(struct instance *instance);

/* Makes Source the plate of a shot without files, where that can be; `color_space` becomes what its
   pixels are in. On false the trouble is said. */
bool source_describe(ofx_effect effect, struct shot *shot, struct trouble *trouble);

/* What was pushed so far is that no more. */
void source_changed(ofx_effect effect);

/* Looks at a frame that was pushed before. Where the host has said nothing of a change and its
   pixels are others now, the plate is begun anew, and described so in `shot`. */
void source_check(ofx_effect effect, struct shot *shot, int frame);

/* Gives the engine the frames that its answer says it lacks. On true there were some; on false the
   trouble is said. */
bool source_push(ofx_effect effect, struct engine *engine, const struct wait *wait,
                 const struct shot *shot, const struct message *answer, struct trouble *trouble);

#endif
