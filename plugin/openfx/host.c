#include "base.h"

#include <math.h>

#include "host.h"
#include "text.h"

#define MAX_FRAME_NUMBER 1e8

struct host host;

bool host_load(const ofx_host *given)
{
    if (given == NULL || !system_start())
        return false;
    host.given = given;
    host.properties = given->fetch_suite(given->properties, OFX_PROPERTY_SUITE, 1);
    host.effects = given->fetch_suite(given->properties, OFX_EFFECT_SUITE, 1);
    host.params = given->fetch_suite(given->properties, OFX_PARAMETER_SUITE, 1);
    host.messages = given->fetch_suite(given->properties, OFX_MESSAGE_SUITE, 2);
    host.persistent_messages = host.messages != NULL;
    if (host.messages == NULL)
        host.messages = given->fetch_suite(given->properties, OFX_MESSAGE_SUITE, 1);
    return host.properties != NULL && host.effects != NULL && host.params != NULL;
}

bool host_is_temporal(void)
{
    return get_int(host.given->properties, OFX_TEMPORAL_ACCESS) != 0;
}

bool host_is_background(void)
{
    return get_int(host.given->properties, OFX_IS_BACKGROUND) != 0;
}

const char *get_string(ofx_properties set, const char *name)
{
    char *value = NULL;
    return host.properties->get_string(set, name, 0, &value) == OFX_OK ? value : NULL;
}

bool get_string_is(ofx_properties set, const char *name, const char *value)
{
    const char *found = get_string(set, name);
    return found != NULL && strcmp(found, value) == 0;
}

int get_int(ofx_properties set, const char *name)
{
    int value = 0;
    return host.properties->get_int(set, name, 0, &value) == OFX_OK ? value : 0;
}

static ofx_param param_of(ofx_effect effect, const char *name)
{
    ofx_params params = NULL;
    ofx_param param = NULL;
    if (host.effects->get_params(effect, &params) != OFX_OK ||
        host.params->get(params, name, &param, NULL) != OFX_OK)
        return NULL;
    return param;
}

char *param_text(ofx_effect effect, const char *name)
{
    ofx_param param = param_of(effect, name);
    char *value = NULL;
    if (param == NULL || host.params->value(param, &value) != OFX_OK || value == NULL)
        value = "";
    return text_copy(value, strlen(value)); /* the host may free its own at the next call */
}

int param_number(ofx_effect effect, const char *name)
{
    ofx_param param = param_of(effect, name);
    int value = 0;
    return param != NULL && host.params->value(param, &value) == OFX_OK ? value : 0;
}

void param_set_text(ofx_effect effect, const char *name, const char *value)
{
    ofx_param param = param_of(effect, name);
    if (param != NULL)
        host.params->set_value(param, value);
}

bool frame_at(ofx_effect effect, double time, int *frame)
{
    double found = floor(time + 0.5) + param_number(effect, OFFSET_PARAM);
    if (!(fabs(found) <= MAX_FRAME_NUMBER))
        return false;
    *frame = (int)found;
    return true;
}

static bool read_depth(ofx_properties handle, struct image *image)
{
    static const char *const names[] = {OFX_BYTE, OFX_SHORT, OFX_HALF, OFX_FLOAT};
    for (int depth = DEPTH_BYTE; depth <= DEPTH_FLOAT; depth++) {
        image->depth = (enum depth)depth;
        if (get_string_is(handle, OFX_DEPTH, names[depth]))
            return true;
    }
    return false;
}

static bool read_image(ofx_properties handle, struct image *image)
{
    int bounds[4];
    void *data = NULL;
    image->handle = handle;
    if (host.properties->get_pointer(handle, OFX_DATA, 0, &data) != OFX_OK || data == NULL ||
        host.properties->get_ints(handle, OFX_BOUNDS, 4, bounds) != OFX_OK)
        return false;
    host.properties->get_doubles(handle, OFX_RENDER_SCALE, 2, image->scale);
    image->data = data;
    image->x1 = bounds[0];
    image->y1 = bounds[1];
    image->x2 = bounds[2];
    image->y2 = bounds[3];
    image->row_bytes = get_int(handle, OFX_ROW_BYTES);
    if (get_string_is(handle, OFX_PREMULTIPLICATION, OFX_OPAQUE))
        image->alpha = ALPHA_OPAQUE;
    if (get_string_is(handle, OFX_PREMULTIPLICATION, OFX_STRAIGHT))
        image->alpha = ALPHA_STRAIGHT;
    image->channels = get_string_is(handle, OFX_COMPONENTS, OFX_ALPHA) ? 1 : 4;
    return read_depth(handle, image) &&
           (image->channels == 1 || get_string_is(handle, OFX_COMPONENTS, OFX_RGBA));
}

bool fetch_image(ofx_effect effect, const char *name, double time, const ofx_rectangle *region,
                 struct image *image)
{
    ofx_clip clip = NULL;
    ofx_properties handle = NULL;
    image_empty(image);
    if (host.effects->clip_get(effect, name, &clip, NULL) != OFX_OK ||
        host.effects->clip_image(clip, time, region, &handle) != OFX_OK || handle == NULL)
        return false;
    if (read_image(handle, image))
        return true;
    release_image(image);
    return false;
}

void release_image(struct image *image)
{
    if (image->handle != NULL)
        host.effects->image_release(image->handle);
    image_empty(image);
}

bool is_connected(ofx_effect effect, const char *name)
{
    ofx_clip clip = NULL;
    ofx_properties set = NULL;
    return host.effects->clip_get(effect, name, &clip, &set) == OFX_OK && set != NULL &&
           get_int(set, OFX_CONNECTED) != 0;
}

bool has_mask_clip(ofx_effect effect)
{
    ofx_properties set = NULL;
    return host.effects->get_properties(effect, &set) == OFX_OK &&
           get_string_is(set, OFX_CONTEXT, OFX_GENERAL);
}

struct instance *instance_of(ofx_effect effect)
{
    ofx_properties set = NULL;
    void *found = NULL;
    if (host.effects->get_properties(effect, &set) != OFX_OK ||
        host.properties->get_pointer(set, OFX_INSTANCE_DATA, 0, &found) != OFX_OK)
        return NULL;
    return found;
}

/* A sentence as a format: hosts format it once more, and some (Natron 2.5) do so without the
   arguments, which leaves "%s" blank. */
static void write_format(char format[2 * TROUBLE_BYTES], const char *sentence)
{
    for (; *sentence; sentence++) {
        *format++ = *sentence;
        if (*sentence == '%')
            *format++ = '%';
    }
    *format = 0;
}

void show_error(ofx_effect effect, const char *sentence)
{
    char format[2 * TROUBLE_BYTES];
    write_format(format, sentence);
    if (host.messages != NULL)
        host.messages->message(effect, OFX_MESSAGE_ERROR, "", format);
}

/* Whether the sentence differs from the one before. */
static bool note_sentence(ofx_effect effect, const char *sentence)
{
    struct instance *instance = instance_of(effect);
    if (instance == NULL)
        return true;
    lock_take(&instance->lock);
    bool is_new = strcmp(instance->last_error, sentence) != 0;
    strcpy(instance->last_error, sentence);
    lock_give_back(&instance->lock);
    return is_new;
}

void show_at_node(ofx_effect effect, const char *sentence)
{
    char format[2 * TROUBLE_BYTES];
    bool is_new = note_sentence(effect, sentence);
    if (host.messages == NULL)
        return;
    write_format(format, sentence);
    if (*sentence && host.persistent_messages)
        host.messages->set_persistent(effect, OFX_MESSAGE_ERROR, "", format);
    else if (*sentence && is_new)
        show_error(effect, sentence);
    else if (host.persistent_messages && is_new)
        host.messages->clear_persistent(effect);
}

void warn_at_node(ofx_effect effect, const char *sentence)
{
    char format[2 * TROUBLE_BYTES];
    if (!note_sentence(effect, sentence) || !host.persistent_messages)
        return;
    write_format(format, sentence);
    host.messages->set_persistent(effect, OFX_MESSAGE_WARNING, "", format);
}

bool has_aborted(void *effect)
{
    return host.effects->abort(effect) != 0;
}
