#include "base.h"

#include "wire.h"

#define HEAD_BYTES 8
#define ABORT_POLL_MS 20 /* how often the host is asked whether it has aborted */

enum wire_result wait_check(const struct limit *wait)
{
    if (wait->aborted != NULL && wait->aborted(wait->context))
        return WIRE_ABORTED;
    if (wait->until_ms != 0 && now_ms() >= wait->until_ms)
        return WIRE_LATE;
    return WIRE_OK;
}

enum wire_result wire_ready(intptr_t socket, bool to_send, const struct limit *wait)
{
    for (;;) {
        int found = socket_wait(socket, to_send, ABORT_POLL_MS);
        if (found != 0)
            return found > 0 ? WIRE_OK : WIRE_CLOSED;
        enum wire_result result = wait_check(wait);
        if (result != WIRE_OK)
            return result;
    }
}

/* Whether to go on after a call that moved `count` bytes, or none yet. */
static enum wire_result after(ptrdiff_t count, intptr_t socket, bool to_send,
                              const struct limit *wait)
{
    if (count < 0)
        return WIRE_CLOSED;
    return count > 0 ? WIRE_OK : wire_ready(socket, to_send, wait);
}

static enum wire_result send_all(intptr_t socket, const struct limit *wait, const char *bytes,
                                 size_t count)
{
    enum wire_result result = WIRE_OK;
    while (count > 0 && result == WIRE_OK) {
        ptrdiff_t sent = socket_send(socket, bytes, count);
        result = after(sent, socket, true, wait);
        if (sent > 0) {
            bytes += sent;
            count -= (size_t)sent;
        }
    }
    return result;
}

enum wire_result wire_send(intptr_t socket, const struct limit *wait, const char *object,
                           size_t length, const void *pixels, size_t bytes)
{
    unsigned char head[HEAD_BYTES] = {'R', 'D', 'E', 1};
    if (length > JSON_MAX_BYTES)
        return WIRE_LONG;
    for (int place = 0; place < 4; place++)
        head[4 + place] = (unsigned char)(length >> (24 - 8 * place));
    enum wire_result result = send_all(socket, wait, (const char *)head, sizeof head);
    if (result == WIRE_OK)
        result = send_all(socket, wait, object, length);
    if (result == WIRE_OK && bytes > 0)
        result = send_all(socket, wait, pixels, bytes);
    return result;
}

static enum wire_result receive_all(intptr_t socket, const struct limit *wait,
                                    unsigned char *bytes, size_t count)
{
    enum wire_result result = WIRE_OK;
    while (count > 0 && result == WIRE_OK) {
        ptrdiff_t came = socket_receive(socket, bytes, count);
        result = after(came, socket, false, wait);
        if (came > 0) {
            bytes += came;
            count -= (size_t)came;
        }
    }
    return result;
}

/* Receives the first bytes of a message; a descriptor comes with the very first. */
static enum wire_result receive_first(intptr_t socket, const struct limit *wait,
                                      unsigned char *head, size_t *count, int *descriptor)
{
    for (;;) {
        bool good = true;
        ptrdiff_t came = socket_receive_passed(socket, head, HEAD_BYTES, descriptor, &good);
        enum wire_result result = after(came, socket, false, wait);
        if (came > 0) {
            *count = (size_t)came;
            return good ? WIRE_OK : WIRE_BAD;
        }
        if (result != WIRE_OK)
            return result;
    }
}

static enum wire_result receive_object(intptr_t socket, const struct limit *wait,
                                       struct message *message, size_t length)
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

static bool string_is(const struct json *json, int node, const char *word)
{
    char *found = json_string(json, node);
    bool same = found != NULL && strcmp(found, word) == 0;
    free(found);
    return same;
}

static enum wire_result receive_pixels(intptr_t socket, const struct limit *wait,
                                       struct message *message)
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
        return passed_holds(pixels->descriptor, bytes) ? WIRE_OK : WIRE_BAD;
    if (!string_is(json, by, "stream") || pixels->descriptor >= 0)
        return WIRE_BAD;
    pixels->memory = malloc(pixels->bytes + 1);
    if (pixels->memory == NULL)
        return WIRE_MEMORY;
    return receive_all(socket, wait, pixels->memory, pixels->bytes);
}

enum wire_result wire_receive(intptr_t socket, const struct limit *wait, struct message *message)
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
    passed_close(message->pixels.descriptor);
    free(message->pixels.memory);
    json_free(&message->json);
    free(message->source);
    memset(message, 0, sizeof *message);
    message->pixels.descriptor = -1;
}

bool pixels_read(const struct pixels *pixels, size_t offset, void *out, size_t bytes)
{
    if (offset > pixels->bytes || bytes > pixels->bytes - offset)
        return false;
    if (pixels->memory == NULL)
        return passed_read(pixels->descriptor, (int64_t)offset, out, bytes);
    memcpy(out, pixels->memory + offset, bytes);
    return true;
}
