/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Manifest, trusted keys, floor, measure: strict readers, each limit at its edge. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/config.h"
#include "lib/files.h"
#include "lib/floor.h"
#include "lib/manifest.h"
#include "lib/measure.h"
#include "lib/trust.h"

#define HEAD   "lsaiso manifest 1\ncreated 2026-11-24T10:42:00Z\n"
#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ROW    "program lsaiso size 1 sha256 " DIGEST " version 1 svn 0\n"
#define X31    "x123456789012345678901234567890"
#define X63    "x12345678901234567890123456789012345678901234567890123456789012"

static unsigned int
parse(const char *text)
{
	struct manifest m;

	return manifest_parse(text, strlen(text), &m);
}

static void
test_manifest(void **state)
{
	static const char text[] = HEAD "program lsaiso size 1073741824 sha256 " DIGEST
					" version 0.1.0~rc1+b2 svn 63\n"
					"program lsass size 1 sha256 " DIGEST " version 2 svn 5\n";
	struct manifest m;
	char *again = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&again, &len);

	assert_int_equal(manifest_parse(text, strlen(text), &m), 0);
	assert_string_equal(m.created, "2026-11-24T10:42:00Z");
	assert_int_equal(m.n, 2);
	assert_int_equal(manifest_find(&m, "lsaiso")->size, MANIFEST_SIZE);
	assert_int_equal(manifest_find(&m, "lsaiso")->sha256[1], 0x23);
	assert_string_equal(manifest_find(&m, "lsaiso")->version, "0.1.0~rc1+b2");
	assert_null(manifest_find(&m, "lsa"));
	assert_int_equal(manifest_svn(&m), 5);
	assert_int_equal(manifest_write(&m, to), 0);
	assert_int_equal(fclose(to), 0);
	assert_string_equal(again, text);
	free(again);
}

static void
test_manifest_refused(void **state)
{
	static const struct {
		unsigned int line;
		const char *text;
	} rows[] = {
		{ 1, "" },
		{ 1, "lsaiso manifest 2\n" },
		{ 1, "lsaiso manifest 1" },
		{ 1, " " HEAD ROW },
		{ 2, "lsaiso manifest 1\n" ROW },
		{ 2, "lsaiso manifest 1\ncreated 2026-11-24 10:42:00Z\n" ROW },
		{ 2, "lsaiso manifest 1\ncreated 2026-11-24T10:42:0xZ\n" ROW },
		{ 2, "lsaiso manifest 1\ncreated 2026-11-24T10:42:00Z \n" ROW },
		{ 3, HEAD },
		{ 3, HEAD "\n" ROW },
		{ 4, HEAD ROW ROW }, /* twice */
		{ 4, HEAD ROW "\n" },
		{ 4, HEAD ROW "x" },
		{ 3, HEAD "program lsaiso size 1 sha256 " DIGEST " version 1 svn 0" },
		{ 3, HEAD "program lsaiso size 1 sha256 " DIGEST " version 1 svn 0\r\n" },
		{ 3, HEAD "program  lsaiso size 1 sha256 " DIGEST " version 1 svn 0\n" },
		{ 3, HEAD "program lsaiso size 1 size 1 sha256 " DIGEST " version 1 svn 0\n" },
		{ 3, HEAD "program lsaiso size 1 sha256 " DIGEST " version 1 svn 0 svn 1\n" },
		{ 3, HEAD "program lsaiso size 1 sha256 " DIGEST " version 1 svn 0 flags 1\n" },
		{ 3, HEAD "program lsaiso size 1 sha512 " DIGEST " version 1 svn 0\n" },
		{ 3, HEAD "program lsaiso sha256 " DIGEST " size 1 version 1 svn 0\n" },
		{ 3, HEAD "program lsaiso size 0 sha256 " DIGEST " version 1 svn 0\n" },
		{ 3, HEAD "program lsaiso size 01 sha256 " DIGEST " version 1 svn 0\n" },
		{ 3, HEAD "program lsaiso size +1 sha256 " DIGEST " version 1 svn 0\n" },
		{ 3, HEAD "program lsaiso size 1073741825 sha256 " DIGEST " version 1 svn 0\n" },
		{ 3, HEAD "program lsaiso size 18446744073709551617 sha256 " DIGEST
			  " version 1 svn 0\n" },
		{ 3, HEAD "program lsaiso size 1 sha256 " DIGEST "0 version 1 svn 0\n" },
		{ 3, HEAD "program lsaiso size 1 sha256 A" DIGEST " version 1 svn 0\n" },
		{ 3, HEAD "program lsaiso size 1 sha256 00 version 1 svn 0\n" },
		{ 3, HEAD "program lsaiso size 1 sha256 " DIGEST " version 1 svn 64\n" },
		{ 3, HEAD "program lsaiso size 1 sha256 " DIGEST " version 1 svn -1\n" },
		{ 3, HEAD "program lsaiso size 1 sha256 " DIGEST " version  svn 1\n" },
		{ 3, HEAD "program lsaiso size 1 sha256 " DIGEST " version -1 svn 1\n" },
		{ 3, HEAD "program lsaiso size 1 sha256 " DIGEST " version " X31 "2 svn 1\n" },
		{ 3, HEAD "program ../lsaiso size 1 sha256 " DIGEST " version 1 svn 0\n" },
		{ 3, HEAD "program .lsaiso size 1 sha256 " DIGEST " version 1 svn 0\n" },
		{ 3, HEAD "program a/b size 1 sha256 " DIGEST " version 1 svn 0\n" },
		{ 3, HEAD "program l\xc3\xa4 size 1 sha256 " DIGEST " version 1 svn 0\n" },
		{ 3, HEAD "program " X63 "3 size 1 sha256 " DIGEST " version 1 svn 0\n" },
	};

	assert_int_equal(parse(HEAD ROW), 0);
	assert_int_equal(
	    parse(HEAD "program " X63 " size 1 sha256 " DIGEST " version " X31 " svn 63\n"), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(parse(rows[i].text), rows[i].line);
}

static void
test_manifest_many(void **state)
{
	char text[MANIFEST_OCTETS + 2];
	size_t at = (size_t)snprintf(text, sizeof(text), HEAD);
	struct manifest m;

	for (int i = 0; i < MANIFEST_PROGRAMS; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at,
				       "program p%d size 1 sha256 " DIGEST " version 1 svn 0\n", i);
	assert_int_equal(manifest_parse(text, at, &m), 0);
	assert_int_equal(m.n, MANIFEST_PROGRAMS);
	(void)snprintf(text + at, sizeof(text) - at, ROW);
	assert_int_equal(parse(text), 3 + MANIFEST_PROGRAMS);
	/* a zero octet ends nothing early */
	assert_int_equal(manifest_parse(HEAD ROW, sizeof(HEAD ROW), &m), 4);
	at = (size_t)snprintf(text, sizeof(text), HEAD);
	memset(text + at, 'x', sizeof(text) - at);
	assert_int_equal(manifest_parse(text, MANIFEST_OCTETS, &m), 3);
	assert_int_equal(manifest_parse(text, MANIFEST_OCTETS + 1, &m), 1);
}

/* A signature that does not fit is told of before a line that does not. */
static void
test_manifest_verify(void **state)
{
	static const char bad[] = "nothing like it";
	uint8_t seed[SIGN_KEY] = { 7 };
	const struct sign_public *by = NULL;
	struct sign_private key;
	struct manifest m;
	char sig[SIGN_TEXT], error[512];

	sign_from_seed(seed, &key);
	assert_int_equal(sign_data(&key, SIGN_MANIFEST, bad, strlen(bad), sig), 0);
	assert_int_equal(manifest_verify(&key.its, 1, bad, strlen(bad), sig, strlen(sig), &m, &by,
					 error, sizeof(error)),
			 -1);
	assert_non_null(strstr(error, "line 1"));
	assert_int_equal(manifest_verify(&key.its, 1, bad, strlen(bad) - 1, sig, strlen(sig), &m,
					 &by, error, sizeof(error)),
			 -1);
	assert_non_null(strstr(error, "it was changed"));
	assert_int_equal(sign_data(&key, SIGN_MANIFEST, HEAD ROW, strlen(HEAD ROW), sig), 0);
	assert_int_equal(manifest_verify(&key.its, 1, HEAD ROW, strlen(HEAD ROW), sig, strlen(sig),
					 &m, &by, error, sizeof(error)),
			 0);
	assert_ptr_equal(by, &key.its);
	assert_int_equal(m.n, 1);
	assert_int_equal(manifest_verify(&key.its, 0, HEAD ROW, strlen(HEAD ROW), sig, strlen(sig),
					 &m, &by, error, sizeof(error)),
			 -1);
	assert_int_equal(m.n, 0);
}

/* ---- a scratch folder for each test */

struct scratch {
	char path[PATH_MAX];
	char file[PATH_MAX + 32];
};

static int
set_up(void **state)
{
	struct scratch *sc = calloc(1, sizeof(*sc));

	assert_non_null(sc);
	(void)snprintf(sc->path, sizeof(sc->path), "/tmp/lib-launch-XXXXXX");
	assert_non_null(mkdtemp(sc->path));
	*state = sc;
	return 0;
}

static int
tear_down(void **state)
{
	struct scratch *sc = *state;
	char command[PATH_MAX + 32];

	(void)snprintf(command, sizeof(command), "rm -rf '%s'", sc->path);
	assert_int_equal(system(command), 0);
	free(sc);
	return 0;
}

static const char *
in(struct scratch *sc, const char *name)
{
	(void)snprintf(sc->file, sizeof(sc->file), "%s/%s", sc->path, name);
	return sc->file;
}

static void
put_key(struct scratch *sc, const char *name, uint8_t octet)
{
	uint8_t seed[SIGN_KEY] = { octet };
	struct sign_private key;
	char text[SIGN_TEXT];

	sign_from_seed(seed, &key);
	sign_write_public(&key.its, text);
	assert_int_equal(files_replace(in(sc, name), text, strlen(text), 0644), 0);
}

static void
no_trust(struct scratch *sc, const char *word)
{
	struct trust trust;
	char error[PATH_MAX + 512] = "";

	assert_int_equal(trust_read(sc->path, &trust, error, sizeof(error)), -1);
	assert_int_equal(trust.n, 0);
	if (strstr(error, word) == NULL)
		fail_msg("\"%s\" is not in: %s", word, error);
}

static void
test_trust(void **state)
{
	struct scratch *sc = *state;
	struct trust trust;
	char error[PATH_MAX + 512], name[32];

	no_trust(sc, "has no key");
	put_key(sc, "b.pub", 2);
	put_key(sc, "a.pub", 1);
	put_key(sc, "note.txt", 3); /* other names are not looked at */
	assert_int_equal(trust_read(sc->path, &trust, error, sizeof(error)), 0);
	assert_int_equal(trust.n, 2);
	assert_string_equal(trust.keys[0].name, "a");
	assert_string_equal(trust.keys[1].name, "b");
	for (int i = 2; i < TRUST_KEYS; i++) {
		(void)snprintf(name, sizeof(name), "k%d.pub", i);
		put_key(sc, name, (uint8_t)(i + 1));
	}
	assert_int_equal(trust_read(sc->path, &trust, error, sizeof(error)), 0);
	assert_int_equal(trust.n, TRUST_KEYS);
	put_key(sc, "more.pub", 99);
	no_trust(sc, "more than 16 keys");
}

static void
test_trust_refused(void **state)
{
	struct scratch *sc = *state;

	put_key(sc, "a.pub", 1);
	assert_int_equal(chmod(sc->path, 0777), 0);
	no_trust(sc, "folder of the keys that may sign, can be changed by others");
	assert_int_equal(chmod(sc->path, 0755), 0);
	assert_int_equal(chmod(in(sc, "a.pub"), 0646), 0);
	no_trust(sc, "a.pub can be changed by others");
	assert_int_equal(chmod(in(sc, "a.pub"), 0644), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(in(sc, "a.pub"), 64321, 0), 0);
		no_trust(sc, "a.pub can be changed by others");
		assert_int_equal(chown(in(sc, "a.pub"), 0, 0), 0);
		assert_int_equal(chown(sc->path, 64321, 0), 0);
		no_trust(sc, "can be changed by others");
		assert_int_equal(chown(sc->path, 0, 0), 0);
	}
	assert_int_equal(files_replace(in(sc, "z.pub"), "lsaiso public key 1\nAAAA\n", 25, 0644),
			 0);
	no_trust(sc, "z.pub is not a public key");
	assert_int_equal(unlink(in(sc, "z.pub")), 0);
	assert_int_equal(mkdir(in(sc, "z.pub"), 0755), 0);
	no_trust(sc, "z.pub");
	assert_int_equal(rmdir(in(sc, "z.pub")), 0);
	(void)snprintf(sc->path + strlen(sc->path), 8, "/none");
	no_trust(sc, "No such file");
	*strrchr(sc->path, '/') = '\0';
}

/* ---- floor */

static void
test_floor(void **state)
{
	struct scratch *sc = *state;
	char root[] = "random"; /* no TPM is asked */
	struct config cf = { .host_directory = sc->path, .seal_root = root };
	struct floor fl;
	char error[PATH_MAX + 512];
	struct stat sb;

	assert_int_equal(floor_read(&cf, &fl, error, sizeof(error)), 0);
	assert_int_equal(fl.svn, FLOOR_NONE);
	assert_int_equal(floor_raise(&cf, 0, 1000, error, sizeof(error)), 0);
	assert_int_equal(floor_read(&cf, &fl, error, sizeof(error)), 0);
	assert_int_equal(fl.svn, 0);
	assert_int_equal(floor_raise(&cf, FLOOR_MAX, 2000, error, sizeof(error)), 0);
	assert_int_equal(floor_raise(&cf, 5, 3000, error, sizeof(error)), 0); /* never down */
	assert_int_equal(floor_read(&cf, &fl, error, sizeof(error)), 0);
	assert_int_equal(fl.svn, FLOOR_MAX);
	assert_int_equal(fl.seen, 2000);
	assert_int_equal(stat(in(sc, FLOOR_FILE), &sb), 0);
	assert_int_equal(sb.st_mode & 07777, 0600);
	assert_int_equal(floor_lower(&cf, 5, 4000, error, sizeof(error)), 0);
	assert_int_equal(floor_read(&cf, &fl, error, sizeof(error)), 0);
	assert_int_equal(fl.svn, 5);
}

static void
test_floor_refused(void **state)
{
	static const char good[] = "lsaiso floor 1\nsvn 5\nseen 1795517000\n";
	static const char *const bad[] = {
		"",
		"5\n",
		"lsaiso floor 1\nsvn 5\nseen 1795517000",
		"lsaiso floor 1\nsvn 5\nseen 1795517000\n\n",
		"lsaiso floor 1\nsvn 05\nseen 1795517000\n",
		"lsaiso floor 1\nsvn 64\nseen 1795517000\n",
		"lsaiso floor 1\nsvn -1\nseen 1795517000\n",
		"lsaiso floor 1\nsvn 5\nseen -5\n",
		"lsaiso floor 2\nsvn 5\nseen 1795517000\n",
		"lsaiso floor 1\nsvn  5\nseen 1795517000\n",
	};
	struct scratch *sc = *state;
	char root[] = "random"; /* no TPM is asked */
	struct config cf = { .host_directory = sc->path, .seal_root = root };
	struct floor fl;
	char error[PATH_MAX + 512];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(files_replace(in(sc, FLOOR_FILE), bad[i], strlen(bad[i]), 0600),
				 0);
		assert_int_equal(floor_read(&cf, &fl, error, sizeof(error)), -1);
		assert_non_null(strstr(error, "damaged"));
		assert_int_equal(floor_raise(&cf, 9, 1, error, sizeof(error)), -1);
	}
	assert_int_equal(files_replace(in(sc, FLOOR_FILE), good, strlen(good), 0600), 0);
	assert_int_equal(floor_read(&cf, &fl, error, sizeof(error)), 0);
	assert_int_equal(chmod(in(sc, FLOOR_FILE), 0602), 0);
	assert_int_equal(floor_read(&cf, &fl, error, sizeof(error)), -1);
	assert_non_null(strstr(error, "can be changed by others"));
}

/* ---- measure and files */

static void
test_measure(void **state)
{
	/* FIPS 180-4's example "abc" */
	static const uint8_t want[4] = { 0xba, 0x78, 0x16, 0xbf };
	struct measure is;
	int fd = memfd_create("x", MFD_CLOEXEC);
	char *big = calloc(1, 200000);

	assert_non_null(big);
	assert_int_equal(write(fd, "abc", 3), 3);
	assert_int_equal(measure_file(fd, 3, &is), 0);
	assert_int_equal(is.size, 3);
	assert_memory_equal(is.sha256, want, 4);
	assert_int_equal(measure_file(fd, 2, &is), -1);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 3);
	assert_int_equal(measure_verity(fd, NULL, NULL), VERITY_NONE);
	assert_int_equal(write(fd, big, 200000), 200000);
	assert_int_equal(measure_file(fd, 1 << 20, &is), 0);
	assert_int_equal(is.size, 200003);
	assert_int_equal(close(fd), 0);
	assert_int_equal(measure_file(fd, 3, &is), -1);
	free(big);
}

static void
test_files(void **state)
{
	struct scratch *sc = *state;
	char *text;
	size_t len;

	assert_int_equal(files_replace(in(sc, "f"), "12345", 5, 0640), 0);
	assert_int_equal(files_read(AT_FDCWD, sc->file, 5, &text, &len, NULL), 0);
	assert_int_equal(len, 5);
	assert_string_equal(text, "12345");
	files_free(text, len);
	assert_int_equal(files_read(AT_FDCWD, sc->file, 4, &text, &len, NULL), -1);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(files_read(AT_FDCWD, sc->path, 4, &text, &len, NULL), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(mkfifo(in(sc, "pipe"), 0600), 0);
	assert_int_equal(files_read(AT_FDCWD, sc->file, 4, &text, &len, NULL), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(files_replace(in(sc, "no/f"), "1", 1, 0600), -1);
	assert_int_equal(errno, ENOENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_manifest),
		cmocka_unit_test(test_manifest_refused),
		cmocka_unit_test(test_manifest_many),
		cmocka_unit_test(test_manifest_verify),
		cmocka_unit_test_setup_teardown(test_trust, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_trust_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_floor, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_floor_refused, set_up, tear_down),
		cmocka_unit_test(test_measure),
		cmocka_unit_test_setup_teardown(test_files, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
