/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The plain process that every attack must succeed against first: it keeps a
 * random secret of 32 octets as an ordinary program would (in its heap, and in
 * shared memory whose descriptor stays open) and answers each request of 32
 * octets on stdin with their HMAC under it on stdout, which is encrypted with
 * AES under it as well. So it is at work in user space and in system calls,
 * and it has the same key schedules in it as lsaiso.
 *
 * usage: plain SECRET_FILE [ordinary|secret]
 *
 * The secret goes to SECRET_FILE (0600), for the judge. "secret" keeps it in
 * memfd_secret memory alone, with the descriptor closed.
 */
#include <errno.h>
#include <fcntl.h>
#include <nettle/aes.h>
#include <nettle/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SECRET 32
#define SHARED (64u << 10) /* room for a thief who carries things out through it */

static void
die(const char *what)
{
	fprintf(stderr, "plain: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void
answer(const uint8_t *secret, const uint8_t *request, uint8_t *reply)
{
	struct hmac_sha256_ctx mac;
	struct aes256_ctx aes;

	hmac_sha256_set_key(&mac, SECRET, secret);
	hmac_sha256_update(&mac, SECRET, request);
	hmac_sha256_digest(&mac, SECRET, reply);
	aes256_set_encrypt_key(&aes, secret);
	aes256_encrypt(&aes, SECRET, reply, reply);
}

static void
tell(const char *path, const uint8_t *secret)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, secret, SECRET) != SECRET)
		die(path);
	close(fd);
}

static uint8_t *
map(int fd, size_t size)
{
	uint8_t *at = NULL;

	if (fd < 0 || ftruncate(fd, (off_t)size) != 0)
		die("memory");
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		die("mmap");
	return at;
}

int
main(int argc, char **argv)
{
	int hidden = argc == 3 && strcmp(argv[2], "secret") == 0;
	int fd = hidden ? (int)syscall(SYS_memfd_secret, 0) : memfd_create("plain", MFD_CLOEXEC);
	uint8_t request[SECRET], reply[SECRET];
	uint8_t *shared = NULL;
	uint8_t *secret = NULL;

	if (argc < 2) {
		fprintf(stderr, "usage: plain SECRET_FILE [ordinary|secret]\n");
		return 2;
	}
	shared = map(fd, SHARED);
	if (hidden)
		close(fd);
	secret = hidden ? shared : malloc(SECRET);
	if (secret == NULL || getrandom(secret, SECRET, 0) != SECRET)
		die("no secret");
	if (!hidden)
		memcpy(shared, secret, SECRET);
	tell(argv[1], secret);
	while (read(STDIN_FILENO, request, SECRET) == SECRET) {
		answer(secret, request, reply);
		if (write(STDOUT_FILENO, reply, SECRET) != SECRET)
			break;
	}
	return 0;
}
