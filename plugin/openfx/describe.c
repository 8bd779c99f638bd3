/* Describes the plug-in to the host: its abilities, clips and parameters. */

#include "base.h"

#include "actions.h"
#include "host.h"

static void set_int(ofx_properties set, const char *name, int value)
{
    host.properties->set_int(set, name, 0, value);
}

static void set_string(ofx_properties set, const char *name, const char *value)
{
    host.properties->set_string(set, name, 0, value);
}

static bool host_knows_depth(const char *depth)
{
    int count = 0;
    char *known = NULL;
    ofx_properties set = host.given->properties;
    host.properties->get_dimension(set, OFX_SUPPORTED_DEPTHS, &count);
    for (int index = 0; index < count; index++)
        if (host.properties->get_string(set, OFX_SUPPORTED_DEPTHS, index, &known) == OFX_OK &&
            known != NULL && strcmp(known, depth) == 0)
            return true;
    /* half came later than the others: an old host may not accept its name */
    return count == 0 && strcmp(depth, OFX_HALF) != 0;
}

static void describe_depths(ofx_properties set)
{
    static const char *const depths[] = {OFX_FLOAT, OFX_HALF, OFX_SHORT, OFX_BYTE};
    int count = 0;
    for (size_t index = 0; index < sizeof depths / sizeof *depths; index++)
        if (host_knows_depth(depths[index]))
            host.properties->set_string(set, OFX_SUPPORTED_DEPTHS, count++, depths[index]);
}

ofx_status describe(ofx_effect effect)
{
    ofx_properties set = NULL;
    if (host.effects->get_properties(effect, &set) != OFX_OK)
        return OFX_FAILED;
    set_string(set, OFX_LABEL, "rde-roto");
    set_string(set, OFX_GROUPING, "rde-roto");
    set_string(set, OFX_PLUGIN_DESCRIPTION, "Rotoscoping by propagation: one painted keyframe in, "
               "a shot of mattes out. The engine reads the plate's files, or tracks Source.");
    host.properties->set_string(set, OFX_SUPPORTED_CONTEXTS, 0, OFX_FILTER);
    host.properties->set_string(set, OFX_SUPPORTED_CONTEXTS, 1, OFX_GENERAL);
    describe_depths(set);
    set_string(set, OFX_THREAD_SAFETY, OFX_FULLY_SAFE);
    set_int(set, OFX_SINGLE_INSTANCE, 0);
    set_int(set, OFX_HOST_FRAME_THREADING, 0); /* each part would ask for the whole matte */
    set_int(set, OFX_SEQUENTIAL, 0); /* a matte does not depend on earlier renders */
    set_int(set, OFX_TEMPORAL_ACCESS, host_is_temporal()); /* of Source, without files */
    set_int(set, OFX_MULTI_RESOLUTION, 1);
    set_int(set, OFX_TILES, 1);
    set_int(set, OFX_MULTIPLE_DEPTHS, 1);
    set_int(set, OFX_MULTIPLE_ASPECTS, 0);
    set_int(set, OFX_TWICE_ALWAYS, 0);
    return OFX_OK;
}

static bool define_clip(ofx_effect effect, const char *name, bool is_mask)
{
    ofx_properties set = NULL;
    if (host.effects->clip_define(effect, name, &set) != OFX_OK)
        return false;
    host.properties->set_string(set, OFX_SUPPORTED_COMPONENTS, 0, is_mask ? OFX_ALPHA : OFX_RGBA);
    host.properties->set_string(set, OFX_SUPPORTED_COMPONENTS, 1, is_mask ? OFX_RGBA : OFX_ALPHA);
    set_int(set, OFX_TILES, 1);
    set_int(set, OFX_TEMPORAL_ACCESS, strcmp(name, SOURCE_CLIP) == 0 && host_is_temporal());
    if (is_mask) {
        set_int(set, OFX_OPTIONAL, 1);
        set_int(set, OFX_IS_MASK, 1);
    }
    return true;
}

static ofx_properties define(ofx_params params, const char *type, const char *name,
                             const char *label, const char *hint)
{
    ofx_properties set = NULL;
    if (host.params->define(params, type, name, &set) != OFX_OK || set == NULL)
        return NULL;
    set_string(set, OFX_LABEL, label);
    set_string(set, OFX_HINT, hint);
    if (strcmp(type, OFX_BUTTON_PARAM) == 0) {
        set_int(set, OFX_EVALUATES, 0); /* a button changes other parameters, which do */
        return set;
    }
    set_int(set, OFX_ANIMATES, 0); /* one shot for all frames */
    if (strcmp(name, STATUS_PARAM) != 0)
        set_string(set, OFX_INVALIDATION, OFX_INVALIDATE_ALL);
    return set;
}

static bool define_text(ofx_params params, const char *name, const char *label, const char *value,
                        const char *hint)
{
    ofx_properties set = define(params, OFX_STRING_PARAM, name, label, hint);
    if (set == NULL)
        return false;
    set_string(set, OFX_DEFAULT, value);
    set_string(set, OFX_STRING_MODE, OFX_SINGLE_LINE);
    return true;
}

/* A line of text and no OFX file path: of that Natron makes an output file, and puts the current
   frame's number in place of ####. OFX has no file dialog that a button could open. */
static bool define_plate(ofx_params params)
{
    return define_text(params, PLATE_PARAM, "Plate", "",
                       "The plate's files, such as /shots/010/hero.####.exr, or a movie. The "
                       "engine reads them itself. If empty, Source is tracked, if the host gives "
                       "its other frames.");
}

static bool define_output(ofx_params params)
{
    ofx_properties set = define(params, OFX_CHOICE_PARAM, OUTPUT_PARAM, "Output",
                                "The matte in all channels, Source cut out by it (premultiplied), "
                                "or Source with the matte in red over it.");
    if (set == NULL)
        return false;
    host.properties->set_string(set, OFX_CHOICE_OPTION, OUTPUT_MATTE, "Matte");
    host.properties->set_string(set, OFX_CHOICE_OPTION, OUTPUT_CUT, "Source x matte");
    host.properties->set_string(set, OFX_CHOICE_OPTION, OUTPUT_OVERLAY, "Overlay");
    set_int(set, OFX_DEFAULT, OUTPUT_MATTE);
    return true;
}

static bool define_offset(ofx_params params)
{
    ofx_properties set = define(params, OFX_INTEGER_PARAM, OFFSET_PARAM, "Frame offset",
                                "Added to the host's frame number, for hosts that count from the "
                                "start of a clip: 1001 where its frame 0 is the plate's 1001.");
    if (set != NULL)
        set_int(set, OFX_DEFAULT, 0);
    return set != NULL;
}

static bool define_status(ofx_params params)
{
    ofx_properties set = define(params, OFX_STRING_PARAM, STATUS_PARAM, "Status",
                                "What the last button did.");
    if (set == NULL)
        return false;
    set_string(set, OFX_DEFAULT, "");
    set_string(set, OFX_STRING_MODE, OFX_SINGLE_LINE);
    set_int(set, OFX_ENABLED, 0);
    set_int(set, OFX_PERSISTENT, 0);
    set_int(set, OFX_EVALUATES, 0);
    set_int(set, OFX_CAN_UNDO, 0);
    return true;
}

/* State that is stored in the host's file but not shown. */
static bool define_hidden(ofx_params params, const char *name, const char *label, const char *hint)
{
    ofx_properties set = define(params, OFX_STRING_PARAM, name, label, hint);
    if (set == NULL)
        return false;
    set_string(set, OFX_DEFAULT, "");
    set_string(set, OFX_STRING_MODE, OFX_SINGLE_LINE);
    set_int(set, OFX_SECRET, 1);
    return true;
}

static bool define_buttons(ofx_params params, bool has_mask)
{
    return define(params, OFX_BUTTON_PARAM, SET_BUTTON, "Set keyframe",
                  has_mask ? "Keeps the Mask input at this frame as its keyframe."
                           : "Keeps the alpha of Source at this frame as its keyframe.") &&
           define(params, OFX_BUTTON_PARAM, REMOVE_BUTTON, "Remove keyframe",
                  "Removes this frame's keyframe.") &&
           define(params, OFX_BUTTON_PARAM, LEARN_BUTTON, "Learn",
                  "Lets the network learn from the keyframes for a minute or two. Press again for "
                  "progress and, when it is done, to use the result.") &&
           define(params, OFX_BUTTON_PARAM, FORGET_BUTTON, "Forget what was learned",
                  "Goes back to the base model.") &&
           define(params, OFX_BUTTON_PARAM, PROPAGATE_BUTTON, "Propagate",
                  "Makes the mattes of all frames in the background. Press again for progress.");
}

ofx_status describe_in_context(ofx_effect effect, ofx_properties in)
{
    bool has_mask = get_string_is(in, OFX_CONTEXT, OFX_GENERAL);
    ofx_params params = NULL;
    bool good = define_clip(effect, OUTPUT_CLIP, false) &&
                define_clip(effect, SOURCE_CLIP, false) &&
                (!has_mask || define_clip(effect, MASK_CLIP, true)) &&
                host.effects->get_params(effect, &params) == OFX_OK && define_plate(params) &&
                define_text(params, COLOR_PARAM, "Colour space", "",
                            "Colour space of the plate, as OpenColorIO names it (default: from its "
                            "files; for Source, scene-linear or, for integers, sRGB).") &&
                define_text(params, ELEMENT_PARAM, "Element", "element1",
                            "Name of the element: letters, digits and _.") &&
                define_text(params, PRESET_PARAM, "Preset", "standard",
                            "Name or file of a preset.") &&
                define_text(params, MODEL_PARAM, "Model", "",
                            "Name or weights file of a model (default: the engine's).") &&
                define_output(params) && define_offset(params) &&
                define_buttons(params, has_mask) && define_status(params) &&
                define_hidden(params, KEYFRAMES_PARAM, "Keyframes", "Frames and their masks.") &&
                define_hidden(params, LEARNED_PARAM, "Learned", "What the network has learned.") &&
                define_hidden(params, SIZE_PARAM, "Plate size", "The plate's files and its size.");
    return good ? OFX_OK : OFX_FAILED;
}
