/* The system calls of a server at work, for libseccomp.  Not among them: other programs, new
 * processes, sockets of its own making, tracing, mounting, memory that is executable.  A call that
 * is not allowed fails with EPERM.  clone3 hides its flags from a filter: it "does not exist", and
 * the C library takes clone.
 * See sandbox.h. */
#define _GNU_SOURCE
#include "serve/sandbox.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#define CALL(name) SCMP_SYS(name)
#define THREAD     (CLONE_THREAD | CLONE_VM)

enum { REQ_XCOMP_PERM = 0x1023 }; /* of arch_prctl: asks for the tile registers */

static const int allowed[] = {
    /* files */
    CALL(read), CALL(write), CALL(readv), CALL(writev), CALL(pread64), CALL(pwrite64), CALL(open),
    CALL(openat), CALL(close), CALL(lseek), CALL(stat), CALL(fstat), CALL(lstat), CALL(newfstatat),
    CALL(statx), CALL(statfs), CALL(fstatfs), CALL(access), CALL(faccessat), CALL(faccessat2),
    CALL(readlink), CALL(readlinkat), CALL(getdents64), CALL(getcwd), CALL(fcntl), CALL(fsync),
    CALL(fdatasync), CALL(ftruncate), CALL(fallocate), CALL(unlink), CALL(unlinkat), CALL(rename),
    CALL(renameat), CALL(renameat2), CALL(mkdir), CALL(mkdirat), CALL(rmdir), CALL(fchmod),
    CALL(fchown), CALL(umask), CALL(utimensat), CALL(fadvise64),
    /* sockets that were accepted, and waiting for them */
    CALL(accept), CALL(accept4), CALL(getsockname), CALL(getpeername), CALL(setsockopt),
    CALL(getsockopt), CALL(shutdown), CALL(recvfrom), CALL(recvmsg), CALL(sendto), CALL(sendmsg),
    CALL(epoll_ctl), CALL(epoll_wait), CALL(epoll_pwait), CALL(epoll_pwait2), CALL(poll),
    CALL(ppoll), CALL(select), CALL(pselect6), CALL(eventfd2), CALL(pipe2), CALL(timerfd_settime),
    /* memory */
    CALL(brk), CALL(munmap), CALL(mremap), CALL(madvise), CALL(mincore), CALL(membarrier),
    /* threads, signals, time */
    CALL(futex), CALL(set_robust_list), CALL(get_robust_list), CALL(rseq), CALL(sched_yield),
    CALL(sched_getaffinity), CALL(sched_getparam), CALL(sched_getscheduler), CALL(getcpu),
    CALL(gettid), CALL(getpid), CALL(getppid), CALL(tgkill), CALL(exit), CALL(exit_group),
    CALL(rt_sigaction), CALL(rt_sigprocmask), CALL(rt_sigreturn), CALL(rt_sigtimedwait),
    CALL(sigaltstack), CALL(restart_syscall), CALL(clock_gettime), CALL(clock_getres),
    CALL(clock_nanosleep), CALL(nanosleep), CALL(gettimeofday), CALL(time), CALL(times),
    CALL(getrandom), CALL(getrusage), CALL(sysinfo), CALL(uname), CALL(getuid), CALL(geteuid),
    CALL(getgid), CALL(getegid)};

static bool add_rules(scmp_filter_ctx filter)
{
    bool ok = true;
    for (size_t i = 0; i < WN_ARRAY_LEN(allowed); i++)
        ok = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0) == 0 && ok;
    const struct scmp_arg_cmp no_exec = {2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0};
    const struct scmp_arg_cmp thread = {0, SCMP_CMP_MASKED_EQ, THREAD, THREAD};
    const struct scmp_arg_cmp name = {0, SCMP_CMP_EQ, PR_SET_NAME, 0};
    const struct scmp_arg_cmp tiles = {0, SCMP_CMP_EQ, REQ_XCOMP_PERM, 0};
    const struct scmp_arg_cmp readable = {1, SCMP_CMP_EQ, FIONREAD, 0};
    const struct scmp_arg_cmp no_new_limit = {2, SCMP_CMP_EQ, 0, 0};
    return ok && seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, CALL(mmap), 1, &no_exec) == 0 &&
           seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, CALL(mprotect), 1, &no_exec) == 0 &&
           seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, CALL(clone), 1, &thread) == 0 &&
           seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, CALL(prctl), 1, &name) == 0 &&
           seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, CALL(arch_prctl), 1, &tiles) == 0 &&
           seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, CALL(ioctl), 1, &readable) == 0 &&
           seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, CALL(prlimit64), 1, &no_new_limit) == 0 &&
           seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), CALL(clone3), 0) == 0;
}

bool wn_sandbox_filter_calls(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (filter == NULL)
        return false;
    bool ok = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) == 0 && add_rules(filter) &&
              seccomp_load(filter) == 0;
    seccomp_release(filter);
    return ok;
}
