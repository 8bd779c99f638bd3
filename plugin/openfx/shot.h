/* The shot that an instance's parameters describe, as the engine wants to hear it. */

#ifndef RDE_ROTO_SHOT_H
#define RDE_ROTO_SHOT_H

#include "base.h"
#include "engine.h"
#include "text.h"

/* Keyframes by frame, as they stand in the hidden parameter: [[1001,"/path"],[1060,"/path"]]. */
struct keyframe {
    int frame;
    char *mask;
};

struct keyframes {
    struct keyframe *list;
    size_t count;
};

/* False for a text that is none. Empty text is no keyframe. */
bool keyframes_read(struct keyframes *keyframes, const char *text);
bool keyframes_set(struct keyframes *keyframes, int frame, const char *mask);
bool keyframes_remove(struct keyframes *keyframes, int frame);
void keyframes_write(const struct keyframes *keyframes, struct text *text);
void keyframes_free(struct keyframes *keyframes);

#define PUSHED_ID_BYTES 96

/* A plate that the engine cannot read: as large as the host's picture from its 0, 0 on. */
struct pushed {
    char id[PUSHED_ID_BYTES]; /* of all its pixels; empty: the plate has files */
    int generation;           /* of the instance, which is in the id */
    int first, last;
    int width, height;
    double aspect;
};

/* What the parameters say; each text is there, though it may be empty. */
struct shot {
    char *plate, *color_space, *preset, *model, *element, *learned;
    struct pushed pushed;
    struct keyframes keyframes;
};

void shot_free(struct shot *shot);

/* Whether it can be asked about at all; else says what is missing. */
bool shot_check(const struct shot *shot, struct trouble *trouble);

/* Writes "shot":{...}, for a request. */
void shot_write(const struct shot *shot, struct text *text);

#endif
