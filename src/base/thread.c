/* A container's CPU limit is a quota of the control group, not an affinity mask: a pool sized from
 * the number of online processors would be throttled.  Every group on the path to the root may set
 * a quota, the smallest counts.  Source: Linux Documentation/admin-guide/cgroup-v2.rst, cpu.max. */
#define _GNU_SOURCE
#include "base/thread.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WN_WHERE       "base/thread"
#define LINE_MAX_BYTES 4096

int32_t wn_thread_quota_parse(wn_str text)
{
    char line[64];
    if (text.len == 0 || text.len >= sizeof line)
        return 0;
    memcpy(line, text.ptr, text.len);
    line[text.len] = '\0';
    char *end;
    long long quota = strtoll(line, &end, 10);
    if (end == line || quota <= 0)
        return 0;
    char *rest = end;
    long long period = strtoll(rest, &end, 10);
    if (end == rest || period <= 0)
        return 0;
    long long n = quota / period + (quota % period != 0);
    return (int32_t)WN_MIN(n, (long long)WN_POOL_THREADS_MAX);
}

/* First line of a small file of /sys or /proc, which reports size 0; false when unreadable. */
static bool read_line(char *line, size_t size, const char *path)
{
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return false;
    bool ok = fgets(line, (int)size, f) != NULL;
    fclose(f);
    if (ok)
        line[strcspn(line, "\n")] = '\0';
    return ok;
}

static int32_t quota_of_group(const char *group)
{
    char path[LINE_MAX_BYTES + 64], line[128];
    snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", group);
    if (read_line(line, sizeof line, path))
        return wn_thread_quota_parse((wn_str){line, strlen(line)});
    char quota[48], period[48];
    snprintf(path, sizeof path, "/sys/fs/cgroup/cpu%s/cpu.cfs_quota_us", group);
    if (!read_line(quota, sizeof quota, path))
        return 0;
    snprintf(path, sizeof path, "/sys/fs/cgroup/cpu%s/cpu.cfs_period_us", group);
    if (!read_line(period, sizeof period, path))
        return 0;
    int n = snprintf(line, sizeof line, "%s %s", quota, period);
    return wn_thread_quota_parse((wn_str){line, (size_t)n});
}

/* Smallest quota on the path from our own group to the root; 0 when there is none. */
static int32_t smallest_quota(void)
{
    char group[LINE_MAX_BYTES] = "", line[LINE_MAX_BYTES];
    FILE *f = fopen("/proc/self/cgroup", "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *path = strchr(line, '/');
        bool v2 = strncmp(line, "0::", 3) == 0, v1_cpu = strstr(line, ":cpu") != NULL;
        if (path != NULL && (v1_cpu || (v2 && group[0] == '\0')))
            snprintf(group, sizeof group, "%s", strcmp(path, "/") == 0 ? "" : path);
    }
    if (f != NULL)
        fclose(f);
    int32_t best = 0;
    for (;;) {
        int32_t quota = quota_of_group(group);
        if (quota > 0 && (best == 0 || quota < best))
            best = quota;
        char *slash = strrchr(group, '/');
        if (slash == NULL)
            return best;
        *slash = '\0';
    }
}

int32_t wn_thread_count(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        n = WN_MIN(n, (long)CPU_COUNT(&set));
    int32_t quota = smallest_quota();
    if (quota > 0)
        n = WN_MIN(n, (long)quota);
    return (int32_t)WN_MAX(1L, WN_MIN(n, (long)WN_POOL_THREADS_MAX));
}

struct wn_thread {
    pthread_t id;
    void (*fn)(void *arg);
    void *arg;
    char name[16];
};

static void *run(void *arg)
{
    wn_thread *thread = arg;
    pthread_setname_np(pthread_self(), thread->name);
    thread->fn(thread->arg);
    return NULL;
}

wn_status wn_thread_start(wn_thread **out, const char *name, void (*fn)(void *arg), void *arg,
                          wn_error *err)
{
    wn_thread *thread = wn_mem_zalloc(1, sizeof *thread);
    if (thread == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a thread");
    thread->fn = fn;
    thread->arg = arg;
    snprintf(thread->name, sizeof thread->name, "%s", name);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&thread->id, NULL, run, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code != 0) {
        wn_mem_free(thread);
        WN_FAIL(err, WN_ERR_MEMORY, "thread '%s' cannot be started: error %d", name, code);
    }
    *out = thread;
    return WN_OK;
}

void wn_thread_join(wn_thread *thread)
{
    if (thread == NULL)
        return;
    pthread_join(thread->id, NULL);
    wn_mem_free(thread);
}
