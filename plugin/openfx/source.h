/* Source as the plate, when there are no files for the engine to read. */

#ifndef RDE_ROTO_SOURCE_H
#define RDE_ROTO_SOURCE_H

#include "base.h"
#include "engine.h"
#include "host.h"
#include "shot.h"

/* A frame that was pushed, the scale of its image, and a hash of its pixels. */
struct pushed_frame {
    int frame;
    double scale[2];
    uint64_t hash;
};

/* Gives a new instance a plate id of its own. */
void source_init(struct instance *instance);

/* Makes Source the plate of a shot without files, if the host allows it, and sets `color_space` to
   that of its pixels. On false `trouble` is set. */
bool source_describe(ofx_effect effect, struct shot *shot, struct trouble *trouble);

/* Source has changed: the frames pushed so far no longer count. */
void source_changed(ofx_effect effect);

/* Whether the plate's pixels come from images at a render scale; true for a plate with files. */
bool source_is_at(const struct shot *shot, const double scale[2]);

/* Makes the plate one of images at a render scale, with an id of its own: what is tracked on
   proxies is never taken for what is tracked at full size. */
void source_use_scale(ofx_effect effect, struct shot *shot, const double scale[2]);

/* Compares a frame that was pushed before at a render scale with Source now. If its pixels have
   changed without notice from the host, begins a new generation of the plate and updates its id in
   `shot`. */
void source_check(ofx_effect effect, struct shot *shot, int frame, const double scale[2]);

/* Pushes the frames that the engine's answer lists as missing. True if at least one was pushed; on
   false `trouble` is set. */
bool source_push(ofx_effect effect, struct engine *engine, const struct limit *wait,
                 const struct shot *shot, const struct message *answer, struct trouble *trouble);

#endif
