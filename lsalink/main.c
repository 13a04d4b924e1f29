/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lsalink guest=HEX: only lsainit starts it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lsalink/link.h"

#define THREAD_STACK 65536u

static struct link the_link; /* no request or reply is anywhere else in here */

void
link_exit(int code)
{
	_exit(code);
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void
read_arguments(int argc, char **argv, uint8_t machine[LINK_MACHINE])
{
	static const char name[] = "guest=";
	const char *at;

	if (argc != 2 || strncmp(argv[1], name, sizeof(name) - 1) != 0 ||
	    strlen(argv[1]) != sizeof(name) - 1 + 2 * (size_t)LINK_MACHINE)
		link_exit(ISO_EXIT_ARGS);
	at = argv[1] + sizeof(name) - 1;
	for (size_t i = 0; i < LINK_MACHINE; i++) {
		int high = hex_digit(at[2 * i]), low = hex_digit(at[2 * i + 1]);

		if (high < 0 || low < 0)
			link_exit(ISO_EXIT_ARGS);
		machine[i] = (uint8_t)(high << 4 | low);
	}
}

static void
check_descriptors(void)
{
	int flags = fcntl(LINK_FD_STREAM, F_GETFL);

	if (fcntl(ISO_FD_MAILBOX, F_GETFD) < 0 || fcntl(ISO_FD_LIFE, F_GETFD) < 0 || flags < 0)
		link_exit(ISO_EXIT_ARGS);
	if (fcntl(LINK_FD_STREAM, F_SETFL, flags | O_NONBLOCK) != 0)
		link_exit(ISO_EXIT_CHANNEL);
}

static struct mailbox *
map_mailbox(void)
{
	struct stat st;
	struct mailbox *box;

	if (fstat(ISO_FD_MAILBOX, &st) != 0 || st.st_size != MAILBOX_SIZE)
		link_exit(ISO_EXIT_CHANNEL);
	box = mmap(NULL, MAILBOX_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, ISO_FD_MAILBOX, 0);
	if (box == MAP_FAILED || box->magic != MAILBOX_MAGIC || box->version != RPC_VERSION)
		link_exit(ISO_EXIT_CHANNEL);
	(void)close(ISO_FD_MAILBOX);
	return box;
}

/* The last thread that this process, or any of its user, makes from here. */
static void
start_outward(struct link *li)
{
	const struct rlimit none = { 0, 0 };
	pthread_attr_t attr;
	pthread_t thread;

	if (pthread_attr_init(&attr) != 0 || pthread_attr_setstacksize(&attr, THREAD_STACK) != 0 ||
	    pthread_create(&thread, &attr, carry_outward, li) != 0)
		link_exit(ISO_EXIT_MEMLOCK);
	(void)pthread_attr_destroy(&attr);
	if (setrlimit(RLIMIT_NPROC, &none) != 0)
		link_exit(ISO_EXIT_PRCTL);
}

int
main(int argc, char **argv)
{
	struct link *li = &the_link;

	read_arguments(argc, argv, li->hello.machine);
	check_descriptors();
	li->box = map_mailbox();
	li->hello.version = STREAM_VERSION;
	li->hello.rpc = RPC_VERSION;
	if (getrandom(li->hello.nonce, sizeof(li->hello.nonce), 0) != sizeof(li->hello.nonce))
		link_exit(ISO_EXIT_ENTROPY);
	stream_init(&li->in, STREAM_HUNTS);
	confine_process();
	start_outward(li);
	carry_ready(li);
	confine_memory();
	confine_calls();
	greet(li);
	carry_inward(li);
}
