/* A shot and its keyframes, as written in a request to the engine. */

#ifndef RDE_ROTO_SHOT_H
#define RDE_ROTO_SHOT_H

#include "base.h"
#include "text.h"
#include "trouble.h"

/* The engine takes 30,000 values in a shot (docs/shots.md), of which a keyframe has seven. */
#define MAX_KEYFRAMES 4000

/* Keyframes in order, as the hidden parameter has them: [[1001,"/path"],[1060,"/path"]]. */
struct keyframe {
    int frame;
    char *mask;
};

struct keyframes {
    struct keyframe *list;
    size_t count;
};

/* False for malformed text. Empty text is an empty list. */
bool keyframes_read(struct keyframes *keyframes, const char *text);
bool keyframes_set(struct keyframes *keyframes, int frame, const char *mask);

/* Whether a keyframe at this frame would be one more than the engine takes. */
bool keyframes_full(const struct keyframes *keyframes, int frame);
bool keyframes_remove(struct keyframes *keyframes, int frame);
void keyframes_write(const struct keyframes *keyframes, struct text *text);
void keyframes_free(struct keyframes *keyframes);

#define PUSHED_ID_BYTES 128

/* A plate whose pixels are pushed, since it has no files: from the host's 0, 0 up. */
struct pushed {
    char id[PUSHED_ID_BYTES]; /* stands for all its pixels; empty: the plate has files */
    int generation;           /* of the instance; part of the id */
    int first, last;
    int width, height; /* at full size, whatever the scale */
    double aspect;
    double scale[2]; /* of the images that its pixels come from; 1 except for proxies */
};

/* No text is NULL, but each may be empty. */
struct shot {
    char *plate, *color_space, *preset, *model, *element, *learned;
    struct pushed pushed;
    struct keyframes keyframes;
};

void shot_free(struct shot *shot);

/* Whether the engine can be asked about it. On false `trouble` says what is missing. */
bool shot_check(const struct shot *shot, struct trouble *trouble);

/* Adds "shot":{...} to a request. */
void shot_write(const struct shot *shot, struct text *text);

#endif
