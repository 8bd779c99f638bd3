/* A painted mask becomes a keyframe. */

#ifndef RDE_ROTO_KEYFRAME_H
#define RDE_ROTO_KEYFRAME_H

#include "base.h"
#include "host.h"

/* Has the engine keep the mask of a time, and makes it the frame's keyframe in `shot`. On false the
   trouble is said, and the shot is not to be stored. */
bool keep_mask(ofx_effect effect, double time, const struct wait *wait, struct shot *shot,
               int frame, struct trouble *trouble);

#endif
