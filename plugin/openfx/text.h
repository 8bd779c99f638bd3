/* Text that grows. It remembers when memory ran out, so only the last step has to check. */

#ifndef RDE_ROTO_TEXT_H
#define RDE_ROTO_TEXT_H

#include "base.h"

struct text {
    char *chars; /* ends with a zero byte once something was added */
    size_t length;
    size_t room;
    bool failed;
};

void text_add_bytes(struct text *text, const char *bytes, size_t count);
void text_add(struct text *text, const char *chars);
void text_add_integer(struct text *text, long long number);

/* Six decimals after a point, whatever the host's locale uses. */
void text_add_decimal(struct text *text, double number);

/* Adds a JSON string, quoted and escaped. Fails the text if the bytes are not UTF-8. */
void text_add_quoted(struct text *text, const char *chars);

void text_free(struct text *text);

/* A copy that the caller frees; NULL if memory runs out. */
char *text_copy(const char *chars, size_t count);

bool is_utf8(const char *bytes, size_t count);

#endif
