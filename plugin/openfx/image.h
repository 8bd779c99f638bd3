/* Rows of a host's images as floats, whatever their depth. */

#ifndef RDE_ROTO_IMAGE_H
#define RDE_ROTO_IMAGE_H

#include "base.h"

enum depth { DEPTH_BYTE, DEPTH_SHORT, DEPTH_HALF, DEPTH_FLOAT };
enum alpha { ALPHA_OPAQUE, ALPHA_PREMULTIPLIED, ALPHA_STRAIGHT };

struct image {
    void *handle;        /* the host's; NULL for an empty image */
    unsigned char *data; /* of the pixel at x1, y1 */
    int x1, y1, x2, y2;  /* row y1 is the lowest */
    ptrdiff_t row_bytes; /* to the row above; may be negative */
    enum depth depth;
    int channels; /* 4: red, green, blue, alpha; 1: alpha */
    enum alpha alpha;
    double scale[2]; /* pixels per pixel at full size, across and upwards; 0: unknown */
};

/* Makes an image without pixels. */
void image_empty(struct image *image);

/* Reads pixels x1 to x2 of a row; 0 outside the image. Floats are passed through, integers are
   scaled to 0..1. */
void image_read(const struct image *image, int y, int x1, int x2, float *out);

/* Writes pixels x1 to x2 of a row, which must lie within the image. Integers are rounded. */
void image_write(const struct image *image, int y, int x1, int x2, const float *row);

#endif
