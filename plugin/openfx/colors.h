/* The pixels of Source as the engine takes those of a plate. */

#ifndef RDE_ROTO_COLORS_H
#define RDE_ROTO_COLORS_H

#include "base.h"
#include "ofx_abi.h"
#include "shot.h"
#include "trouble.h"

/* How many floats a frame has: red, green and blue of each pixel. */
size_t colors_count(const struct pushed *pushed);

uint64_t colors_hash(const struct pushed *pushed, const float *pixels);

/* A frame, top row first, which the caller frees. NULL without trouble if the host has none. */
float *colors_fetch(ofx_effect effect, const struct pushed *pushed, int frame,
                    struct trouble *trouble);

#endif
