/* The shot that an instance's parameters describe. */

#ifndef RDE_ROTO_SHOT_PARAMS_H
#define RDE_ROTO_SHOT_PARAMS_H

#include "base.h"
#include "ofx_abi.h"
#include "shot.h"
#include "trouble.h"

/* The stored keyframes, freed with keyframes_free. On false `trouble` is set. */
bool keyframes_of(ofx_effect effect, struct keyframes *keyframes, struct trouble *trouble);

/* The whole shot, freed with shot_free. On false `trouble` is set. */
bool shot_of(ofx_effect effect, struct shot *shot, struct trouble *trouble);

#endif
