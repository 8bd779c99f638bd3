#include "base.h"

#include <math.h>

#include "colors.h"
#include "host.h"
#include "region.h"

size_t colors_count(const struct pushed *pushed)
{
    return 3 * (size_t)pushed->width * (size_t)pushed->height;
}

/* FNV-1a over the bits of each float. */
uint64_t colors_hash(const struct pushed *pushed, const float *pixels)
{
    size_t count = colors_count(pushed);
    uint64_t hash = 14695981039346656037u;
    for (size_t index = 0; index < count; index++) {
        uint32_t bits;
        memcpy(&bits, pixels + index, sizeof bits);
        hash = (hash ^ bits) * 1099511628211u;
    }
    return hash;
}

/* The pixel of an image at a scale that shows one of the plate. Hosts round the size of proxies
   down: what lies in the part of a pixel that is missing shows the last one. */
static int pixel_at_scale(int at, double scale, int end)
{
    int found = scale == 1 ? at : (int)floor((at + 0.5) * scale);
    return scale != 1 && found == end && end > 0 ? end - 1 : found;
}

/* Red, green and blue, top row first; alpha is ignored, as in files. A proxy is enlarged to the
   plate's size, which is that of the keyframes' masks. NULL if memory runs out. */
static float *read_colors(const struct image *image, const struct pushed *pushed)
{
    int count = (int)ceil(pushed->width * pushed->scale[0]) + 1;
    float *pixels = malloc(colors_count(pushed) * sizeof *pixels);
    float *row = malloc(4 * (size_t)count * sizeof *row), *to = pixels;
    for (int y = pushed->height - 1; pixels != NULL && row != NULL && y >= 0; y--) {
        image_read(image, pixel_at_scale(y, pushed->scale[1], image->y2), 0, count, row);
        for (int x = 0; x < pushed->width; x++, to += 3) {
            int from = pixel_at_scale(x, pushed->scale[0], image->x2);
            memcpy(to, row + 4 * from, 3 * sizeof *to);
        }
    }
    if (row == NULL) {
        free(pixels);
        pixels = NULL;
    }
    free(row);
    return pixels;
}

float *colors_fetch(ofx_effect effect, const struct pushed *pushed, int frame,
                    struct trouble *trouble)
{
    struct image image;
    float *pixels = NULL;
    double time = (double)frame - param_number(effect, OFFSET_PARAM);
    struct wanted wanted = {SOURCE_CLIP, time, {pushed->scale[0], pushed->scale[1]},
                            region_of_size(pushed->width, pushed->height, pushed->aspect)};
    if (!fetch_region(effect, &wanted, &image, trouble))
        return NULL;
    if (image.channels == 1)
        fail(trouble, "Source has no colours to track: it has only alpha.");
    else if ((pixels = read_colors(&image, pushed)) == NULL)
        fail(trouble, "There is not enough memory.");
    release_image(&image);
    return pixels;
}
