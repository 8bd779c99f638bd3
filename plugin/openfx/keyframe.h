/* Makes a painted mask a keyframe. */

#ifndef RDE_ROTO_KEYFRAME_H
#define RDE_ROTO_KEYFRAME_H

#include "base.h"
#include "host.h"
#include "shot.h"
#include "wire.h"

/* Sends the mask at a time to the engine to be kept, and makes it the frame's keyframe in `shot`.
   On false `trouble` is set, and the shot must not be stored. */
bool keep_mask(ofx_effect effect, double time, const struct limit *wait, struct shot *shot,
               int frame, struct trouble *trouble);

#endif
