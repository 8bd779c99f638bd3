/* What happens when the artist presses a button. Nothing here waits for long. */

#include "base.h"

#include <stdio.h>

#include "host.h"
#include "windows.h"

#define MOST_WAIT_MS 3000
#define STATUS_BYTES 256

static struct wait short_wait(void)
{
    struct wait wait = {now_ms() + MOST_WAIT_MS, NULL, NULL};
    return wait;
}

static void set_status(ofx_effect effect, const char *text)
{
    param_set_text(effect, STATUS_PARAM, text);
}

/* "keyframes: 1001, 1060", as far as there is room. */
void show_keyframes(ofx_effect effect)
{
    struct keyframes keyframes;
    struct trouble trouble;
    char status[STATUS_BYTES];
    if (!keyframes_of(effect, &keyframes, &trouble)) {
        set_status(effect, trouble.sentence);
        return;
    }
    size_t length = (size_t)snprintf(status, sizeof status, keyframes.count ? "keyframes:"
                                                                            : "no keyframe");
    for (size_t index = 0; index < keyframes.count && length + 20 < sizeof status; index++)
        length += (size_t)snprintf(status + length, sizeof status - length, "%s %d",
                                   index ? "," : "", keyframes.list[index].frame);
    keyframes_free(&keyframes);
    set_status(effect, status);
}

/* Another shot: what was being propagated is not wanted any more. */
static void forget_job(struct instance *instance)
{
    if (instance != NULL) {
        free(instance->job);
        instance->job = NULL;
    }
}

static bool store_keyframes(ofx_effect effect, const struct keyframes *keyframes)
{
    struct text text = {0};
    keyframes_write(keyframes, &text);
    bool good = !text.failed;
    if (good)
        param_set_text(effect, KEYFRAMES_PARAM, text.chars);
    text_free(&text);
    return good;
}

/* Where the mask comes from. Only in the general context may an effect have two inputs. */
static const char *mask_clip(ofx_effect effect)
{
    ofx_properties set = NULL;
    if (host.effects->get_properties(effect, &set) == OFX_OK &&
        get_string_is(set, OFX_CONTEXT, OFX_GENERAL))
        return MASK_CLIP;
    return SOURCE_CLIP;
}

static bool is_connected(ofx_effect effect, const char *name)
{
    ofx_clip clip = NULL;
    ofx_properties set = NULL;
    return host.effects->clip_get(effect, name, &clip, &set) == OFX_OK && set != NULL &&
           get_int(set, OFX_CONNECTED) != 0;
}

static bool is_full_size(ofx_properties image)
{
    double scale[2] = {1, 1};
    host.properties->get_doubles(image, OFX_RENDER_SCALE, 2, scale);
    return scale[0] == 1 && scale[1] == 1;
}

/* One float a pixel of the plate's display window, the upper row first. NULL when memory ends. */
static float *read_mask(const struct image *image, const int64_t display[4])
{
    size_t width = (size_t)display[2], height = (size_t)display[3];
    float *mask = malloc(width * height * sizeof *mask);
    float *row = malloc(4 * width * sizeof *row);
    /* an opaque picture of a mask has it in its colours */
    int channel = image->channels == 1 || image->alpha == ALPHA_OPAQUE ? 0 : 3;
    for (size_t line = 0; mask != NULL && row != NULL && line < height; line++) {
        image_read(image, (int)(height - 1 - line), 0, (int)width, row);
        for (size_t x = 0; x < width; x++) {
            float value = row[x * (size_t)image->channels + (size_t)channel];
            mask[line * width + x] = value > 0 ? (value < 1 ? value : 1) : 0;
        }
    }
    if (row == NULL) {
        free(mask);
        mask = NULL;
    }
    free(row);
    return mask;
}

static bool send_mask(struct engine *engine, const struct wait *wait, const int64_t display[4],
                      const float *mask, char **path, struct trouble *trouble)
{
    static const char *const names[] = {",\"x\":", ",\"y\":", ",\"width\":", ",\"height\":"};
    struct text request = {0};
    struct message answer;
    size_t bytes = (size_t)(display[2] * display[3]) * sizeof *mask;
    text_add(&request, "\"do\":\"keep\"");
    for (int side = 0; side < 4; side++) {
        text_add(&request, names[side]);
        text_add_integer(&request, display[side]);
    }
    bool good = engine_ask(engine, wait, &request, mask, bytes, &answer, trouble);
    if (good) {
        *path = json_string(&answer.json, json_member(&answer.json, 0, "mask"));
        good = *path != NULL && **path == '/';
        if (!good)
            say(trouble, "The engine does not say where it keeps the mask: install engine and "
                "plug-in of one rde-roto.");
    }
    message_free(&answer);
    text_free(&request);
    return good;
}

/* Keeps the mask, makes it the frame's keyframe, and asks the engine whether that is a shot. */
static bool try_keyframe(struct engine *engine, const struct wait *wait, struct shot *shot,
                         int frame, const struct image *image, const int64_t display[4],
                         struct opened *opened, struct trouble *trouble)
{
    char *path = NULL;
    memset(opened, 0, sizeof *opened);
    float *mask = read_mask(image, display);
    bool good = mask != NULL ? send_mask(engine, wait, display, mask, &path, trouble)
                             : say(trouble, "There is not enough memory.");
    free(mask);
    if (good && !keyframes_set(&shot->keyframes, frame, path))
        good = say(trouble, "There is not enough memory.");
    free(path);
    good = good && ask_open(engine, wait, shot, opened, trouble);
    free(opened->range);
    opened->range = NULL;
    return good;
}

/* The plate's display window, as far as the host can tell before there is a keyframe. */
static bool guess_display(ofx_effect effect, double time, int64_t display[4])
{
    const char *name = is_connected(effect, SOURCE_CLIP) ? SOURCE_CLIP : mask_clip(effect);
    ofx_clip clip = NULL;
    ofx_properties set = NULL;
    ofx_rectangle region;
    double aspect = 1;
    if (host.effects->clip_get(effect, name, &clip, &set) != OFX_OK ||
        host.effects->clip_region(clip, time, &region) != OFX_OK)
        return false;
    host.properties->get_double(set, OFX_PIXEL_ASPECT, 0, &aspect);
    double width = region.x2 / aspect, height = region.y2;
    if (!(width >= 1 && width <= LARGEST_PX && height >= 1 && height <= LARGEST_PX))
        return false;
    display[0] = display[1] = 0;
    display[2] = (int64_t)(width + 0.5);
    display[3] = (int64_t)(height + 0.5);
    return true;
}

/* Where there is a keyframe already, the engine tells how large the plate is. Else it can only be
   asked with one; if its answer is another window than was guessed, the mask is sent once more. */
static bool place_keyframe(struct engine *engine, const struct wait *wait, struct shot *shot,
                           int frame, const struct image *image, int64_t display[4],
                           struct trouble *trouble)
{
    struct opened opened;
    bool known = shot->keyframes.count > 0 && ask_open(engine, wait, shot, &opened, trouble);
    if (known) {
        memcpy(display, opened.display, sizeof opened.display);
        free(opened.range);
    }
    for (int round = 0; round < 2; round++) {
        if (!try_keyframe(engine, wait, shot, frame, image, display, &opened, trouble))
            return false;
        if (memcmp(display, opened.display, sizeof opened.display) == 0)
            return true;
        memcpy(display, opened.display, sizeof opened.display);
    }
    return say(trouble, "The plate's display window changes from one look to the next.");
}

static bool keep_image(ofx_effect effect, double time, struct shot *shot, int frame,
                       const struct image *image, struct trouble *trouble)
{
    struct wait wait = short_wait();
    struct engine engine;
    int64_t display[4];
    if (!guess_display(effect, time, display))
        return say(trouble, "The mask has no size that a plate can have.");
    if (!engine_connect(&engine, &wait, false, trouble))
        return false;
    bool good = place_keyframe(&engine, &wait, shot, frame, image, display, trouble);
    engine_close(&engine);
    return good;
}

static bool keep_mask(ofx_effect effect, double time, struct shot *shot, int frame,
                      struct trouble *trouble)
{
    const char *clip = mask_clip(effect);
    ofx_properties handle = NULL;
    struct image image;
    if (!is_connected(effect, clip) || !fetch_image(effect, clip, time, &handle, &image))
        return trouble_say(trouble, TROUBLE_SAID, "There is no mask at this frame: connect one to ",
                           clip, ".");
    bool good;
    if (!is_full_size(handle))
        good = say(trouble, "A keyframe needs the mask in full size: turn the host's proxies off.");
    else if (strcmp(clip, SOURCE_CLIP) == 0 && image.alpha == ALPHA_OPAQUE)
        good = say(trouble, "Source has no alpha: paint the mask there.");
    else
        good = keep_image(effect, time, shot, frame, &image, trouble);
    host.effects->image_release(handle);
    return good;
}

static bool set_keyframe(ofx_effect effect, double time, struct trouble *trouble)
{
    struct shot shot;
    int frame = 0;
    if (!shot_of(effect, &shot, trouble))
        return false;
    bool good = frame_at(effect, time, &frame)
                    ? keep_mask(effect, time, &shot, frame, trouble)
                    : say(trouble, "The host's time is no frame.");
    if (good && !store_keyframes(effect, &shot.keyframes))
        good = say(trouble, "There is not enough memory.");
    shot_free(&shot);
    if (good)
        show_keyframes(effect);
    return good;
}

static bool remove_keyframe(ofx_effect effect, double time, struct trouble *trouble)
{
    struct keyframes keyframes;
    char status[STATUS_BYTES];
    int frame = 0;
    if (!keyframes_of(effect, &keyframes, trouble))
        return false;
    if (!frame_at(effect, time, &frame) || !keyframes_remove(&keyframes, frame)) {
        snprintf(status, sizeof status, "no keyframe at %d", frame);
        set_status(effect, status);
    } else if (store_keyframes(effect, &keyframes)) {
        show_keyframes(effect);
    }
    keyframes_free(&keyframes);
    return true;
}

static void write_job(struct text *request, const char *does, const char *job)
{
    text_add(request, "\"do\":\"");
    text_add(request, does);
    text_add(request, "\",\"job\":");
    text_add_quoted(request, job);
}

/* Says how far the job is. False where there is none any more, and one has to be begun. */
static bool show_progress(ofx_effect effect, struct engine *engine, const struct wait *wait,
                          struct instance *instance, struct trouble *trouble)
{
    struct text request = {0};
    struct message answer;
    char status[STATUS_BYTES];
    int64_t done = 0, total = 0;
    write_job(&request, "progress", instance->job);
    bool known = engine_ask(engine, wait, &request, NULL, 0, &answer, trouble);
    if (known) {
        const struct json *json = &answer.json;
        char *state = json_string(json, json_member(json, 0, "state"));
        bool failed = state != NULL && strcmp(state, "failed") == 0;
        json_integer(json, json_member(json, 0, "done"), 0, INT32_MAX, &done);
        json_integer(json, json_member(json, 0, "total"), 0, INT32_MAX, &total);
        snprintf(status, sizeof status, "%.16s: %lld of %lld frames", state != NULL ? state : "?",
                 (long long)done, (long long)total);
        if (failed) {
            say_error(json, json_member(json, 0, "error"), trouble);
            complain(effect, trouble->sentence);
        }
        set_status(effect, status);
        if (state == NULL || strcmp(state, "running") != 0)
            forget_job(instance);
        free(state);
    } else {
        forget_job(instance);
    }
    message_free(&answer);
    text_free(&request);
    return known;
}

static bool begin_job(ofx_effect effect, struct engine *engine, const struct wait *wait,
                      const struct shot *shot, struct trouble *trouble)
{
    struct text request = {0}, status = {0};
    struct message answer;
    struct opened opened;
    struct instance *instance = instance_of(effect);
    bool good = ask_open(engine, wait, shot, &opened, trouble);
    if (good) {
        text_add(&request, "\"do\":\"prefetch\",\"frames\":");
        text_add_quoted(&request, opened.range);
        text_add(&request, ",");
        shot_write(shot, &request);
        good = engine_ask(engine, wait, &request, NULL, 0, &answer, trouble);
        forget_job(instance);
        if (good && instance != NULL)
            instance->job = json_string(&answer.json, json_member(&answer.json, 0, "job"));
        text_add(&status, "propagating ");
        text_add(&status, opened.range);
        text_add(&status, ": press again to see how far it is");
        if (good && !status.failed)
            set_status(effect, status.chars);
        message_free(&answer);
    }
    free(opened.range);
    text_free(&request);
    text_free(&status);
    return good;
}

static bool propagate(ofx_effect effect, struct trouble *trouble)
{
    struct wait wait = short_wait();
    struct instance *instance = instance_of(effect);
    struct engine engine;
    struct shot shot;
    if (!shot_of(effect, &shot, trouble))
        return false;
    bool good = true;
    if (shot.keyframes.count == 0)
        good = say(trouble, "There is no keyframe yet: press Set keyframe first.");
    else if (!engine_connect(&engine, &wait, false, trouble))
        good = false;
    else {
        if (instance == NULL || instance->job == NULL ||
            !show_progress(effect, &engine, &wait, instance, trouble))
            good = begin_job(effect, &engine, &wait, &shot, trouble);
        engine_close(&engine);
    }
    shot_free(&shot);
    return good;
}

static void press(ofx_effect effect, const char *button, double time)
{
    struct trouble trouble = {TROUBLE_NONE, ""};
    bool good = true;
    if (strcmp(button, SET_BUTTON) == 0)
        good = set_keyframe(effect, time, &trouble);
    else if (strcmp(button, REMOVE_BUTTON) == 0)
        good = remove_keyframe(effect, time, &trouble);
    else
        good = propagate(effect, &trouble);
    if (!good) {
        set_status(effect, trouble.sentence);
        complain(effect, trouble.sentence);
    }
}

static bool is_button(const char *name)
{
    return strcmp(name, SET_BUTTON) == 0 || strcmp(name, REMOVE_BUTTON) == 0 ||
           strcmp(name, PROPAGATE_BUTTON) == 0;
}

ofx_status instance_changed(ofx_effect effect, ofx_properties in)
{
    const char *name = get_string(in, OFX_NAME);
    double time = 0;
    if (name == NULL || !get_string_is(in, OFX_TYPE, OFX_TYPE_PARAMETER))
        return OFX_REPLY_DEFAULT;
    host.properties->get_double(in, OFX_TIME, 0, &time);
    if (is_button(name)) {
        if (get_string_is(in, OFX_CHANGE_REASON, OFX_USER_EDITED))
            press(effect, name, time);
        if (strcmp(name, PROPAGATE_BUTTON) != 0)
            forget_job(instance_of(effect));
        return OFX_OK;
    }
    if (strcmp(name, STATUS_PARAM) == 0 || strcmp(name, OUTPUT_PARAM) == 0)
        return OFX_REPLY_DEFAULT;
    forget_job(instance_of(effect));
    if (strcmp(name, KEYFRAMES_PARAM) == 0 && get_string_is(in, OFX_CHANGE_REASON, OFX_USER_EDITED))
        show_keyframes(effect); /* undone, or pasted */
    return OFX_OK;
}
