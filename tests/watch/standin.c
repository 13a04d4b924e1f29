/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The part of lsainit. lsainit LSAWATCH CONFIG SOCKET LSAISO LSASS: starts
 * LSAWATCH as lsainit does, with the images LSAISO and LSASS, and obeys the
 * lines of stdin with one line of answer each:
 *
 *   start PART [uid=N] [gid=N] [group=N] [caps=HEX] [nofilter] [noprivs] [nojail] [orphan]
 *   tell PART DEED...   what standin_play.c can do
 *   begin PART DEED...  the same without its answer, for what does not end
 *   signal PART NUMBER
 *   end PART            killed, and lsawatch is told that it has ended
 *   table               tell lsawatch how it is, anew
 *
 * Ends, with all of them, at the end of stdin.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/control.h"
#include "tests/watch/standin.h"

#define CAP_BIT(cap) (1ULL << (cap))
#define WATCH_CAPS                                                                                 \
	(CAP_BIT(CAP_SYS_PTRACE) | CAP_BIT(CAP_DAC_READ_SEARCH) | CAP_BIT(CAP_NET_ADMIN) |         \
	 CAP_BIT(CAP_AUDIT_READ) | CAP_BIT(CAP_AUDIT_CONTROL) | CAP_BIT(CAP_BPF) |                 \
	 CAP_BIT(CAP_PERFMON) | CAP_BIT(CAP_SYS_ADMIN))
#define NAMESPACES (CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS)
#define ISO_UID	   64301
#define LSASS_UID  64302
#define WATCH_UID  64303
#define ANSWER_MS  20000

/* How a process is started. */
struct manner {
	uid_t uid;
	gid_t gid;
	gid_t group; /* one more; 0: none */
	uint64_t caps;
	bool filter, privs; /* privs: with no_new_privs */
	bool jail;
	bool orphan; /* its parent is not us */
};

struct part {
	const char *name, *path;
	int at; /* the descriptor of its line */
	pid_t pid;
	int line;
	int image;
	int32_t *table_pid, *table_exit;
	int64_t *table_since;
	struct manner manner; /* as lsainit starts it */
};

static struct control_table table = {
	.separate_users = 1, .secret_memory = 1, .namespaces = 1, .launch = 1, .launch_floor = -1
};

static struct part parts[] = {
	{ "lsaiso",
	  NULL,
	  4,
	  0,
	  -1,
	  -1,
	  &table.lsaiso_pid,
	  &table.lsaiso_last_exit,
	  &table.lsaiso_since,
	  { ISO_UID, ISO_UID, 0, 0, true, true, true, false } },
	{ "lsass",
	  NULL,
	  3,
	  0,
	  -1,
	  -1,
	  &table.lsass_pid,
	  &table.lsass_last_exit,
	  &table.lsass_since,
	  { LSASS_UID, LSASS_UID, 0, 0, true, true, false, false } },
};

static int watch_line = -1, watch_pid = -1;

int
split(char *line, char *words[WORDS_MOST])
{
	char *rest = NULL;
	int n = 0;

	for (char *at = strtok_r(line, " \n", &rest); at != NULL && n < WORDS_MOST - 1;
	     at = strtok_r(NULL, " \n", &rest))
		words[n++] = at;
	words[n] = NULL;
	return n;
}

static void __attribute__((noreturn)) fail(const char *what)
{
	(void)fprintf(stderr, "standin: %s: %s\n", what, strerror(errno));
	_exit(1);
}

/* ---- in a child */

static void
set_capabilities(uint64_t caps)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	for (int i = 0; i < 2; i++) {
		uint32_t half = (uint32_t)(caps >> (32 * i));

		data[i] = (struct __user_cap_data_struct){ half, half, half };
	}
	if (syscall(SYS_capset, &head, data) != 0)
		fail("capset");
	for (unsigned long cap = 0; cap < 64; cap++) {
		if ((caps >> cap & 1) != 0 &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) != 0)
			fail("ambient");
	}
}

static void
become(const struct manner *ma)
{
	struct sock_filter all[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_fprog program = { 1, all };

	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
		if ((ma->caps >> cap & 1) == 0)
			(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	}
	/* The filter while we may, if there is no no_new_privs. */
	if (ma->filter && !ma->privs && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		fail("filter");
	if (setgroups(ma->group != 0, &ma->group) != 0 || prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 ||
	    setresgid(ma->gid, ma->gid, ma->gid) != 0 || setresuid(ma->uid, ma->uid, ma->uid) != 0)
		fail("users");
	set_capabilities(ma->caps);
	if (ma->privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		fail("no_new_privs");
	if (ma->filter && ma->privs && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		fail("filter");
}

/* ---- lsaiso and lsass */

static void __attribute__((noreturn))
player(const struct part *pa, const struct manner *ma, int line)
{
	char fd[16], word[] = "play", name[16];
	char *argv[] = { name, word, fd, NULL };
	char *envp[] = { NULL };

	(void)snprintf(fd, sizeof(fd), "%d", pa->at);
	(void)snprintf(name, sizeof(name), "%s", pa->name);
	line = fcntl(line, F_DUPFD_CLOEXEC, 64);
	if (line < 0 || dup2(line, pa->at) < 0 ||
	    close_range((unsigned int)pa->at + 1, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
		fail("descriptors");
	/* lsaiso has nothing else. */
	if (pa == &parts[0] && close_range(0, (unsigned int)pa->at - 1, CLOSE_RANGE_CLOEXEC) != 0)
		fail("descriptors");
	become(ma);
	if (!ma->orphan && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
		fail("pdeathsig");
	(void)execve(pa->path, argv, envp);
	fail(pa->path);
}

static void
tell_watch(void)
{
	struct control_msg msg = { .type = CTL_TABLE, .table = table };

	(void)control_send(watch_line, &msg, NULL);
}

/* An answer of a part. */
static const char *
hear(const struct part *pa)
{
	static char answer[LINE_MOST];
	struct pollfd pf = { .fd = pa->line, .events = POLLIN };
	ssize_t got = poll(&pf, 1, ANSWER_MS) == 1 ? recv(pa->line, answer, sizeof(answer) - 1, 0)
						   : 0;

	answer[got > 0 ? got : 0] = '\0';
	return got > 0 ? answer : "error no answer";
}

static pid_t
make(const struct part *pa, const struct manner *ma, int line)
{
	unsigned long flags = (ma->jail ? NAMESPACES : 0) | SIGCHLD;
	pid_t pid = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);

	if (pid == 0)
		player(pa, ma, line);
	return pid;
}

/* By a process in between, which ends. */
static pid_t
make_orphan(const struct part *pa, const struct manner *ma, int line)
{
	int two[2];
	pid_t pid = -1, between;

	if (pipe2(two, O_CLOEXEC) != 0)
		fail("pipe");
	between = fork();
	if (between == 0) {
		pid = make(pa, ma, line);
		_exit(write(two[1], &pid, sizeof(pid)) == sizeof(pid) ? 0 : 1);
	}
	(void)close(two[1]);
	if (between < 0 || read(two[0], &pid, sizeof(pid)) != sizeof(pid))
		fail("orphan");
	(void)close(two[0]);
	(void)waitpid(between, NULL, 0);
	return pid;
}

static const char *
start(struct part *pa, const struct manner *ma)
{
	static char answer[LINE_MOST];
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		fail("socketpair");
	pa->pid = ma->orphan ? make_orphan(pa, ma, pair[1]) : make(pa, ma, pair[1]);
	(void)close(pair[1]);
	pa->line = pair[0];
	if (pa->pid < 0 || strcmp(hear(pa), "ok") != 0)
		return "error it does not run";
	*pa->table_pid = pa->pid;
	*pa->table_since = time(NULL);
	tell_watch();
	(void)snprintf(answer, sizeof(answer), "ok %d", (int)pa->pid);
	return answer;
}

static const char *
end(struct part *pa)
{
	int status = 0;

	if (pa->pid <= 0)
		return "error it does not run";
	(void)kill(pa->pid, SIGKILL);
	(void)waitpid(pa->pid, &status, 0);
	(void)close(pa->line);
	*pa->table_pid = 0;
	*pa->table_exit = status;
	pa->pid = 0;
	pa->line = -1;
	tell_watch();
	return "ok";
}

/* ---- lsawatch */

static int
listen_at(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0 || listen(fd, 8) != 0)
		fail(path);
	return fd;
}

static void __attribute__((noreturn)) watcher(char *argv[], int line, int listening)
{
	char name[] = "lsawatch", option[] = "--config";
	char *args[] = { name, option, argv[2], NULL };
	char *envp[] = { NULL };
	const struct manner as = { WATCH_UID, WATCH_UID, 0, WATCH_CAPS, false, true, false, false };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int fds[] = {
		line,		listening,	null, open("/proc/self/exe", O_RDONLY | O_CLOEXEC),
		parts[0].image, parts[1].image, null
	};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 64);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (fds[i] < 0 || dup2(fds[i], CONTROL_FD_LINE + (int)i) < 0)
			fail("descriptors");
	}
	(void)dup2(null, 0);
	(void)dup2(null, 1);
	if (close_range(CONTROL_FDS_WATCH_END, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
		fail("descriptors");
	become(&as);
	(void)execve(argv[1], args, envp);
	fail(argv[1]);
}

static void
start_watch(char *argv[])
{
	int pair[2], listening = listen_at(argv[3]);
	struct control_msg msg;
	int fds[2] = { -1, -1 };

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		fail("socketpair");
	watch_pid = fork();
	if (watch_pid == 0)
		watcher(argv, pair[1], listening);
	(void)close(pair[1]);
	(void)close(listening);
	watch_line = pair[0];
	table.lsainit_pid = getpid();
	table.lsainit_since = time(NULL);
	table.lsawatch_pid = watch_pid;
	tell_watch();
	if (control_recv(watch_line, &msg, fds) != 1 || msg.type != CTL_READY)
		fail("lsawatch is not ready");
	(void)fcntl(watch_line, F_SETFL, O_NONBLOCK);
}

/* ---- obeying */

static const char *
start_so(struct part *pa, char *words[], int n)
{
	struct manner ma = pa->manner;

	for (int i = 0; i < n; i++) {
		const char *value = strchr(words[i], '=');
		unsigned long long is = value != NULL ? strtoull(value + 1, NULL, 0) : 0;

		if (strncmp(words[i], "uid=", 4) == 0)
			ma.uid = (uid_t)is;
		else if (strncmp(words[i], "gid=", 4) == 0)
			ma.gid = (gid_t)is;
		else if (strncmp(words[i], "group=", 6) == 0)
			ma.group = (gid_t)is;
		else if (strncmp(words[i], "caps=", 5) == 0)
			ma.caps = is;
		else if (strcmp(words[i], "nofilter") == 0)
			ma.filter = false;
		else if (strcmp(words[i], "noprivs") == 0)
			ma.privs = false;
		else if (strcmp(words[i], "nojail") == 0)
			ma.jail = false;
		else if (strcmp(words[i], "orphan") == 0)
			ma.orphan = true;
		else
			return "error how?";
	}
	return start(pa, &ma);
}

static const char *
obey(char *line)
{
	char copy[LINE_MOST], *words[WORDS_MOST];
	struct part *pa = NULL;
	int n;

	(void)snprintf(copy, sizeof(copy), "%s", line);
	n = split(line, words);
	for (size_t i = 0; n > 1 && i < sizeof(parts) / sizeof(parts[0]); i++)
		pa = strcmp(words[1], parts[i].name) == 0 ? &parts[i] : pa;
	if (n == 1 && strcmp(words[0], "table") == 0) {
		tell_watch();
		return "ok";
	}
	if (pa == NULL)
		return "error who?";
	if (strcmp(words[0], "start") == 0)
		return start_so(pa, words + 2, n - 2);
	if (strcmp(words[0], "end") == 0)
		return end(pa);
	if (strcmp(words[0], "signal") == 0 && n == 3)
		return kill(pa->pid, (int)strtol(words[2], NULL, 10)) == 0 ? "ok" : "error signal";
	if (n > 2 && (strcmp(words[0], "tell") == 0 || strcmp(words[0], "begin") == 0)) {
		const char *deed = copy + (words[2] - line);

		if (send(pa->line, deed, strcspn(deed, "\n"), MSG_NOSIGNAL) <= 0)
			return "error gone";
		return strcmp(words[0], "tell") == 0 ? hear(pa) : "ok";
	}
	return "error what?";
}

static void
stop(void)
{
	struct control_msg msg = { .type = CTL_STOP, .table = table };

	table.stopping = msg.table.stopping = 1;
	tell_watch();
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		(void)end(&parts[i]);
	(void)control_send(watch_line, &msg, NULL);
	(void)waitpid(watch_pid, NULL, 0);
}

int
main(int argc, char **argv)
{
	char line[LINE_MOST];

	if (argc == 3 && strcmp(argv[1], "play") == 0)
		play((int)strtol(argv[2], NULL, 10));
	if (argc != 6) {
		(void)fputs("usage: lsainit LSAWATCH CONFIG SOCKET LSAISO LSASS\n", stderr);
		return 2;
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	for (int i = 0; i < 2; i++) {
		parts[i].path = argv[4 + i];
		parts[i].image = open(argv[4 + i], O_RDONLY | O_CLOEXEC);
		if (parts[i].image < 0)
			fail(argv[4 + i]);
	}
	start_watch(argv);
	(void)puts("ok");
	(void)fflush(stdout);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		(void)puts(obey(line));
		(void)fflush(stdout);
	}
	stop();
	return 0;
}
