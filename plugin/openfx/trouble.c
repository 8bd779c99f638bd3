#include "base.h"

#include <stdio.h>

#include "text.h"
#include "trouble.h"

bool trouble_set(struct trouble *trouble, enum trouble_kind kind, const char *first,
                 const char *second, const char *third)
{
    trouble->kind = kind;
    snprintf(trouble->sentence, sizeof trouble->sentence, "%s%s%s", first ? first : "",
             second ? second : "", third ? third : "");
    size_t length = strlen(trouble->sentence);
    while (length > 0 && !is_utf8(trouble->sentence, length)) /* cut within a character */
        length--;
    trouble->sentence[length] = 0;
    return false;
}

bool fail(struct trouble *trouble, const char *sentence)
{
    return trouble_set(trouble, TROUBLE_FAILED, sentence, NULL, NULL);
}
