#include "base.h"

#include <stdio.h>

#include "text.h"

void text_add_bytes(struct text *text, const char *bytes, size_t count)
{
    if (text->failed)
        return;
    if (count >= text->room - text->length) {
        size_t room = 2 * text->room + count + 64;
        char *chars = room > count ? realloc(text->chars, room) : NULL;
        if (chars == NULL) {
            text->failed = true;
            return;
        }
        text->chars = chars;
        text->room = room;
    }
    memcpy(text->chars + text->length, bytes, count);
    text->length += count;
    text->chars[text->length] = 0;
}

void text_add(struct text *text, const char *chars)
{
    text_add_bytes(text, chars, strlen(chars));
}

void text_add_integer(struct text *text, long long number)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%lld", number);
    text_add(text, digits);
}

void text_add_decimal(struct text *text, double number)
{
    char digits[32];
    long long millionths = (long long)(number * 1e6 + 0.5);
    snprintf(digits, sizeof digits, "%lld.%06lld", millionths / 1000000, millionths % 1000000);
    text_add(text, digits);
}

void text_add_quoted(struct text *text, const char *chars)
{
    char escaped[8];
    if (!is_utf8(chars, strlen(chars))) {
        text->failed = true;
        return;
    }
    text_add(text, "\"");
    for (; *chars; chars++) {
        unsigned char one = (unsigned char)*chars;
        if (one == '"' || one == '\\') {
            escaped[0] = '\\';
            escaped[1] = *chars;
            text_add_bytes(text, escaped, 2);
        } else if (one < 0x20) {
            snprintf(escaped, sizeof escaped, "\\u%04x", one);
            text_add(text, escaped);
        } else {
            text_add_bytes(text, chars, 1);
        }
    }
    text_add(text, "\"");
}

void text_free(struct text *text)
{
    free(text->chars);
    memset(text, 0, sizeof *text);
}

char *text_copy(const char *chars, size_t count)
{
    char *copy = malloc(count + 1);
    if (copy != NULL) {
        memcpy(copy, chars, count);
        copy[count] = 0;
    }
    return copy;
}

/* How many bytes follow a first byte of UTF-8, and the smallest code that may be written so. */
static int followers(unsigned char first, uint32_t *code, uint32_t *least)
{
    if (first < 0x80) {
        *code = first, *least = 0;
        return 0;
    }
    if (first >= 0xc2 && first <= 0xdf) {
        *code = first & 0x1f, *least = 0x80;
        return 1;
    }
    if (first >= 0xe0 && first <= 0xef) {
        *code = first & 0x0f, *least = 0x800;
        return 2;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        *code = first & 0x07, *least = 0x10000;
        return 3;
    }
    return -1;
}

bool is_utf8(const char *bytes, size_t count)
{
    size_t at = 0;
    while (at < count) {
        uint32_t code = 0, least = 0;
        int more = followers((unsigned char)bytes[at++], &code, &least);
        if (more < 0 || (size_t)more > count - at)
            return false;
        for (; more > 0; more--) {
            unsigned char one = (unsigned char)bytes[at++];
            if ((one & 0xc0) != 0x80)
                return false;
            code = code << 6 | (one & 0x3f);
        }
        if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
            return false;
    }
    return true;
}
