/* The render action. It sets no parameter, and several may run at once. */

#include "base.h"

#include <stdio.h>

#include "actions.h"
#include "compose.h"
#include "engine.h"
#include "host.h"
#include "matte.h"
#include "opened.h"
#include "plate_size.h"
#include "region.h"
#include "shot_params.h"
#include "source.h"

#define MIN_SCALE (1.0 / 1024)
#define MAX_SCALE 64.0
#define ABORT_CHECK_ROWS 64 /* how often the host is asked whether it has aborted */
#define MAX_PUSH_ROUNDS 100 /* of asking, then pushing what is missing */

/* What is rendered. */
struct picture {
    ofx_effect effect;
    double time;
    int frame; /* of the plate */
    int window[4];
    double scale[2];
    enum output output;
};

static bool read_arguments(ofx_effect effect, ofx_properties in, struct picture *picture)
{
    picture->effect = effect;
    picture->frame = 0;
    picture->output = (enum output)param_number(effect, OUTPUT_PARAM);
    if (host.properties->get_double(in, OFX_TIME, 0, &picture->time) != OFX_OK ||
        host.properties->get_ints(in, OFX_RENDER_WINDOW, 4, picture->window) != OFX_OK ||
        host.properties->get_doubles(in, OFX_RENDER_SCALE, 2, picture->scale) != OFX_OK)
        return false;
    for (int axis = 0; axis < 2; axis++)
        if (!(picture->scale[axis] >= MIN_SCALE && picture->scale[axis] <= MAX_SCALE))
            return false;
    return true;
}

/* Asks for a frame's matte. Its pixels come with the answer and fill the data window. */
static bool ask_matte(struct engine *engine, const struct limit *wait, const struct shot *shot,
                      int frame, const struct window *window, struct message *answer,
                      struct trouble *trouble)
{
    struct text request = {0};
    int64_t width = 0, height = 0;
    text_add(&request, "\"do\":\"matte\",\"frame\":");
    text_add_integer(&request, frame);
    text_add(&request, ",\"element\":");
    text_add_quoted(&request, shot->element);
    text_add(&request, ",");
    shot_write(shot, &request);
    bool good = engine_ask(engine, wait, &request, NULL, 0, answer, trouble);
    text_free(&request);
    if (!good)
        return false;
    const struct json *json = &answer->json;
    size_t bytes = (size_t)window->width * (size_t)window->height * sizeof(float);
    if (json_integer(json, json_member(json, 0, "width"), window->width, window->width, &width) &&
        json_integer(json, json_member(json, 0, "height"), window->height, window->height,
                     &height) &&
        json_length(json, json_member(json, 0, "elements")) == 1 && answer->pixels.bytes == bytes)
        return true;
    return fail(trouble, "The engine's matte is not as large as the plate: install the engine "
                "and the plug-in from the same rde-roto.");
}

/* Asks for the matte, pushing the frames the engine lacks until it has it. Where the host renders
   proxies, it can push nothing else: then the plate becomes one of proxies. */
static bool ask_pushing_frames(const struct picture *picture, struct engine *engine,
                               const struct limit *wait, struct shot *shot,
                               const struct window *window, struct message *answer,
                               struct trouble *trouble)
{
    for (int round = 0; round < MAX_PUSH_ROUNDS; round++) {
        if (ask_matte(engine, wait, shot, picture->frame, window, answer, trouble))
            return true;
        if (trouble->kind != TROUBLE_MISSING_FRAMES)
            return false;
        if (source_is_at(shot, picture->scale)) {
            if (!source_push(picture->effect, engine, wait, shot, answer, trouble))
                return false;
        } else {
            source_use_scale(picture->effect, shot, picture->scale);
        }
        message_free(answer);
    }
    return fail(trouble, "The engine drops the frames of Source: give it more room with "
                "RDE_ROTO_CACHE_GB.");
}

static bool ask_once(const struct picture *picture, const struct limit *wait, struct shot *shot,
                     struct window *window, struct message *answer, struct trouble *trouble)
{
    struct engine engine;
    struct opened opened;
    memset(answer, 0, sizeof *answer);
    answer->pixels.descriptor = -1;
    if (!engine_connect(&engine, wait, true, trouble))
        return false;
    bool good = ask_open(&engine, wait, shot, &opened, trouble) &&
                (picture->output != OUTPUT_MATTE ||
                 plate_size_is(picture->effect, shot, opened.display, trouble)) &&
                ask_pushing_frames(picture, &engine, wait, shot, &opened.window, answer, trouble);
    *window = opened.window;
    free(opened.range);
    engine_close(&engine); /* cancels the matte if it is still in the making */
    return good;
}

/* If the engine dies while asked, it is started again, once. */
static bool ask(const struct picture *picture, const struct limit *wait, struct shot *shot,
                struct window *window, struct message *answer, struct trouble *trouble)
{
    if (ask_once(picture, wait, shot, window, answer, trouble))
        return true;
    if (trouble->kind != TROUBLE_DISCONNECTED)
        return false;
    message_free(answer);
    return ask_once(picture, wait, shot, window, answer, trouble);
}

/* `rows` has room for nine floats a pixel: matte, Source and target. */
static bool paint_rows(const struct picture *picture, const struct matte *matte,
                       const struct image *source, const struct image *target, float *rows,
                       struct trouble *trouble)
{
    int x1 = picture->window[0], x2 = picture->window[2], count = x2 - x1;
    float *alphas = rows, *from = rows + count, *row = rows + 5 * (size_t)count;
    for (int y = picture->window[1]; y < picture->window[3]; y++) {
        if (y % ABORT_CHECK_ROWS == 0 && has_aborted(picture->effect))
            return trouble_set(trouble, TROUBLE_ABORTED, "", NULL, NULL);
        if (!matte_row(matte, y, x1, x2, alphas))
            return fail(trouble, "The engine's matte was cut short: render again.");
        if (picture->output != OUTPUT_MATTE)
            image_read(source, y, x1, x2, from);
        compose_row(picture->output, source, from, alphas, count, target, row);
        image_write(target, y, x1, x2, row);
    }
    return true;
}

static bool paint(const struct picture *picture, const struct pixels *pixels,
                  const struct window *window, const struct image *source,
                  const struct image *target, struct trouble *trouble)
{
    int count = picture->window[2] - picture->window[0];
    struct matte matte = {pixels, *window, picture->scale[0], picture->scale[1], NULL, NULL};
    float *rows = calloc((size_t)count * 9, sizeof *rows);
    bool good = rows != NULL && matte_begin(&matte, count);
    if (!good)
        fail(trouble, "There is not enough memory.");
    else
        good = paint_rows(picture, &matte, source, target, rows, trouble);
    matte_end(&matte);
    free(rows);
    return good;
}

/* Limits the render window to the host's image. */
static void clip_window(int window[4], const struct image *target)
{
    window[0] = window[0] > target->x1 ? window[0] : target->x1;
    window[1] = window[1] > target->y1 ? window[1] : target->y1;
    window[2] = window[2] < target->x2 ? window[2] : target->x2;
    window[3] = window[3] < target->y2 ? window[3] : target->y2;
}

static bool paint_target(struct picture *picture, const struct pixels *pixels,
                         const struct window *window, const struct image *source,
                         struct trouble *trouble)
{
    struct image target;
    if (!fetch_image(picture->effect, OUTPUT_CLIP, picture->time, NULL, &target))
        return fail(trouble, "The host gives no image to draw in.");
    clip_window(picture->window, &target);
    bool good = picture->window[0] >= picture->window[2] ||
                paint(picture, pixels, window, source, &target, trouble);
    release_image(&target);
    return good;
}

/* Source where the window is. */
static bool fetch_source(const struct picture *picture, struct image *source,
                         struct trouble *trouble)
{
    double aspect = 1;
    if (!clip_aspect(picture->effect, SOURCE_CLIP, &aspect, trouble))
        return false;
    double across = aspect / picture->scale[0], upwards = 1 / picture->scale[1];
    const int *window = picture->window;
    struct wanted wanted = {SOURCE_CLIP, picture->time, {picture->scale[0], picture->scale[1]},
                            {window[0] * across, window[1] * upwards, window[2] * across,
                             window[3] * upwards}};
    trouble->kind = TROUBLE_NONE;
    if (fetch_region(picture->effect, &wanted, source, trouble))
        return true;
    return trouble->kind == TROUBLE_NONE
               ? fail(trouble, "Source gives no image: connect it, or choose the matte as output.")
               : false;
}

static bool paint_images(struct picture *picture, const struct pixels *pixels,
                         const struct window *window, struct trouble *trouble)
{
    struct image source;
    image_empty(&source);
    if (picture->output != OUTPUT_MATTE && !fetch_source(picture, &source, trouble))
        return false;
    bool good = paint_target(picture, pixels, window, &source, trouble);
    release_image(&source);
    return good;
}

static bool render_picture(struct picture *picture, struct shot *shot,
                           struct trouble *trouble)
{
    struct limit wait = {0, has_aborted, picture->effect};
    struct message answer;
    struct window window;
    if (shot->keyframes.count == 0)
        return fail(trouble, "There is no keyframe yet: go to a frame whose mask is painted and "
                    "press Set keyframe.");
    if (!frame_at(picture->effect, picture->time, &picture->frame))
        return fail(trouble, "The host's time is no frame.");
    source_check(picture->effect, shot, picture->frame, picture->scale);
    bool good = ask(picture, &wait, shot, &window, &answer, trouble) &&
                paint_images(picture, &answer.pixels, &window, trouble);
    message_free(&answer);
    return good;
}

/* Takes back what an earlier render has shown, or says that this matte is no final one. */
static void show_success(const struct picture *picture, const struct shot *shot)
{
    static const double full_size[2] = {1, 1};
    char sentence[TROUBLE_BYTES];
    if (source_is_at(shot, full_size)) {
        show_at_node(picture->effect, "");
        return;
    }
    snprintf(sentence, sizeof sentence, "Source is tracked from the viewer's proxies (%.0f %%), "
             "which is coarser: at 100 %% it is tracked at full size.",
             100 * shot->pushed.scale[0]);
    warn_at_node(picture->effect, sentence);
}

ofx_status render(ofx_effect effect, ofx_properties in)
{
    struct picture picture;
    struct shot shot;
    struct trouble trouble = {TROUBLE_NONE, ""};
    if (!read_arguments(effect, in, &picture))
        return OFX_FAILED;
    bool good = shot_of(effect, &shot, &trouble);
    if (good) {
        good = render_picture(&picture, &shot, &trouble);
        if (good)
            show_success(&picture, &shot);
        shot_free(&shot);
    }
    /* a host that has aborted gives no images either, which is no trouble */
    if (!good && (trouble.kind == TROUBLE_ABORTED || has_aborted(effect)))
        return OFX_OK; /* the host discards the image */
    if (!good)
        show_at_node(effect, trouble.sentence);
    return good ? OFX_OK : OFX_FAILED;
}
