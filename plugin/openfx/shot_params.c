#include "base.h"

#include "host.h"
#include "shot_params.h"
#include "source.h"

bool keyframes_of(ofx_effect effect, struct keyframes *keyframes, struct trouble *trouble)
{
    char *text = param_text(effect, KEYFRAMES_PARAM);
    bool good = text != NULL && keyframes_read(keyframes, text);
    free(text);
    if (good)
        return true;
    return fail(trouble, "The list of keyframes is damaged: undo, or begin with a new node.");
}

bool shot_of(ofx_effect effect, struct shot *shot, struct trouble *trouble)
{
    memset(shot, 0, sizeof *shot);
    if (!keyframes_of(effect, &shot->keyframes, trouble))
        return false;
    shot->plate = param_text(effect, PLATE_PARAM);
    shot->color_space = param_text(effect, COLOR_PARAM);
    shot->preset = param_text(effect, PRESET_PARAM);
    shot->model = param_text(effect, MODEL_PARAM);
    shot->element = param_text(effect, ELEMENT_PARAM);
    shot->learned = param_text(effect, LEARNED_PARAM);
    if (!shot->plate || !shot->color_space || !shot->preset || !shot->model || !shot->element ||
        !shot->learned)
        fail(trouble, "There is not enough memory.");
    else if (source_describe(effect, shot, trouble) && shot_check(shot, trouble))
        return true;
    shot_free(shot);
    return false;
}
