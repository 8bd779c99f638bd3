/* The actions of the plug-in, and what they share. */

#ifndef RDE_ROTO_ACTIONS_H
#define RDE_ROTO_ACTIONS_H

#include "base.h"
#include "ofx_abi.h"
#include "wire.h"

/* Named after the OFX actions of ofx_abi.h. */
ofx_status describe(ofx_effect effect);
ofx_status describe_in_context(ofx_effect effect, ofx_properties in);
ofx_status instance_changed(ofx_effect effect, ofx_properties in);
ofx_status render(ofx_effect effect, ofx_properties in);
ofx_status frames_needed(ofx_effect effect, ofx_properties in, ofx_properties out);
ofx_status region_of_definition(ofx_effect effect, ofx_properties in, ofx_properties out);
ofx_status regions_of_interest(ofx_effect effect, ofx_properties in, ofx_properties out);

/* The wait of an action that may not block the host's interface. */
struct limit short_wait(void);

/* Lists the keyframes in the status line. */
void show_keyframes(ofx_effect effect);

#endif
