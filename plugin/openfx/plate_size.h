/* The plate's size, as the engine last told a button. It is kept in a hidden parameter, since hosts
   ask how large the matte is also while no engine runs. */

#ifndef RDE_ROTO_PLATE_SIZE_H
#define RDE_ROTO_PLATE_SIZE_H

#include "base.h"
#include "ofx_abi.h"
#include "shot.h"
#include "trouble.h"

/* Keeps the size of a plate with files: the width and height of its display window, which is
   x, y, width, height. */
void plate_size_keep(ofx_effect effect, const struct shot *shot, const int64_t display[4]);

/* The kept width and height; false if none is kept for the shot's files. */
bool plate_size_kept(ofx_effect effect, const struct shot *shot, int64_t size[2]);

/* False, with trouble, if another size is kept for the shot's files than the display window of the
   plate has now: then the host was told that one, and would show a part of the matte. */
bool plate_size_is(ofx_effect effect, const struct shot *shot, const int64_t display[4],
                   struct trouble *trouble);

#endif
