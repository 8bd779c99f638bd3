#include "base.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json.h"
#include "endpoint.h"
#include "text.h"

#define MAX_FILE_BYTES 65536

static const char *setting(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && *value ? value : NULL;
}

static bool is_folder(const char *path)
{
    struct stat found;
    return stat(path, &found) == 0 && S_ISDIR(found.st_mode);
}

static const char *temporary_folder(void)
{
    static const char *const names[] = {"TMPDIR", "TEMP", "TMP"};
    for (size_t index = 0; index < sizeof names / sizeof *names; index++) {
        const char *path = setting(names[index]);
        if (path != NULL && is_folder(path))
            return path;
    }
    return "/tmp";
}

static void add_run_folder(struct text *path)
{
    const char *run = setting("RDE_ROTO_RUN"), *runtime = setting("XDG_RUNTIME_DIR");
    if (run != NULL) {
        text_add(path, run);
    } else if (runtime != NULL && is_folder(runtime)) {
        text_add(path, runtime);
        text_add(path, "/rde-roto");
    } else {
        text_add(path, temporary_folder());
        text_add(path, "/rde-roto-");
        text_add_integer(path, (long long)getuid());
    }
}

/* A folder that others can write to could lead to somebody else's engine. */
static bool is_own_folder(const char *path)
{
    struct stat found;
    return lstat(path, &found) == 0 && S_ISDIR(found.st_mode) && found.st_uid == getuid() &&
           (found.st_mode & 077) == 0;
}

/* A small file's bytes, which the caller frees; NULL if it is missing or too large. */
static char *read_file(const char *path, size_t *length)
{
    char *bytes = malloc(MAX_FILE_BYTES + 1);
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t came = 1;
    *length = 0;
    while (bytes != NULL && file >= 0 && came > 0 && *length <= MAX_FILE_BYTES) {
        came = read(file, bytes + *length, MAX_FILE_BYTES + 1 - *length);
        *length += came > 0 ? (size_t)came : 0;
    }
    if (file >= 0)
        close(file);
    if (file >= 0 && came == 0)
        return bytes;
    free(bytes);
    return NULL;
}

bool read_json_file(const char *path, char **source, struct json *json)
{
    size_t length = 0;
    *source = read_file(path, &length);
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
    struct stat there;
    if (!path.failed && lstat(path.chars, &there) == 0) {
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
