/* What differs between operating systems: system_posix.c for Linux and macOS, system_windows.c.
   Text is UTF-8 everywhere. */

#ifndef RDE_ROTO_SYSTEM_H
#define RDE_ROTO_SYSTEM_H

#include "base.h"
#include "text.h"

/* Once, before anything else here. */
bool system_start(void);

/* Time, and what tells this process from others. */
int64_t now_ms(void);       /* of a clock that never goes back */
int64_t now_since_1970_ns(void);
void sleep_ms(int ms);
long process_id(void);
void add_user(struct text *text); /* a number or name of this user, for a folder's name */

/* Locks. */
#ifdef _WIN32
struct lock {
    void *slim; /* as large as an SRWLOCK, whose header would bring in all of Windows */
};
#define LOCK_INITIALIZER {NULL}
#else
#include <pthread.h>
struct lock {
    pthread_mutex_t mutex;
};
#define LOCK_INITIALIZER {PTHREAD_MUTEX_INITIALIZER}
#endif
void lock_init(struct lock *lock);
void lock_destroy(struct lock *lock);
void lock_take(struct lock *lock);
void lock_give_back(struct lock *lock);

/* Files and settings. */
bool add_setting(struct text *text, const char *name); /* an environment variable's; false: unset */
void add_config_folder(struct text *text);
const char *default_temporary_folder(void);
bool is_absolute(const char *path);
bool path_exists(const char *path);
bool is_folder(const char *path);
bool is_own_folder(const char *path); /* one that nobody else can write to */

/* Up to `most` bytes of a file, which the caller frees; NULL if it is missing or larger. */
char *read_file(const char *path, size_t most, size_t *length);

/* Memory that an engine passes with a message, as an open file. Windows has none. */
bool passed_holds(int descriptor, int64_t bytes);
bool passed_read(int descriptor, int64_t offset, void *out, size_t bytes);
void passed_close(int descriptor);

/* Sockets, which never block; NO_SOCKET is none. */
#define NO_SOCKET ((intptr_t) -1)
intptr_t socket_to_unix(const char *path); /* is connecting */
intptr_t socket_to_port(int port);         /* of this machine */
bool socket_is_connected(intptr_t socket); /* once it can be written */
void socket_close(intptr_t socket);

/* 1: can be read, or written. 0: not after `ms`. -1: failed. */
int socket_wait(intptr_t socket, bool to_send, int ms);

/* How many bytes; 0: none at the moment; -1: the connection is gone. */
ptrdiff_t socket_send(intptr_t socket, const void *bytes, size_t count);
ptrdiff_t socket_receive(intptr_t socket, void *bytes, size_t count);

/* The same with what is passed along: sets `descriptor`, and `good` to false if there is more than
   one. */
ptrdiff_t socket_receive_passed(intptr_t socket, void *bytes, size_t count, int *descriptor,
                                bool *good);

/* Starts a program that outlives this process, with the variables of the environment for which
   `keeps` is true. False if it cannot be started. */
bool start_program(char *const arguments[], bool (*keeps)(const char *variable));

#endif
