/* Why something did not work: a sentence for the artist, and what kind of failure it is. */

#ifndef RDE_ROTO_TROUBLE_H
#define RDE_ROTO_TROUBLE_H

#include "base.h"

#define TROUBLE_BYTES 512

enum trouble_kind {
    TROUBLE_NONE,
    TROUBLE_ABORTED,        /* by the host; the sentence is empty */
    TROUBLE_DISCONNECTED,   /* the connection broke: worth one more try */
    TROUBLE_MISSING_FRAMES, /* the engine lacks frames of the plate, which its answer lists */
    TROUBLE_FAILED
};

struct trouble {
    enum trouble_kind kind;
    char sentence[TROUBLE_BYTES];
};

/* Sets the kind and a sentence of up to three parts, any of which may be NULL. Always false. */
bool trouble_set(struct trouble *trouble, enum trouble_kind kind, const char *first,
                 const char *second, const char *third);

/* The usual case: TROUBLE_FAILED with one sentence. Always false. */
bool fail(struct trouble *trouble, const char *sentence);

#endif
