/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The three files of [host] directory, and how they are read and written.
 *
 *   root.tpm       the root key sealed to the TPM; of no use elsewhere
 *   root.recovery  the root key wrapped with the recovery passphrase
 *   root.key       the root key in the clear, for [seal] root = file
 *
 * Octets, little-endian, all of them covered by a SHA-256 at the end, which
 * tells damage, not forgery: whoever can write here can as well put another
 * key here. What that gains is nothing but an lsaiso with another root key.
 *
 *   "LSAROOT" kind(u8) version(u32) created(u64) root id(8) host(16) parts
 *   SHA-256(32)
 *
 * host is a hash of /etc/machine-id: only for better messages.
 */
#ifndef LSASEAL_FILE_H
#define LSASEAL_FILE_H

#include "lsaseal/seal.h"

#define FILE_MAX_SIZE 4096u
#define FILE_PCRS     24u
#define FILE_HASH     32u
#define FILE_NAME     34u   /* name of a TPM object: algorithm, SHA-256 */
#define FILE_PART     1024u /* of a public or private area */
#define FILE_SALT     32u
#define FILE_WRAPPED  (16u + ISO_ROOT_KEY) /* AES-SIV: tag, then the key */

enum file_kind { FILE_TPM = 1, FILE_RECOVERY = 2, FILE_KEY = 3 };

struct file {
	enum file_kind kind;
	uint64_t created; /* seconds since 1970 */
	uint8_t id[ISO_ROOT_ID];
	uint8_t host[16];
	/* FILE_TPM */
	uint32_t srk; /* persistent handle of the storage key; 0: made each time */
	uint8_t srk_name[FILE_NAME];
	uint32_t pcrs;			   /* bit n: PCR n of the SHA-256 bank */
	uint8_t pcr[FILE_PCRS][FILE_HASH]; /* values when it was sealed, of those bits */
	uint8_t policy[FILE_HASH];
	uint32_t public_len, private_len;
	uint8_t public[FILE_PART], private[FILE_PART]; /* as the TPM marshals them */
	/* FILE_RECOVERY */
	uint32_t made; /* 1: passphrase made by us, 0: somebody's own */
	uint32_t iterations;
	uint8_t salt[FILE_SALT];
	uint8_t wrapped[FILE_WRAPPED];
	/* FILE_KEY; the caller wipes it */
	uint8_t key[ISO_ROOT_KEY];
};

#define ITERATIONS_MIN 1000u
#define ITERATIONS_MAX 100000000u

/*
 * Encode into octets (FILE_MAX_SIZE of room). Returns the length.
 * head: out, if not NULL: octets before the wrapped key, which it is bound to
 */
size_t file_encode(const struct file *fi, uint8_t *octets, size_t *head);
/* 0, or -1: not such a file, damaged, of another version. */
int file_decode(const uint8_t *octets, size_t n, enum file_kind kind, struct file *fi)
    __attribute__((warn_unused_result));

/*
 * Read the file of this kind. Its owner must be us, and nobody else may read
 * or change it. Returns SEAL_OK, SEAL_MISSING (complained only if loud),
 * SEAL_DAMAGED, SEAL_FILES.
 */
enum seal_exit file_read(const char *directory, enum file_kind kind, struct file *fi, bool loud);
/* Whole or not at all: written beside, fsync, renamed, folder fsync. */
enum seal_exit file_write(const char *directory, const struct file *fi);
/* Overwrite and remove; SEAL_OK also if it is not there. */
enum seal_exit file_remove(const char *directory, enum file_kind kind);
/* Make the folder if it is missing; see that it is ours alone to change. */
enum seal_exit file_directory(const char *directory, bool make);

const char *file_name(enum file_kind kind);
void file_host(uint8_t host[16]);

#endif
