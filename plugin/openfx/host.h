/* The host's suites, and what the plug-in reads from and shows in the host. */

#ifndef RDE_ROTO_HOST_H
#define RDE_ROTO_HOST_H

#include "base.h"

#include "image.h"
#include "ofx_abi.h"
#include "system.h"
#include "trouble.h"

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
#define SIZE_PARAM "plateSize"

enum output { OUTPUT_MATTE, OUTPUT_CUT, OUTPUT_OVERLAY };

/* The host's suites; set once by the load action, before any other action runs. */
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

/* Whether the host gives images of times other than the one being rendered. */
bool host_is_temporal(void);

/* Whether the host only renders: nobody sits before it. */
bool host_is_background(void);

/* Properties; false, 0 or NULL where there is none. */
bool get_string_is(ofx_properties set, const char *name, const char *value);
const char *get_string(ofx_properties set, const char *name);
int get_int(ofx_properties set, const char *name);

/* Parameters of an instance. */
char *param_text(ofx_effect effect, const char *name); /* a copy, which the caller frees */
int param_number(ofx_effect effect, const char *name);
void param_set_text(ofx_effect effect, const char *name, const char *value);

/* The plate's frame number at a time of the host; false for a time out of range. */
bool frame_at(ofx_effect effect, double time, int *frame);

/* Fetches a clip's image: a region in canonical coordinates, or, if that is NULL, what the host
   renders. The image may be smaller: see fetch_region. Free it with release_image. */
bool fetch_image(ofx_effect effect, const char *clip, double time, const ofx_rectangle *region,
                 struct image *image);
void release_image(struct image *image);

/* Shows a sentence in the host's error dialog. */
void show_error(ofx_effect effect, const char *sentence);

/* Shows a sentence at the node if the host can; otherwise in its error dialog, once and not for
   every frame. An empty one takes back what was shown. */
void show_at_node(ofx_effect effect, const char *sentence);

/* The same for what is no error, but never in a dialog. */
void warn_at_node(ofx_effect effect, const char *sentence);

/* Whether the host no longer wants what is being made; the context of a `struct limit`. */
bool has_aborted(void *effect);

bool is_connected(ofx_effect effect, const char *clip);

/* Whether the effect has an input for the mask: the filter context allows only one input. */
bool has_mask_clip(ofx_effect effect);

/* An instance's state beside its parameters. Losing it loses no work. */
struct instance {
    struct lock lock;
    char last_error[TROUBLE_BYTES];     /* shown at the node; empty after a good render */
    char *job;                          /* id of the engine's running job; NULL: none */
    bool learns;                        /* the job learns; else it propagates */
    int64_t created_ns;                 /* since 1970 */
    int generation;                     /* how often Source's pixels have changed */
    struct pushed_frame *pushed_frames; /* of this generation: source.h */
    size_t pushed_count;
};

struct instance *instance_of(ofx_effect effect);

#endif
