/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Does lsaiso.conf mean what it says, and is everything else an error that
 * names file and line?
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/config.h"
#include "rpc/ops.h"

static char folder[] = "/tmp/lsaiso-config-XXXXXX";
static char path[128], dir[160], error[512];
static struct config cf;

static int
make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/lsaiso.conf", folder);
	(void)snprintf(dir, sizeof(dir), "%s.d", path);
	return 0;
}

static void
empty_dir(void)
{
	struct dirent *de;
	DIR *d = opendir(dir);
	char file[512];

	while (d != NULL && (de = readdir(d)) != NULL) {
		(void)snprintf(file, sizeof(file), "%s/%s", dir, de->d_name);
		(void)unlink(file);
	}
	if (d != NULL)
		(void)closedir(d);
	(void)rmdir(dir);
}

static int
remove_folder(void **state)
{
	(void)state;
	empty_dir();
	(void)unlink(path);
	return rmdir(folder);
}

static void
write_file(const char *file, const char *text, size_t len)
{
	FILE *f = fopen(file, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(file, 0644), 0);
}

static void
write_extra(const char *name, const char *text)
{
	char file[256];

	(void)mkdir(dir, 0755);
	(void)snprintf(file, sizeof(file), "%s/%s", dir, name);
	write_file(file, text, strlen(text));
}

static void
reads(const char *text)
{
	write_file(path, text, strlen(text));
	if (config_read(&cf, path, error, sizeof(error)) != 0)
		fail_msg("refused: %s", error);
	assert_string_equal(error, "");
}

/* It is refused; the message begins with FILE:LINE: (0: FILE:) and has word. */
static void
refuses_octets(const char *text, size_t len, int line, const char *word)
{
	char head[160];

	write_file(path, text, len);
	assert_int_equal(config_read(&cf, path, error, sizeof(error)), -1);
	if (line > 0)
		(void)snprintf(head, sizeof(head), "%s:%d: ", path, line);
	else
		(void)snprintf(head, sizeof(head), "%s: ", path);
	if (strncmp(error, head, strlen(head)) != 0 || strstr(error, word) == NULL)
		fail_msg("\"%s\" has not \"%s\" and \"%s\"", error, head, word);
}

static void
refuses(const char *text, int line, const char *word)
{
	refuses_octets(text, strlen(text), line, word);
}

/* ---- what is accepted */

static void
test_defaults(void **state)
{
	(void)state;
	reads("");
	assert_string_equal(cf.run_directory, "/run/lsaiso");
	assert_string_equal(cf.admin_socket, "/run/lsaiso/admin.sock");
	assert_string_equal(cf.state_directory, "/run/lsaiso/state");
	assert_string_equal(cf.run_programs, "");
	assert_string_equal(cf.isolation_level, "process");
	assert_string_equal(cf.isolation_memory, "secret");
	assert_true(cf.state_keep);
	assert_false(cf.krb5_rc4);
	assert_int_equal(cf.tgs_workers, 8);
	assert_int_equal(cf.limits_octets, 67108864);
	config_free(&cf);
	assert_int_equal(config_defaults(&cf), 0);
	assert_string_equal(cf.kcm_socket, "/run/.heim_org.h5l.kcm-socket");
	config_free(&cf);
}

/* Every default of the table is a value that the parser itself accepts. */
static void
test_defaults_are_valid(void **state)
{
	char text[8192] = "", value[256];
	const char *section = "";
	const struct config_key *key;
	struct config again;

	(void)state;
	for (size_t i = 0; (key = config_key_at(i)) != NULL; i++) {
		size_t at = strlen(text);

		(void)snprintf(text + at, sizeof(text) - at, "[%s]\n%s = %s\n", key->section,
			       key->key, key->def);
		assert_true(strlen(key->help) > 10);
		assert_ptr_equal(config_key_find(key->section, key->key), key);
		if (strcmp(section, key->section) != 0 && i > 0)
			assert_null(config_key_find(section, "nothing"));
		section = key->section;
	}
	reads(text);
	assert_int_equal(config_defaults(&again), 0);
	for (size_t i = 0; (key = config_key_at(i)) != NULL; i++) {
		char other[256];

		config_value(&cf, key, value, sizeof(value));
		config_value(&again, key, other, sizeof(other));
		assert_string_equal(value, other);
		assert_string_equal(value, key->def);
	}
	config_free(&again);
	config_free(&cf);
}

static void
test_values(void **state)
{
	(void)state;
	reads("# comment\n; comment\n\n[run]\n  directory = /a b/c ; inline\n"
	      "lsass_user: 61002\t# inline too\n[krb5]\nrc4=yes\n[tgs]\nworkers = 64\n"
	      "[isolation]\nmemory = ordinary\n[limits]\noctets_per_user = 17179869184\n");
	assert_string_equal(cf.run_directory, "/a b/c");
	assert_string_equal(cf.run_lsass_user, "61002");
	assert_true(cf.krb5_rc4);
	assert_int_equal(cf.tgs_workers, 64);
	assert_string_equal(cf.isolation_memory, "ordinary");
	assert_true(cf.limits_octets == 17179869184u);
	config_free(&cf);
}

/* A # or ; inside a value is part of it. */
static void
test_marks_in_values(void **state)
{
	(void)state;
	reads("[run]\ndirectory = /a#b;c\n");
	assert_string_equal(cf.run_directory, "/a#b;c");
	config_free(&cf);
}

static void
test_no_newline_and_crlf(void **state)
{
	(void)state;
	reads("[tgs]\r\nworkers = 3\r\n[log]\r\nlevel = debug");
	assert_int_equal(cf.tgs_workers, 3);
	assert_string_equal(cf.log_level, "debug");
	config_free(&cf);
}

/* A section may come twice; indentation is no continuation. */
static void
test_section_again(void **state)
{
	(void)state;
	reads("[tgs]\nworkers = 3\n\tqueue = 5\n[log]\nlevel = error\n[tgs]\nrate = 7\n");
	assert_int_equal(cf.tgs_workers, 3);
	assert_int_equal(cf.tgs_queue, 5);
	assert_int_equal(cf.tgs_rate, 7);
	config_free(&cf);
}

static void
test_admin_socket_follows(void **state)
{
	(void)state;
	reads("[run]\ndirectory = /x/run\n \n\t");
	assert_string_equal(cf.admin_socket, "/x/run/admin.sock");
	assert_string_equal(cf.state_directory, "/x/run/state");
	config_free(&cf);
	reads("[run]\ndirectory = /x/run\n[admin]\nsocket = /y/a\n");
	assert_string_equal(cf.admin_socket, "/y/a");
	config_free(&cf);
}

/* ---- the folder */

static void
test_folder(void **state)
{
	(void)state;
	write_extra("20-b.conf", "[tgs]\nworkers = 20\n");
	write_extra("10-a.conf", "[tgs]\nworkers = 10\nqueue = 10\n");
	write_extra("30-c.txt", "[nonsense]\n");
	write_extra(".40.conf", "[nonsense]\n");
	reads("[tgs]\nworkers = 1\nqueue = 1\nrate = 1\n");
	assert_int_equal(cf.tgs_workers, 20);
	assert_int_equal(cf.tgs_queue, 10);
	assert_int_equal(cf.tgs_rate, 1);
	config_free(&cf);
	empty_dir();
}

static void
test_folder_error(void **state)
{
	char head[256];

	(void)state;
	write_extra("10-a.conf", "[tgs]\n\nworkers = many\n");
	write_file(path, "", 0);
	assert_int_equal(config_read(&cf, path, error, sizeof(error)), -1);
	(void)snprintf(head, sizeof(head), "%s/10-a.conf:3: ", dir);
	assert_true(strncmp(error, head, strlen(head)) == 0);
	empty_dir();
}

/* ---- what is refused */

static void
test_unknown(void **state)
{
	(void)state;
	refuses("[tgs]\nworkers = 3\n[rnu]\nx = 1\n", 3, "did you mean [run]");
	refuses("[tgs]\nworker = 3\n", 2, "did you mean workers");
	refuses("[kcm]\nrc4 = yes\n", 2, "belongs in [krb5]");
	refuses("[tgs]\nsomething_else_entirely = 3\n", 2, "lsaiso.conf(5)");
	refuses("workers = 3\n", 1, "before the first [section]");
	refuses("[TGS]\nworkers = 3\n", 1, "unknown section");
	refuses("[tgs]\n  [kcn] ; empty\n", 2, "did you mean [kcm]");
	refuses("[]\n", 1, "unknown section []");
}

static void
test_bad_values(void **state)
{
	static const char *const numbers[] = { "0",   "65",   "-1",
					       "",    "3x",   "0x3",
					       "3.0", "many", "99999999999999999999999" };
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		(void)snprintf(text, sizeof(text), "\n\n[tgs]\nworkers = %s\n", numbers[i]);
		refuses(text, 4, "from 1 to 64");
	}
	refuses("[krb5]\nrc4 = true\n", 2, "yes or no");
	refuses("[krb5]\nrc4 = Yes\n", 2, "yes or no");
	refuses("[krb5]\nrc4 =\n", 2, "yes or no");
	refuses("[isolation]\nlevel = enclave\n", 2, "one of: process|vm|hypervisor");
	refuses("[isolation]\nmemory = secret|ordinary\n", 2, "one of: secret|ordinary");
	refuses("[isolation]\nmemory = secre\n", 2, "one of: secret|ordinary");
	refuses("[log]\nlevel =\n", 2, "one of");
}

static void
test_bad_paths(void **state)
{
	char text[256] = "[kcm]\nsocket = /";

	(void)state;
	refuses("[run]\ndirectory = run\n", 2, "full path");
	refuses("[run]\nprograms = ./build\n", 2, "full path");
	refuses("[run]\ndirectory =\n", 2, "is empty");
	refuses("[run]\nlsass_user =\n", 2, "is empty");
	refuses("[run]\ndirectory = /a\x01"
		"b\n",
		2, "control character");
	memset(text + strlen(text), 'x', 110);
	refuses(text, 2, "too long for a socket");
	refuses("[kcm]\nsocket = /a/s\n[admin]\nsocket = /a/s\n", 0, "same path");
}

/* ---- [ntlm] targets, as lsaiso is told of them */

static void
test_targets(void **state)
{
	static const char four[] = "web\0web.example.com\0*.lab.example.com\0A_1-b";
	char list[ISO_TARGETS_MAX];
	struct config_word bad;

	(void)state;
	reads("[ntlm]\ntargets =\n");
	assert_int_equal(config_targets(&cf, list, sizeof(list), &bad), 0);
	config_free(&cf);
	reads("[ntlm]\ntargets = web web.example.com   *.lab.example.com   A_1-b\n"
	      "domain = CORP\n[winbind]\nothers = 31:/a/pipe\n");
	assert_int_equal(config_targets(&cf, list, sizeof(list), &bad), sizeof(four));
	assert_memory_equal(list, four, sizeof(four));
	assert_int_equal(config_targets(&cf, list, sizeof(four), &bad), sizeof(four));
	assert_int_equal(config_targets(&cf, list, sizeof(four) - 1, &bad), -1);
	config_free(&cf);
}

static void
test_bad_targets(void **state)
{
	static const char *const words[] = { "http://web", "web,db", "*",	"*.",
					     "*web",	   "*.*.a",  ".web",	"web.",
					     "a..b",	   "web/x",  "web:445", "w\303\251b",
					     "..",	   "*..web", "cifs@web" };
	char text[8192];
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		(void)snprintf(text, sizeof(text), "[ntlm]\ntargets = good %s good\n", words[i]);
		refuses(text, 0, "is no name of a server");
		assert_non_null(strstr(error, words[i]));
	}
	n = (size_t)snprintf(text, sizeof(text), "[ntlm]\ntargets = ");
	memset(text + n, 'a', 256);
	text[n + 256] = '\0';
	refuses(text, 0, "is no name of a server");
	text[n + 255] = '\0';
	reads(text);
	config_free(&cf);
	for (size_t i = 0; i < 4050; i++)
		text[n + i] = i % 2 == 0 ? 'a' : ' ';
	text[n + 4050] = '\0';
	reads(text);
	config_free(&cf);
	refuses("[ntlm]\ndomain = CORP.EXAMPLE.COM\n", 0, "NetBIOS");
	refuses("[ntlm]\ndomain = CORP\\a\n", 0, "NetBIOS");
	refuses("[ntlm]\ndomain = SIXTEENLETTERS_X\n", 0, "NetBIOS");
}

static void
test_twice(void **state)
{
	(void)state;
	refuses("[tgs]\nworkers = 3\nqueue = 3\nworkers = 3\n", 4, "twice");
	refuses("[tgs]\nworkers = 3\n[run]\n[tgs]\nworkers = 4\n", 5, "twice");
}

static void
test_not_ini(void **state)
{
	char text[6000] = "[run]\ndirectory = /";

	(void)state;
	refuses("[tgs]\nworkers\n", 2, "neither");
	refuses("[tgs\nworkers = 3\n", 1, "neither");
	refuses("\n\nhello\n[tgs]\nwrong = 1\n", 3, "neither");
	refuses_octets("[tgs]\nworkers = 3\0\n", 19, 2, "not a text file");
	memset(text + strlen(text), 'y', 5000);
	refuses(text, 2, "longer than");
}

/* The first error is the one that is told, also after a syntax error. */
static void
test_first_error(void **state)
{
	(void)state;
	refuses("[tgs]\nwrong = 1\nworkers = 0\n", 2, "unknown key");
	refuses("[tgs]\nworkers = 0\nnothing\n", 2, "from 1 to 64");
}

static void
test_files(void **state)
{
	char other[256];

	(void)state;
	(void)unlink(path);
	assert_int_equal(config_read(&cf, path, error, sizeof(error)), -1);
	assert_non_null(strstr(error, "No such file"));
	assert_int_equal(config_read(&cf, folder, error, sizeof(error)), -1);
	assert_non_null(strstr(error, "folder"));
	(void)snprintf(other, sizeof(other), "%s/none/x.conf", folder);
	assert_int_equal(config_read(&cf, other, error, sizeof(error)), -1);
	if (geteuid() != 0) {
		print_message("not root: a file that others can write is not tried\n");
		return;
	}
	write_file(path, "", 0);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(config_read(&cf, path, error, sizeof(error)), -1);
	assert_non_null(strstr(error, "chmod go-w"));
}

/* The message never exceeds its room. */
static void
test_small_error(void **state)
{
	char small[16];

	(void)state;
	memset(small, 'z', sizeof(small));
	write_file(path, "[tgs]\nwrong = 1\n", 16);
	assert_int_equal(config_read(&cf, path, small, 10), -1);
	assert_int_equal(strlen(small), 9);
	assert_int_equal(small[10], 'z');
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_defaults_are_valid),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_marks_in_values),
		cmocka_unit_test(test_no_newline_and_crlf),
		cmocka_unit_test(test_section_again),
		cmocka_unit_test(test_admin_socket_follows),
		cmocka_unit_test(test_folder),
		cmocka_unit_test(test_folder_error),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_bad_values),
		cmocka_unit_test(test_bad_paths),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_bad_targets),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_not_ini),
		cmocka_unit_test(test_first_error),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_small_error),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
