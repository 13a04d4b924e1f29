/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <nettle/hmac.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "lsaseal/seal.h"

#define STACK_USED 262144u /* deeper than the TPM's library goes */

/*
 * The TPM's library has the key on its heap for moments. So freed memory is
 * overwritten by malloc itself, and none of the heap is a mapping that goes
 * back to the kernel as it is.
 */
static int
tidy_heap(void)
{
	return mallopt(M_PERTURB, 0xa5) == 1 && mallopt(M_MMAP_THRESHOLD, 1 << 24) == 1 &&
		       mallopt(M_TRIM_THRESHOLD, 1 << 28) == 1
		   ? 0
		   : -1;
}

struct secrets *
secrets_open(bool root)
{
	const struct rlimit none = { 0 };
	const size_t size = (sizeof(struct secrets) + 4095) & ~(size_t)4095;
	void *at;

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0 ||
	    tidy_heap() != 0) {
		complain("the process could not be closed: %s", strerror(errno));
		return NULL;
	}
	/* An ordinary user may lock too little for all of it; then the page below. */
	if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0 && root) {
		complain("memory could not be locked: %s", strerror(errno));
		return NULL;
	}
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED || mlock(at, size) != 0 || madvise(at, size, MADV_DONTDUMP) != 0 ||
	    madvise(at, size, MADV_WIPEONFORK) != 0) {
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
