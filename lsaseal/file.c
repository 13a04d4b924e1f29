/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "lsaseal/file.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSION_1 1u

static const uint8_t magic[7] = { 'L', 'S', 'A', 'R', 'O', 'O', 'T' };

const char *
file_name(enum file_kind kind)
{
	switch (kind) {
	case FILE_TPM:
		return "root.tpm";
	case FILE_RECOVERY:
		return "root.recovery";
	case FILE_KEY:
		return "root.key";
	}
	return "";
}

/* ---- octets, both ways */

/* A bounded place in them. Past the end: bad, and nothing is touched. */
struct at {
	uint8_t *to;	     /* encoding */
	const uint8_t *from; /* decoding */
	size_t left, done;
	bool bad;
};

static void
octets(struct at *at, void *of, size_t n)
{
	if (at->bad || n > at->left) {
		at->bad = true;
		return;
	}
	if (at->to != NULL)
		memcpy(at->to + at->done, of, n);
	else
		memcpy(of, at->from + at->done, n);
	at->done += n;
	at->left -= n;
}

static void
number(struct at *at, uint64_t *value, size_t n)
{
	uint8_t le[8];

	for (size_t i = 0; i < n; i++)
		le[i] = (uint8_t)(*value >> (8 * i));
	octets(at, le, n);
	*value = 0;
	for (size_t i = 0; i < n && !at->bad; i++)
		*value |= (uint64_t)le[i] << (8 * i);
}

static void
number32(struct at *at, uint32_t *value)
{
	uint64_t wide = *value;

	number(at, &wide, 4);
	*value = (uint32_t)wide;
}

static void
part(struct at *at, uint32_t *len, uint8_t *of)
{
	number32(at, len);
	if (*len == 0 || *len > FILE_PART)
		at->bad = true;
	octets(at, of, at->bad ? 0 : *len);
}

static void
walk_tpm(struct at *at, struct file *fi)
{
	number32(at, &fi->srk);
	octets(at, fi->srk_name, sizeof(fi->srk_name));
	number32(at, &fi->pcrs);
	if (fi->pcrs == 0 || fi->pcrs >> FILE_PCRS != 0)
		at->bad = true;
	for (unsigned int i = 0; i < FILE_PCRS && !at->bad; i++) {
		if ((fi->pcrs >> i & 1) != 0)
			octets(at, fi->pcr[i], FILE_HASH);
	}
	octets(at, fi->policy, sizeof(fi->policy));
	part(at, &fi->public_len, fi->public);
	part(at, &fi->private_len, fi->private);
}

static void
walk_recovery(struct at *at, struct file *fi, size_t *head)
{
	number32(at, &fi->made);
	number32(at, &fi->iterations);
	if (fi->made > 1 || fi->iterations < ITERATIONS_MIN || fi->iterations > ITERATIONS_MAX)
		at->bad = true;
	octets(at, fi->salt, sizeof(fi->salt));
	if (head != NULL)
		*head = at->done;
	octets(at, fi->wrapped, sizeof(fi->wrapped));
}

/* All but the hash. One order for both ways. */
static void
walk(struct at *at, struct file *fi, size_t *head)
{
	uint8_t name[sizeof(magic)], kind = (uint8_t)fi->kind;
	uint32_t version = VERSION_1;

	memcpy(name, magic, sizeof(name));
	octets(at, name, sizeof(name));
	octets(at, &kind, 1);
	number32(at, &version);
	if (memcmp(name, magic, sizeof(name)) != 0 || kind != (uint8_t)fi->kind ||
	    version != VERSION_1)
		at->bad = true;
	number(at, &fi->created, 8);
	octets(at, fi->id, sizeof(fi->id));
	octets(at, fi->host, sizeof(fi->host));
	switch (fi->kind) {
	case FILE_TPM:
		walk_tpm(at, fi);
		break;
	case FILE_RECOVERY:
		walk_recovery(at, fi, head);
		break;
	case FILE_KEY:
		octets(at, fi->key, sizeof(fi->key));
		break;
	}
}

static void
hash(const uint8_t *of, size_t n, uint8_t digest[FILE_HASH])
{
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, n, of);
	sha256_digest(&ctx, FILE_HASH, digest);
	explicit_bzero(&ctx, sizeof(ctx));
}

size_t
file_encode(const struct file *fi, uint8_t *to, size_t *head)
{
	struct at at = { .to = to, .left = FILE_MAX_SIZE - FILE_HASH };
	struct file copy = *fi;

	walk(&at, &copy, head);
	explicit_bzero(&copy, sizeof(copy));
	if (at.bad)
		return 0;
	hash(to, at.done, to + at.done);
	return at.done + FILE_HASH;
}

int
file_decode(const uint8_t *from, size_t n, enum file_kind kind, struct file *fi)
{
	struct at at = { .from = from };
	uint8_t digest[FILE_HASH];

	memset(fi, 0, sizeof(*fi));
	fi->kind = kind;
	if (n < FILE_HASH || n > FILE_MAX_SIZE)
		return -1;
	at.left = n - FILE_HASH;
	hash(from, at.left, digest);
	if (memcmp(digest, from + at.left, FILE_HASH) == 0)
		walk(&at, fi, NULL);
	else
		at.bad = true;
	if (!at.bad && at.left == 0)
		return 0;
	explicit_bzero(fi, sizeof(*fi));
	return -1;
}

/* ---- the disk */

void
file_host(uint8_t host[16])
{
	static const char label[] = "lsaiso host ";
	char id[64] = { 0 };
	int fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, id, sizeof(id));
	uint8_t text[sizeof(label) + sizeof(id)], digest[FILE_HASH];

	if (fd >= 0)
		(void)close(fd);
	if (got < 0)
		got = 0;
	memcpy(text, label, sizeof(label));
	memcpy(text + sizeof(label), id, (size_t)got);
	hash(text, sizeof(label) + (size_t)got, digest);
	memcpy(host, digest, 16);
}

static int
open_folder(const char *directory)
{
	return open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

enum seal_exit
file_directory(const char *directory, bool make)
{
	struct stat sb;
	int fd;

	if (make && mkdir(directory, 0700) != 0 && errno != EEXIST) {
		complain("%s ([host] directory): %s", directory, strerror(errno));
		return SEAL_FILES;
	}
	fd = open_folder(directory);
	if (fd < 0 && errno == ENOENT && !make)
		return SEAL_MISSING;
	if (fd < 0 || fstat(fd, &sb) != 0) {
		complain("%s ([host] directory): %s", directory, strerror(errno));
		if (fd >= 0)
			(void)close(fd);
		return SEAL_FILES;
	}
	(void)close(fd);
	if (sb.st_uid != geteuid() || (sb.st_mode & 022) != 0) {
		complain("%s ([host] directory) must belong to uid %u and be writable by nobody "
			 "else; it belongs to uid %u, mode %04o%s",
			 directory, (unsigned int)geteuid(), (unsigned int)sb.st_uid,
			 (unsigned int)sb.st_mode & 07777, geteuid() != 0 ? "; run as root" : "");
		return SEAL_FILES;
	}
	return SEAL_OK;
}

/* Ours, nobody else's, and no link. */
static enum seal_exit
read_octets(int folder, const char *directory, const char *name, uint8_t *to, size_t *n)
{
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	enum seal_exit ex = SEAL_OK;
	struct stat sb;
	ssize_t got = -1;

	if (fd < 0 && errno == ENOENT)
		return SEAL_MISSING;
	if (fd < 0 || fstat(fd, &sb) != 0) {
		complain("%s/%s: %s", directory, name, strerror(errno));
		ex = SEAL_FILES;
	} else if (!S_ISREG(sb.st_mode) || sb.st_uid != geteuid() || (sb.st_mode & 077) != 0) {
		complain("%s/%s must be a file of uid %u with mode 0600; it is of uid %u, mode "
			 "%04o",
			 directory, name, (unsigned int)geteuid(), (unsigned int)sb.st_uid,
			 (unsigned int)sb.st_mode & 07777);
		ex = SEAL_FILES;
	} else {
		got = read(fd, to, FILE_MAX_SIZE + 1);
		if (got < 0) {
			complain("%s/%s: %s", directory, name, strerror(errno));
			ex = SEAL_FILES;
		}
	}
	*n = got > 0 ? (size_t)got : 0;
	if (fd >= 0)
		(void)close(fd);
	return ex;
}

enum seal_exit
file_read(const char *directory, enum file_kind kind, struct file *fi, bool loud)
{
	uint8_t text[FILE_MAX_SIZE + 1];
	enum seal_exit ex = file_directory(directory, false);
	int folder = -1;
	size_t n = 0;

	memset(fi, 0, sizeof(*fi));
	if (ex == SEAL_OK) {
		folder = open_folder(directory);
		ex = folder < 0 ? SEAL_FILES
				: read_octets(folder, directory, file_name(kind), text, &n);
	}
	if (folder >= 0)
		(void)close(folder);
	if (ex == SEAL_OK && file_decode(text, n, kind, fi) != 0) {
		complain("%s/%s is damaged (%zu octets)", directory, file_name(kind), n);
		ex = SEAL_DAMAGED;
	}
	if (ex == SEAL_MISSING && loud)
		complain("%s/%s is not there", directory, file_name(kind));
	explicit_bzero(text, sizeof(text));
	return ex;
}

static int
write_whole(int folder, const char *name, const uint8_t *from, size_t n)
{
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	size_t done = 0;
	int bad;

	if (fd < 0)
		return -1;
	while (done < n) {
		ssize_t got = write(fd, from + done, n - done);

		if (got <= 0)
			break;
		done += (size_t)got;
	}
	bad = done < n || fchmod(fd, 0600) != 0 || fsync(fd) != 0;
	return close(fd) != 0 || bad ? -1 : 0;
}

enum seal_exit
file_write(const char *directory, const struct file *fi)
{
	uint8_t text[FILE_MAX_SIZE];
	size_t n = file_encode(fi, text, NULL);
	const char *name = file_name(fi->kind);
	int folder = open_folder(directory), bad;
	char beside[64];

	(void)snprintf(beside, sizeof(beside), ".%s.new", name);
	if (folder >= 0)
		(void)unlinkat(folder, beside, 0); /* of one that was interrupted */
	bad = n == 0 || folder < 0 || write_whole(folder, beside, text, n) != 0 ||
	      renameat(folder, beside, folder, name) != 0 || fsync(folder) != 0;
	if (bad)
		complain("%s/%s was not written: %s", directory, name,
			 n == 0 ? "it would be too long" : strerror(errno));
	if (folder >= 0)
		(void)close(folder);
	explicit_bzero(text, sizeof(text));
	return bad ? SEAL_FILES : SEAL_OK;
}

/* Zeros over it first: on a disk that writes in place the octets are gone. */
static int
overwrite(int fd)
{
	static const uint8_t zero[FILE_MAX_SIZE];
	struct stat sb;

	if (fstat(fd, &sb) != 0 || sb.st_size > (off_t)sizeof(zero))
		return -1;
	return pwrite(fd, zero, (size_t)sb.st_size, 0) == (ssize_t)sb.st_size ? fsync(fd) : -1;
}

enum seal_exit
file_remove(const char *directory, enum file_kind kind)
{
	int folder = open_folder(directory), fd = -1, bad;

	if (folder >= 0)
		fd = openat(folder, file_name(kind), O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		if (folder >= 0)
			(void)close(folder);
		return SEAL_OK;
	}
	bad = fd < 0 || overwrite(fd) != 0 || unlinkat(folder, file_name(kind), 0) != 0 ||
	      fsync(folder) != 0;
	if (bad)
		complain("%s/%s was not removed: %s", directory, file_name(kind), strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	if (folder >= 0)
		(void)close(folder);
	return bad ? SEAL_FILES : SEAL_OK;
}
