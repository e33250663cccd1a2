/* Run one fuzz target over its corpus without libFuzzer, so that any compiler and valgrind can.
 * replay_TARGET reads every file of fuzz/corpus/TARGET below the working directory, or the files
 * that it is given; prints TAP.  A file that crashes the target is the last one named. */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        printf("# cannot open %s\n", path);
        return 1;
    }
    uint8_t *data = NULL;
    size_t size = 0, n;
    do {
        uint8_t *grown = realloc(data, size + (1 << 16));
        if (grown == NULL)
            abort();
        data = grown;
        n = fread(data + size, 1, 1 << 16, f);
        size += n;
    } while (n > 0);
    fclose(f);
    /* An exact block, so that sanitizers see a read behind the end. */
    uint8_t *exact = malloc(size == 0 ? 1 : size);
    if (exact == NULL)
        abort();
    memcpy(exact, data, size);
    free(data);
    printf("# %s\n", path);
    fflush(stdout);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return 0;
}

static int is_file(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int run_folder(const char *folder, size_t *n_files)
{
    struct dirent **entries;
    int n = scandir(folder, &entries, is_file, alphasort), failed = 0;
    for (int i = 0; i < n; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%.3800s/%.255s", folder, entries[i]->d_name);
        failed |= run_file(path);
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    *n_files = n < 0 ? 0 : (size_t)n;
    return failed;
}

int main(int argc, char **argv)
{
    const char *name = strrchr(argv[0], '/') == NULL ? argv[0] : strrchr(argv[0], '/') + 1;
    const char *target = strncmp(name, "replay_", 7) == 0 ? name + 7 : name;
    size_t n_files = (size_t)argc - 1;
    int failed = 0;
    for (int i = 1; i < argc; i++)
        failed |= run_file(argv[i]);
    if (argc == 1) {
        char folder[4096];
        snprintf(folder, sizeof folder, "fuzz/corpus/%s", target);
        failed = run_folder(folder, &n_files);
    }
    if (n_files == 0)
        printf("# no corpus for %s\n", target);
    failed |= n_files == 0;
    printf("%s 1 - %s survives %zu files\n", failed ? "not ok" : "ok", target, n_files);
    return failed;
}
