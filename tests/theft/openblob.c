/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The judge's tool: is what an attack read enough to open lsaiso's sealed
 * credentials? It looks in OUT for lsaiso's state (struct iso) and opens with
 * its root key and session keys every sealed blob that it finds in BLOBS,
 * with lsaiso's own code.
 *
 * usage: openblob OUT [BLOBS]
 *
 * Prints "state" for each state with an open session, then "root HEX" and
 * "session HEX", the keys in it, and "key HEX" for each credential that opens.
 * Exit 0: found any; 1: nothing; 2: no such file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blob.h"
#include "host.h"
#include "iso.h"

/* ---- the host of the core: time stands still, and nothing is served */

size_t
iso_host_recv(struct wr into)
{
	(void)into;
	abort();
}

void
iso_host_send(struct rd reply)
{
	(void)reply;
	abort();
}

enum iso_status
iso_host_entropy(struct wr into)
{
	(void)into;
	return ISO_E_ENTROPY;
}

uint64_t
iso_host_clock(enum iso_clock which)
{
	(void)which;
	return 0;
}

/* ---- */

struct file {
	const uint8_t *at;
	size_t len;
};

static struct file
map(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st = { 0 };
	struct file f = { 0 };
	void *at = NULL;

	if (fd < 0 || fstat(fd, &st) != 0) {
		fprintf(stderr, "openblob: %s: %s\n", path, strerror(errno));
		exit(2);
	}
	if (st.st_size > 0)
		at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (at == NULL || at == MAP_FAILED)
		return f;
	f.at = at;
	f.len = (size_t)st.st_size;
	return f;
}

/* Does lsaiso's state, at work and with a session, begin at these octets? */
static bool
is_state(const uint8_t *at)
{
	struct iso s;
	static const uint8_t none[sizeof(s.root)];
	const size_t head = offsetof(struct iso, waiting);

	memset(&s, 0, head);
	memcpy(&s, at, head);
	return s.phase == ISO_RUN && s.open >= 1 && s.open <= s.high && s.high <= ISO_SESSIONS &&
	       s.free <= ISO_SESSIONS && s.start_ms != 0 && s.start_ms <= s.now_ms &&
	       s.count.absorbed >= 1 && s.count.absorbed <= s.count.served &&
	       memcmp(s.root, none, sizeof(none)) != 0;
}

static void
print_key(const char *what, const uint8_t *key, size_t len)
{
	printf("%s ", what);
	for (size_t i = 0; i < len; i++)
		printf("%02x", key[i]);
	printf("\n");
}

static void
print_keys_of(const struct iso *iso)
{
	printf("state\n");
	print_key("root", iso->root, sizeof(iso->root));
	for (uint32_t i = 0; i < iso->high; i++)
		print_key("session", iso->session[i].key, sizeof(iso->session[i].key));
}

static bool
open_one(struct iso *iso, struct rd octets)
{
	uint8_t secret[ISO_SECRET_MAX] = { 0 };
	struct blob header, got;
	size_t len = 0, step = 8, longest = ISO_KEY_MAX;

	memcpy(&header, octets.at, sizeof(header));
	if (header.session >= ISO_SESSIONS)
		return false;
	if (header.kind == ISO_KIND_PASSWORD) {
		step = 1;
		longest = ISO_SECRET_MAX;
	}
	/* Its length is not in it: try those of all keys, or of all passwords. */
	for (size_t key = step; key <= longest && BLOB_OVER + key <= octets.len; key += step) {
		const struct rd whole = { octets.at, BLOB_OVER + key };

		if (blob_open(iso, &iso->session[header.session], whole, &header, &got,
			      (struct wr){ secret, sizeof(secret) }, &len) != ISO_OK)
			continue;
		print_key("key", secret, len);
		return true;
	}
	return false;
}

static void
open_all(struct iso *iso, struct file blobs)
{
	const uint8_t mark[] = { 'L', 'S', 'A', 'B', BLOB_VERSION };
	const uint8_t *at = blobs.at;
	const uint8_t *end = blobs.at + blobs.len;

	while (at != NULL && (size_t)(end - at) > BLOB_OVER) {
		at = memmem(at, (size_t)(end - at), mark, sizeof(mark));
		if (at == NULL || (size_t)(end - at) <= BLOB_OVER)
			break;
		open_one(iso, (struct rd){ at, (size_t)(end - at) });
		at++;
	}
}

int
main(int argc, char **argv)
{
	const size_t least = offsetof(struct iso, session) + sizeof(struct session);
	struct iso *iso = NULL;
	struct file out = { 0 }, blobs = { 0 };
	int states = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: openblob OUT [BLOBS]\n");
		return 2;
	}
	iso = calloc(1, sizeof(*iso));
	if (iso == NULL)
		return 2;
	out = map(argv[1]);
	if (argc > 2)
		blobs = map(argv[2]);
	for (size_t at = 0; at + least <= out.len; at += 8) {
		size_t size = out.len - at < sizeof(*iso) ? out.len - at : sizeof(*iso);

		if (!is_state(out.at + at))
			continue;
		states++;
		memcpy(iso, out.at + at, size);
		print_keys_of(iso);
		open_all(iso, blobs);
	}
	free(iso);
	return states > 0 ? 0 : 1;
}
