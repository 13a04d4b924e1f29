/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The client's side of a box (its octets are compared with RFC 9180 and opened
 * by lsaiso in iso_box.c): is it made of what it should be, and is the public
 * key read only from a file that nobody else can have written?
 */
#define _GNU_SOURCE
#include "lib/box.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define DIGITS "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"

static void
filled_as_asked(void **state)
{
	/* SHA-256 of "abc", FIPS 180-4 */
	static const uint8_t abc[4] = { 0xba, 0x78, 0x16, 0xbf };
	static const uint8_t octets[ISO_SECRET_MAX + 1] = { 'x', 0, 'y' };
	struct box box;

	(void)state;
	memset(&box, 0xff, sizeof(box));
	assert_int_equal(box_fill(&box, "abc", (struct rd){ octets, 3 }, 0), 0);
	assert_int_equal(box.kind, ISO_KIND_PASSWORD);
	assert_int_equal(box.len, 3);
	assert_memory_equal(box.name, abc, sizeof(abc));
	assert_memory_equal(box.secret, octets, ISO_SECRET_MAX);
	for (size_t i = 0; i < sizeof(box.pad_); i++)
		assert_int_equal(box.pad_[i], 0);
	assert_int_equal(box_fill(&box, "abc", (struct rd){ octets, 32 }, 18), 0);
	assert_int_equal(box.kind, ISO_KIND_KEY);
	assert_int_equal(box.etype, 18);
	assert_int_equal(box_fill(&box, "abc", (struct rd){ octets, 0 }, 0), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(box_fill(&box, "abc", (struct rd){ octets, sizeof(octets) }, 18), -1);
	assert_int_equal(box_fill(&box, "abc", (struct rd){ octets, 2 }, 0), -1);
}

static void
each_is_sealed_anew(void **state)
{
	static const uint8_t to[ISO_PUBLIC] = { 9 };
	struct box box = { .len = 1 };
	uint8_t a[ISO_BOX], b[ISO_BOX];

	(void)state;
	assert_int_equal(box_seal(to, &box, a), 0);
	assert_int_equal(box_seal(to, &box, b), 0);
	assert_memory_not_equal(a, b, BOX_ENC);
	assert_memory_not_equal(a + BOX_ENC, b + BOX_ENC, 64);
}

/* ---- the file */

static char path[64];

static int
make_folder(void **state)
{
	static char folder[] = "/tmp/lib_box.XXXXXX";

	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/public-key", folder);
	return 0;
}

static int
remove_folder(void **state)
{
	(void)state;
	(void)unlink(path);
	*strrchr(path, '/') = '\0';
	return rmdir(path);
}

static void
put(const char *text, size_t len, mode_t mode)
{
	int fd;

	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(close(fd), 0);
}

static void
refused(const char *why)
{
	uint8_t key[ISO_PUBLIC];
	char error[400];

	assert_int_equal(box_public_key(path, key, error, sizeof(error)), -1);
	if (strstr(error, why) == NULL)
		fail_msg("not \"%s\" in: %s", why, error);
}

static void
key_is_read(void **state)
{
	static const uint8_t start[] = { 0xde, 0x9e, 0xdb }, zero[ISO_PUBLIC];
	uint8_t key[ISO_PUBLIC];
	char error[400];
	struct {
		const char *text;
		size_t len;
	} bad[] = {
		{ "", 0 },
		{ DIGITS, 64 },
		{ DIGITS "\n\n", 66 },
		{ DIGITS "a\n", 66 },
		{ DIGITS "\0", 65 },
		{ "\n" DIGITS, 65 },
		{ "DE9EDB7D7B7DC1B4D35B61C2ECE435373F8343C85B78674DADFC7E146F882B4F\n", 65 },
		{ "file:/etc/hosts                                                 \n", 65 },
		{ "0000000000000000000000000000000000000000000000000000000000000000\n", 65 },
	};

	(void)state;
	put(DIGITS "\n", 65, 0644);
	assert_int_equal(box_public_key(path, key, error, sizeof(error)), 0);
	assert_memory_equal(key, start, sizeof(start));
	assert_memory_not_equal(key, zero, sizeof(zero));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put(bad[i].text, bad[i].len, 0644);
		refused("does not have a public key");
	}
	put(DIGITS "\n", 65, 0664);
	refused("others may write");
	put(DIGITS "\n", 65, 0646);
	refused("others may write");
	(void)unlink(path);
	refused("is lsaiso running");
	assert_int_equal(symlink("/dev/null", path), 0);
	refused("");
	(void)unlink(path);
	assert_int_equal(mkdir(path, 0755), 0);
	refused("not a regular file");
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkfifo(path, 0644), 0);
	refused("not a regular file");
}

/* Root takes only root's; others root's and their own. */
static void
owner_counts(void **state)
{
	uint8_t key[ISO_PUBLIC];
	char error[400];

	(void)state;
	if (geteuid() != 0) {
		print_message("# SKIP: only root can give a file to somebody\n");
		skip();
	}
	put(DIGITS "\n", 65, 0644);
	assert_int_equal(chown(path, 1234, 1234), 0);
	refused("not root's");
	*strrchr(path, '/') = '\0';
	assert_int_equal(chmod(path, 0755), 0);
	path[strlen(path)] = '/';
	assert_int_equal(seteuid(1234), 0);
	assert_int_equal(box_public_key(path, key, error, sizeof(error)), 0);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(seteuid(1235), 0);
	refused("not root's");
	assert_int_equal(seteuid(0), 0);
	put(DIGITS "\n", 65, 0644);
	assert_int_equal(seteuid(1235), 0);
	assert_int_equal(box_public_key(path, key, error, sizeof(error)), 0);
	assert_int_equal(seteuid(0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filled_as_asked),
		cmocka_unit_test(each_is_sealed_anew),
		cmocka_unit_test(key_is_read),
		cmocka_unit_test(owner_counts),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
