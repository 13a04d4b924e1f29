/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lsavmm memory=auto|guest_memfd|ordinary, started by lsainit alone. */
#define _GNU_SOURCE
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lsavmm/kvm.h"
#include "lsavmm/vmm.h"

void
vmm_fail(enum vmm_exit code, const char *format, ...)
{
	char text[256] = "lsavmm: ";
	size_t at = strlen(text);
	va_list list;

	va_start(list, format);
	(void)vsnprintf(text + at, sizeof(text) - at - 1, format, list);
	va_end(list);
	at = strlen(text);
	text[at++] = '\n';
	if (write(STDERR_FILENO, text, at) < 0)
		_exit((int)code); /* nobody listens; the code says enough */
	_exit((int)code);
}

static void
harden(void)
{
	const struct rlimit none = { 0, 0 };

	(void)prctl(PR_SET_NAME, "lsavmm");
	if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || setrlimit(RLIMIT_CORE, &none) != 0)
		vmm_fail(VMM_EXIT_SECCOMP, "not hardened: %s", strerror(errno));
}

static struct mailbox *
map_mailbox(void)
{
	struct stat st;
	void *at = MAP_FAILED;
	struct mailbox *box;

	if (fstat(ISO_FD_MAILBOX, &st) == 0 && st.st_size == MAILBOX_SIZE)
		at = mmap(NULL, MAILBOX_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, ISO_FD_MAILBOX,
			  0);
	if (at == MAP_FAILED)
		vmm_fail(VMM_EXIT_ARGS, "no mailbox");
	box = at;
	if (box->magic != MAILBOX_MAGIC || box->version != RPC_VERSION)
		vmm_fail(VMM_EXIT_ARGS, "not a mailbox of this version");
	if (mlock(at, MAILBOX_SIZE) != 0 || madvise(at, MAILBOX_SIZE, MADV_DONTDUMP) != 0)
		vmm_fail(VMM_EXIT_MEMORY, "the mailbox cannot be locked: %s", strerror(errno));
	return box;
}

static const uint8_t *
map_image(size_t *len)
{
	struct stat st;
	void *at = MAP_FAILED;

	if (fstat(VMM_FD_IMAGE, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
		at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, VMM_FD_IMAGE, 0);
	if (at == MAP_FAILED)
		vmm_fail(VMM_EXIT_IMAGE, "lsaiso-vm cannot be read");
	*len = (size_t)st.st_size;
	return at;
}

/* Bring a machine up in memory of that kind. NULL, or why not. */
static const char *
try(const struct image *im, struct mailbox *box, enum control_vm_memory kind, struct machine *ma)
{
	const char *why = machine_make(VMM_FD_KVM, im, box, kind, ma);

	if (why != NULL)
		return why;
	why = bell_start(ma);
	if (why != NULL)
		machine_free(ma);
	return why;
}

/*
 * Has the processor virtualization of its own (VMX, SVM)? A KVM without walks page
 * tables and reads the doorbell itself, which it cannot in guest_memfd: what is
 * tried first there is in vain, and costs milliseconds of each start.
 */
static bool
has_hardware(void)
{
	uint32_t a, b, c, d;

	return (__get_cpuid(1, &a, &b, &c, &d) && (c & (1u << 5)) != 0) ||
	       (__get_cpuid(0x80000001u, &a, &b, &c, &d) && (c & (1u << 2)) != 0);
}

/* The best kind that works. That something else is used is said by lsactl status. */
static void
bring_up(const char *wanted, const struct image *im, struct mailbox *box, struct machine *ma)
{
	static const enum control_vm_memory kinds[] = { CONTROL_VM_GMEM_ALL, CONTROL_VM_GMEM,
							CONTROL_VM_ORDINARY };
	bool only_gmem = strcmp(wanted, "memory=guest_memfd") == 0;
	bool only_ordinary = strcmp(wanted, "memory=ordinary") == 0;
	bool has_gmem = ioctl(VMM_FD_KVM, KVM_CHECK_EXTENSION, KVM_CAP_GUEST_MEMFD) > 0;
	const char *why = "this kernel has none";

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		bool ordinary = kinds[i] == CONTROL_VM_ORDINARY;

		if (ordinary ? only_gmem : (only_ordinary || !has_gmem))
			continue;
		if (kinds[i] == CONTROL_VM_GMEM_ALL && !has_hardware())
			continue;
		why = try(im, box, kinds[i], ma);
		if (why == NULL)
			return;
	}
	if (only_gmem)
		vmm_fail(VMM_EXIT_GMEM, "%s", why);
	vmm_fail(VMM_EXIT_START, "%s", why);
}

int
main(int argc, char **argv)
{
	struct machine ma;
	struct image im;
	struct mailbox *box;
	const uint8_t *octets;
	const char *why;
	size_t len = 0;

	if (argc != 2 || strncmp(argv[1], "memory=", 7) != 0 || fcntl(VMM_FD_IMAGE, F_GETFD) < 0 ||
	    fcntl(VMM_FD_KVM, F_GETFD) < 0)
		vmm_fail(VMM_EXIT_ARGS, "only lsainit(8) starts it");
	harden();
	if (ioctl(VMM_FD_KVM, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		vmm_fail(VMM_EXIT_KVM, "/dev/kvm: not the interface of version 12");
	box = map_mailbox();
	octets = map_image(&len);
	why = image_read(octets, len, &im);
	if (why != NULL)
		vmm_fail(VMM_EXIT_IMAGE, "%s", why);
	bring_up(argv[1], &im, box, &ma);
	box->memory = (uint32_t)ma.ram.kind;
	(void)munmap((void *)(uintptr_t)octets, len);
	(void)close(VMM_FD_IMAGE);
	(void)close(VMM_FD_KVM);
	(void)close(ISO_FD_MAILBOX);
	if (door_shut() != 0)
		vmm_fail(VMM_EXIT_SECCOMP, "%s", strerror(errno));
	bell_serve(&ma);
}
