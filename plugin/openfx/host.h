/* The host, as the plug-in asks it. */

#ifndef RDE_ROTO_HOST_H
#define RDE_ROTO_HOST_H

#include "base.h"

#include <pthread.h>

#include "engine.h"
#include "image.h"
#include "ofx_abi.h"
#include "shot.h"

#define SOURCE_CLIP "Source"
#define MASK_CLIP "Mask"
#define OUTPUT_CLIP "Output"

#define PLATE_PARAM "plate"
#define COLOR_PARAM "colorSpace"
#define ELEMENT_PARAM "element"
#define PRESET_PARAM "preset"
#define MODEL_PARAM "model"
#define OUTPUT_PARAM "output"
#define OFFSET_PARAM "frameOffset"
#define SET_BUTTON "setKeyframe"
#define REMOVE_BUTTON "removeKeyframe"
#define PROPAGATE_BUTTON "propagate"
#define LEARN_BUTTON "learn"
#define FORGET_BUTTON "forgetLearned"
#define LEARNED_PARAM "learned"
#define STATUS_PARAM "status"
#define KEYFRAMES_PARAM "keyframes"

enum output { OUTPUT_MATTE, OUTPUT_CUT, OUTPUT_OVERLAY };

/* The host's suites; set once by the load action, before anything else is asked. */
struct host {
    const ofx_host *given;
    const ofx_property_suite *properties;
    const ofx_effect_suite *effects;
    const ofx_parameter_suite *params;
    const ofx_message_suite *messages; /* NULL where the host has none */
    bool persistent_messages;
};

extern struct host host;

bool host_load(const ofx_host *given);

/* Whether it gives images of other times than that which is rendered. */
bool host_is_temporal(void);

/* Properties; false, 0 or NULL where there is none. */
bool get_string_is(ofx_properties set, const char *name, const char *value);
const char *get_string(ofx_properties set, const char *name);
int get_int(ofx_properties set, const char *name);

/* Parameters of an instance. */
char *param_text(ofx_effect effect, const char *name); /* a copy, which the caller frees */
int param_number(ofx_effect effect, const char *name);
void param_set_text(ofx_effect effect, const char *name, const char *value);

bool keyframes_of(ofx_effect effect, struct keyframes *keyframes, struct trouble *trouble);

/* What the parameters say, freed with shot_free. On false the trouble is said. */
bool shot_of(ofx_effect effect, struct shot *shot, struct trouble *trouble);

/* The plate's frame at a time of the host; false where it is none. */
bool frame_at(ofx_effect effect, double time, int *frame);

/* An image of a clip. `handle` goes back with image_release. */
bool fetch_image(ofx_effect effect, const char *clip, double time, ofx_properties *handle,
                 struct image *image);

/* Shows a sentence to the artist. */
void complain(ofx_effect effect, const char *sentence);

bool is_connected(ofx_effect effect, const char *clip);

/* Whether an image is of scale 1. */
bool is_full_size(ofx_properties image);

/* What an instance remembers beside its parameters. Losing it loses no work. */
struct instance {
    pthread_mutex_t lock;
    char complaint[TROUBLE_BYTES]; /* the last of render; empty: it went well */
    char *job;                     /* of the engine: one that propagates, or */
    bool learns;                   /* learns */
    int64_t born_ns;               /* since 1970 */
    int generation;                /* of Source's pixels: how often they have changed */
    struct seen *seen;             /* those of this generation that were pushed: source.h */
    size_t seen_count;
};

struct instance *instance_of(ofx_effect effect);

/* The actions, by their names in ofx_abi.h. */
ofx_status describe(ofx_effect effect);
ofx_status describe_in_context(ofx_effect effect, ofx_properties in);
ofx_status instance_changed(ofx_effect effect, ofx_properties in);
ofx_status render(ofx_effect effect, ofx_properties in);
ofx_status frames_needed(ofx_effect effect, ofx_properties in, ofx_properties out);

/* How long somebody waits who has pressed a button: hardly. */
struct wait short_wait(void);

/* Says in the status line which keyframes there are. */
void show_keyframes(ofx_effect effect);

#endif
