/* Tells the host how large the node's output is, and which part of its inputs a render reads. */

#include "base.h"

#include <math.h>

#include "actions.h"
#include "host.h"
#include "opened.h"
#include "region.h"
#include "shot_params.h"

static const char interest_in_source[] = OFX_INTEREST_IN SOURCE_CLIP;
static const char interest_in_mask[] = OFX_INTEREST_IN MASK_CLIP;

/* What the matte covers: the pushed plate, or the display window that the engine reads from the
   plate's files. */
static bool plate_region(ofx_effect effect, const struct shot *shot, ofx_rectangle *region)
{
    struct limit wait = short_wait();
    struct trouble trouble;
    struct engine engine;
    struct opened opened;
    if (*shot->pushed.id) {
        *region = region_of_size(shot->pushed.width, shot->pushed.height, shot->pushed.aspect);
        return true;
    }
    if (shot->keyframes.count == 0 || !engine_connect(&engine, &wait, false, &trouble))
        return false;
    bool good = ask_open(&engine, &wait, shot, &opened, &trouble);
    if (good)
        *region = region_of_size((double)opened.display[2], (double)opened.display[3],
                                 clip_aspect(effect, SOURCE_CLIP));
    free(opened.range);
    engine_close(&engine);
    return good;
}

/* The matte is as large as the plate, whatever Source is cropped to; Source cut out by it, or under
   it, as large as Source. Mask never matters. */
ofx_status region_of_definition(ofx_effect effect, ofx_properties in, ofx_properties out)
{
    struct trouble trouble;
    struct shot shot;
    ofx_rectangle region;
    double time = 0;
    bool found = false;
    if (host.properties->get_double(in, OFX_TIME, 0, &time) != OFX_OK)
        return OFX_REPLY_DEFAULT;
    if (param_number(effect, OUTPUT_PARAM) == OUTPUT_MATTE && shot_of(effect, &shot, &trouble)) {
        found = plate_region(effect, &shot, &region);
        shot_free(&shot);
    }
    if (!found && !clip_region(effect, SOURCE_CLIP, time, &region))
        return OFX_REPLY_DEFAULT;
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
