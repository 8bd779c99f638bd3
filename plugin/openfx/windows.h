/* What the engine says of a shot. */

#ifndef RDE_ROTO_WINDOWS_H
#define RDE_ROTO_WINDOWS_H

#include "base.h"
#include "engine.h"
#include "matte.h"
#include "shot.h"

struct opened {
    int64_t data[4];      /* x, y, width, height of the plate's data window, y downwards */
    struct window window; /* the same in the host's direction, from the display window's corner */
    char *range;          /* the shot's frames; the caller frees it */
};

bool ask_open(struct engine *engine, const struct wait *wait, const struct shot *shot,
              bool with_keyframes, struct opened *opened, struct trouble *trouble);

#endif
