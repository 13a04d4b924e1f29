/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Starting lsaiso: its channel, its world, its policy; and seeing that it is what it should be. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/levels.h"
#include "lib/log.h"
#include "lib/mailbox.h"
#include "lib/manifest.h"
#include "lib/measure.h"
#include "lsainit/child.h"
#include "lsainit/guard/guard.h"
#include "lsainit/init.h"

#define ISO_FILES  16		/* it has 5, and makes one more at start */
#define ISO_LOCKED (64UL << 20) /* more than it can use; it is lockable, not locked */

/* ---- policy over the fresh channel; lsainit is its first user */

static int
configure(struct instance *in, struct mailbox *mb, uint8_t boot_id[16])
{
	const struct config *cf = &in->cf;
	struct iso_req_status ask = { 0 };
	struct iso_rep_status *is = calloc(1, sizeof(*is));
	struct iso_req_configure conf = { 0 };
	struct iso_rep_configure done = { 0 };
	bool kept = strcmp(cf->seal_root, "random") != 0;
	char targets[ISO_TARGETS_MAX];
	struct config_word bad;
	long len = config_targets(cf, targets, sizeof(targets), &bad);
	enum iso_status st;

	if (is == NULL || len < 0) {
		free(is);
		return -1;
	}
	/* Nothing in the configuration opens lsaiso to PROXY. */
	conf.policy = (cf->krb5_rc4 ? ISO_POLICY_RC4 : 0) |
		      (strcmp(cf->delegation_forward, "allow") == 0 ? ISO_POLICY_FORWARDED : 0) |
		      (cf->delegation_s4u ? ISO_POLICY_S4U : 0) |
		      (strcmp(cf->ntlm_mode, "off") != 0 ? ISO_POLICY_NTLM : 0) |
		      (cf->logon_offline ? ISO_POLICY_OFFLINE : 0) |
		      (strcmp(cf->ntlm_mode, "on") == 0 && len > 0 ? ISO_POLICY_TARGETS : 0);
	conf.targets = (struct rd){ (const uint8_t *)targets, (size_t)len };
	conf.rate = (uint32_t)cf->tgs_rate;
	conf.burst = (uint32_t)cf->tgs_burst;
	st = mailbox_call(mb, in->life_fd, ISO_OP_configure, &conf, &done, ISO_ANSWER_MS);
	if (st == ISO_OK)
		st = mailbox_call(mb, in->life_fd, ISO_OP_status, &ask, is, ISO_ANSWER_MS);
	if (st == ISO_OK && (is->phase != ISO_RUN || is->policy != conf.policy ||
			     (is->root_kind == ISO_ROOT_KEPT) != kept)) {
		log_err("lsaiso did not take its policy or its root key");
		st = ISO_E_POLICY;
	} else if (st == (enum iso_status)ISO_GONE && errno == ETIMEDOUT) {
		log_err("lsaiso did not answer within %d s", ISO_ANSWER_MS / 1000);
	} else if (st != ISO_OK && st != (enum iso_status)ISO_GONE) {
		log_err("lsaiso refused its configuration: %s", rpc_status_text(st));
	}
	memcpy(boot_id, is->boot_id, ISO_BOOT_ID);
	memcpy(in->public_key, is->public_key, ISO_PUBLIC);
	free(is);
	return st == ISO_OK ? 0 : -1;
}

/* ---- is it what was configured? The kernel's word, not its own */

static bool
has_line(const char *text, const char *line)
{
	const char *at = strstr(text, line);

	return at != NULL && (at[strlen(line)] == '\n' || at[strlen(line)] == '\0');
}

static int
verify(const struct instance *in, pid_t pid)
{
	char path[64], text[8192], uids[96];
	FILE *file;
	size_t got = 0;
	unsigned int uid = (unsigned int)in->iso_uid;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	if (file != NULL) {
		got = fread(text, 1, sizeof(text) - 1, file);
		(void)fclose(file);
	}
	text[got] = '\0';
	(void)snprintf(uids, sizeof(uids), "\nUid:\t%u\t%u\t%u\t%u", uid, uid, uid, uid);
	if (!has_line(text, uids))
		log_err("lsaiso does not run as uid %u", uid);
	else if (!has_line(text, "\nNoNewPrivs:\t1"))
		log_err("lsaiso runs without no_new_privs");
	else if (!has_line(text, "\nSeccomp:\t2"))
		log_err("lsaiso runs without its system call filter");
	else if (!has_line(text, "\nCapEff:\t0000000000000000") ||
		 !has_line(text, "\nCapPrm:\t0000000000000000"))
		log_err("lsaiso holds capabilities");
	else
		return 0;
	return -1;
}

/* ---- start and end */

/* How lsalink tells the host who asks. No secret. */
static void
name_guest(const struct instance *in, char *text, size_t n)
{
	size_t at = (size_t)snprintf(text, n, "guest=");

	for (size_t i = 0; i < sizeof(in->guest_id) && at < n; i++)
		at += (size_t)snprintf(text + at, n - at, "%02x", in->guest_id[i]);
}

static pid_t
spawn(struct instance *in, const struct world *world, int life)
{
	char how[64], name[32];
	char *argv[] = { name, how, NULL };
	char *envp[] = { NULL };
	int more[WORLD_FDS] = { -1, -1, -1 };
	int n = world->open != NULL ? world->open(in, more) : 0;
	pid_t pid = -1;
	struct child_plan plan = {
		.name = world->program,
		.image = in->iso_image.fd,
		.argv = argv,
		.envp = envp,
		.fds = { in->mailbox_fd, life },
		.nfds = 2,
		.alive = in->alive[0],
		.mute = world->image == NULL, /* lsavmm says why its guest ended */
		.separate = in->separate,
		.uid = in->iso_uid,
		.gid = in->iso_gid,
		.jail = in->separate,
		.jail_at = in->cf.run_directory,
		.files = ISO_FILES,
		.locked = ISO_LOCKED,
		/* Newer kernels' KVM makes a thread, and so does lsalink. */
		.alone = world->image == NULL && !world->far,
	};

	_Static_assert(ISO_FD_MAILBOX == 3 && ISO_FD_LIFE == 4, "descriptors in order");
	_Static_assert(WORLD_FDS + 2 <= CHILD_FDS_MAX, "room for all");
	(void)snprintf(name, sizeof(name), "%s", world->program);
	if (world->far)
		name_guest(in, how, sizeof(how));
	else
		(void)snprintf(how, sizeof(how), "memory=%s",
			       strcmp(world->level, "vm") == 0 ? in->cf.isolation_vm_memory
							       : in->cf.isolation_memory);
	for (int i = 0; i < n; i++)
		plan.fds[plan.nfds++] = more[i];
	if (n >= 0)
		pid = child_start(&plan);
	for (int i = 0; i < WORLD_FDS; i++)
		close_fd(&more[i]);
	return pid;
}

static int
make_channel(struct instance *in, int *life)
{
	int pair[2];

	in->mailbox_fd = mailbox_make();
	if (in->mailbox_fd < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
		log_err("no channel for lsaiso: %s", strerror(errno));
		close_fd(&in->mailbox_fd);
		return -1;
	}
	in->life_fd = pair[0];
	*life = pair[1];
	if (guard_keep(in, pair[0]) == 0)
		return 0;
	log_err("the guard cannot be given to lsaiso: %s", strerror(errno));
	close_fd(&in->mailbox_fd);
	close_fd(&in->life_fd);
	close_fd(life);
	return -1;
}

/* It runs, but is not fit: end it, say what it says. */
static void
discard(struct instance *in, const struct world *world, pid_t pid)
{
	char why[512];
	int status = 0;

	(void)kill(pid, SIGKILL); /* an exit of its own accord is not overwritten */
	if (waitpid(pid, &status, 0) == pid) {
		reason_text(in, status, true, why, sizeof(why));
		if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
			log_debug("%s is ended", world->program);
		else if (world->far)
			channel_say(in, "no lsaiso over [isolation] channel = %s: %s",
				    in->cf.isolation_channel, why);
		else
			log_err("lsaiso: %s", why);
		in->table.lsaiso_last_exit = status;
	}
	close_fd(&in->mailbox_fd);
	close_fd(&in->life_fd);
}

/* What holds the keys, for lsactl status. Elsewhere: not known here. */
static void
measure(struct instance *in, const struct world *world)
{
	const struct image *im = world->image != NULL ? &in->vm_image : &in->iso_image;
	struct measure is = { 0 };

	if (world->far || measure_file(im->fd, MANIFEST_SIZE, &is) != 0)
		memset(is.sha256, 0, sizeof(is.sha256));
	memcpy(in->table.iso_image, is.sha256, sizeof(in->table.iso_image));
}

int
iso_start(struct instance *in)
{
	const struct world *world = world_of(in);
	struct mailbox *mb;
	int life = -1, bad;
	pid_t pid;

	in->iso.started = monotonic_ms();
	in->iso.due = 0;
	if (world == NULL || launch_check(in, &in->iso_image) != 0)
		return -1;
	if (make_channel(in, &life) != 0)
		return -1;
	pid = spawn(in, world, life);
	close_fd(&life);
	if (pid < 0) {
		close_fd(&in->mailbox_fd);
		close_fd(&in->life_fd);
		return -1;
	}
	mb = mailbox_map(in->mailbox_fd);
	bad = launch_check(in, &in->iso_image) != 0 || mb == NULL ||
	      (!world->far && seal_bring(in) != 0) ||
	      (world->far ? greet : configure)(in, mb, in->boot_id) != 0 || verify(in, pid) != 0;
	if (!bad) {
		in->table.vm_memory = world->image != NULL ? (uint8_t)mb->memory : 0;
		measure(in, world);
	}
	mailbox_unmap(mb);
	if (bad) {
		discard(in, world, pid);
		return -1;
	}
	publish_key(in);
	in->table.lsaiso_pid = pid;
	in->table.lsaiso_since = time(NULL);
	in->said[0] = '\0';
	memset(in->table.guest_boot, 0, sizeof(in->table.guest_boot)); /* it holds nothing yet */
	if (world->far)
		log_notice("the host's lsaiso answers: lsalink runs, pid %d, level %s, channel %s",
			   (int)pid, world->level, in->cf.isolation_channel);
	else
		log_notice("lsaiso runs: pid %d, level %s, memory %s", (int)pid, world->level,
			   level_memory(&in->cf, &in->table));
	return 0;
}

void
iso_ended(struct instance *in, int status)
{
	char why[512];
	const struct world *world = world_of(in);
	bool far = world != NULL && world->far;

	reason_text(in, status, true, why, sizeof(why));
	if (!in->stopping && !in->wiping)
		log_err(
		    far ? "lsalink (pid %d) is gone: %s; logons live on if the host's lsaiso does"
			: "lsaiso (pid %d) is gone: %s; every logon it held has ended",
		    (int)in->table.lsaiso_pid, why);
	in->table.lsaiso_last_exit = status;
	in->table.lsaiso_pid = 0;
	close_fd(&in->mailbox_fd);
	close_fd(&in->life_fd);
	memset(in->boot_id, 0, sizeof(in->boot_id));
	publish_nothing(in);
}

void
iso_wipe(struct instance *in)
{
	int status = 0;

	log_notice("wipe: lsaiso (pid %d) is ended, with all its keys", (int)in->table.lsaiso_pid);
	in->wiping = true;
	in->table.lsaiso_ended++;
	if (in->table.lsaiso_pid != 0 && kill(in->table.lsaiso_pid, SIGKILL) == 0 &&
	    waitpid(in->table.lsaiso_pid, &status, 0) > 0)
		iso_ended(in, status);
	in->wiping = false;
	(void)channel_renew(in); /* level hypervisor: what is here is a link; the host wipes */
	in->iso.due = monotonic_ms();
	table_changed(in);
}

void
iso_stop(struct instance *in)
{
	int status = 0;

	if (in->table.lsaiso_pid == 0)
		return;
	in->table.lsaiso_ended++;
	if (kill(in->table.lsaiso_pid, SIGKILL) != 0) { /* it keeps nothing and holds no lock */
		log_err("lsaiso (pid %d) cannot be ended: %s", (int)in->table.lsaiso_pid,
			strerror(errno));
		return;
	}
	if (waitpid(in->table.lsaiso_pid, &status, 0) > 0)
		iso_ended(in, status);
}
