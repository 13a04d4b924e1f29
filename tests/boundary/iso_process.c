/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "iso_process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void
run(const struct iso_how *how, int box, int life)
{
	char *argv[] = { (char *)(uintptr_t)how->path, (char *)(uintptr_t)how->arg1,
			 (char *)(uintptr_t)how->arg2, NULL };
	char *none[] = { NULL };
	struct rlimit limit = { (rlim_t)how->memlock, (rlim_t)how->memlock };
	int high_box = fcntl(box, F_DUPFD, 100), high_life = fcntl(life, F_DUPFD, 100);

	if (dup2(high_box, ISO_FD_MAILBOX) < 0 || dup2(high_life, ISO_FD_LIFE) < 0)
		_exit(1);
	/* descriptors above are left open on purpose: lsaiso closes them */
	if (how->no_mailbox)
		close(ISO_FD_MAILBOX);
	if (how->no_life)
		close(ISO_FD_LIFE);
	if (how->memlock != 0 && setrlimit(RLIMIT_MEMLOCK, &limit) != 0)
		_exit(1);
	if (how->other_user && getuid() == 0 &&
	    (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0))
		_exit(1);
	if (how->orphan && fork() != 0) {
		usleep(200000);
		_exit(0);
	}
	execve(how->path, argv, none);
	_exit(1);
}

bool
iso_start_process(struct iso_process *p, const struct iso_how *how)
{
	int fd = memfd_create("test", MFD_CLOEXEC), pair[2];
	off_t size = (off_t)MAILBOX_SIZE + how->resize;

	if (fd < 0 || ftruncate(fd, size) != 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return false;
	p->box = mmap(NULL, MAILBOX_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p->box == MAP_FAILED)
		return false;
	p->box->magic = MAILBOX_MAGIC + how->bad_magic;
	p->box->version = RPC_VERSION + how->bad_version;
	p->pid = fork();
	if (p->pid == 0)
		run(how, fd, pair[1]);
	close(fd);
	close(pair[1]);
	p->life = pair[0];
	return p->pid > 0;
}

int
iso_wait_exit(struct iso_process *p)
{
	for (int i = 0; i < 500; i++) {
		int status;

		if (waitpid(p->pid, &status, WNOHANG) == p->pid) {
			p->pid = 0;
			return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
		}
		usleep(10000);
	}
	return -1;
}

int
iso_end_process(struct iso_process *p)
{
	int status = 0, code = -1;

	if (p->pid > 0) {
		if (waitpid(p->pid, &status, WNOHANG) == 0) {
			kill(p->pid, SIGKILL);
			waitpid(p->pid, &status, 0);
		}
		if (WIFEXITED(status))
			code = WEXITSTATUS(status);
	}
	close(p->life);
	munmap(p->box, MAILBOX_SIZE);
	return code;
}

static void
futex(uint32_t *word, int op, uint32_t value, const struct timespec *timeout)
{
	syscall(SYS_futex, word, op, value, timeout, NULL, 0);
}

bool
iso_raw(struct iso_process *p, const void *request, size_t len, uint32_t claimed)
{
	struct mailbox *box = p->box;
	const struct timespec slice = { 0, 20000000 };
	uint32_t seq = __atomic_load_n(&box->req_seq, __ATOMIC_RELAXED) + 1;

	memcpy(box->req, request, len);
	box->req_len = claimed;
	__atomic_store_n(&box->req_seq, seq, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&box->iso_sleeps, __ATOMIC_SEQ_CST) != 0)
		futex(&box->req_seq, FUTEX_WAKE, 1, NULL);
	for (int i = 0; i < 100; i++) {
		uint32_t now = __atomic_load_n(&box->rep_seq, __ATOMIC_ACQUIRE);

		if (now == seq)
			return true;
		__atomic_store_n(&box->broker_sleeps, 1, __ATOMIC_SEQ_CST);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		futex(&box->rep_seq, FUTEX_WAIT, now, &slice);
		__atomic_store_n(&box->broker_sleeps, 0, __ATOMIC_SEQ_CST);
	}
	return false;
}

enum iso_status
iso_ask(struct iso_process *p, uint32_t op, const void *req, void *rep)
{
	static uint8_t frame[RPC_REQ_MAX];
	static union iso_rep ignored;
	enum iso_status st = ISO_E_FRAME;
	size_t n = 0;

	if (rpc_encode_req(op, req, (struct wr){ frame, sizeof(frame) }, &n) != ISO_OK)
		return ISO_E_FRAME;
	if (!iso_raw(p, frame, n, (uint32_t)n))
		return (enum iso_status)ISO_GONE;
	if (p->box->rep_len > RPC_REP_MAX ||
	    rpc_decode_rep((struct rd){ p->box->rep, p->box->rep_len }, op, &st,
			   rep != NULL ? rep : &ignored) != ISO_OK)
		return ISO_E_FRAME;
	return st;
}
