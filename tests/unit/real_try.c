/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lsass/realm for real_live.py: what is to be done comes line by line from
 * stdin, what happened goes to stdout.
 *
 *   real_try KRB5_CONF [LISTEN [REQUESTS]]
 *   send ID REALM HEX    -> done ID CODE MILLISECONDS HEX|- WHY; or refused ID ERRNO
 *   cancel ID
 *   known REALM          -> known TEXT
 *   fds                  -> fds N
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "lib/config.h"
#include "lsass/loop.h"
#include "lsass/realm/real.h"

#define IDS  4096
#define LINE (3u << 20)

struct one {
	struct real_ask *ask;
	double began;
};

static struct one ones[IDS];
static struct loop *lo;
static struct real *re;
static char line[LINE];
static size_t have;

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1000 + (double)ts.tv_nsec / 1e6;
}

static void
done(void *arg, int32_t code, struct rd reply, const char *why)
{
	struct one *one = arg;

	printf("done %td %d %.0f ", one - ones, code, now() - one->began);
	for (size_t i = 0; i < reply.len; i++)
		printf("%02x", reply.at[i]);
	printf("%s %s\n", reply.len == 0 ? "-" : "", why);
	one->ask = NULL;
}

static size_t
unhex(char *text, uint8_t *to)
{
	size_t n = strlen(text) / 2;

	for (size_t i = 0; i < n; i++) {
		char two[3] = { text[2 * i], text[2 * i + 1], '\0' };

		to[i] = (uint8_t)strtoul(two, NULL, 16);
	}
	return n;
}

static struct rd
text_rd(const char *text)
{
	return (struct rd){ (const uint8_t *)text, strlen(text) };
}

static void
begin(size_t id, const char *realm, char *hex)
{
	struct one *one = &ones[id];
	/* In place: two digits are longer than the octet. */
	struct rd message = { (uint8_t *)hex, unhex(hex, (uint8_t *)hex) };

	one->began = now();
	one->ask = real_send(re, text_rd(realm), message, done, one);
	if (one->ask == NULL)
		printf("refused %zu %d\n", id, errno);
}

static int
count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (dir != NULL && readdir(dir) != NULL)
		n++;
	if (dir != NULL)
		(void)closedir(dir);
	return n;
}

static void
tell(const char *realm)
{
	struct real_realm one;

	for (size_t i = 0; real_realm(re, i, &one); i++) {
		if (strcmp(one.name, realm) == 0) {
			printf("known %s%s\n", one.good ? "" : "not: ", one.text);
			return;
		}
	}
	printf("known \n");
}

static void
obey(char *text)
{
	char *save = NULL;
	const char *what = strtok_r(text, " ", &save);
	const char *first = strtok_r(NULL, " ", &save);
	const char *realm = strtok_r(NULL, " ", &save);
	char *hex = strtok_r(NULL, " ", &save);
	size_t id = first != NULL ? strtoul(first, NULL, 10) % IDS : 0;

	if (what == NULL)
		return;
	if (strcmp(what, "send") == 0 && hex != NULL) {
		begin(id, realm, hex);
	} else if (strcmp(what, "cancel") == 0) {
		real_cancel(ones[id].ask);
		ones[id].ask = NULL;
	} else if (strcmp(what, "known") == 0 && first != NULL) {
		tell(first);
	} else if (strcmp(what, "fds") == 0) {
		printf("fds %d\n", count_fds());
	}
}

static void
ready(void *arg, uint32_t events)
{
	ssize_t n = read(STDIN_FILENO, line + have, sizeof(line) - have - 1);
	char *end;

	if (n <= 0) {
		loop_stop(lo);
		return;
	}
	have += (size_t)n;
	line[have] = '\0';
	while ((end = memchr(line, '\n', have)) != NULL) {
		*end = '\0';
		obey(line);
		have -= (size_t)(end + 1 - line);
		memmove(line, end + 1, have + 1);
	}
}

int
main(int argc, char **argv)
{
	struct config cf;
	struct watch *wa;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 2 || config_defaults(&cf) != 0)
		return 2;
	free(cf.krb5_config);
	cf.krb5_config = strdup(argv[1]);
	if (argc > 2) {
		free(cf.kdc_listen);
		cf.kdc_listen = strdup(argv[2]);
	}
	if (argc > 3)
		cf.kdc_requests = strtoul(argv[3], NULL, 10);
	lo = loop_new();
	re = lo != NULL ? real_start(lo, &cf) : NULL;
	wa = re != NULL ? loop_watch(lo, STDIN_FILENO, EPOLLIN, ready, NULL) : NULL;
	if (wa == NULL || loop_run(lo) != 0) {
		perror("real_try");
		config_free(&cf);
		return 1;
	}
	loop_unwatch(wa);
	real_stop(re);
	loop_free(lo);
	config_free(&cf);
	return 0;
}
