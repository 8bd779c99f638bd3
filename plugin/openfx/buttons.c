/* What happens when the artist presses a button. Nothing here waits more than MAX_WAIT_MS. */

#include "base.h"

#include <stdio.h>

#include "actions.h"
#include "engine.h"
#include "host.h"
#include "keyframe.h"
#include "opened.h"
#include "plate_size.h"
#include "shot_params.h"
#include "source.h"

#define MAX_WAIT_MS 3000
#define STATUS_BYTES 256

struct limit short_wait(void)
{
    struct limit wait = {now_ms() + MAX_WAIT_MS, NULL, NULL};
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

/* The shot has changed: the running job is no longer wanted. */
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

static bool set_keyframe(ofx_effect effect, double time, struct trouble *trouble)
{
    struct limit wait = short_wait();
    struct shot shot;
    int frame = 0;
    if (!shot_of(effect, &shot, trouble))
        return false;
    bool good = frame_at(effect, time, &frame)
                    ? keep_mask(effect, time, &wait, &shot, frame, trouble)
                    : fail(trouble, "The host's time is no frame.");
    if (good && !store_keyframes(effect, &shot.keyframes))
        good = fail(trouble, "There is not enough memory.");
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

/* The status line of a job that propagates. */
static void propagate_status(const struct json *json, const char *state, char *status)
{
    int64_t done = 0, total = 0;
    json_integer(json, json_member(json, 0, "done"), 0, INT32_MAX, &done);
    json_integer(json, json_member(json, 0, "total"), 0, INT32_MAX, &total);
    snprintf(status, STATUS_BYTES, "%.16s: %lld of %lld frames", state != NULL ? state : "?",
             (long long)done, (long long)total);
}

/* The status line of a job that learns. Stores the result in its parameter. */
static void learn_status(ofx_effect effect, const struct json *json, char *status)
{
    char *sentence = json_string(json, json_member(json, 0, "sentence"));
    char *learned = json_string(json, json_member(json, 0, "learned"));
    snprintf(status, STATUS_BYTES, "%.200s", sentence != NULL ? sentence : "learning");
    if (learned != NULL)
        param_set_text(effect, LEARNED_PARAM, learned);
    free(sentence);
    free(learned);
}

/* Shows the job's progress. False if the engine does not know it, so a new one has to start. */
static bool show_progress(ofx_effect effect, struct engine *engine, const struct limit *wait,
                          struct instance *instance, struct trouble *trouble)
{
    struct text request = {0};
    struct message answer;
    char status[STATUS_BYTES];
    write_job(&request, "progress", instance->job);
    bool known = engine_ask(engine, wait, &request, NULL, 0, &answer, trouble);
    if (known) {
        const struct json *json = &answer.json;
        char *state = json_string(json, json_member(json, 0, "state"));
        bool failed = state != NULL && strcmp(state, "failed") == 0;
        if (instance->learns)
            learn_status(effect, json, status);
        else
            propagate_status(json, state, status);
        if (failed) {
            fail_with_error(json, json_member(json, 0, "error"), trouble);
            show_error(effect, trouble->sentence);
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

/* Starts a job that learns, or that propagates over all frames of the shot. */
static bool begin_job(ofx_effect effect, struct engine *engine, const struct limit *wait,
                      const struct shot *shot, bool learns, struct trouble *trouble)
{
    struct text request = {0}, status = {0};
    struct message answer;
    struct opened opened;
    struct instance *instance = instance_of(effect);
    bool good = ask_reopen(engine, wait, shot, &opened, trouble); /* files may have been added */
    if (good) {
        if (learns) {
            text_add(&request, "\"do\":\"learn\",");
            text_add(&status, "learning");
        } else {
            text_add(&request, "\"do\":\"prefetch\",\"frames\":");
            text_add_quoted(&request, opened.range);
            text_add(&request, ",");
            text_add(&status, "propagating ");
            text_add(&status, opened.range);
        }
        plate_size_keep(effect, shot, opened.display);
        shot_write(shot, &request);
        good = engine_ask(engine, wait, &request, NULL, 0, &answer, trouble);
        forget_job(instance);
        if (good && instance != NULL) {
            instance->job = json_string(&answer.json, json_member(&answer.json, 0, "job"));
            instance->learns = learns;
        }
        text_add(&status, ": press again for progress");
        if (good && !status.failed)
            set_status(effect, status.chars);
        message_free(&answer);
    }
    free(opened.range);
    text_free(&request);
    text_free(&status);
    return good;
}

/* Starts to propagate or to learn; if such a job runs already, shows its progress. */
static bool start_or_show_job(ofx_effect effect, bool learns, struct trouble *trouble)
{
    struct limit wait = short_wait();
    struct instance *instance = instance_of(effect);
    struct engine engine;
    struct shot shot;
    if (!shot_of(effect, &shot, trouble))
        return false;
    bool good = true, begun = instance != NULL && instance->job && instance->learns == learns;
    if (*shot.pushed.id)
        good = fail(trouble, learns ? "Learn is for a plate with files: type them."
                                   : "Propagate is for a plate with files: type them, or have the "
                                     "host render this node.");
    else if (shot.keyframes.count == 0)
        good = fail(trouble, "There is no keyframe yet: press Set keyframe first.");
    else if (!engine_connect(&engine, &wait, false, trouble))
        good = false;
    else {
        if (!begun || !show_progress(effect, &engine, &wait, instance, trouble))
            good = begin_job(effect, &engine, &wait, &shot, learns, trouble);
        engine_close(&engine);
    }
    shot_free(&shot);
    return good;
}

static bool forget_learned(ofx_effect effect)
{
    param_set_text(effect, LEARNED_PARAM, "");
    set_status(effect, "back to the base model");
    return true;
}

static void press(ofx_effect effect, const char *button, double time)
{
    struct trouble trouble = {TROUBLE_NONE, ""};
    bool good = true;
    if (strcmp(button, SET_BUTTON) == 0)
        good = set_keyframe(effect, time, &trouble);
    else if (strcmp(button, REMOVE_BUTTON) == 0)
        good = remove_keyframe(effect, time, &trouble);
    else if (strcmp(button, FORGET_BUTTON) == 0)
        good = forget_learned(effect);
    else
        good = start_or_show_job(effect, strcmp(button, LEARN_BUTTON) == 0, &trouble);
    if (!good) {
        set_status(effect, trouble.sentence);
        show_error(effect, trouble.sentence);
    }
}

/* Whether the button starts a job in the engine. */
static bool starts_job(const char *name)
{
    return strcmp(name, PROPAGATE_BUTTON) == 0 || strcmp(name, LEARN_BUTTON) == 0;
}

static bool is_button(const char *name)
{
    return strcmp(name, SET_BUTTON) == 0 || strcmp(name, REMOVE_BUTTON) == 0 ||
           strcmp(name, FORGET_BUTTON) == 0 || starts_job(name);
}

ofx_status instance_changed(ofx_effect effect, ofx_properties in)
{
    const char *name = get_string(in, OFX_NAME);
    double time = 0;
    if (name != NULL && get_string_is(in, OFX_TYPE, OFX_TYPE_CLIP) &&
        strcmp(name, SOURCE_CLIP) == 0 && !get_string_is(in, OFX_CHANGE_REASON, OFX_CHANGE_TIME)) {
        source_changed(effect);
        return OFX_OK;
    }
    if (name == NULL || !get_string_is(in, OFX_TYPE, OFX_TYPE_PARAMETER))
        return OFX_REPLY_DEFAULT;
    host.properties->get_double(in, OFX_TIME, 0, &time);
    if (is_button(name)) {
        if (get_string_is(in, OFX_CHANGE_REASON, OFX_USER_EDITED))
            press(effect, name, time);
        if (!starts_job(name))
            forget_job(instance_of(effect));
        return OFX_OK;
    }
    if (strcmp(name, STATUS_PARAM) == 0 || strcmp(name, OUTPUT_PARAM) == 0 ||
        strcmp(name, SIZE_PARAM) == 0)
        return OFX_REPLY_DEFAULT;
    forget_job(instance_of(effect));
    if (strcmp(name, KEYFRAMES_PARAM) == 0 && get_string_is(in, OFX_CHANGE_REASON, OFX_USER_EDITED))
        show_keyframes(effect); /* after undo or paste */
    return OFX_OK;
}
