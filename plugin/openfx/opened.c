#include "base.h"

#include "opened.h"

static bool read_sides(const struct json *json, const char *name, int64_t sides[4])
{
    int array = json_member(json, 0, name);
    if (json_length(json, array) != 4)
        return false;
    for (int side = 0; side < 4; side++)
        if (!json_integer(json, json_element(json, array, side), INT32_MIN, INT32_MAX,
                          sides + side))
            return false;
    return true;
}

static bool read_opened(const struct json *json, struct opened *opened)
{
    int64_t data[4];
    return read_sides(json, "data", data) && read_sides(json, "display", opened->display) &&
           window_of(data, opened->display, &opened->window) &&
           (opened->range = json_string(json, json_member(json, 0, "range"))) != NULL;
}

/* Asks, and frees the request. */
static bool ask(struct engine *engine, const struct limit *wait, struct text *request,
                struct opened *opened, struct trouble *trouble)
{
    struct message answer;
    memset(opened, 0, sizeof *opened);
    bool good = engine_ask(engine, wait, request, NULL, 0, &answer, trouble);
    if (good && !read_opened(&answer.json, opened))
        good = fail(trouble, "The engine does not say how large the plate is: install the engine "
                    "and the plug-in from the same rde-roto.");
    message_free(&answer);
    text_free(request);
    return good;
}

/* Ends with the shot; `more` is in between. */
static struct text request_to_open(const struct shot *shot, const char *more)
{
    struct text request = {0};
    text_add(&request, "\"do\":\"open\",");
    text_add(&request, more);
    shot_write(shot, &request);
    return request;
}

bool ask_open(struct engine *engine, const struct limit *wait, const struct shot *shot,
              struct opened *opened, struct trouble *trouble)
{
    struct text request = request_to_open(shot, "");
    return ask(engine, wait, &request, opened, trouble);
}

bool ask_reopen(struct engine *engine, const struct limit *wait, const struct shot *shot,
                struct opened *opened, struct trouble *trouble)
{
    struct text request = request_to_open(shot, "\"fresh\":true,");
    return ask(engine, wait, &request, opened, trouble);
}
