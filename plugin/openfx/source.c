#include "base.h"

#include <math.h>
#include <stdio.h>

#include "colors.h"
#include "matte.h"
#include "region.h"
#include "source.h"

#define MAX_FRAMES 100000 /* hosts give endless clips a huge range */
#define MAX_LISTED 100000

void source_init(struct instance *instance)
{
    instance->created_ns = now_since_1970_ns();
}

static bool is_full_size(const struct pushed *pushed)
{
    return pushed->scale[0] == 1 && pushed->scale[1] == 1;
}

/* The id is unique to this instance, generation and scale. It includes the offset, which decides
   which time of Source a frame shows. */
static bool set_plate_id(ofx_effect effect, struct pushed *pushed)
{
    struct instance *instance = instance_of(effect);
    if (instance == NULL)
        return false;
    lock_take(&instance->lock);
    pushed->generation = instance->generation;
    lock_give_back(&instance->lock);
    int length = snprintf(pushed->id, sizeof pushed->id, "openfx-%ld-%llx-%llx-%d-%d",
                          process_id(), (unsigned long long)instance->created_ns,
                          (unsigned long long)(uintptr_t)instance,
                          param_number(effect, OFFSET_PARAM), pushed->generation);
    if (!is_full_size(pushed))
        snprintf(pushed->id + length, sizeof pushed->id - (size_t)length, "-%.0fx%.0f",
                 1e6 * pushed->scale[0], 1e6 * pushed->scale[1]);
    return true;
}

static bool read_range(ofx_effect effect, ofx_properties clip, struct pushed *pushed,
                       double *first_time)
{
    double range[2] = {0, 0};
    if (host.properties->get_doubles(clip, OFX_FRAME_RANGE, 2, range) != OFX_OK ||
        !(range[1] >= range[0] && range[1] - range[0] < MAX_FRAMES))
        return false;
    *first_time = ceil(range[0]);
    return frame_at(effect, *first_time, &pushed->first) &&
           frame_at(effect, floor(range[1]), &pushed->last) && pushed->first <= pushed->last;
}

/* From the host's 0, 0 to the upper right corner of Source at its first time. */
static bool read_size(ofx_effect effect, double time, struct pushed *pushed)
{
    ofx_rectangle region;
    if (!clip_region(effect, SOURCE_CLIP, time, &region))
        return false;
    double width = region.x2 / pushed->aspect, height = region.y2;
    if (!(width >= 1 && width <= MAX_SIDE_PX && height >= 1 && height <= MAX_SIDE_PX))
        return false;
    pushed->width = (int)(width + 0.5);
    pushed->height = (int)(height + 0.5);
    return true;
}

/* Integer pixels are display-referred, as in files; for floats the default is right. */
static bool set_color_space(ofx_properties clip, struct shot *shot)
{
    if (*shot->color_space ||
        !(get_string_is(clip, OFX_DEPTH, OFX_BYTE) || get_string_is(clip, OFX_DEPTH, OFX_SHORT)))
        return true;
    free(shot->color_space);
    shot->color_space = text_copy("sRGB", 4);
    return shot->color_space != NULL;
}

bool source_describe(ofx_effect effect, struct shot *shot, struct trouble *trouble)
{
    struct pushed *pushed = &shot->pushed;
    ofx_clip clip = NULL;
    ofx_properties set = NULL;
    double time = 0;
    pushed->scale[0] = pushed->scale[1] = 1;
    if (*shot->plate || !host_is_temporal() || !is_connected(effect, SOURCE_CLIP))
        return true;
    if (host.effects->clip_get(effect, SOURCE_CLIP, &clip, &set) != OFX_OK ||
        !read_range(effect, set, pushed, &time))
        return fail(trouble, "Source does not say where it begins and ends: type the plate's "
                    "files.");
    if (!clip_aspect(effect, SOURCE_CLIP, &pushed->aspect, trouble))
        return false;
    if (!read_size(effect, time, pushed))
        return fail(trouble, "Source has no size that a plate can have: type the plate's files.");
    if (!set_color_space(set, shot) || !set_plate_id(effect, pushed))
        return fail(trouble, "There is not enough memory.");
    return true;
}

bool source_is_at(const struct shot *shot, const double scale[2])
{
    const struct pushed *pushed = &shot->pushed;
    return *pushed->id == 0 || (pushed->scale[0] == scale[0] && pushed->scale[1] == scale[1]);
}

void source_use_scale(ofx_effect effect, struct shot *shot, const double scale[2])
{
    memcpy(shot->pushed.scale, scale, sizeof shot->pushed.scale);
    set_plate_id(effect, &shot->pushed);
}

/* With the lock held. */
static void begin_generation(struct instance *instance)
{
    instance->generation++;
    free(instance->pushed_frames);
    instance->pushed_frames = NULL;
    instance->pushed_count = 0;
}

void source_changed(ofx_effect effect)
{
    struct instance *instance = instance_of(effect);
    if (instance == NULL)
        return;
    lock_take(&instance->lock);
    begin_generation(instance);
    lock_give_back(&instance->lock);
}

/* The entry of a frame at the plate's scale, or NULL. With the lock held. */
static struct pushed_frame *find_pushed_frame(struct instance *instance,
                                              const struct pushed *pushed, int frame)
{
    for (size_t index = 0; index < instance->pushed_count; index++) {
        struct pushed_frame *one = instance->pushed_frames + index;
        if (one->frame == frame && memcmp(one->scale, pushed->scale, sizeof one->scale) == 0)
            return one;
    }
    return NULL;
}

/* If memory runs out, a change at this frame goes unnoticed. */
static void note_pushed_frame(ofx_effect effect, const struct pushed *pushed, int frame,
                              uint64_t hash)
{
    struct instance *instance = instance_of(effect);
    if (instance == NULL)
        return;
    lock_take(&instance->lock);
    if (instance->generation == pushed->generation &&
        find_pushed_frame(instance, pushed, frame) == NULL) {
        size_t bytes = (instance->pushed_count + 1) * sizeof *instance->pushed_frames;
        struct pushed_frame *grown = realloc(instance->pushed_frames, bytes);
        if (grown != NULL) {
            struct pushed_frame *one = grown + instance->pushed_count++;
            one->frame = frame;
            one->hash = hash;
            memcpy(one->scale, pushed->scale, sizeof one->scale);
            instance->pushed_frames = grown;
        }
    }
    lock_give_back(&instance->lock);
}

void source_check(ofx_effect effect, struct shot *shot, int frame, const double scale[2])
{
    struct instance *instance = instance_of(effect);
    struct trouble trouble = {TROUBLE_NONE, ""};
    struct pushed shown = shot->pushed;
    uint64_t before = 0;
    if (instance == NULL || *shown.id == 0)
        return;
    memcpy(shown.scale, scale, sizeof shown.scale);
    lock_take(&instance->lock);
    struct pushed_frame *pushed_before = find_pushed_frame(instance, &shown, frame);
    bool known = pushed_before != NULL && instance->generation == shown.generation;
    if (known)
        before = pushed_before->hash;
    lock_give_back(&instance->lock);
    float *pixels = known ? colors_fetch(effect, &shown, frame, &trouble) : NULL;
    if (pixels != NULL && colors_hash(&shown, pixels) != before) {
        lock_take(&instance->lock);
        if (instance->generation == shown.generation) /* else another thread noticed first */
            begin_generation(instance);
        lock_give_back(&instance->lock);
        set_plate_id(effect, &shot->pushed);
    }
    free(pixels);
}

static bool send_frame(ofx_effect effect, struct engine *engine, const struct limit *wait,
                       const struct shot *shot, int frame, const float *pixels,
                       struct trouble *trouble)
{
    struct text request = {0};
    struct message answer;
    size_t bytes = colors_count(&shot->pushed) * sizeof *pixels;
    text_add(&request, "\"do\":\"push\",\"frame\":");
    text_add_integer(&request, frame);
    text_add(&request, ",");
    shot_write(shot, &request);
    bool good = engine_ask(engine, wait, &request, pixels, bytes, &answer, trouble);
    if (good)
        note_pushed_frame(effect, &shot->pushed, frame, colors_hash(&shot->pushed, pixels));
    message_free(&answer);
    text_free(&request);
    return good;
}

/* Adds one to `count` if the host has the frame. */
static bool push_frame(ofx_effect effect, struct engine *engine, const struct limit *wait,
                       const struct shot *shot, int frame, int *count, struct trouble *trouble)
{
    if (wait_check(wait) == WIRE_ABORTED)
        return trouble_set(trouble, TROUBLE_ABORTED, "", NULL, NULL);
    trouble->kind = TROUBLE_NONE;
    float *pixels = colors_fetch(effect, &shot->pushed, frame, trouble);
    bool good = pixels == NULL ? trouble->kind == TROUBLE_NONE
                               : send_frame(effect, engine, wait, shot, frame, pixels, trouble);
    *count += pixels != NULL;
    free(pixels);
    return good;
}

bool source_push(ofx_effect effect, struct engine *engine, const struct limit *wait,
                 const struct shot *shot, const struct message *answer, struct trouble *trouble)
{
    const struct json *json = &answer->json;
    const struct pushed *pushed = &shot->pushed;
    int error = json_member(json, 0, "error"), list = json_member(json, error, "frames");
    int64_t frame = 0;
    int count = 0;
    if (*pushed->id == 0 || json_length(json, list) > MAX_LISTED)
        return false;
    for (int node = list + 1; json_is(json, list, JSON_ARRAY) && node < json->nodes[list].next;
         node = json->nodes[node].next) {
        if (!json_integer(json, node, pushed->first, pushed->last, &frame))
            return fail(trouble, "The engine asks for frames outside Source: install the engine "
                        "and the plug-in from the same rde-roto.");
        if (!push_frame(effect, engine, wait, shot, (int)frame, &count, trouble))
            return false;
    }
    return count > 0 || fail(trouble, "The host gives no image of Source at the frames that the "
                             "matte depends on.");
}
