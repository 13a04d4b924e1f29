/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "lib/measure.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fsverity.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE 65536

int
measure_file(int fd, uint64_t most, struct measure *is)
{
	struct sha256_ctx ctx;
	uint8_t *piece = malloc(PIECE);
	ssize_t n = piece != NULL ? 1 : -1;

	memset(is, 0, sizeof(*is));
	sha256_init(&ctx);
	while (n > 0) {
		n = pread(fd, piece, PIECE, (off_t)is->size);
		if (n < 0 && errno == EINTR) {
			n = 1;
			continue;
		}
		if (n <= 0)
			break;
		is->size += (uint64_t)n;
		if (is->size > most) {
			errno = EFBIG;
			n = -1;
		} else {
			sha256_update(&ctx, (size_t)n, piece);
		}
	}
	sha256_digest(&ctx, sizeof(is->sha256), is->sha256);
	free(piece);
	return n < 0 ? -1 : 0;
}

enum verity
measure_verity(int fd, uint8_t *digest, unsigned int *len)
{
	union {
		struct fsverity_digest head;
		uint8_t room[sizeof(struct fsverity_digest) + MEASURE_VERITY_MAX];
	} got = { .head.digest_size = MEASURE_VERITY_MAX };
	struct statx sx;

	if (len != NULL)
		*len = 0;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &sx) != 0)
		return VERITY_UNKNOWN;
	if ((sx.stx_attributes & STATX_ATTR_VERITY) == 0)
		return VERITY_NONE;
	if (digest != NULL && len != NULL && ioctl(fd, FS_IOC_MEASURE_VERITY, &got) == 0 &&
	    got.head.digest_size <= MEASURE_VERITY_MAX) {
		memcpy(digest, got.room + sizeof(got.head), got.head.digest_size);
		*len = got.head.digest_size;
	}
	return VERITY_ON;
}
