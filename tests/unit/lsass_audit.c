/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The collector of the use log, over the core: is every record stored once
 * and in order, whatever happens to lsaiso, to lsass, to the file and to the
 * disk; and does a gap show as one?
 */
#define _GNU_SOURCE
#include "lsass/audit.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/uselog.h"
#include "lsass/ask.h"
#include "tests/unit/lsass_host.h"

#define RING 2048 /* records that lsaiso keeps */

static char *folder;
static struct config cf;

static int
setup(void **state)
{
	(void)state;
	folder = host_folder();
	host_config(&cf, folder);
	cf.audit_directory = folder;
	cf.audit_octets = 1u << 30;
	host_start();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	host_rmdir(folder);
	return 0;
}

/* Calls that leave a record each. */
static void
use(unsigned int n)
{
	struct iso_req_session_close req = { .session = 9, .generation = 9 };
	struct iso_rep_session_close rep;

	while (n-- > 0)
		assert_int_equal(ask_session_close(&req, &rep), ISO_E_SESSION);
}

static void
nap(long ms)
{
	const struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	(void)nanosleep(&ts, NULL);
}

/* Until so many records are stored; the limit is generous, the collector is not. */
static void
await(struct audit *au, uint64_t stored)
{
	struct audit_is is = { 0 };

	for (int i = 0; i < 1000 && is.stored != stored; i++) {
		nap(10);
		audit_is(au, &is);
	}
	assert_int_equal(is.stored, stored);
	assert_string_equal(is.error, "");
}

/* What the files of the folder have; steps counts what uselog_step said. */
struct found {
	int files;
	uint64_t records, last;
	unsigned int steps[USELOG_CHANGED + 1];
	char name[USELOG_NAME]; /* of the latest */
};

static void
look_into(const char *name, struct found *fo)
{
	char path[PATH_MAX], boot[USELOG_BOOT], own[USELOG_BOOT];
	uint8_t boot_id[ISO_BOOT_ID];
	struct uselog_head head;
	struct uselog_entry en;
	struct uselog_at at;
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_int_equal(fread(&head, sizeof(head), 1, file), 1);
	memcpy(boot_id, head.boot_id, sizeof(boot_id));
	assert_true(uselog_head_good(&head, boot_id));
	uselog_boot_text(boot_id, own);
	assert_true(uselog_named(name, boot));
	assert_string_equal(own, boot);
	uselog_begin(boot_id, &at);
	while (fread(&en, sizeof(en), 1, file) == 1) {
		enum uselog_step step = uselog_step(&at, &en);

		fo->steps[step]++;
		fo->records += step == USELOG_GOOD || step == USELOG_LOST;
		fo->last = at.next - 1;
	}
	(void)fclose(file);
}

static struct found
look(void)
{
	struct found fo = { 0 };
	char **names;

	fo.files = uselog_list(folder, &names);
	assert_true(fo.files >= 0);
	for (int i = 0; i < fo.files; i++) {
		look_into(names[i], &fo);
		(void)snprintf(fo.name, sizeof(fo.name), "%s", names[i]);
		free(names[i]);
	}
	free(names);
	return fo;
}

static struct audit *
begin(void)
{
	struct audit *au = audit_start(&cf);

	assert_non_null(au);
	return au;
}

static void
whole(int files, uint64_t records)
{
	struct found fo = look();

	assert_int_equal(fo.files, files);
	assert_int_equal(fo.records, records);
	assert_int_equal(fo.steps[USELOG_GOOD], records);
	for (int step = USELOG_GAP; step <= USELOG_CHANGED; step++)
		assert_int_equal(fo.steps[step], 0);
}

/* What was there before the start, what comes, what comes at once, what is there at the end. */
static void
everything(void **state)
{
	struct audit *au;
	struct audit_is is;

	(void)state;
	use(3);
	au = begin();
	await(au, 3);
	use(1);
	await(au, 4);
	for (unsigned int i = 0; i < 20; i++) {
		use(RING / 4); /* more than the ring in all */
		audit_flush(au);
	}
	await(au, 4 + 5 * RING);
	use(7);
	audit_is(au, &is);
	assert_int_equal(is.lost, 0);
	audit_stop(au);
	whole(1, 4 + 5 * RING + 7);
}

/* Another lsass over the same lsaiso goes on in the same file. */
static void
resumed(void **state)
{
	(void)state;
	for (unsigned int i = 1; i <= 3; i++) {
		struct audit *au = begin();

		use(5);
		audit_stop(au);
		use(2);
		whole(1, 7 * i - 2);
	}
}

/* Cut off anywhere in its last entries: what is not whole there is collected again. */
static void
torn(void **state)
{
	char path[PATH_MAX];
	struct found fo;

	(void)state;
	use(10);
	audit_stop(begin());
	fo = look();
	(void)snprintf(path, sizeof(path), "%s/%s", folder, fo.name);
	for (off_t size = (off_t)(11 * USELOG_ENTRY); size >= (off_t)(8 * USELOG_ENTRY);
	     size -= 7) {
		assert_int_equal(truncate(path, size), 0);
		audit_stop(begin());
		whole(1, 10);
	}
}

static void
lost(void **state)
{
	struct audit *au;
	struct audit_is is;
	struct found fo;

	(void)state;
	use(5);
	audit_stop(begin());
	use(RING + 3); /* three more than there is room for */
	au = begin();
	await(au, RING + 8);
	audit_is(au, &is);
	assert_int_equal(is.lost, 3);
	audit_stop(au);
	fo = look();
	assert_int_equal(fo.steps[USELOG_GOOD], 5 + RING - 1);
	assert_int_equal(fo.steps[USELOG_GAP], 1);
	assert_int_equal(fo.steps[USELOG_LOST], 1);
	assert_int_equal(fo.steps[USELOG_CHANGED] + fo.steps[USELOG_MISSING], 0);
	assert_int_equal(fo.last, RING + 8);
}

static void
another_lsaiso(void **state)
{
	struct audit *au = begin();

	(void)state;
	use(5);
	await(au, 5);
	host_gone();
	audit_flush(au);
	host_start(); /* another boot id */
	audit_changed(au);
	use(4);
	await(au, 4);
	audit_stop(au);
	whole(2, 9);
}

/* A file with more than was ever made, and one whose end was changed. */
static void
not_ours(void **state)
{
	char path[PATH_MAX];
	struct uselog_entry en = { 0 };
	struct found fo;
	FILE *file;

	(void)state;
	use(5);
	audit_stop(begin());
	fo = look();
	(void)snprintf(path, sizeof(path), "%s/%s", folder, fo.name);
	file = fopen(path, "ae");
	assert_non_null(file);
	for (unsigned int i = 6; i < 9; i++) {
		en.of.sequence = i;
		assert_int_equal(fwrite(&en, sizeof(en), 1, file), 1);
	}
	(void)fclose(file);
	audit_stop(begin());
	fo = look();
	assert_int_equal(fo.files, 2); /* the evidence stays, another is begun */
	assert_int_equal(fo.steps[USELOG_GOOD], 10);
	assert_int_equal(fo.steps[USELOG_CHANGED], 3);
	assert_int_equal(unlink(path), 0);

	(void)snprintf(path, sizeof(path), "%s/%s", folder, fo.name);
	file = fopen(path, "r+e");
	assert_non_null(file);
	assert_int_equal(fseek(file, -1, SEEK_END), 0);
	(void)fputc('x', file);
	(void)fclose(file);
	use(1);
	audit_stop(begin());
	fo = look();
	assert_int_equal(fo.files, 1);
	assert_int_equal(fo.steps[USELOG_CHANGED], 2); /* where it was changed, and what follows */
}

/* Files that may not grow: a disk that is full. */
static void
full(void **state)
{
	struct rlimit before, small = { 0 };
	struct audit *au = begin();
	struct audit_is is = { 0 };

	(void)state;
	use(5);
	await(au, 5);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	(void)signal(SIGXFSZ, SIG_IGN);
	small = (struct rlimit){ 9 * USELOG_ENTRY + 50, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	use(10);
	for (int i = 0; i < 500 && is.error[0] == '\0'; i++) {
		nap(10);
		audit_is(au, &is);
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_string_not_equal(is.error, "");
	assert_int_equal(is.stored, 5);
	await(au, 15); /* by itself, within seconds */
	audit_stop(au);
	whole(1, 15);
}

/* The oldest starts go, the running one's stays however large it is. */
static void
limited(void **state)
{
	struct found fo;

	(void)state;
	cf.audit_octets = 3ull * 21 * USELOG_ENTRY;
	for (unsigned int i = 0; i < 6; i++) {
		host_start();
		use(20);
		audit_stop(begin());
		nap(2); /* the next one is of another millisecond */
		fo = look();
		assert_int_equal(fo.files, i < 3 ? i + 1 : 3);
	}
	cf.audit_octets = USELOG_ENTRY;
	host_start();
	use(20);
	audit_stop(begin());
	whole(1, 20);
}

/* What lsactl audit says of the key in an answer; of any other record it says nothing. */
static void
key_words(void **state)
{
	static const struct {
		uint16_t op, status;
		uint32_t verdict;
		const char *key;
	} rows[] = {
		{ ISO_OP_krb_tgs_open, ISO_OK, ISO_RELEASED, "released" },
		{ ISO_OP_krb_tgs_open, ISO_OK, ISO_WITHHELD, "withheld" },
		{ ISO_OP_krb_tgs_open, ISO_OK, RECORD_FORWARDED, "forwarded" },
		{ ISO_OP_krb_tgs_open, ISO_OK, 3, NULL },
		{ ISO_OP_krb_tgs_open, ISO_E_MISMATCH, 0, NULL },
		{ ISO_OP_krb_tgs_seal, ISO_OK, 0, NULL },
		{ ISO_OP_offline_try, ISO_OK, 2, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct record re = { .op = rows[i].op,
				     .status = rows[i].status,
				     .verdict = rows[i].verdict };
		json_t *is = uselog_json(&re);
		const char *key = json_string_value(json_object_get(is, "key"));

		assert_non_null(is);
		if (rows[i].key == NULL)
			assert_null(key);
		else
			assert_string_equal(key, rows[i].key);
		json_decref(is);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(everything, setup, teardown),
		cmocka_unit_test_setup_teardown(resumed, setup, teardown),
		cmocka_unit_test_setup_teardown(torn, setup, teardown),
		cmocka_unit_test_setup_teardown(lost, setup, teardown),
		cmocka_unit_test_setup_teardown(another_lsaiso, setup, teardown),
		cmocka_unit_test_setup_teardown(not_ours, setup, teardown),
		cmocka_unit_test_setup_teardown(full, setup, teardown),
		cmocka_unit_test_setup_teardown(limited, setup, teardown),
		cmocka_unit_test(key_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
