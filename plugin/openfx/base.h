/* Included first by every source of the plug-in: the basic types, and POSIX on top of C99. */

#ifndef RDE_ROTO_BASE_H
#define RDE_ROTO_BASE_H

#ifdef __APPLE__
#define _DARWIN_C_SOURCE
#else
#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#endif
