#include "base.h"

#ifndef _WIN32

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "system.h"

#define MAX_PASSED 4 /* descriptors in a message, of which one is allowed */
#define MAX_DESCRIPTORS 65536

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* macOS: SO_NOSIGPIPE is set where a socket is made */
#endif

#ifdef __APPLE__
#include <crt_externs.h>
#define environ (*_NSGetEnviron()) /* a bundle cannot link the variable */
#else
extern char **environ;
#endif

bool system_start(void)
{
    return true;
}

int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t now_since_1970_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void sleep_ms(int ms)
{
    poll(NULL, 0, ms);
}

long process_id(void)
{
    return (long)getpid();
}

void add_user(struct text *text)
{
    text_add_integer(text, (long long)getuid());
}

void lock_init(struct lock *lock)
{
    pthread_mutex_init(&lock->mutex, NULL);
}

void lock_destroy(struct lock *lock)
{
    pthread_mutex_destroy(&lock->mutex);
}

void lock_take(struct lock *lock)
{
    pthread_mutex_lock(&lock->mutex);
}

void lock_give_back(struct lock *lock)
{
    pthread_mutex_unlock(&lock->mutex);
}

bool add_setting(struct text *text, const char *name)
{
    const char *value = getenv(name);
    if (value == NULL || *value == 0)
        return false;
    text_add(text, value);
    return true;
}

void add_config_folder(struct text *text)
{
    if (add_setting(text, "XDG_CONFIG_HOME"))
        return;
    add_setting(text, "HOME");
    text_add(text, "/.config");
}

const char *default_temporary_folder(void)
{
    return "/tmp";
}

bool is_absolute(const char *path)
{
    return *path == '/';
}

bool path_exists(const char *path)
{
    struct stat found;
    return lstat(path, &found) == 0;
}

bool is_folder(const char *path)
{
    struct stat found;
    return stat(path, &found) == 0 && S_ISDIR(found.st_mode);
}

bool is_own_folder(const char *path)
{
    struct stat found;
    return lstat(path, &found) == 0 && S_ISDIR(found.st_mode) && found.st_uid == getuid() &&
           (found.st_mode & 077) == 0;
}

char *read_file(const char *path, size_t most, size_t *length)
{
    char *bytes = malloc(most + 1);
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t came = 1;
    *length = 0;
    while (bytes != NULL && file >= 0 && came > 0 && *length <= most) {
        came = read(file, bytes + *length, most + 1 - *length);
        *length += came > 0 ? (size_t)came : 0;
    }
    if (file >= 0)
        close(file);
    if (file >= 0 && came == 0)
        return bytes;
    free(bytes);
    return NULL;
}

bool passed_holds(int descriptor, int64_t bytes)
{
    struct stat found;
    return descriptor >= 0 && fstat(descriptor, &found) == 0 && S_ISREG(found.st_mode) &&
           found.st_size >= bytes;
}

bool passed_read(int descriptor, int64_t offset, void *out, size_t bytes)
{
    unsigned char *place = out;
    while (bytes > 0) {
        ssize_t came = pread(descriptor, place, bytes, (off_t)offset);
        if (came < 0 && errno == EINTR)
            continue;
        if (came <= 0)
            return false;
        place += came;
        offset += came;
        bytes -= (size_t)came;
    }
    return true;
}

void passed_close(int descriptor)
{
    if (descriptor >= 0)
        close(descriptor);
}

static int open_socket(int family)
{
#ifdef SOCK_CLOEXEC
    int found = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
#else
    int found = socket(family, SOCK_STREAM, 0);
#endif
    if (found < 0)
        return -1;
    fcntl(found, F_SETFD, FD_CLOEXEC);
    fcntl(found, F_SETFL, fcntl(found, F_GETFL) | O_NONBLOCK);
#ifdef SO_NOSIGPIPE
    int on = 1;
    setsockopt(found, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
    return found;
}

static intptr_t begin_to_connect(int found, const struct sockaddr *address, socklen_t size)
{
    if (found < 0)
        return NO_SOCKET;
    if (connect(found, address, size) == 0 || errno == EINPROGRESS || errno == EINTR)
        return found;
    close(found);
    return NO_SOCKET;
}

intptr_t socket_to_unix(const char *path)
{
    struct sockaddr_un address;
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    if (strlen(path) >= sizeof address.sun_path)
        return NO_SOCKET;
    strcpy(address.sun_path, path);
    return begin_to_connect(open_socket(AF_UNIX), (const struct sockaddr *)&address,
                            sizeof address);
}

intptr_t socket_to_port(int port)
{
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return begin_to_connect(open_socket(AF_INET), (const struct sockaddr *)&address,
                            sizeof address);
}

bool socket_is_connected(intptr_t socket)
{
    int error = 0;
    socklen_t length = sizeof error;
    return getsockopt((int)socket, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0;
}

void socket_close(intptr_t socket)
{
    if (socket != NO_SOCKET)
        close((int)socket);
}

int socket_wait(intptr_t socket, bool to_send, int ms)
{
    struct pollfd what = {(int)socket, to_send ? POLLOUT : POLLIN, 0};
    int found = poll(&what, 1, ms);
    if (found < 0)
        return errno == EINTR ? 0 : -1;
    return found > 0;
}

static ptrdiff_t moved(ssize_t count)
{
    if (count > 0)
        return count;
    if (count < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    return -1;
}

ptrdiff_t socket_send(intptr_t socket, const void *bytes, size_t count)
{
    return moved(send((int)socket, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT));
}

ptrdiff_t socket_receive(intptr_t socket, void *bytes, size_t count)
{
    return moved(recv((int)socket, bytes, count, MSG_DONTWAIT));
}

/* Keeps the one descriptor of a message. More than one is an error, and all but the first are
   closed. */
static bool take_descriptors(struct msghdr *header, int *descriptor)
{
    bool good = !(header->msg_flags & MSG_CTRUNC);
    for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part; part = CMSG_NXTHDR(header, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t index = 0; index < count; index++) {
            int one;
            memcpy(&one, CMSG_DATA(part) + index * sizeof one, sizeof one);
            if (*descriptor >= 0) {
                close(one);
                good = false;
            } else {
                fcntl(one, F_SETFD, FD_CLOEXEC);
                *descriptor = one;
            }
        }
    }
    return good;
}

ptrdiff_t socket_receive_passed(intptr_t socket, void *bytes, size_t count, int *descriptor,
                                bool *good)
{
    union {
        struct cmsghdr aligned;
        char bytes[CMSG_SPACE(MAX_PASSED * sizeof(int))];
    } control;
    struct iovec place = {bytes, count};
    struct msghdr header;
    memset(&header, 0, sizeof header);
    header.msg_iov = &place;
    header.msg_iovlen = 1;
    header.msg_control = control.bytes;
    header.msg_controllen = sizeof control.bytes;
    ptrdiff_t came = moved(recvmsg((int)socket, &header, MSG_DONTWAIT));
    *good = came <= 0 || take_descriptors(&header, descriptor);
    return came;
}

/* Prepared before fork: after it only async-signal-safe functions may be called. */
struct launch {
    char *const *arguments;
    char **environment;
    int descriptors;
    int report; /* a pipe that carries errno if exec fails; exec closes it */
};

static char **make_environment(bool (*keeps)(const char *variable))
{
    size_t count = 0, kept = 0;
    while (environ[count] != NULL)
        count++;
    char **made = calloc(count + 1, sizeof *made);
    for (size_t index = 0; made != NULL && index < count; index++)
        if (keeps(environ[index]))
            made[kept++] = environ[index];
    return made;
}

static void report_errno(const struct launch *launch)
{
    int error = errno;
    ssize_t written = write(launch->report, &error, sizeof error);
    _exit(written == sizeof error ? 127 : 126);
}

static void become_program(const struct launch *launch)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGCHLD, SIG_DFL); /* ignored, it would hide how the engine's own processes ended */
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

/* The program is a grandchild, so the host never has to wait for it. Returns errno, or 0. */
static int fork_program(struct launch *launch)
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
            become_program(launch);
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

bool start_program(char *const arguments[], bool (*keeps)(const char *variable))
{
    long most = sysconf(_SC_OPEN_MAX);
    struct launch launch = {arguments, make_environment(keeps),
                            most > 0 && most < MAX_DESCRIPTORS ? (int)most : MAX_DESCRIPTORS, -1};
    bool good = launch.environment != NULL && fork_program(&launch) == 0;
    free(launch.environment);
    return good;
}

#endif
