#include "base.h"

#include <math.h>
#include <stdio.h>

#include "host.h"
#include "region.h"

#define MIN_ASPECT 0.1
#define MAX_ASPECT 10
#define TOLERANCE 1e-3 /* of pixels and scales, for the host's arithmetic and ours */

bool clip_region(ofx_effect effect, const char *name, double time, ofx_rectangle *region)
{
    ofx_clip clip = NULL;
    return host.effects->clip_get(effect, name, &clip, NULL) == OFX_OK &&
           host.effects->clip_region(clip, time, region) == OFX_OK;
}

bool clip_aspect(ofx_effect effect, const char *name, double *aspect, struct trouble *trouble)
{
    ofx_clip clip = NULL;
    ofx_properties set = NULL;
    if (host.effects->clip_get(effect, name, &clip, &set) != OFX_OK || set == NULL ||
        host.properties->get_double(set, OFX_PIXEL_ASPECT, 0, aspect) != OFX_OK)
        *aspect = 1;
    return (*aspect >= MIN_ASPECT && *aspect <= MAX_ASPECT) ||
           trouble_set(trouble, TROUBLE_FAILED, name, " has no pixel aspect ratio that a plate can "
                       "have.", NULL);
}

ofx_rectangle region_of_size(double width, double height, double aspect)
{
    ofx_rectangle region = {0, 0, width * aspect, height};
    return region;
}

static ofx_rectangle common_of(const ofx_rectangle *one, const ofx_rectangle *other)
{
    ofx_rectangle region = {fmax(one->x1, other->x1), fmax(one->y1, other->y1),
                            fmin(one->x2, other->x2), fmin(one->y2, other->y2)};
    return region;
}

/* The whole pixels from `low` to `high` along an axis. Hosts round the edges of regions
   differently, so parts of pixels do not count. */
static void whole_pixels(double low, double high, double pixels_per_unit, double span[2])
{
    span[0] = ceil(low * pixels_per_unit - TOLERANCE);
    span[1] = floor(high * pixels_per_unit + TOLERANCE);
}

/* Whether an image has the whole pixels of a region. An empty image has them if there are none. */
static bool covers(const struct image *image, const struct wanted *wanted, double aspect,
                   const ofx_rectangle *region)
{
    double across[2], upwards[2];
    whole_pixels(region->x1, region->x2, wanted->scale[0] / aspect, across);
    whole_pixels(region->y1, region->y2, wanted->scale[1], upwards);
    return across[0] >= across[1] || upwards[0] >= upwards[1] ||
           (image->x1 <= across[0] && image->x2 >= across[1] && image->y1 <= upwards[0] &&
            image->y2 >= upwards[1]);
}

static bool is_at_scale(const struct image *image, const struct wanted *wanted)
{
    return image->scale[0] == 0 || (fabs(image->scale[0] - wanted->scale[0]) < TOLERANCE &&
                                    fabs(image->scale[1] - wanted->scale[1]) < TOLERANCE);
}

static bool check_image(const struct image *image, const struct wanted *wanted, double aspect,
                        const ofx_rectangle *region, struct trouble *trouble)
{
    char scales[128];
    if (!is_at_scale(image, wanted)) {
        snprintf(scales, sizeof scales, " at %.0f %% where %.0f %% is needed: turn the viewer's "
                 "proxies off.", 100 * image->scale[0], 100 * wanted->scale[0]);
        return trouble_set(trouble, TROUBLE_FAILED, "The host gives ", wanted->clip, scales);
    }
    return covers(image, wanted, aspect, region) ||
           trouble_set(trouble, TROUBLE_FAILED, "The host gives only a part of ", wanted->clip,
                       ", and all of it is needed: try again.");
}

bool fetch_region(ofx_effect effect, const struct wanted *wanted, struct image *image,
                  struct trouble *trouble)
{
    ofx_rectangle region;
    double aspect = 1;
    image_empty(image);
    if (!clip_aspect(effect, wanted->clip, &aspect, trouble) ||
        !clip_region(effect, wanted->clip, wanted->time, &region))
        return false;
    region = common_of(&region, &wanted->region);
    if (!(region.x1 < region.x2 && region.y1 < region.y2))
        return true;
    if (!fetch_image(effect, wanted->clip, wanted->time, &region, image))
        return covers(image, wanted, aspect, &region);
    if (check_image(image, wanted, aspect, &region, trouble))
        return true;
    release_image(image);
    return false;
}
