/* Starting the user's engine. */

#ifndef RDE_ROTO_START_H
#define RDE_ROTO_START_H

#include "base.h"
#include "trouble.h"

/* Starts the engine, unless this process did so a moment ago. On false `trouble` is set. */
bool engine_start(struct trouble *trouble);

/* Notes that an engine has answered, so that the next one may be started at once. */
void engine_answered(void);

#endif
