/* Starts the engine as a process of its own, which outlives the host. */

#include "base.h"

#include "endpoint.h"
#include "json.h"
#include "start.h"
#include "system.h"
#include "text.h"

#define MAX_ARGUMENTS 64
#define RESTART_DELAY_MS 30000 /* a second engine would only exit again */

static struct lock last_start = LOCK_INITIALIZER;
static int64_t last_start_ms;

/* Variables for the host's own Python and libraries would break the engine's. */
static bool keeps(const char *variable)
{
    static const char *const prefixes[] = {"PYTHON", "LD_", "DYLD_", "QT_"};
    for (size_t index = 0; index < sizeof prefixes / sizeof *prefixes; index++)
        if (strncmp(variable, prefixes[index], strlen(prefixes[index])) == 0)
            return false;
    return true;
}

static void add_launch_file(struct text *path)
{
    add_config_folder(path);
    text_add(path, "/rde-roto/engine.json");
}

/* Reads the command that starts the engine. */
static bool read_arguments(const char *path, char *arguments[MAX_ARGUMENTS + 1])
{
    struct json json;
    char *source = NULL;
    bool good = false;
    if (!read_json_file(path, &source, &json))
        return false;
    int command = json_member(&json, 0, "command"), count = json_length(&json, command);
    if (count >= 1 && count <= MAX_ARGUMENTS) {
        good = true;
        for (int index = 0; index < count; index++) {
            arguments[index] = json_string(&json, json_element(&json, command, index));
            good = good && arguments[index] != NULL;
        }
    }
    json_free(&json);
    free(source);
    return good;
}

static bool start_now(struct trouble *trouble)
{
    char *arguments[MAX_ARGUMENTS + 1] = {NULL};
    struct text path = {0};
    bool good = false;
    add_launch_file(&path);
    if (path.failed || !read_arguments(path.chars, arguments)) {
        trouble_set(trouble, TROUBLE_FAILED, "No engine runs, and ", path.failed ? "" : path.chars,
                    " does not say how to start one: run install.py of rde-roto.");
    } else {
        good = start_program(arguments, keeps);
        if (!good)
            trouble_set(trouble, TROUBLE_FAILED, "The engine cannot be started with ",
                        arguments[0], ": run install.py of rde-roto again.");
    }
    for (int index = 0; index < MAX_ARGUMENTS; index++)
        free(arguments[index]);
    text_free(&path);
    return good;
}

void engine_answered(void)
{
    lock_take(&last_start);
    last_start_ms = 0;
    lock_give_back(&last_start);
}

bool engine_start(struct trouble *trouble)
{
    bool good = true;
    lock_take(&last_start);
    if (last_start_ms == 0 || now_ms() - last_start_ms > RESTART_DELAY_MS) {
        good = start_now(trouble);
        last_start_ms = good ? now_ms() : 0;
    }
    lock_give_back(&last_start);
    return good;
}
