/* Regions of clips, in canonical coordinates: square pixels at render scale 1, y upwards. */

#ifndef RDE_ROTO_REGION_H
#define RDE_ROTO_REGION_H

#include "base.h"
#include "image.h"
#include "ofx_abi.h"
#include "trouble.h"

/* Where a clip has pixels at a time; false where it has none. */
bool clip_region(ofx_effect effect, const char *clip, double time, ofx_rectangle *region);

/* A clip's pixel aspect ratio: 1 if the host does not say. False, with trouble, if it says what no
   plate can have. */
bool clip_aspect(ofx_effect effect, const char *clip, double *aspect, struct trouble *trouble);

/* From 0, 0 to a size in pixels of that aspect. */
ofx_rectangle region_of_size(double width, double height, double aspect);

/* What is asked of a clip. */
struct wanted {
    const char *clip;
    double time;
    double scale[2]; /* that the image has to have */
    ofx_rectangle region;
};

/* Fetches a clip's image, which has every whole pixel of the clip within the region; where the clip
   has none there, an empty image. Free it with release_image. On false the host has no image, or,
   if it has a wrong one, `trouble` is set. */
bool fetch_region(ofx_effect effect, const struct wanted *wanted, struct image *image,
                  struct trouble *trouble);

#endif
