/* The answer to "open": a shot's frames and windows. */

#ifndef RDE_ROTO_OPENED_H
#define RDE_ROTO_OPENED_H

#include "base.h"
#include "engine.h"
#include "matte.h"
#include "shot.h"

struct opened {
    int64_t display[4];   /* x, y, width, height of the plate's display window, y downwards */
    struct window window; /* its data window, y upwards, from the display window's lower left */
    char *range;          /* the shot's frames; the caller frees it */
};

/* Opens the shot, which needs a keyframe. The engine may have it open, with the files that the plate
   had then. On false `trouble` is set. */
bool ask_open(struct engine *engine, const struct limit *wait, const struct shot *shot,
              struct opened *opened, struct trouble *trouble);

/* The same, but the plate's files are looked for again. */
bool ask_reopen(struct engine *engine, const struct limit *wait, const struct shot *shot,
                struct opened *opened, struct trouble *trouble);

#endif
