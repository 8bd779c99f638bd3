/* What the engine says of a shot. */

#ifndef RDE_ROTO_WINDOWS_H
#define RDE_ROTO_WINDOWS_H

#include "base.h"
#include "engine.h"
#include "matte.h"
#include "shot.h"

struct opened {
    int64_t display[4];   /* x, y, width, height of the plate's display window, y downwards */
    struct window window; /* its data window, in the host's direction, from the other's corner */
    char *range;          /* the shot's frames; the caller frees it */
};

/* The engine opens no shot without a keyframe. */
bool ask_open(struct engine *engine, const struct wait *wait, const struct shot *shot,
              struct opened *opened, struct trouble *trouble);

#endif
