/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <nettle/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lsaseal/seal.h"

#define STACK_USED 262144u  /* deeper than the TPM's library goes */
#define HEAP_USED  2097152u /* more than it allocates */

/*
 * The TPM's library has the key on its heap for moments. So freed memory is
 * overwritten by malloc itself, and none of the heap is a mapping that goes
 * back to the kernel as it is.
 */
static void
tidy_heap(void)
{
	/* These cannot fail; a sanitizer's malloc, which is for tests, does not know them. */
	(void)mallopt(M_PERTURB, 0xa5);
	(void)mallopt(M_MMAP_THRESHOLD, 1 << 24);
	(void)mallopt(M_TRIM_THRESHOLD, 1 << 28);
}

/*
 * Out of swap: the heap, grown first to what will be needed. Not mlockall:
 * the code of the libraries would count, and the limit is 8 MiB by default.
 */
static int
lock_heap(void)
{
	void *room = malloc(HEAP_USED);
	size_t n = 0;

	free(room); /* stays ours */
	n = mallinfo2().arena;
	return room == NULL || mlock((char *)sbrk(0) - n, n) != 0 ? -1 : 0;
}

/* And the stack, as deep as it will go. */
static __attribute__((noinline)) int
lock_stack(void)
{
	char below[STACK_USED] = { 0 };

	return mlock(below, sizeof(below));
}

struct secrets *
secrets_open(void)
{
	const struct rlimit none = { 0 };
	const size_t size = (sizeof(struct secrets) + 4095) & ~(size_t)4095;
	void *at;

	tidy_heap();
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0) {
		complain("the process could not be closed: %s", strerror(errno));
		return NULL;
	}
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED || lock_heap() != 0 || lock_stack() != 0 || mlock(at, size) != 0 ||
	    madvise(at, size, MADV_DONTDUMP) != 0 || madvise(at, size, MADV_WIPEONFORK) != 0) {
		complain("no locked memory: %s", strerror(errno));
		return NULL;
	}
	return at;
}

static __attribute__((noinline)) void
stack_wipe(void)
{
	char below[STACK_USED];

	explicit_bzero(below, sizeof(below));
}

void
secrets_wipe(struct secrets *s)
{
	if (s != NULL)
		explicit_bzero(s, sizeof(*s));
	stack_wipe();
}

void
root_id(const uint8_t key[ISO_ROOT_KEY], uint8_t id[ISO_ROOT_ID])
{
	static const char label[] = "lsaiso root id";
	struct hmac_sha256_ctx ctx;

	hmac_sha256_set_key(&ctx, ISO_ROOT_KEY, key);
	hmac_sha256_update(&ctx, sizeof(label) - 1, (const uint8_t *)label);
	hmac_sha256_digest(&ctx, ISO_ROOT_ID, id);
	explicit_bzero(&ctx, sizeof(ctx));
}
