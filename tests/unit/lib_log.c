/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Is a log line one line, whatever it is made of? And the small tables beside it. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/config.h"
#include "lib/control.h"
#include "lib/levels.h"
#include "lib/log.h"
#include "lib/machine.h"

static char line[8192];

/* stderr to a pipe while fn runs; what came goes to line. */
static void
capture(void (*fn)(void))
{
	int pipes[2], before = dup(STDERR_FILENO);
	ssize_t got;

	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(dup2(pipes[1], STDERR_FILENO), STDERR_FILENO);
	fn();
	assert_int_equal(dup2(before, STDERR_FILENO), STDERR_FILENO);
	(void)close(before);
	(void)close(pipes[1]);
	got = read(pipes[0], line, sizeof(line) - 1);
	(void)close(pipes[0]);
	line[got > 0 ? got : 0] = '\0';
}

static void
say_plain(void)
{
	log_open("test", LOG_INFO);
	log_notice("hello %d", 7);
}

static void
say_controls(void)
{
	log_open("test", LOG_INFO);
	log_err("a\nb\r\033[31mc\x7f %s", "\xc3\xa9");
}

static void
say_long(void)
{
	char text[6000];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	log_err("%s", text);
}

static void
say_debug(void)
{
	log_open("test", LOG_INFO);
	log_debug("not shown");
}

static void
test_lines(void **state)
{
	(void)state;
	capture(say_plain);
	assert_non_null(strstr(line, "test["));
	assert_non_null(strstr(line, " notice: hello 7\n"));
	capture(say_controls);
	assert_non_null(strstr(line, "error: a?b??[31mc? \xc3\xa9\n"));
	capture(say_long);
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	assert_true(strlen(line) < 2049);
	capture(say_debug);
	assert_string_equal(line, "");
}

static void
test_levels_of_log(void **state)
{
	(void)state;
	assert_int_equal(log_level("error"), LOG_ERR);
	assert_int_equal(log_level("warning"), LOG_WARNING);
	assert_int_equal(log_level("notice"), LOG_NOTICE);
	assert_int_equal(log_level("info"), LOG_INFO);
	assert_int_equal(log_level("debug"), LOG_DEBUG);
	assert_int_equal(log_level("loud"), -1);
	assert_int_equal(log_level(""), -1);
}

/* Every level that can be configured says what it does not give. */
static void
test_isolation_levels(void **state)
{
	const struct config_key *key = config_key_find("isolation", "level");
	static const char *const all[] = { "process", "vm", "hypervisor" };
	const struct level *le = level_find(key->def);

	(void)state;
	assert_non_null(le);
	assert_string_equal(le->name, "process"); /* by default */
	/* Another one needs its row in levels.c. */
	assert_string_equal(key->words, "process|vm|hypervisor");
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		le = level_find(all[i]);
		assert_non_null(le);
		assert_string_equal(le->name, all[i]);
		assert_true(strlen(le->holds) > 0);
		assert_non_null(le->lacks[0]);
	}
	assert_null(level_find("nothing"));
}

static void
test_weaker(void **state)
{
	struct config cf;
	struct control_table table = { .separate_users = 1,
				       .namespaces = 1,
				       .secret_memory = 1,
				       .guard = { .state = CONTROL_GUARD_UP } };
	struct weaker list[WEAKER_MAX];

	(void)state;
	assert_int_equal(config_defaults(&cf), 0);
	assert_int_equal(level_weaker(&cf, &table, list), 0);
	table.guard.armed = 1;
	assert_int_equal(level_weaker(&cf, &table, list), 1);
	assert_string_equal(list[0].setting, "armed before the guard");
	table.guard.state = CONTROL_GUARD_MISSING;
	assert_int_equal(level_weaker(&cf, &table, list), 1);
	assert_string_equal(list[0].setting, "no guard");
	table.guard.state = CONTROL_GUARD_OFF;
	assert_int_equal(level_weaker(&cf, &table, list), 1);
	assert_string_equal(list[0].setting, "[isolation] guard = off");
	table.guard = (struct control_guard){ .state = CONTROL_GUARD_UP };
	table.separate_users = 0;
	assert_int_equal(level_weaker(&cf, &table, list), 1);
	cf.isolation_memory[0] = '\0';
	free(cf.isolation_memory);
	cf.isolation_memory = strdup("ordinary");
	cf.krb5_rc4 = true;
	table.namespaces = 0;
	assert_int_equal(level_weaker(&cf, &table, list), 4);
	assert_string_equal(list[0].setting, "[isolation] memory = ordinary");
	assert_int_equal(level_weaker(&cf, NULL, list), 2);
	cf.delegation_s4u = true;
	free(cf.delegation_forward);
	cf.delegation_forward = strdup("allow");
	assert_int_equal(level_weaker(&cf, NULL, list), 4);
	assert_string_equal(list[2].setting, "[delegation] forward = allow");
	assert_string_equal(list[3].setting, "[delegation] s4u = yes");
	config_free(&cf);
}

static void
test_words(void **state)
{
	(void)state;
	assert_true(machine_has_word("lockdown,yama,bpf", "bpf"));
	assert_true(machine_has_word("bpf", "bpf"));
	assert_true(machine_has_word("kill_process errno", "errno"));
	assert_false(machine_has_word("bpfx,xbpf", "bpf"));
	assert_false(machine_has_word("", "bpf"));
	assert_true(machine_has_word("bpfx,bpf", "bpf"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_levels_of_log),
		cmocka_unit_test(test_isolation_levels),
		cmocka_unit_test(test_weaker),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
