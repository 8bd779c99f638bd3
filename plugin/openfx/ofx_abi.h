/* The OpenFX 1.4 ABI between image effects and hosts: struct layouts, keys and numbers. Written
   from the public API, limited to what this plug-in uses. */

#ifndef RDE_ROTO_OFX_ABI_H
#define RDE_ROTO_OFX_ABI_H

#include <stddef.h>

/* Handles to objects of the host. */
typedef struct ofx_properties *ofx_properties;
typedef struct ofx_effect *ofx_effect;
typedef struct ofx_clip *ofx_clip;
typedef struct ofx_params *ofx_params;
typedef struct ofx_param *ofx_param;
typedef struct ofx_memory *ofx_memory;

typedef int ofx_status;
enum {
    OFX_OK = 0,
    OFX_FAILED = 1,
    OFX_MISSING_HOST_FEATURE = 4,
    OFX_OUT_OF_MEMORY = 8,
    OFX_REPLY_DEFAULT = 14
};

typedef struct {
    double x1, y1, x2, y2;
} ofx_rectangle;

/* What the host passes in, and what the binary exports. */

typedef struct {
    ofx_properties properties;
    const void *(*fetch_suite)(ofx_properties host, const char *name, int version);
} ofx_host;

typedef struct {
    const char *api;
    int api_version;
    const char *identifier;
    unsigned int major, minor;
    void (*set_host)(ofx_host *host);
    ofx_status (*entry)(const char *action, const void *handle, ofx_properties in,
                        ofx_properties out);
} ofx_plugin;

/* Suites: the order of the members is the ABI. Functions not called here are void pointers, which
   have the size of function pointers on every platform of OpenFX. */

#define OFX_PROPERTY_SUITE "OfxPropertySuite" /* version 1 */
typedef struct {
    ofx_status (*set_pointer)(ofx_properties, const char *name, int index, void *value);
    ofx_status (*set_string)(ofx_properties, const char *name, int index, const char *value);
    ofx_status (*set_double)(ofx_properties, const char *name, int index, double value);
    ofx_status (*set_int)(ofx_properties, const char *name, int index, int value);
    void *set_pointers, *set_strings;
    ofx_status (*set_doubles)(ofx_properties, const char *name, int count, const double *values);
    void *set_ints;
    ofx_status (*get_pointer)(ofx_properties, const char *name, int index, void **value);
    ofx_status (*get_string)(ofx_properties, const char *name, int index, char **value);
    ofx_status (*get_double)(ofx_properties, const char *name, int index, double *value);
    ofx_status (*get_int)(ofx_properties, const char *name, int index, int *value);
    void *get_pointers, *get_strings;
    ofx_status (*get_doubles)(ofx_properties, const char *name, int count, double *values);
    ofx_status (*get_ints)(ofx_properties, const char *name, int count, int *values);
    void *reset;
    ofx_status (*get_dimension)(ofx_properties, const char *name, int *count);
} ofx_property_suite;

#define OFX_EFFECT_SUITE "OfxImageEffectSuite" /* version 1 */
typedef struct {
    ofx_status (*get_properties)(ofx_effect, ofx_properties *properties);
    ofx_status (*get_params)(ofx_effect, ofx_params *params);
    ofx_status (*clip_define)(ofx_effect, const char *name, ofx_properties *properties);
    ofx_status (*clip_get)(ofx_effect, const char *name, ofx_clip *clip,
                           ofx_properties *properties);
    ofx_status (*clip_properties)(ofx_clip, ofx_properties *properties);
    ofx_status (*clip_image)(ofx_clip, double time, const ofx_rectangle *region,
                             ofx_properties *image);
    ofx_status (*image_release)(ofx_properties image);
    ofx_status (*clip_region)(ofx_clip, double time, ofx_rectangle *region);
    int (*abort)(ofx_effect);
    void *memory_allocate, *memory_free, *memory_lock, *memory_unlock;
} ofx_effect_suite;

#define OFX_PARAMETER_SUITE "OfxParameterSuite" /* version 1 */
typedef struct {
    ofx_status (*define)(ofx_params, const char *type, const char *name,
                         ofx_properties *properties);
    ofx_status (*get)(ofx_params, const char *name, ofx_param *param, ofx_properties *properties);
    void *set_properties, *param_properties;
    ofx_status (*value)(ofx_param, ...);
    ofx_status (*value_at)(ofx_param, double time, ...);
    void *derivative, *integral;
    ofx_status (*set_value)(ofx_param, ...);
    void *set_value_at, *key_count, *key_time, *key_index, *delete_key, *delete_all_keys, *copy;
    ofx_status (*edit_begin)(ofx_params, const char *name);
    ofx_status (*edit_end)(ofx_params);
} ofx_parameter_suite;

#define OFX_MESSAGE_SUITE "OfxMessageSuite" /* version 1: `message` alone */
typedef struct {
    ofx_status (*message)(void *handle, const char *type, const char *id, const char *format, ...);
    ofx_status (*set_persistent)(void *handle, const char *type, const char *id,
                                 const char *format, ...);
    ofx_status (*clear_persistent)(void *handle);
} ofx_message_suite;
#define OFX_MESSAGE_ERROR "OfxMessageError"
#define OFX_MESSAGE_WARNING "OfxMessageWarning"

/* Actions. */
#define OFX_API "OfxImageEffectPluginAPI"
#define OFX_LOAD "OfxActionLoad"
#define OFX_UNLOAD "OfxActionUnload"
#define OFX_DESCRIBE "OfxActionDescribe"
#define OFX_DESCRIBE_IN_CONTEXT "OfxImageEffectActionDescribeInContext"
#define OFX_CREATE_INSTANCE "OfxActionCreateInstance"
#define OFX_DESTROY_INSTANCE "OfxActionDestroyInstance"
#define OFX_INSTANCE_CHANGED "OfxActionInstanceChanged"
#define OFX_GET_FRAMES_NEEDED "OfxImageEffectActionGetFramesNeeded"
#define OFX_GET_CLIP_PREFERENCES "OfxImageEffectActionGetClipPreferences"
#define OFX_GET_REGION_OF_DEFINITION "OfxImageEffectActionGetRegionOfDefinition"
#define OFX_GET_REGIONS_OF_INTEREST "OfxImageEffectActionGetRegionsOfInterest"
#define OFX_RENDER "OfxImageEffectActionRender"

/* Properties of anything. */
#define OFX_LABEL "OfxPropLabel"
#define OFX_TYPE "OfxPropType"
#define OFX_NAME "OfxPropName"
#define OFX_TIME "OfxPropTime"
#define OFX_CHANGE_REASON "OfxPropChangeReason"
#define OFX_USER_EDITED "OfxChangeUserEdited"
#define OFX_CHANGE_TIME "OfxChangeTime"
#define OFX_INSTANCE_DATA "OfxPropInstanceData"
#define OFX_PLUGIN_DESCRIPTION "OfxPropPluginDescription"
#define OFX_TYPE_PARAMETER "OfxTypeParameter"
#define OFX_TYPE_CLIP "OfxTypeClip"

/* Properties of an effect. */
#define OFX_GROUPING "OfxImageEffectPluginPropGrouping"
#define OFX_SUPPORTED_CONTEXTS "OfxImageEffectPropSupportedContexts"
#define OFX_CONTEXT "OfxImageEffectPropContext"
#define OFX_FILTER "OfxImageEffectContextFilter"
#define OFX_GENERAL "OfxImageEffectContextGeneral"
#define OFX_SUPPORTED_DEPTHS "OfxImageEffectPropSupportedPixelDepths"
#define OFX_SINGLE_INSTANCE "OfxImageEffectPluginPropSingleInstance"
#define OFX_HOST_FRAME_THREADING "OfxImageEffectPluginPropHostFrameThreading"
#define OFX_THREAD_SAFETY "OfxImageEffectPluginRenderThreadSafety"
#define OFX_FULLY_SAFE "OfxImageEffectRenderFullySafe"
#define OFX_SEQUENTIAL "OfxImageEffectInstancePropSequentialRender"
#define OFX_MULTI_RESOLUTION "OfxImageEffectPropSupportsMultiResolution"
#define OFX_TILES "OfxImageEffectPropSupportsTiles"
#define OFX_IS_BACKGROUND "OfxImageEffectHostPropIsBackground"
#define OFX_TEMPORAL_ACCESS "OfxImageEffectPropTemporalClipAccess"
#define OFX_MULTIPLE_DEPTHS "OfxImageEffectPropMultipleClipDepths"
#define OFX_MULTIPLE_ASPECTS "OfxImageEffectPropSupportsMultipleClipPARs"
#define OFX_TWICE_ALWAYS "OfxImageEffectPluginPropFieldRenderTwiceAlways"
#define OFX_FRAME_VARYING "OfxImageEffectFrameVarying"
#define OFX_REGION_OF_DEFINITION "OfxImageEffectPropRegionOfDefinition"
#define OFX_REGION_OF_INTEREST "OfxImageEffectPropRegionOfInterest"
#define OFX_RENDER_WINDOW "OfxImageEffectPropRenderWindow"
#define OFX_RENDER_SCALE "OfxImageEffectPropRenderScale"

/* Properties of clips and images. */
#define OFX_SUPPORTED_COMPONENTS "OfxImageEffectPropSupportedComponents"
#define OFX_OPTIONAL "OfxImageClipPropOptional"
#define OFX_IS_MASK "OfxImageClipPropIsMask"
#define OFX_CONNECTED "OfxImageClipPropConnected"
#define OFX_FRAME_RANGE "OfxImageEffectPropFrameRange"
/* These two are followed by the clip's name. */
#define OFX_FRAMES_NEEDED_OF "OfxImageClipPropFrameRange_"
#define OFX_INTEREST_IN "OfxImageClipPropRoI_"
#define OFX_DATA "OfxImagePropData"
#define OFX_BOUNDS "OfxImagePropBounds"
#define OFX_ROW_BYTES "OfxImagePropRowBytes"
#define OFX_PIXEL_ASPECT "OfxImagePropPixelAspectRatio"
#define OFX_DEPTH "OfxImageEffectPropPixelDepth"
#define OFX_COMPONENTS "OfxImageEffectPropComponents"
#define OFX_PREMULTIPLICATION "OfxImageEffectPropPreMultiplication"

#define OFX_BYTE "OfxBitDepthByte"
#define OFX_SHORT "OfxBitDepthShort"
#define OFX_HALF "OfxBitDepthHalf"
#define OFX_FLOAT "OfxBitDepthFloat"
#define OFX_RGBA "OfxImageComponentRGBA"
#define OFX_ALPHA "OfxImageComponentAlpha"
#define OFX_OPAQUE "OfxImageOpaque"
#define OFX_PREMULTIPLIED "OfxImageAlphaPremultiplied"
#define OFX_STRAIGHT "OfxImageAlphaUnPremultiplied"

/* Parameters. */
#define OFX_STRING_PARAM "OfxParamTypeString"
#define OFX_INTEGER_PARAM "OfxParamTypeInteger"
#define OFX_CHOICE_PARAM "OfxParamTypeChoice"
#define OFX_BUTTON_PARAM "OfxParamTypePushButton"
#define OFX_DEFAULT "OfxParamPropDefault"
#define OFX_HINT "OfxParamPropHint"
#define OFX_ANIMATES "OfxParamPropAnimates"
#define OFX_SECRET "OfxParamPropSecret"
#define OFX_ENABLED "OfxParamPropEnabled"
#define OFX_PERSISTENT "OfxParamPropPersistant"
#define OFX_EVALUATES "OfxParamPropEvaluateOnChange"
#define OFX_CAN_UNDO "OfxParamPropCanUndo"
#define OFX_CHOICE_OPTION "OfxParamPropChoiceOption"
#define OFX_INVALIDATION "OfxParamPropCacheInvalidation"
#define OFX_INVALIDATE_ALL "OfxParamInvalidateAll"
#define OFX_STRING_MODE "OfxParamPropStringMode"
#define OFX_SINGLE_LINE "OfxParamStringIsSingleLine"

#endif
