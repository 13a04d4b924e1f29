/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "lsainit/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/log.h"
#include "lsainit/filter.h"
#include "lsainit/rival.h"

#define FIRST_FD   3
#define HIGH_FD	   64 /* descriptors are moved out of the way to here first */
#define REPORT_FD  (FIRST_FD + CHILD_FDS_MAX)
#define IMAGE_FD   (REPORT_FD + 1)
#define ALIVE_FD   (REPORT_FD + 2)
#define NAMESPACES (CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS)

/* Steps of the child, in order, with what a failure of each means. */
#define STEPS(ST)                                                                                  \
	ST(FDS, "could not arrange its descriptors")                                               \
	ST(ROOT, "could not give it an empty root folder (CAP_SYS_ADMIN is needed)")               \
	ST(LIMITS, "could not set its resource limits (see LimitMEMLOCK, LimitNOFILE)")            \
	ST(GROUPS, "could not drop groups")                                                        \
	ST(BOUNDING, "could not drop the capability bounding set")                                 \
	ST(USER, "could not change to its user")                                                   \
	ST(REGAIN, "could still become root")                                                      \
	ST(KEEP, "could not be given the capabilities that it needs")                              \
	ST(PRIVS, "could not set no_new_privs")                                                    \
	ST(ALIVE, "lsainit is gone")                                                               \
	ST(READS, "its user cannot read")                                                          \
	ST(WRITES, "its user cannot write to")                                                     \
	ST(FILTER, "could not set its system call filter (CONFIG_SECCOMP_FILTER is needed)")       \
	ST(EXEC, "could not be executed")

#define STEP_ENUM(name, text) STEP_##name,
#define STEP_TEXT(name, text) [STEP_##name] = (text),
enum step { STEPS(STEP_ENUM) };
static const char *const step_texts[] = { STEPS(STEP_TEXT) };

struct report {
	int32_t step;
	int32_t error;
	int32_t which; /* of READS */
};

/* ---- in the child: only system calls from here on */

static void __attribute__((noreturn)) give_up_at(enum step step, int32_t which)
{
	struct report re = { .step = (int32_t)step, .error = errno, .which = which };

	if (write(REPORT_FD, &re, sizeof(re)) < 0)
		_exit(126);
	_exit(127);
}

static void __attribute__((noreturn)) give_up(enum step step)
{
	give_up_at(step, 0);
}

/* Everything to its place; all that is left over closes at exec. */
static int
arrange_fds(const struct child_plan *plan, int report)
{
	int from[CHILD_FDS_MAX + 3], to[CHILD_FDS_MAX + 3];
	size_t n = 0;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return -1;
	for (; n < plan->nfds; n++) {
		from[n] = plan->fds[n];
		to[n] = FIRST_FD + (int)n;
	}
	from[n] = report, to[n++] = REPORT_FD;
	from[n] = plan->image, to[n++] = IMAGE_FD;
	from[n] = plan->alive, to[n++] = ALIVE_FD;
	for (size_t i = 0; i < n; i++) {
		from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, HIGH_FD);
		if (from[i] < 0)
			return -1;
	}
	if (dup2(null, 0) < 0 || dup2(null, 1) < 0 || (plan->mute && dup2(null, 2) < 0))
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (dup3(from[i], to[i], to[i] >= REPORT_FD ? O_CLOEXEC : 0) < 0)
			return -1;
	}
	return close_range(FIRST_FD + (unsigned int)plan->nfds, ~0U, CLOSE_RANGE_CLOEXEC);
}

/* An empty, read-only root; the old one is gone from this namespace. */
static int
empty_root(const char *at)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("lsaiso", at, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,mode=0555") !=
		0 ||
	    mount(NULL, at, NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  NULL) != 0 ||
	    chdir(at) != 0)
		return -1;
	if (syscall(SYS_pivot_root, ".", ".") == 0)
		return umount2(".", MNT_DETACH) != 0 || chdir("/") != 0 ? -1 : 0;
	if (errno != EINVAL) /* the root is an initramfs: it cannot be pivoted */
		return -1;
	return mount(".", "/", NULL, MS_MOVE, NULL) != 0 || chroot(".") != 0 || chdir("/") != 0 ? -1
												: 0;
}

/* What may be had: the hard limit, raised first where we are allowed to. */
static int
limit(int what, rlim_t value, bool exact)
{
	struct rlimit now, want = { .rlim_cur = value, .rlim_max = value };

	if (setrlimit((__rlimit_resource_t)what, &want) == 0)
		return 0;
	if (exact || getrlimit((__rlimit_resource_t)what, &now) != 0)
		return -1;
	now.rlim_cur = now.rlim_max;
	return setrlimit((__rlimit_resource_t)what, &now);
}

static int
set_limits(const struct child_plan *plan)
{
	if (limit(RLIMIT_CORE, 0, true) != 0 || limit(RLIMIT_NOFILE, plan->files, false) != 0)
		return -1;
	return plan->locked == 0 ? 0 : limit(RLIMIT_MEMLOCK, plan->locked, false);
}

static int
drop_bounding_set(uint64_t but)
{
	for (unsigned long cap = 0; cap < 64; cap++) {
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) < 0)
			return 0; /* past the kernel's last */
		if ((but >> cap & 1) == 0 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0)
			return -1;
	}
	return 0;
}

/* These, of those that are permitted, and no others, over the exec too. */
static int
keep_capabilities(uint64_t these)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[2];

	if (syscall(SYS_capget, &head, caps) != 0)
		return -1;
	these &= caps[0].permitted | (uint64_t)caps[1].permitted << 32;
	for (int i = 0; i < 2; i++) {
		uint32_t half = (uint32_t)(these >> (32 * i));

		caps[i] = (struct __user_cap_data_struct){ half, half, half };
	}
	if (syscall(SYS_capset, &head, caps) != 0)
		return -1;
	for (unsigned long cap = 0; cap < 64; cap++) {
		if ((these >> cap & 1) != 0 &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) != 0)
			return -1;
	}
	return 0;
}

/* Root that owns files and devices as any user does, and may do no more. */
static void
become_bare(const struct child_plan *plan)
{
	if (setgroups(1, &plan->group) != 0)
		give_up(STEP_GROUPS);
	if (drop_bounding_set(0) != 0) /* at exec the rest of them is gone */
		give_up(STEP_BOUNDING);
}

static void
become_user(const struct child_plan *plan)
{
	if (setgroups(0, NULL) != 0)
		give_up(STEP_GROUPS);
	if (drop_bounding_set(plan->capabilities) != 0 ||
	    (plan->capabilities != 0 && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0))
		give_up(STEP_BOUNDING);
	if (setresgid(plan->gid, plan->gid, plan->gid) != 0 ||
	    setresuid(plan->uid, plan->uid, plan->uid) != 0)
		give_up(STEP_USER);
	errno = EPERM;
	if (setresuid(0, 0, 0) == 0 || setresgid(0, 0, 0) == 0)
		give_up(STEP_REGAIN);
	if (plan->capabilities != 0 && keep_capabilities(plan->capabilities) != 0)
		give_up(STEP_KEEP);
}

static void
check_reach(const struct child_plan *plan)
{
	for (int32_t i = 0; i < CHILD_READS_MAX; i++) {
		if (plan->reads[i] != NULL && access(plan->reads[i], R_OK) != 0)
			give_up_at(STEP_READS, i);
	}
	if (plan->writes != NULL && access(plan->writes, W_OK | X_OK) != 0)
		give_up(STEP_WRITES);
}

static void __attribute__((noreturn)) child_main(const struct child_plan *plan, int report)
{
	struct pollfd alive = { .fd = ALIVE_FD };
	sigset_t none;

	if (arrange_fds(plan, report) != 0) {
		(void)dup2(report, REPORT_FD);
		give_up(STEP_FDS);
	}
	(void)setsid();
	(void)umask(077);
	(void)signal(SIGPIPE, SIG_DFL);
	if (plan->jail && empty_root(plan->jail_at) != 0)
		give_up(STEP_ROOT);
	if (!plan->jail && chdir("/") != 0)
		give_up(STEP_ROOT);
	if (set_limits(plan) != 0)
		give_up(STEP_LIMITS);
	if (plan->separate)
		become_user(plan);
	if (plan->bare)
		become_bare(plan);
	if (plan->alone && limit(RLIMIT_NPROC, 0, true) != 0)
		give_up(STEP_LIMITS);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		give_up(STEP_PRIVS);
	/* Only now: a change of user clears it. Then see that it was in time. */
	if ((!plan->outlives && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) ||
	    poll(&alive, 1, 0) != 0)
		give_up(STEP_ALIVE);
	check_reach(plan);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (plan->filter && filter_lsass() != 0)
		give_up(STEP_FILTER);
	(void)execveat(IMAGE_FD, "", plan->argv, plan->envp, AT_EMPTY_PATH);
	give_up(STEP_EXEC);
}

/* ---- in lsainit */

static const char *
reach_path(const struct child_plan *plan, const struct report *re)
{
	switch (re->step) {
	case STEP_READS:
		return re->which >= 0 && re->which < CHILD_READS_MAX ? plan->reads[re->which]
								     : NULL;
	case STEP_WRITES:
		return plan->writes;
	default:
		return NULL;
	}
}

/* What root is refused at an exec, modes and mounts say by other errors. */
static void
log_refused(const struct child_plan *plan)
{
	pid_t other = other_lsainit();

	if (other > 0)
		log_err("%s was not started: it may not be executed: the guard of another "
			"instance (lsainit, pid %d) lets nobody else start its programs; stop that "
			"one first (lsactl stop), or give this one copies of its own ([run] "
			"programs)",
			plan->name, (int)other);
	else
		log_err("%s was not started: it may not be executed: something on this machine "
			"refuses it to root (a security module, or a watcher of files)",
			plan->name);
}

static void
log_report(const struct child_plan *plan, const struct report *re)
{
	const char *text = re->step >= 0 && re->step <= STEP_EXEC ? step_texts[re->step] : "?";
	const char *path = reach_path(plan, re);

	if (re->step == STEP_EXEC && re->error == EPERM && geteuid() == 0)
		log_refused(plan);
	else if (path != NULL)
		log_err("%s was not started: %s %s: %s (look at the permissions of each folder "
			"on the way)",
			plan->name, text, path, strerror(re->error));
	else
		log_err("%s was not started: %s: %s", plan->name, text, strerror(re->error));
}

static pid_t
fork_into(int namespaces)
{
	/* fork(2) in other namespaces; the stack is shared copy-on-write. */
	return (pid_t)syscall(SYS_clone, (unsigned long)(namespaces | SIGCHLD), NULL, NULL, NULL,
			      NULL);
}

pid_t
child_start(const struct child_plan *plan)
{
	struct report re = { 0 };
	int report[2];
	ssize_t got;
	pid_t pid;

	if (pipe2(report, O_CLOEXEC) != 0) {
		log_err("%s was not started: %s", plan->name, strerror(errno));
		return -1;
	}
	pid = fork_into(plan->jail ? NAMESPACES : 0);
	if (pid == 0)
		child_main(plan, report[1]);
	if (pid < 0)
		log_err("%s was not started: no process%s: %s", plan->name,
			plan->jail ? " with namespaces of its own (CAP_SYS_ADMIN is needed)" : "",
			strerror(errno));
	(void)close(report[1]);
	do
		got = pid < 0 ? 0 : read(report[0], &re, sizeof(re));
	while (got < 0 && errno == EINTR);
	(void)close(report[0]);
	if (pid > 0 && got != 0) {
		if (got == sizeof(re))
			log_report(plan, &re);
		(void)waitpid(pid, NULL, 0);
		return -1;
	}
	return pid;
}
