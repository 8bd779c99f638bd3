#include "base.h"

#include <stdio.h>

#include "host.h"
#include "json.h"
#include "matte.h"
#include "plate_size.h"
#include "text.h"

static bool is_size(const int64_t size[2], const int64_t display[4])
{
    return size[0] == display[2] && size[1] == display[3];
}

/* As ["/shots/010/hero.####.exr",1920,1080]: with other files it does not count. */
void plate_size_keep(ofx_effect effect, const struct shot *shot, const int64_t display[4])
{
    struct text text = {0};
    int64_t size[2];
    if (*shot->pushed.id || (plate_size_kept(effect, shot, size) && is_size(size, display)))
        return; /* a parameter that is set makes the host render again */
    text_add(&text, "[");
    text_add_quoted(&text, shot->plate);
    for (int side = 2; side < 4; side++) {
        text_add(&text, ",");
        text_add_integer(&text, display[side]);
    }
    text_add(&text, "]");
    if (!text.failed)
        param_set_text(effect, SIZE_PARAM, text.chars);
    text_free(&text);
}

static bool read_size(const struct json *json, const char *plate, int64_t size[2])
{
    char *path = json_string(json, json_element(json, 0, 0));
    bool good = path != NULL && strcmp(path, plate) == 0 && json_length(json, 0) == 3;
    for (int side = 0; good && side < 2; side++)
        good = json_integer(json, json_element(json, 0, 1 + side), 1, MAX_SIDE_PX, size + side);
    free(path);
    return good;
}

bool plate_size_kept(ofx_effect effect, const struct shot *shot, int64_t size[2])
{
    struct json json;
    char *text = param_text(effect, SIZE_PARAM);
    bool parsed = text != NULL && json_parse(&json, text, strlen(text));
    bool good = parsed && read_size(&json, shot->plate, size);
    if (parsed)
        json_free(&json);
    free(text);
    return good;
}

bool plate_size_is(ofx_effect effect, const struct shot *shot, const int64_t display[4],
                   struct trouble *trouble)
{
    char sentence[TROUBLE_BYTES];
    int64_t size[2];
    if (*shot->pushed.id || !plate_size_kept(effect, shot, size) || is_size(size, display))
        return true;
    snprintf(sentence, sizeof sentence, "The plate is %lldx%lld now, and was %lldx%lld when its "
             "size was last looked for: press Propagate, which looks for it again.",
             (long long)display[2], (long long)display[3], (long long)size[0],
             (long long)size[1]);
    return fail(trouble, sentence);
}
