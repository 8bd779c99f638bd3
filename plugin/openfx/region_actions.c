/* Tells the host how large the node's output is, and which part of its inputs a render reads. */

#include "base.h"

#include <math.h>

#include "actions.h"
#include "host.h"
#include "opened.h"
#include "plate_size.h"
#include "region.h"
#include "shot_params.h"

static const char interest_in_source[] = OFX_INTEREST_IN SOURCE_CLIP;
static const char interest_in_mask[] = OFX_INTEREST_IN MASK_CLIP;

/* The size of the plate's files from the engine. A host that only renders waits for it as for a
   matte; others may ask from the thread that draws their windows. */
static bool ask_size(ofx_effect effect, const struct shot *shot, int64_t size[2],
                     struct trouble *trouble)
{
    bool patient = host_is_background();
    struct limit wait = short_wait();
    struct engine engine;
    struct opened opened;
    wait.aborted = has_aborted;
    wait.context = effect;
    if (patient)
        wait.until_ms = 0;
    if (!engine_connect(&engine, &wait, patient, trouble))
        return false;
    bool good = ask_open(&engine, &wait, shot, &opened, trouble);
    size[0] = opened.display[2];
    size[1] = opened.display[3];
    free(opened.range);
    engine_close(&engine);
    return good;
}

/* What the matte covers: the pushed plate, or the display window of the plate's files. It is never
   guessed: hosts keep the answer, and a matte that is cropped to it looks like a good one. */
static bool plate_region(ofx_effect effect, const struct shot *shot, ofx_rectangle *region,
                         struct trouble *trouble)
{
    const struct pushed *pushed = &shot->pushed;
    const char *clip = is_connected(effect, SOURCE_CLIP) ? SOURCE_CLIP : OUTPUT_CLIP;
    int64_t size[2] = {pushed->width, pushed->height};
    double aspect = pushed->aspect;
    if (*pushed->id == 0 && (!clip_aspect(effect, clip, &aspect, trouble) ||
                             !(plate_size_kept(effect, shot, size) ||
                               ask_size(effect, shot, size, trouble))))
        return false;
    *region = region_of_size((double)size[0], (double)size[1], aspect);
    return true;
}

/* Whether the output is a matte, and what of. Without a keyframe there is none yet. */
static bool matte_shot(ofx_effect effect, struct shot *shot)
{
    struct trouble trouble;
    if (param_number(effect, OUTPUT_PARAM) != OUTPUT_MATTE || !shot_of(effect, shot, &trouble))
        return false;
    if (*shot->pushed.id || shot->keyframes.count > 0)
        return true;
    shot_free(shot);
    return false;
}

/* The matte is as large as the plate, whatever Source is cropped to; Source cut out by it, or under
   it, as large as Source. Mask never matters. */
ofx_status region_of_definition(ofx_effect effect, ofx_properties in, ofx_properties out)
{
    struct trouble trouble = {TROUBLE_NONE, ""};
    struct shot shot;
    ofx_rectangle region;
    double time = 0;
    if (host.properties->get_double(in, OFX_TIME, 0, &time) != OFX_OK)
        return OFX_REPLY_DEFAULT;
    if (matte_shot(effect, &shot)) {
        bool good = plate_region(effect, &shot, &region, &trouble);
        shot_free(&shot);
        if (!good) {
            if (trouble.kind != TROUBLE_ABORTED)
                show_at_node(effect, trouble.sentence);
            return OFX_FAILED;
        }
    } else if (!clip_region(effect, SOURCE_CLIP, time, &region)) {
        return OFX_REPLY_DEFAULT;
    }
    double sides[4] = {region.x1, region.y1, region.x2, region.y2};
    return host.properties->set_doubles(out, OFX_REGION_OF_DEFINITION, 4, sides) == OFX_OK
               ? OFX_OK
               : OFX_REPLY_DEFAULT;
}

static ofx_rectangle around_both(const ofx_rectangle *one, const ofx_rectangle *other)
{
    ofx_rectangle region = {fmin(one->x1, other->x1), fmin(one->y1, other->y1),
                            fmax(one->x2, other->x2), fmax(one->y2, other->y2)};
    return region;
}

static void set_interest(ofx_properties out, const char *name, const ofx_rectangle *region)
{
    double sides[4] = {region->x1, region->y1, region->x2, region->y2};
    host.properties->set_doubles(out, name, 4, sides);
}

/* A tile of the matte needs the whole plate if Source is the plate. Mask is read by Set keyframe
   alone, never by a render. */
ofx_status regions_of_interest(ofx_effect effect, ofx_properties in, ofx_properties out)
{
    static const ofx_rectangle nothing = {0, 0, 0, 0};
    struct trouble trouble;
    struct shot shot;
    double sides[4];
    if (host.properties->get_doubles(in, OFX_REGION_OF_INTEREST, 4, sides) != OFX_OK)
        return OFX_REPLY_DEFAULT;
    ofx_rectangle region = {sides[0], sides[1], sides[2], sides[3]};
    if (shot_of(effect, &shot, &trouble)) {
        if (*shot.pushed.id) {
            ofx_rectangle plate = region_of_size(shot.pushed.width, shot.pushed.height,
                                                 shot.pushed.aspect);
            region = around_both(&region, &plate);
        }
        shot_free(&shot);
    }
    set_interest(out, interest_in_source, &region);
    if (has_mask_clip(effect))
        set_interest(out, interest_in_mask, &nothing);
    return OFX_OK;
}
