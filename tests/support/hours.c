/* Loaded before libfaketime 0.9.10, which leaves two holes.
 *
 * clock_nanosleep: it shifts absolute deadlines of whatever clock, also of the monotonic one that it was told to leave alone: Python's
 * time.sleep then fails with EINVAL.
 * cnd_timedwait: glibc's goes to the kernel with a shifted deadline, without passing libfaketime: librdkafka then waits for a year. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *until, struct timespec *left) {
    return syscall(SYS_clock_nanosleep, clock, flags, until, left) == 0 ? 0 : errno;
}

int cnd_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *until) {
    switch (pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, until)) {
    case 0: return thrd_success;
    case ETIMEDOUT: return thrd_timedout;
    default: return thrd_error;
    }
}
