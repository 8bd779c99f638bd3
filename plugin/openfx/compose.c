#include "base.h"

#include "compose.h"

/* A pixel of Source, premultiplied. */
static void read_source(const struct image *source, const float *from, float pixel[4])
{
    if (source->channels == 1) {
        for (int channel = 0; channel < 4; channel++)
            pixel[channel] = from[0];
        return;
    }
    memcpy(pixel, from, 4 * sizeof *pixel);
    if (source->alpha == ALPHA_OPAQUE)
        pixel[3] = 1;
    if (source->alpha == ALPHA_STRAIGHT)
        for (int channel = 0; channel < 3; channel++)
            pixel[channel] *= pixel[3];
}

static void compose(enum output output, float matte, float pixel[4])
{
    static const float red[4] = {1, 0, 0, 1};
    for (int channel = 0; channel < 4; channel++) {
        if (output == OUTPUT_CUT)
            pixel[channel] *= matte;
        else if (output == OUTPUT_OVERLAY)
            pixel[channel] += (red[channel] - pixel[channel]) * 0.5f * matte;
        else
            pixel[channel] = matte;
    }
}

void compose_row(enum output output, const struct image *source, const float *from,
                 const float *matte, int count, const struct image *target, float *row)
{
    float pixel[4] = {0};
    for (int x = 0; x < count; x++) {
        if (output != OUTPUT_MATTE)
            read_source(source, from + x * source->channels, pixel);
        compose(output, matte[x], pixel);
        if (target->channels == 1)
            row[x] = pixel[3];
        else
            memcpy(row + 4 * x, pixel, sizeof pixel);
    }
}
