#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"

#define HEAD_BYTES 8
#define MAX_DESCRIPTORS 4
#define ABORT_POLL_MS 20 /* how often the host is asked whether it has aborted */

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* macOS: SO_NOSIGPIPE is set where a socket is made */
#endif

int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

enum wire_result wait_check(const struct wait *wait)
{
    if (wait->aborted != NULL && wait->aborted(wait->context))
        return WIRE_ABORTED;
    if (wait->until_ms != 0 && now_ms() >= wait->until_ms)
        return WIRE_LATE;
    return WIRE_OK;
}

enum wire_result wire_ready(int socket, bool to_send, const struct wait *wait)
{
    struct pollfd what = {socket, to_send ? POLLOUT : POLLIN, 0};
    for (;;) {
        int found = poll(&what, 1, ABORT_POLL_MS);
        if (found > 0)
            return WIRE_OK;
        if (found < 0 && errno != EINTR)
            return WIRE_CLOSED;
        enum wire_result result = wait_check(wait);
        if (result != WIRE_OK)
            return result;
    }
}

static bool is_temporary(int error)
{
    return error == EINTR || error == EAGAIN || error == EWOULDBLOCK;
}

static enum wire_result send_all(int socket, const struct wait *wait, const char *bytes,
                                 size_t count)
{
    while (count > 0) {
        ssize_t sent = send(socket, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            enum wire_result result = WIRE_CLOSED;
            if (is_temporary(errno))
                result = wire_ready(socket, true, wait);
            if (result != WIRE_OK)
                return result;
            continue;
        }
        bytes += sent;
        count -= (size_t)sent;
    }
    return WIRE_OK;
}

enum wire_result wire_send(int socket, const struct wait *wait, const char *object, size_t length,
                           const void *pixels, size_t bytes)
{
    unsigned char head[HEAD_BYTES] = {'R', 'D', 'E', 1};
    if (length > JSON_MAX_BYTES)
        return WIRE_BAD;
    for (int place = 0; place < 4; place++)
        head[4 + place] = (unsigned char)(length >> (24 - 8 * place));
    enum wire_result result = send_all(socket, wait, (const char *)head, sizeof head);
    if (result == WIRE_OK)
        result = send_all(socket, wait, object, length);
    if (result == WIRE_OK && bytes > 0)
        result = send_all(socket, wait, pixels, bytes);
    return result;
}

static enum wire_result receive_all(int socket, const struct wait *wait, unsigned char *bytes,
                                    size_t count)
{
    while (count > 0) {
        ssize_t came = recv(socket, bytes, count, MSG_DONTWAIT);
        if (came == 0)
            return WIRE_CLOSED;
        if (came < 0) {
            enum wire_result result = WIRE_CLOSED;
            if (is_temporary(errno))
                result = wire_ready(socket, false, wait);
            if (result != WIRE_OK)
                return result;
            continue;
        }
        bytes += came;
        count -= (size_t)came;
    }
    return WIRE_OK;
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

/* Receives the first bytes of a message; a descriptor comes with the very first. */
static enum wire_result receive_first(int socket, const struct wait *wait, unsigned char *head,
                                      size_t *count, int *descriptor)
{
    union {
        struct cmsghdr aligned;
        char bytes[CMSG_SPACE(MAX_DESCRIPTORS * sizeof(int))];
    } control;
    for (;;) {
        struct iovec place = {head, HEAD_BYTES};
        struct msghdr header;
        memset(&header, 0, sizeof header);
        header.msg_iov = &place;
        header.msg_iovlen = 1;
        header.msg_control = control.bytes;
        header.msg_controllen = sizeof control.bytes;
        ssize_t came = recvmsg(socket, &header, MSG_DONTWAIT);
        if (came > 0) {
            *count = (size_t)came;
            return take_descriptors(&header, descriptor) ? WIRE_OK : WIRE_BAD;
        }
        enum wire_result result = WIRE_CLOSED;
        if (came < 0 && is_temporary(errno))
            result = wire_ready(socket, false, wait);
        if (result != WIRE_OK)
            return result;
    }
}

static enum wire_result receive_object(int socket, const struct wait *wait, struct message *message,
                                       size_t length)
{
    message->source = malloc(length + 1);
    if (message->source == NULL)
        return WIRE_MEMORY;
    enum wire_result result = receive_all(socket, wait, (unsigned char *)message->source, length);
    if (result != WIRE_OK)
        return result;
    message->source[length] = 0;
    if (!json_parse(&message->json, message->source, length))
        return WIRE_BAD;
    return json_is(&message->json, 0, JSON_OBJECT) ? WIRE_OK : WIRE_BAD;
}

static bool holds(int descriptor, int64_t bytes)
{
    struct stat found;
    return descriptor >= 0 && fstat(descriptor, &found) == 0 && S_ISREG(found.st_mode) &&
           found.st_size >= bytes;
}

static bool string_is(const struct json *json, int node, const char *word)
{
    char *found = json_string(json, node);
    bool same = found != NULL && strcmp(found, word) == 0;
    free(found);
    return same;
}

static enum wire_result receive_pixels(int socket, const struct wait *wait, struct message *message)
{
    const struct json *json = &message->json;
    struct pixels *pixels = &message->pixels;
    int payload = json_member(json, 0, "payload"), by = json_member(json, payload, "by");
    int64_t bytes = 0;
    if (payload < 0)
        return pixels->descriptor < 0 ? WIRE_OK : WIRE_BAD;
    if (!json_integer(json, json_member(json, payload, "bytes"), 0, WIRE_MAX_PIXEL_BYTES, &bytes))
        return WIRE_BAD;
    pixels->bytes = (size_t)bytes;
    if (string_is(json, by, "memory"))
        return holds(pixels->descriptor, bytes) ? WIRE_OK : WIRE_BAD;
    if (!string_is(json, by, "stream") || pixels->descriptor >= 0)
        return WIRE_BAD;
    pixels->memory = malloc(pixels->bytes + 1);
    if (pixels->memory == NULL)
        return WIRE_MEMORY;
    return receive_all(socket, wait, pixels->memory, pixels->bytes);
}

enum wire_result wire_receive(int socket, const struct wait *wait, struct message *message)
{
    unsigned char head[HEAD_BYTES];
    size_t count = 0, length = 0;
    memset(message, 0, sizeof *message);
    message->pixels.descriptor = -1;
    enum wire_result result = receive_first(socket, wait, head, &count,
                                            &message->pixels.descriptor);
    if (result == WIRE_OK)
        result = receive_all(socket, wait, head + count, sizeof head - count);
    if (result != WIRE_OK)
        return result;
    for (int place = 4; place < 8; place++)
        length = length << 8 | head[place];
    if (memcmp(head, "RDE", 3) != 0 || length > JSON_MAX_BYTES)
        return WIRE_BAD;
    result = receive_object(socket, wait, message, length);
    return result == WIRE_OK ? receive_pixels(socket, wait, message) : result;
}

void message_free(struct message *message)
{
    if (message->pixels.descriptor >= 0)
        close(message->pixels.descriptor);
    free(message->pixels.memory);
    json_free(&message->json);
    free(message->source);
    memset(message, 0, sizeof *message);
    message->pixels.descriptor = -1;
}

bool pixels_read(const struct pixels *pixels, size_t offset, void *out, size_t bytes)
{
    unsigned char *place = out;
    if (offset > pixels->bytes || bytes > pixels->bytes - offset)
        return false;
    if (pixels->memory != NULL) {
        memcpy(out, pixels->memory + offset, bytes);
        return true;
    }
    while (bytes > 0) {
        ssize_t came = pread(pixels->descriptor, place, bytes, (off_t)offset);
        if (came < 0 && errno == EINTR)
            continue;
        if (came <= 0)
            return false;
        place += came;
        offset += (size_t)came;
        bytes -= (size_t)came;
    }
    return true;
}
