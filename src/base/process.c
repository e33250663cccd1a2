/* See process.h.  Source: proc(5), getrusage(2), cgroups(7). */
#define _GNU_SOURCE
#include "base/process.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static uint32_t count_entries(const char *path)
{
    uint32_t n = 0;
    DIR *dir = opendir(path);
    if (dir == NULL)
        return 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        n += entry->d_name[0] != '.';
    closedir(dir);
    return n;
}

static uint64_t resident_bytes(void)
{
    unsigned long long total, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%llu %llu", &total, &resident) != 2)
        resident = 0;
    fclose(file);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* The number in a small file; UINT64_MAX when there is none, as in "max". */
static uint64_t read_number(const char *path)
{
    unsigned long long n;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return UINT64_MAX;
    bool ok = fscanf(file, "%llu", &n) == 1;
    fclose(file);
    return ok ? n : UINT64_MAX;
}

/* The limit of one group; version 2 and version 1 have it in different places. */
static uint64_t limit_of_group(const char *group)
{
    char path[512];
    snprintf(path, sizeof path, "/sys/fs/cgroup%.400s/memory.max", group);
    uint64_t v2 = read_number(path);
    snprintf(path, sizeof path, "/sys/fs/cgroup/memory%.400s/memory.limit_in_bytes", group);
    uint64_t v1 = read_number(path);
    return WN_MIN(v1, v2);
}

/* The least of all groups from one up to the root. */
static uint64_t limit_on_path(char *group)
{
    uint64_t least = UINT64_MAX;
    for (;;) {
        uint64_t own = limit_of_group(group);
        least = WN_MIN(least, own);
        char *slash = strrchr(group, '/');
        if (slash == NULL || group[0] == '\0')
            return least;
        *slash = '\0';
    }
}

uint64_t wn_process_memory_bytes(void)
{
    uint64_t least = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    char line[1024];
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *group = strchr(line, '/'); /* "0::/group", "4:memory:/group" */
        if (group == NULL)
            continue;
        uint64_t own = limit_on_path(group);
        least = WN_MIN(least, own);
    }
    if (file != NULL)
        fclose(file);
    return least;
}

/* What getrusage() tells may be the most of the program that started this one. */
uint64_t wn_process_peak_bytes(void)
{
    char line[256];
    unsigned long long kib = 0;
    FILE *file = fopen("/proc/self/status", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "VmHWM: %llu", &kib) == 1)
            break;
    if (file != NULL)
        fclose(file);
    return kib * 1024;
}

wn_process_facts wn_process_look(void)
{
    struct rusage use = {0};
    getrusage(RUSAGE_SELF, &use);
    uint32_t files = count_entries("/proc/self/fd");
    return (wn_process_facts){
        .resident_bytes = resident_bytes(),
        .open_files = files > 0 ? files - 1 : 0, /* without the one that looks */
        .threads = count_entries("/proc/self/task"),
        .cpu_seconds = (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
                       (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6,
    };
}
