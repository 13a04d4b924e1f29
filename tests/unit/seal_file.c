/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The files of the root key and the recovery passphrase: does each come back
 * as it was, is every changed, shorter or longer one refused, and does only
 * the right passphrase open what it wraps?
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <nettle/sha2.h>

#include "lsaseal/file.h"
#include "lsaseal/wrap.h"

/* What main.c of lsaseal gives the files under test; the last is kept to be looked at. */
static char complaint[512];

void
complain(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(complaint, sizeof(complaint), format, ap);
	va_end(ap);
}

static void
fill(void *at, size_t n)
{
	assert_int_equal(getrandom(at, n, 0), n);
}

static struct file
sample(enum file_kind kind)
{
	struct file fi;

	memset(&fi, 0, sizeof(fi));
	fi.kind = kind;
	fi.created = 1795518639;
	fill(fi.id, sizeof(fi.id));
	fill(fi.host, sizeof(fi.host));
	switch (kind) {
	case FILE_TPM:
		fi.srk = 0x81000001;
		fill(fi.srk_name, sizeof(fi.srk_name));
		fi.pcrs = 1u << 0 | 1u << 7 | 1u << 23;
		fill(fi.pcr[0], FILE_HASH);
		fill(fi.pcr[7], FILE_HASH);
		fill(fi.pcr[23], FILE_HASH);
		fill(fi.policy, sizeof(fi.policy));
		fi.public_len = 80;
		fill(fi.public, 80);
		fi.private_len = FILE_PART;
		fill(fi.private, FILE_PART);
		break;
	case FILE_RECOVERY:
		fi.made = 1;
		fi.iterations = ITERATIONS_MIN;
		fill(fi.salt, sizeof(fi.salt));
		fill(fi.wrapped, sizeof(fi.wrapped));
		break;
	case FILE_KEY:
		fill(fi.key, sizeof(fi.key));
		break;
	}
	return fi;
}

static const enum file_kind kinds[] = { FILE_TPM, FILE_RECOVERY, FILE_KEY };
#define NKINDS (sizeof(kinds) / sizeof(kinds[0]))

static void
come_back(void **state)
{
	uint8_t text[FILE_MAX_SIZE + 1];

	(void)state;
	for (size_t k = 0; k < NKINDS; k++) {
		struct file in = sample(kinds[k]), out;
		size_t n = file_encode(&in, text, NULL);

		assert_in_range(n, 64, FILE_MAX_SIZE);
		assert_int_equal(file_decode(text, n, kinds[k], &out), 0);
		assert_memory_equal(&in, &out, sizeof(in));
		/* not as another kind */
		assert_int_equal(file_decode(text, n, kinds[(k + 1) % NKINDS], &out), -1);
	}
}

static void
changed_ones(void **state)
{
	static const struct file none;
	uint8_t text[FILE_MAX_SIZE + 1];
	struct file out;

	(void)state;
	for (size_t k = 0; k < NKINDS; k++) {
		struct file in = sample(kinds[k]);
		size_t n = file_encode(&in, text, NULL);

		for (size_t i = 0; i < n * 8; i++) {
			text[i / 8] ^= (uint8_t)(1u << (i % 8));
			assert_int_equal(file_decode(text, n, kinds[k], &out), -1);
			assert_memory_equal(&out.key, &none.key, sizeof(out.key));
			text[i / 8] ^= (uint8_t)(1u << (i % 8));
		}
		for (size_t len = 0; len <= sizeof(text); len++) {
			if (len != n)
				assert_int_equal(file_decode(text, len, kinds[k], &out), -1);
		}
	}
}

/* The hash is no signature: with a good one, every shape is still judged. */
static void
bent_with_a_good_hash(void **state)
{
	uint8_t text[FILE_MAX_SIZE];
	struct sha256_ctx ctx;
	struct file out;
	unsigned int taken = 0, refused = 0;

	(void)state;
	for (unsigned int round = 0; round < 20000; round++) {
		enum file_kind kind = kinds[round % NKINDS];
		struct file in = sample(kind);
		size_t n = file_encode(&in, text, NULL);
		uint32_t at[3];

		fill(at, sizeof(at));
		n -= at[0] % 4 == 0 ? at[1] % (n - FILE_HASH) : 0;
		text[at[1] % (n - FILE_HASH)] = (uint8_t)at[2];
		if (at[0] % 3 == 0 && kind == FILE_TPM)
			memset(text + n / 2, 0xff, at[2] % 8); /* large lengths */
		sha256_init(&ctx);
		sha256_update(&ctx, n - FILE_HASH, text);
		sha256_digest(&ctx, FILE_HASH, text + n - FILE_HASH);
		if (file_decode(text, n, kind, &out) != 0) {
			refused++;
			continue;
		}
		taken++;
		assert_true(out.public_len <= FILE_PART && out.private_len <= FILE_PART);
		assert_true(out.pcrs >> FILE_PCRS == 0);
		assert_true(kind != FILE_RECOVERY || out.iterations <= ITERATIONS_MAX);
	}
	assert_true(taken > 100 && refused > 100);
}

static void
out_of_range(void **state)
{
	uint8_t text[FILE_MAX_SIZE];
	struct file in = sample(FILE_TPM);

	(void)state;
	in.public_len = FILE_PART + 1;
	assert_int_equal(file_encode(&in, text, NULL), 0);
	in.public_len = 0;
	assert_int_equal(file_encode(&in, text, NULL), 0);
	in = sample(FILE_TPM);
	in.pcrs = 0;
	assert_int_equal(file_encode(&in, text, NULL), 0);
	in.pcrs = 1u << 24;
	assert_int_equal(file_encode(&in, text, NULL), 0);
	in = sample(FILE_RECOVERY);
	in.iterations = ITERATIONS_MAX + 1;
	assert_int_equal(file_encode(&in, text, NULL), 0);
	in.iterations = 1; /* nobody makes guessing cheap by a changed file */
	assert_int_equal(file_encode(&in, text, NULL), 0);
}

/* ---- on the disk */

static void
on_the_disk(void **state)
{
	char folder[] = "/tmp/seal-file-XXXXXX", path[128];
	struct file in = sample(FILE_KEY), out;
	struct stat sb;

	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/root.key", folder);
	(void)umask(0);
	assert_int_equal(file_read(folder, FILE_KEY, &out, true), SEAL_MISSING);
	assert_int_equal(file_write(folder, &in), SEAL_OK);
	assert_int_equal(stat(path, &sb), 0);
	assert_int_equal(sb.st_mode & 07777, 0600);
	assert_int_equal(file_read(folder, FILE_KEY, &out, true), SEAL_OK);
	assert_memory_equal(&in, &out, sizeof(in));
	/* another one in its place, whole */
	in = sample(FILE_KEY);
	assert_int_equal(file_write(folder, &in), SEAL_OK);
	assert_int_equal(file_read(folder, FILE_KEY, &out, true), SEAL_OK);
	assert_memory_equal(&in, &out, sizeof(in));
	/* what others can read or change is not taken */
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(file_read(folder, FILE_KEY, &out, true), SEAL_FILES);
	assert_non_null(strstr(complaint, "0640"));
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(chmod(folder, 0770), 0);
	assert_int_equal(file_read(folder, FILE_KEY, &out, true), SEAL_FILES);
	assert_non_null(strstr(complaint, "writable by nobody"));
	assert_int_equal(chmod(folder, 0700), 0);
	/* cut, and a link */
	assert_int_equal(truncate(path, 50), 0);
	assert_int_equal(file_read(folder, FILE_KEY, &out, true), SEAL_DAMAGED);
	assert_int_equal(file_remove(folder, FILE_KEY), SEAL_OK);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(file_remove(folder, FILE_KEY), SEAL_OK);
	assert_int_equal(symlink("/etc/hostname", path), 0);
	assert_int_equal(file_read(folder, FILE_KEY, &out, true), SEAL_FILES);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(file_read(folder, FILE_KEY, &out, false), SEAL_MISSING);
}

/* ---- passphrase */

static void
passphrases(void **state)
{
	uint8_t random[WRAP_BITS / 8];
	char text[WRAP_TEXT], typed[256], first[WRAP_TEXT];

	(void)state;
	for (int round = 0; round < 200; round++) {
		size_t n = 0;

		fill(random, sizeof(random));
		wrap_passphrase(random, text);
		assert_int_equal(strlen(text), WRAP_TEXT - 1);
		memcpy(typed, text, sizeof(text));
		assert_int_equal(wrap_read(typed), 0);
		assert_string_equal(typed, text);
		/* small letters, O, I and L, blanks, no dashes */
		for (const char *at = text; *at != '\0'; at++) {
			if (*at == '-')
				continue;
			if (n % 7 == 3)
				typed[n++] = ' ';
			typed[n++] = *at == '0' ? 'o' : *at == '1' ? "iIlL"[round % 4] : *at;
			if (typed[n - 1] >= 'A' && typed[n - 1] <= 'Z')
				typed[n - 1] = (char)(typed[n - 1] + 32);
		}
		typed[n] = '\0';
		assert_int_equal(wrap_read(typed), 0);
		assert_string_equal(typed, text);
	}
	/* every random bit counts */
	memset(random, 0, sizeof(random));
	wrap_passphrase(random, first);
	for (size_t i = 0; i < sizeof(random) * 8; i++) {
		memset(random, 0, sizeof(random));
		random[i / 8] ^= (uint8_t)(1u << (i % 8));
		wrap_passphrase(random, text);
		assert_string_not_equal(text, first);
	}
}

/* A wrong character is found, and its group named. */
static void
mistyped(void **state)
{
	static const char letters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	static const char *const shapes[] = { "",
					      "-",
					      "ABCDE",
					      "ABCDE-ABCDE-ABCDE-ABCDE",
					      "U0000-00000-00000-00000-00000-00000-00000-00000",
					      "00001-00002-00003-00004-00005-00006-00007-000080" };
	uint8_t random[WRAP_BITS / 8];
	char text[WRAP_TEXT], typed[256];

	(void)state;
	fill(random, sizeof(random));
	wrap_passphrase(random, text);
	for (size_t i = 0; i < WRAP_TEXT - 1; i++) {
		for (size_t c = 0; text[i] != '-' && c < sizeof(letters) - 1; c++) {
			if (letters[c] == text[i])
				continue;
			memcpy(typed, text, sizeof(text));
			typed[i] = letters[c];
			assert_int_equal(wrap_read(typed), (int)(i / 6) + 1);
		}
	}
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		memset(typed, 0, sizeof(typed));
		memcpy(typed, shapes[i], strlen(shapes[i]));
		assert_int_equal(wrap_read(typed), -1);
	}
}

static size_t
hex(const char *from, uint8_t *to, size_t most)
{
	size_t n = strlen(from) / 2;

	assert_true(n <= most);
	for (size_t i = 0; i < n; i++) {
		char octet[3] = { from[2 * i], from[2 * i + 1], 0 }, *end;

		to[i] = (uint8_t)strtoul(octet, &end, 16);
		assert_ptr_equal(end, octet + 2);
	}
	return n;
}

static void
derived(void **state)
{
	char line[1024], *word[4], *rest;
	uint8_t text[128] = { 0 }, s[64], key[64], wrap[64];
	unsigned int rows = 0;
	FILE *file = fopen(VECTORS "/pbkdf2-sha512.txt", "r");

	(void)state;
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		size_t n;

		if (line[0] == '#' || line[0] == 's')
			continue;
		rest = line;
		for (int i = 0; i < 4; i++) {
			word[i] = strsep(&rest, " \n");
			assert_non_null(word[i]);
		}
		n = hex(word[0], text, sizeof(text) - 1);
		text[n] = '\0';
		n = hex(word[1], s, sizeof(s));
		assert_int_equal(hex(word[3], key, sizeof(key)), 64);
		wrap_derive((const char *)text, (struct rd){ s, n },
			    (uint32_t)strtoul(word[2], NULL, 10), wrap);
		assert_memory_equal(wrap, key, sizeof(key));
		rows++;
	}
	(void)fclose(file);
	assert_int_equal(rows, 3);
}

static void
wrapped(void **state)
{
	static const uint8_t none[ISO_ROOT_KEY];
	struct file fi = sample(FILE_RECOVERY), other;
	uint8_t wrap[64], key[ISO_ROOT_KEY], out[ISO_ROOT_KEY];

	(void)state;
	fill(wrap, sizeof(wrap));
	fill(key, sizeof(key));
	assert_int_equal(wrap_seal(&fi, wrap, key), 0);
	assert_int_equal(wrap_open(&fi, wrap, out), 0);
	assert_memory_equal(out, key, sizeof(key));
	assert_null(memmem(fi.wrapped, sizeof(fi.wrapped), key, 8));
	/* another passphrase, in any bit of what is made of it */
	for (size_t i = 0; i < sizeof(wrap) * 8; i++) {
		wrap[i / 8] ^= (uint8_t)(1u << (i % 8));
		assert_int_equal(wrap_open(&fi, wrap, out), -1);
		assert_memory_equal(out, none, sizeof(none));
		wrap[i / 8] ^= (uint8_t)(1u << (i % 8));
	}
	/* any octet of it, and each part of the head that it is bound to */
	for (size_t i = 0; i < sizeof(fi.wrapped) * 8; i++) {
		other = fi;
		other.wrapped[i / 8] ^= (uint8_t)(1u << (i % 8));
		assert_int_equal(wrap_open(&other, wrap, out), -1);
	}
	other = fi;
	other.id[3] ^= 1;
	assert_int_equal(wrap_open(&other, wrap, out), -1);
	other = fi;
	other.host[0] ^= 1;
	assert_int_equal(wrap_open(&other, wrap, out), -1);
	other = fi;
	other.created++;
	assert_int_equal(wrap_open(&other, wrap, out), -1);
	other = fi;
	other.iterations++;
	assert_int_equal(wrap_open(&other, wrap, out), -1);
	other = fi;
	other.made ^= 1;
	assert_int_equal(wrap_open(&other, wrap, out), -1);
	other = fi;
	other.salt[31] ^= 0x80;
	assert_int_equal(wrap_open(&other, wrap, out), -1);
	assert_int_equal(wrap_open(&fi, wrap, out), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(come_back),
		cmocka_unit_test(changed_ones),
		cmocka_unit_test(bent_with_a_good_hash),
		cmocka_unit_test(out_of_range),
		cmocka_unit_test(on_the_disk),
		cmocka_unit_test(passphrases),
		cmocka_unit_test(mistyped),
		cmocka_unit_test(derived),
		cmocka_unit_test(wrapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
