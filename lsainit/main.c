/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lsainit --config FILE: one instance, in the foreground. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "lib/log.h"
#include "lsainit/guard/guard.h"
#include "lsainit/init.h"

static void
usage(FILE *to)
{
	(void)fputs("usage: lsainit [--config FILE] [--check]\n"
		    "       lsainit --version | --help\n"
		    "Starts lsaiso and lsass (for a guest lsaiso-host) in the foreground and keeps "
		    "them running.\n"
		    "  --config FILE  configuration, default " CONFIG_DEFAULT_FILE "\n"
		    "  --check        only say whether the configuration can be had here\n",
		    to);
}

/* Nothing of ours in a core file; children of children come to us. */
static int
harden_self(void)
{
	struct rlimit none = { 0 };

	if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
	    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) {
		log_err("could not harden itself: %s", strerror(errno));
		return -1;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGCHLD, SIG_DFL);
	return 0;
}

/* 0, 1 and 2 must be something before anything else is opened. */
static int
open_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return -1;
	return close(fd);
}

static int
prepare(struct instance *in)
{
	/* The guard first: what comes after it is protected by it. */
	if (harden_self() != 0 || guest_prepare(in) != 0 || guard_up(in) != 0 ||
	    prepare_users(in) != 0 || prepare_images(in) != 0 || watch_prepare(in) != 0 ||
	    guard_programs(in) != 0 || prepare_host_directory(in) != 0 ||
	    prepare_keytab_directory(in) != 0 || prepare_launch(in) != 0 || guard_signed(in) != 0 ||
	    guard_signers(in) != 0 || prepare_run_directory(in) != 0 ||
	    prepare_state_directory(in) != 0 || watch_folder(in) != 0 || prepare_state_key(in) != 0)
		return -1;
	if (pipe2(in->alive, O_CLOEXEC) != 0) {
		log_err("pipe: %s", strerror(errno));
		return -1;
	}
	return listen_sockets(in) != 0 ? -1 : guard_seal(in);
}

static void
release(struct instance *in)
{
	if (in->state_key != NULL)
		explicit_bzero(in->state_key, CONTROL_STATE_KEY);
	if (in->lock_fd >= 0 && ftruncate(in->lock_fd, 0) != 0)
		log_warn("lock file: %s", strerror(errno));
	close_fd(&in->kcm_fd);
	close_fd(&in->vsock_fd);
	close_fd(&in->admin_fd);
	close_fd(&in->watch_fd);
	close_fd(&in->metrics_fd);
	close_fd(&in->watch_line);
	winbind_close(in);
	close_fd(&in->keytab_fd);
	kdc_close(in);
	close_fd(&in->lock_fd);
	launch_release(in);
	guard_free(in);
	free(in->iso_image.path);
	free(in->vm_image.path);
	free(in->lsass_image.path);
	free(in->seal_image.path);
	free(in->ctl_image.path);
	free(in->watch_image.path);
	config_free(&in->cf);
}

static int
run(struct instance *in, bool only_check)
{
	char error[1024], *full = realpath(in->config_path, NULL);
	int code = 1;

	if (config_read(&in->cf, in->config_path, error, sizeof(error)) != 0) {
		log_err("%s", error);
		free(full);
		return 1;
	}
	if (full != NULL)
		in->config_path = full;
	log_open("lsainit", log_level(in->cf.log_level));
	in->table.lsainit_pid = getpid();
	in->table.lsainit_since = time(NULL);
	in->table.far = strcmp(in->cf.isolation_level, "hypervisor") == 0;
	in->table.secret_memory = strcmp(in->cf.isolation_memory, "secret") == 0;
	if (!in->table.secret_memory && strcmp(in->cf.isolation_level, "process") == 0)
		log_warn("[isolation] memory = ordinary: root can read what lsaiso holds");
	if (in->table.far && in->cf.isolation_host_key[0] == '\0')
		log_warn("no [isolation] host_key: nothing shows that it is the host's lsaiso who "
			 "answers");
	if (only_check)
		code = check(in);
	else if (prepare(in) == 0)
		code = supervise(in);
	release(in);
	free(full);
	return code;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, 'n' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct instance in = { .config_path = CONFIG_DEFAULT_FILE,
			       .iso_image = { .name = "lsaiso", .fd = -1 },
			       .vm_image = { .name = "lsaiso-vm", .fd = -1 },
			       .lsass_image = { .name = "lsass", .fd = -1 },
			       .seal_image = { .name = "lsaseal", .fd = -1 },
			       .ctl_image = { .name = "lsactl", .fd = -1 },
			       .watch_image = { .name = "lsawatch", .fd = -1 },
			       .lock_fd = -1,
			       .keytab_fd = -1,
			       .alive = { -1, -1 },
			       .kcm_fd = -1,
			       .vsock_fd = -1,
			       .admin_fd = -1,
			       .watch_fd = -1,
			       .metrics_fd = -1,
			       .watch_line = -1,
			       .mailbox_fd = -1,
			       .life_fd = -1,
			       .diag_fd = -1,
			       .line = -1 };
	bool only_check = false;
	int option;

	if (open_standard() != 0)
		return 1;
	log_open("lsainit", LOG_INFO);
	while ((option = getopt_long(argc, argv, "c:nVh", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			in.config_path = optarg;
			break;
		case 'n':
			only_check = true;
			break;
		case 'V':
			(void)puts("lsainit " VERSION);
			return 0;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind != argc) {
		usage(stderr);
		return 2;
	}
	return run(&in, only_check);
}
