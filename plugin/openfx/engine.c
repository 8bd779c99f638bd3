#include "base.h"

#include "endpoint.h"
#include "engine.h"
#include "start.h"

#define START_TIMEOUT_MS 60000
#define RETRY_MS 50
#define HEARTBEAT_TIMEOUT_S 30 /* without a heartbeat, of which there is one a second */
#define STALLED_MS 1800000     /* with heartbeats that report no progress */

enum greeting { CONNECTED, NO_ENGINE, REFUSED };

static bool fail_with_result(struct trouble *trouble, enum wire_result result)
{
    switch (result) {
    case WIRE_OK:
        return true;
    case WIRE_ABORTED:
        return trouble_set(trouble, TROUBLE_ABORTED, "", NULL, NULL);
    case WIRE_CLOSED:
        return trouble_set(trouble, TROUBLE_DISCONNECTED,
                           "The engine ended before it answered.", NULL, NULL);
    case WIRE_LATE:
        return fail(trouble, "The engine is busy: try again in a moment.");
    case WIRE_SILENT:
        return fail(trouble, "The engine does not respond: stop it with rde-roto serve --stop, "
                    "then render again.");
    case WIRE_LONG:
        return fail(trouble, "The keyframes and their masks' paths take more than 1 MB, too much "
                    "for one request: remove keyframes.");
    case WIRE_MEMORY:
        return fail(trouble, "There is not enough memory.");
    default:
        return fail(trouble, "The engine and the plug-in are different versions: install both "
                    "from the same rde-roto.");
    }
}

static intptr_t connect_to(const struct endpoint *endpoint, const struct limit *wait)
{
    intptr_t found = endpoint->unix_path != NULL ? socket_to_unix(endpoint->unix_path)
                                                 : socket_to_port(endpoint->port);
    if (found == NO_SOCKET ||
        (wire_ready(found, true, wait) == WIRE_OK && socket_is_connected(found)))
        return found;
    socket_close(found);
    return NO_SOCKET;
}

static void write_hello(struct text *hello, const struct endpoint *endpoint)
{
    text_add(hello, "\"do\":\"hello\",\"protocol\":1,\"client\":\"openfx\",\"signs\":true,"
                    "\"pixels\":");
    text_add_quoted(hello, endpoint->unix_path != NULL ? "memory" : "stream");
    if (endpoint->token != NULL) {
        text_add(hello, ",\"token\":");
        text_add_quoted(hello, endpoint->token);
    }
}

static bool answers_protocol(const struct message *answer, struct trouble *trouble)
{
    int64_t protocol = 1;
    int node = json_member(&answer->json, 0, "protocol");
    if (node < 0 || (json_integer(&answer->json, node, 0, INT32_MAX, &protocol) && protocol == 1))
        return true;
    return fail(trouble, "The running engine speaks another protocol: install the engine and the "
                "plug-in from the same rde-roto.");
}

static enum greeting greet(struct engine *engine, const struct endpoint *endpoint,
                           const struct limit *wait, struct trouble *trouble)
{
    struct text hello = {0};
    struct message answer;
    engine->number = 0;
    engine->heartbeats = false;
    engine->socket = connect_to(endpoint, wait);
    if (engine->socket == NO_SOCKET)
        return NO_ENGINE;
    write_hello(&hello, endpoint);
    bool good = engine_ask(engine, wait, &hello, NULL, 0, &answer, trouble) &&
                answers_protocol(&answer, trouble);
    engine->heartbeats = good && json_member(&answer.json, 0, "signs") >= 0;
    message_free(&answer);
    text_free(&hello);
    if (good)
        return CONNECTED;
    engine_close(engine);
    return trouble->kind == TROUBLE_DISCONNECTED ? NO_ENGINE : REFUSED;
}

static enum greeting find_and_greet(struct engine *engine, const struct limit *wait,
                                    struct trouble *trouble)
{
    struct endpoint endpoint;
    enum greeting greeting = NO_ENGINE;
    int found = endpoint_read(&endpoint, trouble);
    if (found < 0)
        greeting = REFUSED;
    else if (found > 0)
        greeting = greet(engine, &endpoint, wait, trouble);
    endpoint_free(&endpoint);
    return greeting;
}

bool engine_connect(struct engine *engine, const struct limit *wait, bool patient,
                    struct trouble *trouble)
{
    struct limit while_it_starts = *wait;
    int64_t latest_ms = now_ms() + START_TIMEOUT_MS;
    if (wait->until_ms == 0 || wait->until_ms > latest_ms)
        while_it_starts.until_ms = latest_ms;
    engine->socket = NO_SOCKET;
    for (;;) {
        enum greeting greeting = find_and_greet(engine, &while_it_starts, trouble);
        if (greeting == CONNECTED)
            engine_answered();
        if (greeting != NO_ENGINE)
            return greeting == CONNECTED;
        if (!engine_start(trouble))
            return false;
        enum wire_result result = wait_check(&while_it_starts);
        if (result == WIRE_ABORTED)
            return fail_with_result(trouble, result);
        if (result == WIRE_LATE)
            return fail(trouble, "The engine was started but does not answer: run rde-roto serve "
                        "in a terminal to see why.");
        if (!patient)
            return fail(trouble, "The engine is being started: try again in a moment. If this "
                        "stays, run rde-roto serve in a terminal to see why.");
        sleep_ms(RETRY_MS);
    }
}

void engine_close(struct engine *engine)
{
    socket_close(engine->socket);
    engine->socket = NO_SOCKET;
}

bool fail_with_error(const struct json *json, int error, struct trouble *trouble)
{
    char *sentence = json_string(json, json_member(json, error, "sentence"));
    char *kind = json_string(json, json_member(json, error, "kind"));
    bool lacks = kind != NULL && strcmp(kind, "lacks") == 0;
    free(kind);
    trouble_set(trouble, lacks ? TROUBLE_MISSING_FRAMES : TROUBLE_FAILED,
                sentence != NULL && *sentence
                    ? sentence
                    : "The engine answered with an error and no sentence.",
                NULL, NULL);
    free(sentence);
    return false;
}

static bool check_answer(const struct message *answer, int number, struct trouble *trouble)
{
    const struct json *json = &answer->json;
    int64_t id = 0;
    bool is_ours = json_integer(json, json_member(json, 0, "id"), number, number, &id);
    if (!json_is(json, json_member(json, 0, "ok"), JSON_TRUE)) {
        int error = json_member(json, 0, "error");
        return json_is(json, error, JSON_OBJECT) ? fail_with_error(json, error, trouble)
                                                 : fail_with_result(trouble, WIRE_BAD);
    }
    if (!is_ours)
        return fail_with_result(trouble, WIRE_BAD);
    return true;
}

static int64_t heartbeat_timeout_ms(void)
{
    const char *setting = getenv("RDE_ROTO_SILENT_S");
    double seconds = setting != NULL ? strtod(setting, NULL) : 0;
    return (int64_t)(1000 * (seconds > 0 && seconds < STALLED_MS ? seconds : HEARTBEAT_TIMEOUT_S));
}

/* The wait for one heartbeat, if the engine sends them. */
static struct limit wait_for_heartbeat(const struct engine *engine, const struct limit *wait)
{
    struct limit found = *wait;
    int64_t latest_ms = now_ms() + heartbeat_timeout_ms();
    if (engine->heartbeats && (found.until_ms == 0 || found.until_ms > latest_ms))
        found.until_ms = latest_ms;
    return found;
}

/* Tells a missed heartbeat from the end of the whole wait. */
static enum wire_result late_or_silent(enum wire_result result, const struct limit *wait)
{
    return result == WIRE_LATE && wait_check(wait) == WIRE_OK ? WIRE_SILENT : result;
}

/* Receives heartbeats until the answer comes. */
static enum wire_result receive_answer(const struct engine *engine, const struct limit *wait,
                                       struct message *answer)
{
    int64_t steps = -1, moved_ms = now_ms();
    for (;;) {
        struct limit for_heartbeat = wait_for_heartbeat(engine, wait);
        enum wire_result result = wire_receive(engine->socket, &for_heartbeat, answer);
        if (result != WIRE_OK)
            return late_or_silent(result, wait);
        int64_t count = 0;
        int heartbeat = json_member(&answer->json, 0, "sign");
        if (heartbeat < 0)
            return WIRE_OK;
        if (json_integer(&answer->json, heartbeat, 0, INT64_MAX, &count) && count != steps) {
            steps = count;
            moved_ms = now_ms();
        }
        if (now_ms() - moved_ms > STALLED_MS)
            return WIRE_SILENT;
        message_free(answer);
    }
}

bool engine_ask(struct engine *engine, const struct limit *wait, const struct text *request,
                const void *pixels, size_t bytes, struct message *answer, struct trouble *trouble)
{
    struct text object = {0};
    memset(answer, 0, sizeof *answer);
    answer->pixels.descriptor = -1;
    text_add(&object, "{\"id\":");
    text_add_integer(&object, ++engine->number);
    if (bytes > 0) {
        text_add(&object, ",\"payload\":{\"by\":\"stream\",\"bytes\":");
        text_add_integer(&object, (long long)bytes);
        text_add(&object, "}");
    }
    text_add(&object, ",");
    object.failed = object.failed || request->failed;
    if (!object.failed)
        text_add_bytes(&object, request->chars, request->length);
    text_add(&object, "}");
    enum wire_result result = WIRE_MEMORY;
    struct limit for_heartbeat = wait_for_heartbeat(engine, wait);
    if (!object.failed)
        result = late_or_silent(wire_send(engine->socket, &for_heartbeat, object.chars,
                                          object.length, pixels, bytes), wait);
    if (result == WIRE_OK)
        result = receive_answer(engine, wait, answer);
    text_free(&object);
    return fail_with_result(trouble, result) && check_answer(answer, engine->number, trouble);
}
