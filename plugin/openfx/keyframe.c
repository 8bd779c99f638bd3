#include "base.h"

#include "engine.h"
#include "keyframe.h"
#include "matte.h"
#include "opened.h"
#include "plate_size.h"
#include "region.h"

/* The input that has the mask. */
static const char *mask_clip(ofx_effect effect)
{
    return has_mask_clip(effect) ? MASK_CLIP : SOURCE_CLIP;
}

/* One float per pixel of the plate's display window, top row first. NULL if memory runs out. */
static float *read_mask(const struct image *image, const int64_t display[4])
{
    size_t width = (size_t)display[2], height = (size_t)display[3];
    float *mask = malloc(width * height * sizeof *mask);
    float *row = malloc(4 * width * sizeof *row);
    /* an opaque image carries the mask in its colour channels */
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

/* Always false. */
static bool fail_without_image(struct trouble *trouble, const char *clip)
{
    return trouble_set(trouble, TROUBLE_FAILED, clip, " is connected, but the host gives no image "
                       "of it at this frame: paint there, or choose a mask channel that the input "
                       "has.", NULL);
}

/* The mask of the plate's display window, which the caller frees. NULL with trouble. */
static float *fetch_mask(ofx_effect effect, double time, const int64_t display[4],
                         struct trouble *trouble)
{
    const char *clip = mask_clip(effect);
    struct image image;
    float *mask = NULL;
    double aspect = 1;
    if (!clip_aspect(effect, clip, &aspect, trouble))
        return NULL;
    struct wanted wanted = {clip, time, {1, 1},
                            region_of_size((double)display[2], (double)display[3], aspect)};
    trouble->kind = TROUBLE_NONE;
    if (!fetch_region(effect, &wanted, &image, trouble)) {
        if (trouble->kind == TROUBLE_NONE)
            fail_without_image(trouble, clip);
        return NULL;
    }
    if (strcmp(clip, SOURCE_CLIP) == 0 && image.alpha == ALPHA_OPAQUE)
        fail(trouble, "Source has no alpha: paint the mask there.");
    else if ((mask = read_mask(&image, display)) == NULL)
        fail(trouble, "There is not enough memory.");
    release_image(&image);
    return mask;
}

static bool send_mask(struct engine *engine, const struct limit *wait, const int64_t display[4],
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
        good = *path != NULL && is_absolute(*path);
        if (!good)
            fail(trouble, "The engine does not say where it keeps the mask: install the engine and "
                 "the plug-in from the same rde-roto.");
    }
    message_free(&answer);
    text_free(&request);
    return good;
}

/* Setting a keyframe. */
struct setting {
    ofx_effect effect;
    double time;
    int frame;
    struct limit wait; /* for the engine */
    struct engine engine;
    struct shot *shot;
};

/* Keeps the mask, makes it the frame's keyframe, and opens the shot with it. */
static bool try_keyframe(struct setting *setting, const int64_t display[4], struct opened *opened,
                         struct trouble *trouble)
{
    char *path = NULL;
    memset(opened, 0, sizeof *opened);
    int64_t begun_ms = now_ms();
    float *mask = fetch_mask(setting->effect, setting->time, display, trouble);
    setting->wait.until_ms += now_ms() - begun_ms; /* the host may have rendered it for long */
    bool good = mask != NULL && send_mask(&setting->engine, &setting->wait, display, mask, &path,
                                          trouble);
    free(mask);
    if (good && !keyframes_set(&setting->shot->keyframes, setting->frame, path))
        good = fail(trouble, "There is not enough memory.");
    free(path);
    good = good && ask_open(&setting->engine, &setting->wait, setting->shot, opened, trouble);
    free(opened->range);
    opened->range = NULL;
    return good;
}

/* The plate's display window as far as the host knows, before there is a keyframe. */
static bool guess_display(ofx_effect effect, double time, int64_t display[4],
                          struct trouble *trouble)
{
    const char *name = SOURCE_CLIP;
    ofx_rectangle region;
    double aspect = 1;
    if (!is_connected(effect, name) || !clip_region(effect, name, time, &region)) {
        name = mask_clip(effect);
        if (!clip_region(effect, name, time, &region))
            return fail_without_image(trouble, name);
    }
    if (!clip_aspect(effect, name, &aspect, trouble))
        return false;
    double width = region.x2 / aspect, height = region.y2;
    if (!(width >= 1 && width <= MAX_SIDE_PX && height >= 1 && height <= MAX_SIDE_PX))
        return fail(trouble, "The mask has no size that a plate can have.");
    display[0] = display[1] = 0;
    display[2] = (int64_t)(width + 0.5);
    display[3] = (int64_t)(height + 0.5);
    return true;
}

/* With a keyframe already set, the engine says how large the plate is. Without one it cannot be
   asked, so a first try uses a guess; if the engine's window differs, the mask is sent again. */
static bool place_keyframe(struct setting *setting, int64_t display[4], struct trouble *trouble)
{
    struct opened opened;
    bool known = setting->shot->keyframes.count > 0 &&
                 ask_open(&setting->engine, &setting->wait, setting->shot, &opened, trouble);
    if (known) {
        memcpy(display, opened.display, sizeof opened.display);
        free(opened.range);
    }
    for (int round = 0; round < 2; round++) {
        if (!try_keyframe(setting, display, &opened, trouble))
            return false;
        if (memcmp(display, opened.display, sizeof opened.display) == 0)
            return true;
        memcpy(display, opened.display, sizeof opened.display);
    }
    return fail(trouble, "The plate's display window changed between two readings: try again.");
}

bool keep_mask(ofx_effect effect, double time, const struct limit *wait, struct shot *shot,
               int frame, struct trouble *trouble)
{
    struct setting setting = {effect, time, frame, *wait, {NO_SOCKET, 0, false}, shot};
    int64_t display[4];
    const char *clip = mask_clip(effect);
    if (!is_connected(effect, clip))
        return trouble_set(trouble, TROUBLE_FAILED, "Nothing is connected to ", clip,
                           ": connect the painted mask to it.");
    if (keyframes_full(&shot->keyframes, frame))
        return fail(trouble, "This node has 4,000 keyframes, the most that "
                    "the engine takes: remove one first.");
    if (!guess_display(effect, time, display, trouble) ||
        !engine_connect(&setting.engine, &setting.wait, false, trouble))
        return false;
    bool good = place_keyframe(&setting, display, trouble);
    if (good)
        plate_size_keep(effect, shot, display);
    engine_close(&setting.engine);
    return good;
}
