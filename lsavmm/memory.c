/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lsavmm/kvm.h"
#include "lsavmm/vmm.h"

uint8_t *
memory_own(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return NULL;
	/* Pages are taken when they are touched, one by one, and then stay. */
	(void)madvise(at, size, MADV_NOHUGEPAGE); /* fails where there are no huge ones */
	if (mlock2(at, size, MLOCK_ONFAULT) == 0 && madvise(at, size, MADV_DONTDUMP) == 0 &&
	    madvise(at, size, MADV_DONTFORK) == 0)
		return at;
	(void)munmap(at, size);
	return NULL;
}

/* ---- does a touch of the host fail? */

static sigjmp_buf touched;

static void
on_fault(int number)
{
	siglongjmp(touched, number);
}

/* True: reading and writing at at both end in SIGBUS. */
static bool
is_shut(volatile uint8_t *at)
{
	const struct sigaction catch = { .sa_handler = on_fault };
	struct sigaction before;
	volatile int refused = 0;

	if (sigaction(SIGBUS, &catch, &before) != 0)
		return false;
	if (sigsetjmp(touched, 1) == 0)
		(void)*at;
	else
		refused++;
	if (sigsetjmp(touched, 1) == 0)
		*at = 1;
	else
		refused++;
	(void)sigaction(SIGBUS, &before, NULL);
	return refused == 2;
}

/*
 * GUEST_MEMFD_FLAG_MMAP without INIT_SHARED: the only kind that an ordinary
 * machine may use as its memory and whose mapping faults. That follows from
 * the kernel's code and is promised nowhere, hence the test.
 */
static int
make_gmem(int vm, size_t size)
{
	struct kvm_create_guest_memfd ask = { .size = size, .flags = GUEST_MEMFD_FLAG_MMAP };
	int fd = ioctl(vm, KVM_CREATE_GUEST_MEMFD, &ask);
	void *at = MAP_FAILED;
	bool shut;

	if (fd < 0)
		return -1;
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	shut = at == MAP_FAILED || is_shut(at); /* not even a mapping: the better */
	if (at != MAP_FAILED)
		(void)munmap(at, size);
	if (shut)
		return fd;
	(void)close(fd);
	errno = EPERM;
	return -1;
}

int
memory_make(int vm, size_t size, bool gmem, struct memory *me)
{
	*me = (struct memory){ .kind = CONTROL_VM_ORDINARY, .fd = -1, .size = size };
	if (!gmem) {
		me->at = memory_own(size);
		return me->at != NULL ? 0 : -1;
	}
	me->fd = make_gmem(vm, size);
	me->kind = CONTROL_VM_GMEM;
	return me->fd >= 0 ? 0 : -1;
}

void
memory_free(struct memory *me)
{
	if (me->at != NULL)
		(void)munmap(me->at, me->size);
	if (me->fd >= 0)
		(void)close(me->fd);
	*me = (struct memory){ .fd = -1 };
}
