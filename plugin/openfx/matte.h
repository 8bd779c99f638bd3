/* A matte of the engine in the host's pixels: the other way up, and at the host's scale. */

#ifndef RDE_ROTO_MATTE_H
#define RDE_ROTO_MATTE_H

#include "base.h"
#include "wire.h"

#define LARGEST_PX 16384

/* Where a plate's pixels lie, from the lower left corner of its display window, y upwards. */
struct window {
    int left, bottom, width, height;
};

/* From the engine's [x, y, width, height] of both windows, y downwards. False if they are none. */
bool window_of(const int64_t data[4], const int64_t display[4], struct window *window);

struct matte {
    const struct pixels *pixels; /* float32 [height, width], row 0 on top */
    struct window window;
    double scale_x, scale_y; /* the host's pixels for one of the plate */
    float *row;              /* memory for a row of the plate */
    double *sums;            /* and for a row of the host's image */
};

/* Takes memory for rows of up to `width` host pixels. False when there is none. */
bool matte_begin(struct matte *matte, int width);
void matte_end(struct matte *matte);

/* Host pixels x1 to x2 of row y; 0 outside the plate. At scale 1 these are the engine's floats, bit
   for bit; else each is the mean of the plate's pixels under it. False when pixels are missing. */
bool matte_row(const struct matte *matte, int y, int x1, int x2, float *out);

#endif
