/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Layer events: the kernel's process connector. Every program that starts,
 * and what happens to our processes. The kernel sends far more; a filter on
 * the socket drops the rest before it costs us anything: forks, ends, changes
 * of user of others. It is made anew when our processes change.
 *
 * The kernel speaks of processes by their numbers in the initial namespaces
 * only, so elsewhere this cannot be used.
 */
#define _GNU_SOURCE
#include "lsawatch/sense/connector.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lsass/loop.h"
#include "lsawatch/sense/sense.h"

#define BUFFER	     (1 << 20) /* octets: some thousand events while we do something else */
#define BATCH	     256       /* messages, then others have their turn */
#define ANSWER_MS    500
#define LISTENS_MAX  256 /* in all, to be counted in where others have counted down */
#define AGAIN_MS     50
#define INIT_PID_INO 0xEFFFFFFCU /* of the initial pid namespace, PROC_PID_INIT_INO */

#define SHOWS (SEES(EXEC) | SEES(FORK) | SEES(EXIT) | SEES(CREDS) | SEES(ATTACH) | SEES(CORE))

/* Where a message has what: netlink header, connector header, event. */
#define AT_EVENT (sizeof(struct nlmsghdr) + sizeof(struct cn_msg))
#define AT_DATA	 (AT_EVENT + offsetof(struct proc_event, event_data))

static struct {
	struct watch *wa;
	int fd;
	unsigned int listens; /* how often we said that we do; older kernels count all of them */
	bool asked, proved;   /* whether a deed of our own was told */
	bool lost;	      /* it may have been, and had no room */
} cn = { .fd = -1 };

/* ---- messages */

static void
fork_sight(const struct fork_proc_event *ev, struct watch_sight *si)
{
	si->see = SEE_FORK;
	si->by.pid = ev->parent_tgid;
	si->by.thread = ev->parent_pid;
	/* Of a thread: its own number, which is no process. */
	si->target = ev->child_pid;
	(void)snprintf(si->name, sizeof(si->name), "%s",
		       ev->child_pid != ev->child_tgid ? "thread" : "");
}

static void
exit_sight(const struct exit_proc_event *ev, struct watch_sight *si)
{
	si->see = SEE_EXIT;
	si->target = ev->process_tgid;
	si->number = (int)ev->exit_code;
}

static int
event_sight(const struct proc_event *ev, struct watch_sight *si)
{
	switch ((unsigned int)ev->what) {
	case PROC_EVENT_EXEC:
		si->see = SEE_EXEC;
		si->by.pid = ev->event_data.exec.process_tgid;
		si->by.thread = ev->event_data.exec.process_pid;
		break;
	case PROC_EVENT_FORK:
		fork_sight(&ev->event_data.fork, si);
		break;
	case PROC_EVENT_EXIT:
		if (ev->event_data.exit.process_pid != ev->event_data.exit.process_tgid)
			return 0; /* a thread */
		exit_sight(&ev->event_data.exit, si);
		break;
	case PROC_EVENT_UID:
	case PROC_EVENT_GID:
		si->see = SEE_CREDS;
		si->by.pid = ev->event_data.id.process_tgid;
		si->target = ev->event_data.id.process_tgid;
		si->number = (int)ev->event_data.id.e.euid;
		(void)snprintf(si->name, sizeof(si->name), "%s",
			       (unsigned int)ev->what == PROC_EVENT_UID ? "uid" : "gid");
		break;
	case PROC_EVENT_PTRACE:
		if (ev->event_data.ptrace.tracer_tgid == 0)
			return 0; /* it let go */
		si->see = SEE_ATTACH;
		si->way = WAY_ptrace;
		si->target = ev->event_data.ptrace.process_tgid;
		si->by.pid = ev->event_data.ptrace.tracer_tgid;
		si->by.thread = ev->event_data.ptrace.tracer_pid;
		si->allowed = 1;
		break;
	case PROC_EVENT_COREDUMP:
		si->see = SEE_CORE;
		si->target = ev->event_data.coredump.process_tgid;
		break;
	default:
		return 0;
	}
	return 1;
}

int
connector_sight(const void *msg, size_t len, struct watch_sight *si)
{
	const uint8_t *at = msg;
	struct nlmsghdr head;
	struct cn_msg cm;
	struct proc_event ev = { 0 };

	if (len < AT_DATA)
		return -1;
	memcpy(&head, at, sizeof(head));
	memcpy(&cm, at + sizeof(head), sizeof(cm));
	if (head.nlmsg_len < AT_DATA || head.nlmsg_len > len || cm.len > len - AT_EVENT ||
	    cm.len < offsetof(struct proc_event, event_data))
		return -1;
	if (cm.id.idx != CN_IDX_PROC || cm.id.val != CN_VAL_PROC)
		return 0;
	/* Kernels differ in how long the union is; what is missing is zero. */
	memcpy(&ev, at + AT_EVENT, cm.len < sizeof(ev) ? cm.len : sizeof(ev));
	*si = (struct watch_sight){ .layer = LAYER_EVENTS, .allowed = -1 };
	si->by.uid = si->by.login = UINT32_MAX;
	return event_sight(&ev, si);
}

/* ---- what leaves the kernel */

#define FIELD(member)                                                                              \
	((uint32_t)(AT_DATA + offsetof(struct proc_event, event_data.member) -                     \
		    offsetof(struct proc_event, event_data)))
/* Loads of the filter are of network order. */
#define LOAD(at)   BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(at))
#define FILTER_MAX 64

struct filter {
	struct sock_filter code[FILTER_MAX];
	unsigned short n;
};

static void
put(struct filter *fi, struct sock_filter one)
{
	if (fi->n < FILTER_MAX)
		fi->code[fi->n++] = one;
}

#define PUT(fi, ...) put(fi, (struct sock_filter)__VA_ARGS__)

static uint32_t
swapped(unsigned int value)
{
	return htonl(value);
}

/* Pass it if the number at that place is of one of our processes; else drop it. */
static void
put_ours(struct filter *fi, const struct lsawatch *w, size_t at)
{
	PUT(fi, LOAD(at));
	for (size_t i = 0; i < PART_END; i++) {
		if (w->targets[i].pid == 0)
			continue;
		PUT(fi, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
				 swapped((unsigned int)w->targets[i].pid), 0, 1));
		PUT(fi, BPF_STMT(BPF_RET | BPF_K, UINT32_MAX));
	}
	PUT(fi, BPF_STMT(BPF_RET | BPF_K, 0));
}

/* What we do ourselves: take our name again (sensors_deed). */
static void
put_us(struct filter *fi)
{
	PUT(fi, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, swapped(PROC_EVENT_COMM), 0, 4));
	PUT(fi, LOAD(FIELD(comm.process_tgid)));
	PUT(fi, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, swapped((unsigned int)getpid()), 0, 1));
	PUT(fi, BPF_STMT(BPF_RET | BPF_K, UINT32_MAX));
	PUT(fi, BPF_STMT(BPF_RET | BPF_K, 0));
}

/* If the event is what: ask for the number at that place. */
static void
put_kind(struct filter *fi, const struct lsawatch *w, unsigned int what, size_t at)
{
	unsigned short jump = fi->n;

	PUT(fi, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, swapped(what), 0, 0));
	put_ours(fi, w, at);
	fi->code[jump].jf = (uint8_t)(fi->n - jump - 1);
}

static int
set_filter(const struct lsawatch *w)
{
	struct filter fi = { .n = 0 };
	struct sock_fprog prog = { .filter = fi.code };

	PUT(&fi, LOAD(AT_EVENT + offsetof(struct proc_event, what)));
	/* Starts, and the answer to our question for events. */
	PUT(&fi, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, swapped(PROC_EVENT_EXEC), 1, 0));
	PUT(&fi, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, swapped(PROC_EVENT_NONE), 0, 1));
	PUT(&fi, BPF_STMT(BPF_RET | BPF_K, UINT32_MAX));
	put_kind(&fi, w, PROC_EVENT_FORK, FIELD(fork.parent_tgid));
	put_kind(&fi, w, PROC_EVENT_EXIT, FIELD(exit.process_tgid));
	put_kind(&fi, w, PROC_EVENT_UID, FIELD(id.process_tgid));
	put_kind(&fi, w, PROC_EVENT_GID, FIELD(id.process_tgid));
	put_kind(&fi, w, PROC_EVENT_PTRACE, FIELD(ptrace.process_tgid));
	put_kind(&fi, w, PROC_EVENT_COREDUMP, FIELD(coredump.process_tgid));
	put_us(&fi);
	PUT(&fi, BPF_STMT(BPF_RET | BPF_K, 0));
	prog.len = fi.n;
	return setsockopt(cn.fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog));
}

/* ---- reading */

static const char *
value_of(const char *status, const char *name)
{
	const char *at = strstr(status, name);

	return at != NULL ? at + strlen(name) : NULL;
}

/* What is asked of every program that starts, in two reads; the rest when it is needed. */
static void
complete_start(struct watch_actor *by)
{
	char status[1024];
	const char *parent, *uid, *name;

	(void)process_exe(by->pid, by->exe, sizeof(by->exe));
	if (process_read(by->pid, "status", status, sizeof(status)) <= 0)
		return;
	name = strncmp(status, "Name:\t", 6) == 0 ? status + 6 : "";
	(void)snprintf(by->comm, sizeof(by->comm), "%.*s", (int)strcspn(name, "\n"), name);
	parent = value_of(status, "\nPPid:\t");
	uid = value_of(status, "\nUid:\t");
	by->parent = parent != NULL ? (pid_t)strtol(parent, NULL, 10) : 0;
	by->uid = uid != NULL ? (uint32_t)strtoul(uid, NULL, 10) : UINT32_MAX;
}

static void
see(struct lsawatch *w, struct watch_sight *si)
{
	/* At once: it may not live long. */
	if (si->see == SEE_EXEC)
		complete_start(&si->by);
	else if (si->by.pid != 0)
		process_complete(w, &si->by);
	if (si->see == SEE_EXEC) {
		if (si->by.exe[0] == '\0' && si->by.comm[0] == '\0')
			return; /* gone, and nothing is known of it */
		(void)snprintf(si->name, sizeof(si->name), "%s", si->by.exe);
		si->target = si->by.pid;
	}
	watch_see(w, si);
}

/* Told of us; the filter lets no other of that kind through. */
static bool
is_deed(const void *msg, size_t len)
{
	struct proc_event ev = { 0 };

	if (len < AT_DATA)
		return false;
	memcpy(&ev, (const uint8_t *)msg + AT_EVENT, offsetof(struct proc_event, event_data));
	return (unsigned int)ev.what == PROC_EVENT_COMM;
}

/* False: nothing more to read now. */
static bool
read_one(struct lsawatch *w)
{
	union {
		struct nlmsghdr head;
		uint8_t octets[1024];
	} msg;
	struct sockaddr_nl from = { 0 };
	socklen_t len = sizeof(from);
	struct watch_sight si;
	ssize_t got = recvfrom(cn.fd, &msg, sizeof(msg), MSG_DONTWAIT, (struct sockaddr *)&from,
			       &len);

	if (got < 0 && errno == ENOBUFS) {
		cn.lost = true;
		sensors_lost(w, LAYER_EVENTS, "the process connector was not read in time");
		return true;
	}
	if (got <= 0)
		return got < 0 && errno == EINTR;
	if (from.nl_pid == 0 && is_deed(&msg, (size_t)got))
		cn.proved = true;
	else if (from.nl_pid == 0 && connector_sight(&msg, (size_t)got, &si) == 1)
		see(w, &si);
	return true;
}

static void
ready(void *arg, uint32_t events)
{
	struct lsawatch *w = arg;

	(void)events;
	for (int i = 0; i < BATCH && read_one(w); i++)
		;
}

/* ---- open and close */

static int
ask(enum proc_cn_mcast_op op)
{
	uint8_t msg[NLMSG_HDRLEN + sizeof(struct cn_msg) + sizeof(uint32_t)] = { 0 };
	struct nlmsghdr head = { .nlmsg_len = sizeof(msg), .nlmsg_type = NLMSG_DONE };
	struct cn_msg cm = { .id = { CN_IDX_PROC, CN_VAL_PROC }, .len = sizeof(uint32_t) };
	uint32_t what = op;

	memcpy(msg, &head, sizeof(head));
	memcpy(msg + NLMSG_HDRLEN, &cm, sizeof(cm));
	memcpy(msg + NLMSG_HDRLEN + sizeof(cm), &what, sizeof(what));
	return send(cn.fd, msg, sizeof(msg), 0) == (ssize_t)sizeof(msg) ? 0 : -1;
}

/* The kernel answers those that may ask, and is silent to others. */
static bool
answers(int64_t ms)
{
	int64_t until = watch_now_ms() + ms;
	uint8_t msg[1024];
	struct proc_event ev;

	while (watch_now_ms() < until) {
		struct pollfd pf = { .fd = cn.fd, .events = POLLIN };
		ssize_t got;

		if (poll(&pf, 1, (int)(until - watch_now_ms()) + 1) <= 0)
			continue;
		got = recv(cn.fd, msg, sizeof(msg), MSG_DONTWAIT);
		if (got < (ssize_t)AT_DATA)
			continue;
		memcpy(&ev, msg + AT_EVENT, offsetof(struct proc_event, event_data));
		if ((unsigned int)ev.what == PROC_EVENT_NONE)
			return true;
	}
	return false;
}

/* It is also silent to all while the count of who listens is below one: then we ask more. */
static bool
answers_at_last(void)
{
	if (answers(ANSWER_MS))
		return true;
	while (cn.listens < LISTENS_MAX) {
		for (unsigned int more = cn.listens; more > 0; more--)
			cn.listens += ask(PROC_CN_MCAST_LISTEN) == 0;
		if (answers(AGAIN_MS))
			return true;
	}
	return false;
}

static bool
in_initial_namespace(void)
{
	struct stat sb;

	return stat("/proc/self/ns/pid", &sb) == 0 && sb.st_ino == INIT_PID_INO;
}

static int
join(const struct lsawatch *w)
{
	struct sockaddr_nl self = { .nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC };
	int size = BUFFER;

	cn.fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);
	if (cn.fd < 0)
		return -1;
	(void)setsockopt(cn.fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (set_filter(w) != 0 || bind(cn.fd, (const struct sockaddr *)&self, sizeof(self)) != 0 ||
	    ask(PROC_CN_MCAST_LISTEN) != 0) {
		(void)close(cn.fd);
		cn.fd = -1;
		return -1;
	}
	cn.listens = 1;
	return 0;
}

static void
connector_close(struct lsawatch *w)
{
	(void)w;
	loop_unwatch(cn.wa);
	cn.wa = NULL;
	if (cn.fd < 0)
		return;
	/* Older kernels count who listens, and want CAP_NET_ADMIN for that; it is no loss. */
	for (; cn.listens > 0; cn.listens--)
		(void)ask(PROC_CN_MCAST_IGNORE);
	(void)close(cn.fd);
	cn.fd = -1;
}

/*
 * Older kernels have one count of who listens, for all sockets: whoever says that he
 * does not, without having said that he did, switches it off for everybody. To
 * count ourselves in again takes CAP_NET_ADMIN, which the next lsawatch has.
 */
static enum watch_health
connector_health(struct lsawatch *w, char *why, size_t n)
{
	bool good = !cn.asked || cn.proved || cn.lost;

	(void)w;
	cn.asked = true;
	cn.proved = cn.lost = false;
	if (good)
		return HEALTH_GOOD;
	(void)snprintf(why, n, "the kernel tells it nothing: somebody said that nobody listens");
	return HEALTH_BAD;
}

static uint32_t
connector_open(struct lsawatch *w, char *why, size_t n)
{
	if (!in_initial_namespace()) {
		(void)snprintf(why, n,
			       "the process connector knows the initial pid namespace only, and "
			       "this is another (a container)");
		return 0;
	}
	if (join(w) == 0 && !answers_at_last()) {
		(void)snprintf(why, n,
			       "the process connector does not answer: no CAP_NET_ADMIN, or not "
			       "the initial network namespace");
		connector_close(w);
		return 0;
	}
	if (cn.fd >= 0)
		cn.wa = loop_watch(w->lo, cn.fd, EPOLLIN, ready, w);
	if (cn.wa != NULL)
		return SHOWS;
	(void)snprintf(why, n, "process connector: %s", strerror(errno));
	connector_close(w);
	return 0;
}

static void
connector_targets(struct lsawatch *w)
{
	(void)set_filter(w);
}

const struct watch_sensor sense_connector = {
	.name = "connector",
	.layer = LAYER_EVENTS,
	.sees = SHOWS,
	.open = connector_open,
	.targets = connector_targets,
	.health = connector_health,
	.replaced = true,
	.close = connector_close,
};
