/* See process.h.  Source: proc(5), getrusage(2). */
#define _GNU_SOURCE
#include "base/process.h"

#include <dirent.h>
#include <stdio.h>
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
