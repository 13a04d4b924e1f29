/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The broker's end of the mailbox (rpc/mailbox.h). One mutex makes callers
 * take turns; inside it a call is: encode into the request area, raise
 * req_seq, wait for rep_seq, decode, wipe what was used.
 *
 * Waiting is a short spin, then a futex. The spin pays when lsaiso is awake
 * on another CPU, where it answers in less time than a sleep takes, so its
 * length follows what it brought: it grows with every answer that came
 * while spinning and shrinks with every one that did not. On one CPU it
 * would only keep lsaiso from running, so there is none.
 *
 * No wake-up is lost: each side first writes its word (a sequence number or
 * "I sleep"), then reads the other's, all sequentially consistent, and the
 * kernel compares the sequence number once more before it sleeps.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* CPU_COUNT */
#endif
#include "lsass/ask.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "rpc/mailbox.h"

#define SPIN_MIN_NS 2000u		   /* less than the cheapest sleep and wake-up */
#define SPIN_MAX_NS 50000u		   /* a wake-up across CPUs */
#define SPIN_LOOKS  16u			   /* looks between two readings of the clock */
#define SPIN_TRY    64u			   /* calls until the longest spin is tried again */
#define SLEEP_NS    50000000L		   /* then look whether lsaiso lives */
#define ATTACH_MS   5000u		   /* for a call of an earlier broker to end */
#define STUCK_NS    (4ULL * 1000000000ULL) /* alive but silent (stopped): give up */

static struct {
	pthread_mutex_t lock;
	struct mailbox *box; /* NULL: none attached */
	int life_fd;
	bool gone;  /* life_fd said so */
	bool stuck; /* a call was given up; its answer may still come */
	bool spin;
	uint64_t spin_ns;
	unsigned int calls; /* since the longest spin was tried */
	uint8_t boot_id[ISO_BOOT_ID];
	void (*on_use)(void *arg);
	void *on_use_arg;
} ask = { .lock = PTHREAD_MUTEX_INITIALIZER, .life_fd = -1 };

/* ---- words of the mailbox */

static uint32_t
load(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static void
store(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

/* Not private: the other end is another process. */
static long
futex(uint32_t *word, int op, uint32_t value, const struct timespec *timeout)
{
	return syscall(SYS_futex, word, op, value, timeout, NULL, 0);
}

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void
relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static bool
has_died(int life_fd)
{
	struct pollfd p = { .fd = life_fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

/* ---- one call; the lock is held */

/*
 * Wait for rep_seq to become seq without leaving the CPU. How long follows
 * what answers took; a window that has become too short for any answer would
 * stay so, therefore the longest one is tried now and then.
 */
static bool
spin_for(struct mailbox *box, uint32_t seq)
{
	uint64_t start = now_ns();
	uint64_t window = ask.spin_ns;
	uint64_t spent;

	if (++ask.calls >= SPIN_TRY) {
		ask.calls = 0;
		window = SPIN_MAX_NS;
	}
	do {
		for (unsigned int i = 0; i < SPIN_LOOKS; i++) {
			if (load(&box->rep_seq) == seq) {
				spent = 4 * (now_ns() - start);
				if (spent > ask.spin_ns)
					ask.spin_ns = spent < SPIN_MAX_NS ? spent : SPIN_MAX_NS;
				return true;
			}
			relax();
		}
		spent = now_ns() - start;
	} while (spent < window);
	ask.spin_ns -= ask.spin_ns / 4;
	if (ask.spin_ns < SPIN_MIN_NS)
		ask.spin_ns = SPIN_MIN_NS;
	return false;
}

/* The same asleep; false: lsaiso died, or said nothing for STUCK_NS. */
static bool
sleep_for(struct mailbox *box, uint32_t seq)
{
	const struct timespec timeout = { .tv_nsec = SLEEP_NS };
	uint64_t deadline = 0;
	uint32_t seen;

	store(&box->broker_sleeps, 1);
	while ((seen = load(&box->rep_seq)) != seq) {
		if (futex(&box->rep_seq, FUTEX_WAIT, seen, &timeout) == 0 || errno != ETIMEDOUT)
			continue;
		if (has_died(ask.life_fd)) {
			ask.gone = load(&box->rep_seq) != seq;
			break;
		}
		if (deadline == 0)
			deadline = now_ns() + STUCK_NS;
		ask.stuck = now_ns() > deadline;
		if (ask.stuck)
			break;
	}
	store(&box->broker_sleeps, 0);
	return load(&box->rep_seq) == seq;
}

/* May a request be written? After a call that was given up: only once its answer is there. */
static bool
is_idle(struct mailbox *box)
{
	if (ask.gone || load(&box->rep_seq) != load(&box->req_seq))
		return false;
	if (ask.stuck) {
		explicit_bzero(box->rep, sizeof(box->rep));
		ask.stuck = false;
	}
	return true;
}

static enum iso_status
take_reply(struct mailbox *box, uint32_t op, void *rep)
{
	enum iso_status answer = ISO_E_FRAME;
	struct rd frame = { box->rep, load(&box->rep_len) };

	if (frame.len > sizeof(box->rep))
		frame.len = sizeof(box->rep);
	if (rpc_decode_rep(frame, op, &answer, rep) != ISO_OK)
		answer = ISO_E_FRAME;
	explicit_bzero(box->rep, frame.len);
	return answer;
}

/* Ring for the request of len octets that lies there. True: its answer came. */
static bool
exchange(struct mailbox *box, size_t len)
{
	uint32_t seq;

	store(&box->req_len, (uint32_t)len);
	seq = load(&box->req_seq) + 1;
	store(&box->req_seq, seq);
	if (load(&box->iso_sleeps) != 0)
		futex(&box->req_seq, FUTEX_WAKE, 1, NULL);
	return (ask.spin && spin_for(box, seq)) || sleep_for(box, seq);
}

static enum iso_status
round_trip(struct mailbox *box, uint32_t op, const void *req, void *rep)
{
	struct wr out = { box->req, sizeof(box->req) };
	enum iso_status answer = (enum iso_status)ISO_GONE;
	size_t len = 0;

	if (!is_idle(box))
		return answer;
	if (rpc_encode_req(op, req, out, &len) != ISO_OK) {
		explicit_bzero(box->req, sizeof(box->req)); /* some of it may be there */
		return ISO_E_RANGE;
	}
	if (exchange(box, len))
		answer = take_reply(box, op, rep);
	explicit_bzero(box->req, len);
	return answer;
}

static bool
pass(struct mailbox *box, struct rd frame, struct wr reply, size_t *len)
{
	bool came;

	if (frame.len > sizeof(box->req) || !is_idle(box))
		return false;
	memcpy(box->req, frame.at, frame.len);
	came = exchange(box, frame.len);
	if (came) {
		*len = load(&box->rep_len);
		if (*len > sizeof(box->rep))
			*len = sizeof(box->rep);
		if (*len > reply.left)
			*len = reply.left;
		memcpy(reply.at, box->rep, *len);
		explicit_bzero(box->rep, sizeof(box->rep));
	}
	explicit_bzero(box->req, frame.len);
	return came;
}

bool
ask_raw(struct rd frame, struct wr reply, size_t *len)
{
	bool came;

	*len = 0;
	pthread_mutex_lock(&ask.lock);
	came = ask.box != NULL && pass(ask.box, frame, reply, len);
	pthread_mutex_unlock(&ask.lock);
	return came;
}

static enum iso_status
call(uint32_t op, const void *req, void *rep, size_t rep_size)
{
	enum iso_status answer = (enum iso_status)ISO_GONE;

	memset(rep, 0, rep_size);
	pthread_mutex_lock(&ask.lock);
	if (ask.box != NULL)
		answer = round_trip(ask.box, op, req, rep);
	if (ask.on_use != NULL && rpc_op(op)->effect != ISO_FX_NONE)
		ask.on_use(ask.on_use_arg);
	pthread_mutex_unlock(&ask.lock);
	if (answer != ISO_OK)
		explicit_bzero(rep, rep_size); /* a torn reply leaves nothing */
	return answer;
}

#define ASK_FUNCTION(number, name, phases, effect)                                                 \
	enum iso_status ask_##name(const struct iso_req_##name *req, struct iso_rep_##name *rep)   \
	{                                                                                          \
		return call(ISO_OP_##name, req, rep, sizeof(*rep));                                \
	}
ISO_OPS(ASK_FUNCTION)
#undef ASK_FUNCTION

void
ask_on_use(void (*fn)(void *arg), void *arg)
{
	pthread_mutex_lock(&ask.lock);
	ask.on_use = fn;
	ask.on_use_arg = arg;
	pthread_mutex_unlock(&ask.lock);
}

/* ---- taking a channel over and letting go */

/* Maps the mailbox; NULL with errno. The descriptor is closed either way. */
static struct mailbox *
map_box(int fd)
{
	struct stat st;
	void *at = MAP_FAILED;
	int error = 0;

	if (fstat(fd, &st) == 0) {
		if (st.st_size < (off_t)MAILBOX_SIZE)
			errno = EPROTO;
		else
			at = mmap(NULL, MAILBOX_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	}
	error = errno;
	close(fd);
	errno = error;
	if (at == MAP_FAILED)
		return NULL;
	(void)madvise(at, MAILBOX_SIZE, MADV_DONTDUMP);
	(void)madvise(at, MAILBOX_SIZE, MADV_DONTFORK);
	return at;
}

/* 0, or -1 with EPIPE (lsaiso died) or ETIMEDOUT. */
static int
wait_idle(struct mailbox *box, int life_fd)
{
	const struct timespec tick = { .tv_nsec = 1000000 };

	for (unsigned int ms = 0; ms < ATTACH_MS; ms++) {
		if (load(&box->rep_seq) == load(&box->req_seq))
			return 0;
		if (has_died(life_fd)) {
			errno = EPIPE;
			return -1;
		}
		nanosleep(&tick, NULL);
	}
	errno = ETIMEDOUT;
	return -1;
}

/* Is there a second CPU for lsaiso to answer on while we spin? */
static bool
may_spin(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	return sched_getaffinity(0, sizeof(cpus), &cpus) == 0 && CPU_COUNT(&cpus) > 1 &&
	       sysconf(_SC_NPROCESSORS_ONLN) > 1;
}

static void
let_go(void)
{
	if (ask.box != NULL)
		munmap(ask.box, MAILBOX_SIZE);
	if (ask.life_fd >= 0)
		close(ask.life_fd);
	ask.box = NULL;
	ask.life_fd = -1;
	ask.gone = ask.stuck = false;
}

int
ask_attach(int mailbox_fd, int life_fd, const uint8_t boot_id[ISO_BOOT_ID])
{
	struct mailbox *box = map_box(mailbox_fd);
	int error = errno;

	if (box != NULL && (box->magic != MAILBOX_MAGIC || box->version != RPC_VERSION)) {
		error = EPROTO;
	} else if (box != NULL && wait_idle(box, life_fd) == 0) {
		error = 0;
	} else if (box != NULL) {
		error = errno;
	}
	if (error != 0 || box == NULL) {
		if (box != NULL)
			munmap(box, MAILBOX_SIZE);
		close(life_fd);
		errno = error;
		return -1;
	}
	/* What an earlier broker left behind. */
	explicit_bzero(box->req, sizeof(box->req));
	explicit_bzero(box->rep, sizeof(box->rep));
	store(&box->broker_sleeps, 0);
	pthread_mutex_lock(&ask.lock);
	let_go();
	ask.box = box;
	ask.life_fd = life_fd;
	ask.spin = may_spin();
	ask.spin_ns = SPIN_MIN_NS;
	memcpy(ask.boot_id, boot_id, sizeof(ask.boot_id));
	pthread_mutex_unlock(&ask.lock);
	return 0;
}

void
ask_detach(void)
{
	pthread_mutex_lock(&ask.lock);
	let_go();
	pthread_mutex_unlock(&ask.lock);
}

int
ask_life_fd(void)
{
	int fd;

	pthread_mutex_lock(&ask.lock);
	fd = ask.life_fd;
	pthread_mutex_unlock(&ask.lock);
	return fd;
}

bool
ask_boot_id(uint8_t boot_id[ISO_BOOT_ID])
{
	bool attached;

	pthread_mutex_lock(&ask.lock);
	attached = ask.box != NULL && !ask.gone;
	if (attached)
		memcpy(boot_id, ask.boot_id, sizeof(ask.boot_id));
	pthread_mutex_unlock(&ask.lock);
	return attached;
}
