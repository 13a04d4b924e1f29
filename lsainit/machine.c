/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The machine's keys, on their way from its keytab to lsaiso: lsactl, a child
 * for a moment, reads them and seals each to lsaiso; none comes here. Again
 * for each new lsaiso and lsass, and when the file has changed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/log.h"
#include "lsainit/child.h"
#include "lsainit/init.h"

#define LOOK_MS	      60000 /* how often the keytab is looked at */
#define RUN_MS	      60000 /* lsactl may take so long */
#define MACHINE_FILES 64
#define AGAIN_S	      86400 /* bring them again at least so often: their session ends */

static bool
is_wanted(const struct instance *in)
{
	return !in->serves_guest && in->cf.logon_keytab[0] != '\0';
}

static bool
must_be(const struct instance *in)
{
	return strcmp(in->cf.logon_verify_kdc, "required") == 0 ||
	       strcmp(in->cf.logon_fast, "required") == 0;
}

static void
complain(const struct instance *in, const char *why)
{
	int level = must_be(in) ? LOG_ERR : LOG_WARNING;

	log_line(
	    level, "no machine keys: %s%s; when that is mended: lsactl logon --keytab %s --machine",
	    why, must_be(in) ? "; nobody can log on ([logon] fast or verify_kdc is required)" : "",
	    in->cf.logon_keytab);
}

static pid_t
spawn(const struct instance *in)
{
	char name[] = "lsactl", config[] = "--config", path[4096], command[] = "logon",
	     keytab[] = "--keytab", machine[] = "--machine", krb5[4096];
	char *argv[] = { name, config, path, command, keytab, in->cf.logon_keytab, machine, NULL };
	char *envp[] = { in->cf.krb5_config[0] != '\0' ? krb5 : NULL, NULL };
	const struct child_plan plan = {
		.name = "lsactl",
		.image = in->ctl_image.fd,
		.argv = argv,
		.envp = envp,
		.alive = in->alive[0],
		.bare = in->separate,
		.files = MACHINE_FILES,
		.filter = true,
	};

	(void)snprintf(path, sizeof(path), "%s", in->config_path);
	(void)snprintf(krb5, sizeof(krb5), "KRB5_CONFIG=%s", in->cf.krb5_config);
	return child_start(&plan);
}

/* Does the file differ from the one whose keys were brought? */
static bool
has_changed(struct instance *in, bool *there)
{
	struct machine_file *was = &in->machine_file;
	struct machine_file is = { 0 };
	struct stat sb;

	*there = stat(in->cf.logon_keytab, &sb) == 0;
	if (*there) {
		is.inode = sb.st_ino;
		is.changed = sb.st_mtim;
		is.size = sb.st_size;
	}
	if (is.inode == was->inode && is.size == was->size &&
	    is.changed.tv_sec == was->changed.tv_sec && is.changed.tv_nsec == was->changed.tv_nsec)
		return false;
	*was = is;
	return true;
}

/* A session lasts [logon] lifetime, and a new one must be there before. */
static int64_t
again_ms(const struct instance *in)
{
	int64_t half = (int64_t)in->cf.logon_lifetime / 2;

	return 1000 * (half < AGAIN_S ? half : AGAIN_S);
}

static void
start(struct instance *in)
{
	if (in->ctl_image.fd < 0 || launch_check(in, &in->ctl_image) != 0) {
		complain(in, "lsactl was not started");
		return;
	}
	in->machine_pid = spawn(in);
	if (in->machine_pid < 0)
		in->machine_pid = 0;
	else
		in->machine_until = monotonic_ms() + RUN_MS;
	if (in->machine_pid == 0)
		complain(in, "lsactl was not started");
}

void
machine_wanted(struct instance *in)
{
	if (!is_wanted(in))
		return;
	memset(&in->machine_file, 0, sizeof(in->machine_file));
	in->machine_new = true;
	in->machine_due = monotonic_ms();
}

void
machine_tick(struct instance *in)
{
	int64_t now = monotonic_ms();
	bool there, changed;

	if (in->machine_pid != 0) {
		if (now >= in->machine_until) {
			log_err("lsactl did not end within %d s; it is killed", RUN_MS / 1000);
			(void)kill(in->machine_pid, SIGKILL);
			in->machine_until = now + RUN_MS;
		}
		return;
	}
	if (in->machine_due == 0 || now < in->machine_due)
		return;
	in->machine_due = now + LOOK_MS;
	if (!in->ready || in->table.lsaiso_pid == 0)
		return;
	if (in->machine_again != 0 && now >= in->machine_again)
		memset(&in->machine_file, 0, sizeof(in->machine_file));
	changed = has_changed(in, &there);
	if (there && changed)
		start(in);
	else if (!there && in->machine_new && must_be(in))
		complain(in, "the keytab is not there");
	in->machine_new = false;
}

bool
machine_ended(struct instance *in, pid_t pid, int status)
{
	char why[96];

	if (pid != in->machine_pid || pid == 0)
		return false;
	in->machine_pid = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		in->machine_again = monotonic_ms() + again_ms(in);
		return true;
	}
	(void)snprintf(why, sizeof(why), "lsactl ended with %s %d (its reason is above)",
		       WIFEXITED(status) ? "status" : "signal",
		       WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	complain(in, why);
	return true;
}

void
machine_stop(struct instance *in)
{
	if (in->machine_pid == 0)
		return;
	(void)kill(in->machine_pid, SIGKILL);
	(void)waitpid(in->machine_pid, NULL, 0);
	in->machine_pid = 0;
}

int64_t
machine_next(const struct instance *in)
{
	return in->machine_pid != 0 ? in->machine_until : in->machine_due;
}
