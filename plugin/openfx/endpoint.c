#include "base.h"

#include "json.h"
#include "endpoint.h"
#include "system.h"
#include "text.h"

#define MAX_FILE_BYTES 65536

static void add_temporary_folder(struct text *path)
{
    static const char *const names[] = {"TMPDIR", "TEMP", "TMP"};
    for (size_t index = 0; index < sizeof names / sizeof *names; index++) {
        struct text folder = {0};
        bool good = add_setting(&folder, names[index]) && !folder.failed && is_folder(folder.chars);
        if (good)
            text_add(path, folder.chars);
        text_free(&folder);
        if (good)
            return;
    }
    text_add(path, default_temporary_folder());
}

static void add_run_folder(struct text *path)
{
    struct text runtime = {0};
    if (add_setting(path, "RDE_ROTO_RUN"))
        return;
    if (add_setting(&runtime, "XDG_RUNTIME_DIR") && !runtime.failed && is_folder(runtime.chars)) {
        text_add(path, runtime.chars);
        text_add(path, "/rde-roto");
    } else {
        add_temporary_folder(path);
        text_add(path, "/rde-roto-");
        add_user(path);
    }
    text_free(&runtime);
}

bool read_json_file(const char *path, char **source, struct json *json)
{
    size_t length = 0;
    *source = read_file(path, MAX_FILE_BYTES, &length);
    if (*source != NULL && json_parse(json, *source, length))
        return true;
    free(*source);
    *source = NULL;
    return false;
}

static int read_endpoint(const struct json *json, struct endpoint *endpoint,
                         struct trouble *trouble)
{
    int64_t port = 0, protocol = 0;
    int number = json_member(json, 0, "protocol");
    if (number >= 0 && (!json_integer(json, number, 0, INT32_MAX, &protocol) || protocol != 1)) {
        fail(trouble, "The running engine speaks another protocol: install the engine and the "
             "plug-in from the same rde-roto.");
        return -1;
    }
    endpoint->unix_path = json_string(json, json_member(json, 0, "unix"));
    endpoint->token = json_string(json, json_member(json, 0, "token"));
    if (json_integer(json, json_member(json, 0, "tcp"), 1, 65535, &port))
        endpoint->port = (int)port;
    return endpoint->unix_path != NULL || endpoint->port != 0;
}

int endpoint_read(struct endpoint *endpoint, struct trouble *trouble)
{
    struct text path = {0};
    struct json json;
    char *source = NULL;
    int found = 0;
    memset(endpoint, 0, sizeof *endpoint);
    add_run_folder(&path);
    if (!path.failed && path_exists(path.chars)) {
        if (!is_own_folder(path.chars)) {
            trouble_set(trouble, TROUBLE_FAILED, "The folder ", path.chars,
                        " can be used by others: make it private with chmod 700.");
            found = -1;
        } else {
            text_add(&path, "/engine-auto.json");
            if (!path.failed && read_json_file(path.chars, &source, &json)) {
                found = read_endpoint(&json, endpoint, trouble);
                json_free(&json);
                free(source);
            }
        }
    }
    text_free(&path);
    return found;
}

void endpoint_free(struct endpoint *endpoint)
{
    free(endpoint->unix_path);
    free(endpoint->token);
    memset(endpoint, 0, sizeof *endpoint);
}
