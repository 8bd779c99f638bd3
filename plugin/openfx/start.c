/* Starts the engine as a process of its own, which outlives the host. */

#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "endpoint.h"
#include "json.h"
#include "start.h"
#include "text.h"
#include "wire.h"

#define MAX_ARGUMENTS 64
#define MAX_DESCRIPTORS 65536
#define RESTART_DELAY_MS 30000 /* a second engine would only exit again */

#ifdef __APPLE__
#include <crt_externs.h>
#define environ (*_NSGetEnviron()) /* a bundle cannot link the variable */
#else
extern char **environ;
#endif

/* Prepared before fork: after it only async-signal-safe functions may be called. */
struct launch {
    char *arguments[MAX_ARGUMENTS + 1];
    char **environment;
    int descriptors;
    int report; /* a pipe that carries errno if exec fails; exec closes it */
};

static pthread_mutex_t last_start = PTHREAD_MUTEX_INITIALIZER;
static int64_t last_start_ms;

/* Variables for the host's own Python and libraries would break the engine's. */
static bool belongs_to_host(const char *variable)
{
    static const char *const prefixes[] = {"PYTHON", "LD_", "DYLD_", "QT_"};
    for (size_t index = 0; index < sizeof prefixes / sizeof *prefixes; index++)
        if (strncmp(variable, prefixes[index], strlen(prefixes[index])) == 0)
            return true;
    return false;
}

static char **make_environment(void)
{
    size_t count = 0, kept = 0;
    while (environ[count] != NULL)
        count++;
    char **made = calloc(count + 1, sizeof *made);
    for (size_t index = 0; made != NULL && index < count; index++)
        if (!belongs_to_host(environ[index]))
            made[kept++] = environ[index];
    return made;
}

static void add_launch_file(struct text *path)
{
    const char *folder = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (folder != NULL && *folder) {
        text_add(path, folder);
    } else {
        text_add(path, home != NULL ? home : "");
        text_add(path, "/.config");
    }
    text_add(path, "/rde-roto/engine.json");
}

static bool read_arguments(const char *path, struct launch *launch)
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
            launch->arguments[index] = json_string(&json, json_element(&json, command, index));
            good = good && launch->arguments[index] != NULL;
        }
    }
    json_free(&json);
    free(source);
    return good;
}

static void launch_free(struct launch *launch)
{
    for (int index = 0; index < MAX_ARGUMENTS; index++)
        free(launch->arguments[index]);
    free(launch->environment);
}

static void report_errno(const struct launch *launch)
{
    int error = errno;
    ssize_t written = write(launch->report, &error, sizeof error);
    _exit(written == sizeof error ? 127 : 126);
}

static void become_engine(const struct launch *launch)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    int nothing = open("/dev/null", O_RDWR);
    for (int standard = 0; standard < 3; standard++)
        dup2(nothing, standard);
    for (int descriptor = 3; descriptor < launch->descriptors; descriptor++)
        if (descriptor != launch->report)
            close(descriptor);
    nothing = chdir("/"); /* no Python modules there, and no folder of the host is kept busy */
    execve(launch->arguments[0], launch->arguments, launch->environment);
    report_errno(launch);
}

/* The engine is a grandchild, so the host never has to wait for it. */
static int fork_engine(struct launch *launch)
{
    int ends[2], error = 0;
    if (pipe(ends) != 0)
        return errno;
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    launch->report = ends[1];
    pid_t child = fork();
    if (child == 0) {
        setsid();
        pid_t grandchild = fork();
        if (grandchild == 0)
            become_engine(launch);
        if (grandchild < 0)
            report_errno(launch);
        _exit(0);
    }
    if (child < 0)
        error = errno;
    close(ends[1]);
    if (child > 0) {
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
            continue;
        ssize_t came;
        do {
            came = read(ends[0], &error, sizeof error);
        } while (came < 0 && errno == EINTR);
        if (came != sizeof error)
            error = 0;
    }
    close(ends[0]);
    return error;
}

static bool start_now(struct trouble *trouble)
{
    struct launch launch;
    struct text path = {0};
    bool good = false;
    memset(&launch, 0, sizeof launch);
    add_launch_file(&path);
    if (path.failed || !read_arguments(path.chars, &launch)) {
        trouble_set(trouble, TROUBLE_FAILED, "No engine runs, and ", path.failed ? "" : path.chars,
                    " does not say how to start one: run install.py of rde-roto.");
    } else {
        long most = sysconf(_SC_OPEN_MAX);
        launch.descriptors = most > 0 && most < MAX_DESCRIPTORS ? (int)most : MAX_DESCRIPTORS;
        launch.environment = make_environment();
        int error = launch.environment != NULL ? fork_engine(&launch) : ENOMEM;
        good = error == 0;
        if (!good)
            trouble_set(trouble, TROUBLE_FAILED, "The engine cannot be started with ",
                        launch.arguments[0], ": run install.py of rde-roto again.");
    }
    launch_free(&launch);
    text_free(&path);
    return good;
}

void engine_answered(void)
{
    pthread_mutex_lock(&last_start);
    last_start_ms = 0;
    pthread_mutex_unlock(&last_start);
}

bool engine_start(struct trouble *trouble)
{
    bool good = true;
    pthread_mutex_lock(&last_start);
    if (last_start_ms == 0 || now_ms() - last_start_ms > RESTART_DELAY_MS) {
        good = start_now(trouble);
        last_start_ms = good ? now_ms() : 0;
    }
    pthread_mutex_unlock(&last_start);
    return good;
}
