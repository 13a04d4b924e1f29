/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a watch is to see, so many times, at most so often a second.
 *
 *   watchload exec SECONDS RATE             start a program (this one) and wait for it
 *   watchload read SECONDS RATE PID ADDR    process_vm_readv of 16 octets
 *   watchload nothing                       what exec starts
 *
 * RATE 0: as fast as can be. Prints JSON: ops, failed, seconds, ns (of one, p50).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NS	1000000000LL
#define SAMPLES (1 << 20)

static int64_t
now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS + ts.tv_nsec;
}

static int
run_nothing(void)
{
	char self[] = "/proc/self/exe", word[] = "nothing";
	char *argv[] = { self, word, NULL };
	pid_t pid;
	int status;

	if (posix_spawn(&pid, self, NULL, NULL, argv, NULL) != 0)
		return -1;
	return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

static int
read_far(pid_t pid, uintptr_t at)
{
	char room[16];
	struct iovec local = { room, sizeof(room) };
	/* An address of another process. */
	struct iovec far = { NULL, sizeof(room) };

	memcpy(&far.iov_base, &at, sizeof(at));
	return process_vm_readv(pid, &local, 1, &far, 1, 0) == (ssize_t)sizeof(room) ? 0 : -1;
}

/* Sleep until the next one is due; short waits are left to the next call. */
static void
keep_pace(int64_t due)
{
	int64_t ahead = due - now();
	struct timespec ts = { .tv_sec = ahead / NS, .tv_nsec = ahead % NS };

	if (ahead > 200000)
		(void)nanosleep(&ts, NULL);
}

static int
compare(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int
main(int argc, char **argv)
{
	static uint32_t took[SAMPLES];
	size_t ops = 0, failed = 0;
	int64_t start, end, rate;
	pid_t pid = 0;
	uintptr_t at = 0;

	if (argc == 2)
		return 0;
	if (argc != 4 && argc != 6)
		return 2;
	rate = strtoll(argv[3], NULL, 10);
	if (argc == 6) {
		pid = (pid_t)strtol(argv[4], NULL, 10);
		at = strtoull(argv[5], NULL, 16);
	}
	start = now();
	end = start + (int64_t)(strtod(argv[2], NULL) * (double)NS);
	while (now() < end) {
		int64_t begun = now();

		if ((argc == 6 ? read_far(pid, at) : run_nothing()) != 0)
			failed++;
		took[ops++ % SAMPLES] = (uint32_t)(now() - begun);
		if (rate != 0)
			keep_pace(start + (int64_t)ops * NS / rate);
	}
	end = now();
	if (ops == 0)
		return 1;
	qsort(took, ops < SAMPLES ? ops : SAMPLES, sizeof(took[0]), compare);
	(void)printf("{\"ops\": %zu, \"failed\": %zu, \"seconds\": %.4f, \"ns\": %u}\n", ops,
		     failed, (double)(end - start) / (double)NS,
		     took[(ops < SAMPLES ? ops : SAMPLES) / 2]);
	return 0;
}
