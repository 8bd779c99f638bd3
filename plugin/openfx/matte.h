/* The engine's matte in the host's pixels: flipped vertically, and at the host's scale. */

#ifndef RDE_ROTO_MATTE_H
#define RDE_ROTO_MATTE_H

#include "base.h"
#include "wire.h"

#define MAX_SIDE_PX 16384

/* A plate's data window, from the lower left corner of its display window, y upwards. */
struct window {
    int left, bottom, width, height;
};

/* From the engine's [x, y, width, height] of both windows, y downwards. False if out of bounds. */
bool window_of(const int64_t data[4], const int64_t display[4], struct window *window);

struct matte {
    const struct pixels *pixels; /* float32 [height, width], row 0 on top */
    struct window window;
    double scale_x, scale_y; /* host pixels per plate pixel */
    float *row;              /* scratch for a row of the plate */
    double *sums;            /* and for a row of the host's image */
};

/* Allocates scratch rows of up to `width` host pixels. False if memory runs out. */
bool matte_begin(struct matte *matte, int width);
void matte_end(struct matte *matte);

/* Host pixels x1 to x2 of row y; 0 outside the plate. At scale 1 these are the engine's floats, bit
   for bit; else each is the mean of the plate pixels it covers. False if pixels are missing. */
bool matte_row(const struct matte *matte, int y, int x1, int x2, float *out);

#endif
