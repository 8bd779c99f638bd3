/* Tells the host which frames of Source a render will fetch. */

#include "base.h"

#include "actions.h"
#include "engine.h"
#include "shot_params.h"
#include "source.h"

#define MAX_NEEDED 10000

static const char range_of_source[] = OFX_FRAMES_NEEDED_OF SOURCE_CLIP;

static bool ask_needs(const struct shot *shot, int frame, struct message *answer)
{
    struct limit wait = short_wait();
    struct trouble trouble = {TROUBLE_NONE, ""};
    struct engine engine;
    struct text request = {0};
    memset(answer, 0, sizeof *answer);
    answer->pixels.descriptor = -1;
    if (!engine_connect(&engine, &wait, false, &trouble))
        return false;
    text_add(&request, "\"do\":\"needs\",\"frames\":\"");
    text_add_integer(&request, frame);
    text_add(&request, "\",");
    shot_write(shot, &request);
    bool good = engine_ask(&engine, &wait, &request, NULL, 0, answer, &trouble);
    text_free(&request);
    engine_close(&engine);
    return good;
}

/* The frames that the engine lacks and the rendered one, each as a range of one time. */
static ofx_status list_needed(const struct shot *shot, const struct json *json, double time,
                              int frame, ofx_properties out)
{
    int list = json_member(json, 0, "frames"), length = json_length(json, list), count = 1;
    double *ranges = length > MAX_NEEDED ? NULL : calloc(2 * (size_t)length + 2, sizeof *ranges);
    if (ranges == NULL)
        return OFX_REPLY_DEFAULT;
    ranges[0] = ranges[1] = time;
    for (int node = list + 1; length > 0 && node < json->nodes[list].next;
         node = json->nodes[node].next) {
        int64_t lacking = 0;
        if (json_integer(json, node, shot->pushed.first, shot->pushed.last, &lacking) &&
            lacking != frame) {
            ranges[2 * count] = ranges[2 * count + 1] = time + (double)(lacking - frame);
            count++;
        }
    }
    ofx_status status = host.properties->set_doubles(out, range_of_source, 2 * count, ranges);
    free(ranges);
    return status == OFX_OK ? OFX_OK : OFX_REPLY_DEFAULT;
}

ofx_status frames_needed(ofx_effect effect, ofx_properties in, ofx_properties out)
{
    struct trouble trouble;
    struct message answer;
    struct shot shot;
    double time = 0;
    int frame = 0;
    ofx_status status = OFX_REPLY_DEFAULT; /* only the rendered time */
    if (host.properties->get_double(in, OFX_TIME, 0, &time) != OFX_OK ||
        !shot_of(effect, &shot, &trouble))
        return status;
    if (*shot.pushed.id && shot.keyframes.count > 0 && frame_at(effect, time, &frame)) {
        if (ask_needs(&shot, frame, &answer))
            status = list_needed(&shot, &answer.json, time, frame, out);
        message_free(&answer);
    }
    shot_free(&shot);
    return status;
}
