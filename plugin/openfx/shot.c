#include "base.h"

#include "json.h"
#include "shot.h"
#include "system.h"

#define MAX_FRAME_NUMBER 100000000

static bool read_one(struct keyframes *keyframes, const struct json *json, int node)
{
    int64_t frame = 0;
    int number = json_element(json, node, 0);
    if (json_length(json, node) != 2 ||
        !json_integer(json, number, -MAX_FRAME_NUMBER, MAX_FRAME_NUMBER, &frame))
        return false;
    char *mask = json_string(json, json_element(json, node, 1));
    bool good = mask != NULL && keyframes_set(keyframes, (int)frame, mask);
    free(mask);
    return good;
}

bool keyframes_read(struct keyframes *keyframes, const char *text)
{
    struct json json;
    memset(keyframes, 0, sizeof *keyframes);
    if (*text == 0)
        return true;
    if (!json_parse(&json, text, strlen(text)))
        return false;
    bool good = json_is(&json, 0, JSON_ARRAY) && json_length(&json, 0) <= MAX_KEYFRAMES;
    for (int node = 1; good && node < json.nodes[0].next; node = json.nodes[node].next)
        good = read_one(keyframes, &json, node);
    json_free(&json);
    if (!good)
        keyframes_free(keyframes);
    return good;
}

/* The index of a frame, or where it would be inserted. */
static size_t place_of(const struct keyframes *keyframes, int frame)
{
    size_t place = 0;
    while (place < keyframes->count && keyframes->list[place].frame < frame)
        place++;
    return place;
}

static bool has(const struct keyframes *keyframes, size_t place, int frame)
{
    return place < keyframes->count && keyframes->list[place].frame == frame;
}

bool keyframes_full(const struct keyframes *keyframes, int frame)
{
    return keyframes->count >= MAX_KEYFRAMES && !has(keyframes, place_of(keyframes, frame), frame);
}

bool keyframes_set(struct keyframes *keyframes, int frame, const char *mask)
{
    size_t place = place_of(keyframes, frame), behind = keyframes->count - place;
    char *copy = text_copy(mask, strlen(mask));
    if (copy == NULL)
        return false;
    if (has(keyframes, place, frame)) {
        free(keyframes->list[place].mask);
    } else {
        size_t bytes = (keyframes->count + 1) * sizeof *keyframes->list;
        struct keyframe *list = realloc(keyframes->list, bytes);
        if (list == NULL) {
            free(copy);
            return false;
        }
        memmove(list + place + 1, list + place, behind * sizeof *list);
        keyframes->list = list;
        keyframes->count++;
    }
    keyframes->list[place].frame = frame;
    keyframes->list[place].mask = copy;
    return true;
}

bool keyframes_remove(struct keyframes *keyframes, int frame)
{
    size_t place = place_of(keyframes, frame);
    if (!has(keyframes, place, frame))
        return false;
    struct keyframe *gone = keyframes->list + place;
    free(gone->mask);
    keyframes->count--;
    memmove(gone, gone + 1, (keyframes->count - place) * sizeof *gone);
    return true;
}

void keyframes_write(const struct keyframes *keyframes, struct text *text)
{
    text_add(text, "[");
    for (size_t index = 0; index < keyframes->count; index++) {
        text_add(text, index ? ",[" : "[");
        text_add_integer(text, keyframes->list[index].frame);
        text_add(text, ",");
        text_add_quoted(text, keyframes->list[index].mask);
        text_add(text, "]");
    }
    text_add(text, "]");
}

void keyframes_free(struct keyframes *keyframes)
{
    for (size_t index = 0; index < keyframes->count; index++)
        free(keyframes->list[index].mask);
    free(keyframes->list);
    memset(keyframes, 0, sizeof *keyframes);
}

void shot_free(struct shot *shot)
{
    free(shot->plate);
    free(shot->color_space);
    free(shot->preset);
    free(shot->model);
    free(shot->element);
    free(shot->learned);
    keyframes_free(&shot->keyframes);
    memset(shot, 0, sizeof *shot);
}

static bool all_utf8(const struct shot *shot)
{
    return is_utf8(shot->plate, strlen(shot->plate)) &&
           is_utf8(shot->color_space, strlen(shot->color_space)) &&
           is_utf8(shot->preset, strlen(shot->preset)) &&
           is_utf8(shot->model, strlen(shot->model)) &&
           is_utf8(shot->element, strlen(shot->element)) &&
           is_utf8(shot->learned, strlen(shot->learned));
}

bool shot_check(const struct shot *shot, struct trouble *trouble)
{
    bool has_files = *shot->pushed.id == 0;
    if (has_files && *shot->plate == 0)
        return fail(trouble, "There is no plate yet: choose its files, such as "
                    "/shots/010/hero.####.exr.");
    if (!all_utf8(shot))
        return fail(trouble, "The plate's path and the names must be UTF-8.");
    if (has_files && !is_absolute(shot->plate))
        return trouble_set(trouble, TROUBLE_FAILED, "The plate's path must be absolute, not ",
                           shot->plate, ".");
    if (*shot->element == 0)
        return fail(trouble, "The element has no name: type one, such as hero.");
    return true;
}

static void write_keyframes(const struct shot *shot, struct text *text)
{
    text_add(text, ",\"keyframes\":[");
    for (size_t index = 0; index < shot->keyframes.count; index++) {
        text_add(text, index ? ",{\"frame\":" : "{\"frame\":");
        text_add_integer(text, shot->keyframes.list[index].frame);
        text_add(text, ",\"mask\":");
        text_add_quoted(text, shot->keyframes.list[index].mask);
        text_add(text, ",\"mask_as\":\"matte\"}");
    }
    text_add(text, "]");
}

static void write_pushed(const struct pushed *pushed, struct text *text)
{
    text_add(text, "\"pushed\":{\"name\":\"Source\",\"id\":");
    text_add_quoted(text, pushed->id);
    text_add(text, ",\"range\":\"");
    text_add_integer(text, pushed->first);
    text_add(text, "-");
    text_add_integer(text, pushed->last);
    text_add(text, "\",\"data\":[0,0,");
    text_add_integer(text, pushed->width);
    text_add(text, ",");
    text_add_integer(text, pushed->height);
    text_add(text, "],\"pixel_aspect\":");
    text_add_decimal(text, pushed->aspect);
    text_add(text, "}");
}

static void write_plate(const struct shot *shot, struct text *text)
{
    text_add(text, ",\"plate\":{");
    if (*shot->pushed.id) {
        write_pushed(&shot->pushed, text);
    } else {
        text_add(text, "\"path\":");
        text_add_quoted(text, shot->plate);
    }
    if (*shot->color_space) {
        text_add(text, ",\"color_space\":");
        text_add_quoted(text, shot->color_space);
    }
    text_add(text, "}");
}

void shot_write(const struct shot *shot, struct text *text)
{
    text_add(text, "\"shot\":{\"schema\":\"rde-roto.shot/1\"");
    write_plate(shot, text);
    text_add(text, ",\"elements\":[{\"id\":");
    text_add_quoted(text, shot->element);
    text_add(text, "}]");
    write_keyframes(shot, text);
    if (*shot->preset) {
        text_add(text, ",\"preset\":");
        text_add_quoted(text, shot->preset);
    }
    if (*shot->model) {
        text_add(text, ",\"model\":");
        text_add_quoted(text, shot->model);
    }
    if (*shot->learned) {
        text_add(text, ",\"learned\":");
        text_add_quoted(text, shot->learned);
    }
    text_add(text, "}");
}
