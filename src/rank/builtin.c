/* See builtin.h.  The table comes from generated assembler: .incbin keeps a 36 MB file out of the
 * compiler and the pages are shared with every other process that runs the same binary. */
#include "rank/builtin.h"

#include <string.h>

typedef struct builtin_file {
    const char *name, *start, *end;
} builtin_file;

extern const builtin_file wn_builtin_files[];

wn_str wn_builtin_file(const char *name)
{
    for (const builtin_file *f = wn_builtin_files; f->name != NULL; f++) {
        if (strcmp(f->name, name) == 0)
            return (wn_str){f->start, (size_t)(f->end - f->start)};
    }
    return (wn_str){NULL, 0};
}

wn_str wn_builtin_reference(void)
{
    return wn_builtin_file("reference.jsonl");
}
