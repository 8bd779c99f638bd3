/* What the node shows of Source and its matte. */

#ifndef RDE_ROTO_COMPOSE_H
#define RDE_ROTO_COMPOSE_H

#include "base.h"
#include "host.h"
#include "image.h"

/* Makes a row of `count` pixels for `target` from the matte and, unless the matte alone is shown,
   from a row of Source. */
void compose_row(enum output output, const struct image *source, const float *from,
                 const float *matte, int count, const struct image *target, float *row);

#endif
