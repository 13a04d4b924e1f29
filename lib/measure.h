/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an open file is: size, SHA-256, and whether the kernel keeps it so (fs-verity). */
#ifndef LIB_MEASURE_H
#define LIB_MEASURE_H

#include <stdbool.h>
#include <stdint.h>

#define MEASURE_SHA256	   32
#define MEASURE_VERITY_MAX 64

enum verity {
	VERITY_NONE,	/* the file system could, or not; this file has none */
	VERITY_ON,	/* the kernel refuses changes, and reads that do not fit its digest */
	VERITY_UNKNOWN, /* could not be asked */
};

struct measure {
	uint64_t size; /* octets that were read */
	uint8_t sha256[MEASURE_SHA256];
};

/*
 * Read all of an open file from its beginning; its offset stays.
 *
 * most  octets: longer files are refused (EFBIG)
 *
 * Returns 0, or -1 with errno.
 */
int measure_file(int fd, uint64_t most, struct measure *is) __attribute__((warn_unused_result));

/*
 * fs-verity of an open file.
 *
 * digest     out, or NULL: FS_IOC_MEASURE_VERITY's, MEASURE_VERITY_MAX octets
 * len        out: octets of it
 */
enum verity measure_verity(int fd, uint8_t *digest, unsigned int *len);

#endif
