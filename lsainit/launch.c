/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Launch integrity: only what was signed, and nothing older than what ran here. */
#define _GNU_SOURCE
#include "lib/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/floor.h"
#include "lib/log.h"
#include "lsainit/init.h"

#define ERROR_TEXT (3 * PATH_MAX)

int
launch_check(const struct instance *in, const struct image *im)
{
	char error[ERROR_TEXT];

	if (in->launch == NULL)
		return 0;
	if (launch_match(in->launch, im->name, im->fd, im->path, NULL, error, sizeof(error)) ==
	    LAUNCH_GOOD)
		return 0;
	log_err("%s is not started: %s", im->name, error);
	return -1;
}

pid_t
launch_with_line(const struct instance *in, const struct image *im,
		 pid_t (*spawn)(const struct instance *in, int line), int *line)
{
	int pair[2];
	pid_t pid;

	if (launch_check(in, im) != 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
		log_err("no line to %s: %s", im->name, strerror(errno));
		return -1;
	}
	pid = spawn(in, pair[1]);
	(void)close(pair[1]);
	if (pid > 0 && (launch_check(in, im) != 0 || fcntl(pair[0], F_SETFL, O_NONBLOCK) != 0)) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		pid = -1;
	}
	if (pid < 0)
		(void)close(pair[0]);
	else
		*line = pair[0];
	return pid;
}

/* Ourselves. What it is worth is in docs/launch.md: it finds damage, no attacker. */
static int
check_self(const struct instance *in)
{
	char path[PATH_MAX];
	ssize_t got = readlink("/proc/self/exe", path, sizeof(path) - 1);
	struct image own = { .name = "lsainit", .fd = -1, .path = path };
	int status;

	path[got > 0 ? got : 0] = '\0';
	own.fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (own.fd < 0) {
		log_err("/proc/self/exe: %s", strerror(errno));
		return -1;
	}
	status = launch_check(in, &own);
	close_fd(&own.fd);
	return status;
}

static void
show_day(int64_t when, char text[32])
{
	time_t seconds = (time_t)when;
	struct tm tm;

	if (when == 0 || gmtime_r(&seconds, &tm) == NULL ||
	    strftime(text, 32, "%Y-%m-%d", &tm) == 0)
		(void)snprintf(text, 32, "an unknown day");
}

static int
check_floor(struct instance *in)
{
	int svn = (int)manifest_svn(&in->launch->manifest);
	char error[ERROR_TEXT], day[32];
	struct floor fl = { .svn = FLOOR_NONE };

	in->table.launch_svn = (uint8_t)svn;
	in->table.launch_floor = FLOOR_NONE;
	if (floor_read(&in->cf, &fl, error, sizeof(error)) != 0) {
		if (!in->separate && !in->keeps) /* another's folder: it was warned of */
			return 0;
		log_err("the highest security version that ran here is not known: %s", error);
		return -1;
	}
	in->table.launch_floor = (int8_t)fl.svn;
	if (svn >= fl.svn)
		return 0;
	show_day(fl.seen, day);
	log_err("security version %d of %s is older than %d, which ran here on %s: install the "
		"newer one; or, if going back is meant, `lsactl verify --lower-floor %d` as root",
		svn, in->launch->manifest_path, fl.svn, day, svn);
	return -1;
}

int
prepare_launch(struct instance *in)
{
	char error[ERROR_TEXT], id[SIGN_ID_TEXT];

	in->table.launch_floor = FLOOR_NONE;
	if (strcmp(in->cf.launch_verify, "off") == 0) {
		log_warn("[launch] verify = off: programs are started unchecked");
		return 0;
	}
	in->launch = calloc(1, sizeof(*in->launch));
	if (in->launch == NULL) {
		log_err("out of memory");
		return -1;
	}
	if (launch_read(&in->cf, in->launch, error, sizeof(error)) != 0) {
		log_err("nothing is started: %s", error);
		return -1;
	}
	/* First what the count of the TPM is asked with. */
	if (in->seal_image.fd >= 0 && launch_check(in, &in->seal_image) != 0)
		return -1;
	floor_tpm_program(in->seal_image.fd);
	if (check_floor(in) != 0 || check_self(in) != 0 || launch_check(in, &in->iso_image) != 0 ||
	    launch_check(in, &in->lsass_image) != 0 ||
	    (in->vm_image.fd >= 0 && launch_check(in, &in->vm_image) != 0))
		return -1;
	in->table.launch = 1;
	memcpy(in->table.launch_key, in->launch->by->id, sizeof(in->table.launch_key));
	sign_id_text(in->launch->by->id, id);
	log_info("programs are as signed by %s, key %s; security version %u", in->launch->by->name,
		 id, (unsigned int)in->table.launch_svn);
	return 0;
}

int
launch_settle(struct instance *in)
{
	char error[ERROR_TEXT];
	int svn = in->table.launch_svn;
	bool known = in->table.launch_floor >= svn;

	/* With a TPM one of two keepers may lag behind: a new TPM, say. */
	if (in->launch == NULL || !in->keeps || (known && strcmp(in->cf.seal_root, "tpm") != 0))
		return 0;
	if (floor_raise(&in->cf, svn, (int64_t)time(NULL), error, sizeof(error)) != 0) {
		log_err("%s", error);
		return -1;
	}
	if (!known) {
		log_notice("security version %d runs here; older ones are refused from now on",
			   svn);
		in->table.launch_floor = (int8_t)svn;
	}
	return 0;
}

void
launch_release(struct instance *in)
{
	free(in->launch);
	in->launch = NULL;
}
