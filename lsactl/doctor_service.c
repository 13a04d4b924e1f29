/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Users, the instance itself, rivals, and whether Kerberos points here. */
#define _GNU_SOURCE
#include <errno.h>
#include <krb5.h>
#include <profile.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/machine.h"
#include "lsactl/doctor.h"

static bool
user_exists(const char *word)
{
	return getpwnam(word) != NULL || (word[0] >= '0' && word[0] <= '9');
}

void
check_users(const struct ctl *ct, struct finding *fi)
{
	const char *lost = NULL;

	if (!user_exists(ct->cf.run_lsass_user))
		lost = ct->cf.run_lsass_user;
	if (!user_exists(ct->cf.run_lsaiso_user))
		lost = ct->cf.run_lsaiso_user;
	if (lost == NULL && strcmp(ct->cf.watch_mode, "required") == 0 &&
	    !user_exists(ct->cf.run_lsawatch_user))
		lost = ct->cf.run_lsawatch_user;
	if (lost == NULL) {
		found(fi, HEALTH_OK, "%s and %s exist", ct->cf.run_lsaiso_user,
		      ct->cf.run_lsass_user);
		return;
	}
	found(fi, HEALTH_MISSING, "there is no user %s", lost);
	advise(fi,
	       "systemd-sysusers lsaiso.conf, or useradd --system --no-create-home --shell "
	       "/usr/sbin/nologin %s",
	       lost);
}

void
check_instance(const struct ctl *ct, struct finding *fi)
{
	char error[512] = "";
	json_t *is = try_call(ct, "Status", NULL, error, sizeof(error));
	const json_t *level = json_object_get(is, "level");

	if (is == NULL) {
		found(fi, HEALTH_MISSING, "%.250s", error);
	} else if (!json_is_object(json_object_get(is, "lsaiso"))) {
		found(fi, HEALTH_MISSING, "%s answers, but lsaiso is not running",
		      json_object_get(is, "guest") != NULL ? "lsaiso-host" : "lsass");
		advise(fi, "look at the log of lsainit: journalctl -u lsaiso");
	} else if (json_array_size(json_object_get(level, "weaker")) > 0) {
		found(fi, HEALTH_WEAK, "runs, level %s, with weaker settings",
		      get_text(level, "name"));
		advise(fi, "lsactl status lists them");
	} else {
		found(fi, HEALTH_OK, "runs, level %s, memory %s", get_text(level, "name"),
		      get_text(level, "memory"));
	}
	json_decref(is);
}

/* Who listens at a socket: its pid, 0 nobody, -1 with errno. */
static pid_t
listener(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	pid_t pid = -1;

	if (fd < 0 || strlen(path) >= sizeof(to.sun_path))
		return -1;
	memcpy(to.sun_path, path, strlen(path));
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0) {
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
			pid = peer.pid;
	} else if (errno == ENOENT || errno == ECONNREFUSED) {
		pid = 0;
	}
	(void)close(fd);
	return pid;
}

void
check_kcm_rival(const struct ctl *ct, struct finding *fi)
{
	const char *path = ct->cf.kcm_socket;
	pid_t pid = listener(path);
	char comm[64] = "", proc[64];

	if (pid < 0) {
		found(fi, HEALTH_UNKNOWN, "%s: %s", path, strerror(errno));
		return;
	}
	(void)snprintf(proc, sizeof(proc), "/proc/%d/comm", (int)pid);
	(void)machine_line(proc, comm, sizeof(comm));
	if (pid == 0) {
		found(fi, HEALTH_MISSING, "nobody listens at %s", path);
		advise(fi, "start lsaiso: systemctl start lsaiso");
	} else if (strcmp(comm, "lsainit") == 0) {
		found(fi, HEALTH_OK, "lsainit, pid %d, listens at %s", (int)pid, path);
	} else {
		found(fi, HEALTH_MISSING, "%s belongs to pid %d (%s)", path, (int)pid,
		      comm[0] != '\0' ? comm : "unknown");
		advise(fi, pid == 1 ? "systemctl disable --now sssd-kcm.socket sssd-kcm.service"
				    : "stop it; only one daemon can serve KCM");
	}
}

void
check_sssd(const struct ctl *ct, struct finding *fi)
{
	static const char *const wants[] = {
		"/etc/systemd/system/sockets.target.wants/sssd-kcm.socket",
		"/etc/systemd/system/multi-user.target.wants/sssd-kcm.service",
	};

	(void)ct;
	for (size_t i = 0; i < sizeof(wants) / sizeof(wants[0]); i++) {
		if (access(wants[i], F_OK) != 0)
			continue;
		found(fi, HEALTH_WEAK, "is enabled (%s): it takes the same socket at boot",
		      wants[i]);
		advise(fi, "systemctl disable --now sssd-kcm.socket sssd-kcm.service");
		return;
	}
	found(fi, HEALTH_OK, "not enabled");
}

/* ---- NTLM through the pipe of winbindd */

/* Where libwbclient looks if nobody tells it otherwise. */
static const char *
pipe_of(const struct ctl *ct)
{
	return ct->cf.winbind_socket[0] != '\0' ? ct->cf.winbind_socket
						: "/run/samba/winbindd/pipe";
}

static bool
is_lsainit(pid_t pid, char comm[64])
{
	char proc[64];

	comm[0] = '\0';
	(void)snprintf(proc, sizeof(proc), "/proc/%d/comm", (int)pid);
	(void)machine_line(proc, comm, 64);
	return strcmp(comm, "lsainit") == 0;
}

void
check_winbind(const struct ctl *ct, struct finding *fi)
{
	const char *path = pipe_of(ct);
	bool wanted = ct->cf.winbind_socket[0] != '\0', on = strcmp(ct->cf.ntlm_mode, "off") != 0;
	pid_t pid = listener(path);
	char comm[64];

	if (!wanted && !on) {
		found(fi, HEALTH_OK, "not configured, as NTLM is not");
	} else if (!wanted) {
		found(fi, HEALTH_WEAK, "[ntlm] mode is %s, but programs cannot ask for it",
		      ct->cf.ntlm_mode);
		advise(fi, "set [winbind] socket = %s", path);
	} else if (pid < 0) {
		found(fi, HEALTH_UNKNOWN, "%s: %s", path, strerror(errno));
	} else if (pid == 0) {
		found(fi, HEALTH_MISSING, "nobody listens at %s", path);
		advise(fi, "start lsaiso: systemctl start lsaiso");
	} else if (!is_lsainit(pid, comm)) {
		found(fi, HEALTH_MISSING, "%s belongs to pid %d (%s)", path, (int)pid, comm);
		advise(fi, "stop it, or set winbindd socket directory in smb.conf and [winbind] "
			   "real here");
	} else if (!on) {
		found(fi, HEALTH_WEAK, "lsainit listens at %s, but [ntlm] mode is off", path);
		advise(fi, "set [ntlm] mode = audit, then on");
	} else {
		found(fi, HEALTH_OK, "lsainit, pid %d, listens at %s", (int)pid, path);
	}
}

void
check_real_winbind(const struct ctl *ct, struct finding *fi)
{
	const char *path = ct->cf.winbind_real;
	char error[512] = "", comm[64];
	json_t *is = NULL;
	pid_t pid = path[0] != '\0' ? listener(path) : 0;

	if (path[0] == '\0') {
		found(fi, HEALTH_OK, "none is configured");
		return;
	}
	is = try_call(ct, "Status", NULL, error, sizeof(error));
	(void)snprintf(error, sizeof(error), "%s",
		       get_text(json_object_get(json_object_get(is, "winbind"), "real"), "error"));
	json_decref(is);
	if (pid < 0 || pid == 0) {
		found(fi, HEALTH_MISSING, "nobody answers at %s", path);
		advise(fi, "set winbindd socket directory in smb.conf to its folder, and start "
			   "winbind");
	} else if (is_lsainit(pid, comm)) {
		found(fi, HEALTH_MISSING, "%s is not winbindd's, but lsainit's own", path);
		advise(fi, "set [winbind] real to the pipe of the real one");
	} else if (error[0] != '\0') {
		found(fi, HEALTH_WEAK, "%s, pid %d: %.120s", path, (int)pid, error);
		advise(fi, "only clients of the same version of Samba get answers of it");
	} else {
		found(fi, HEALTH_OK, "%s, pid %d, listens at %s", comm, (int)pid, path);
	}
}

/* The list of servers, and whether what is used is on it. */
void
check_ntlm(const struct ctl *ct, struct finding *fi)
{
	char error[512] = "";
	json_t *is = try_call(ct, "Status", NULL, error, sizeof(error));
	const json_t *nt = json_object_get(is, "ntlm");
	const char *mode = get_text(nt, "mode");
	long long targets = get_number(nt, "targets"), unlisted = get_number(nt, "unlisted");

	if (nt == NULL) {
		found(fi, HEALTH_UNKNOWN, "%.250s", is == NULL ? error : "lsass does not say");
	} else if (strcmp(mode, "off") == 0) {
		found(fi, HEALTH_OK, "NTLM is off");
	} else if (strcmp(mode, "on") == 0 && targets > 0) {
		found(fi, HEALTH_OK, "%lld names that NTLM may talk to, enforced by lsaiso",
		      targets);
	} else if (targets == 0) {
		found(fi, HEALTH_WEAK, "NTLM is answered to any server");
		advise(fi, "lsactl ntlm uses shows which ones are asked for; set [ntlm] targets");
	} else if (unlisted > 0) {
		found(fi, HEALTH_WEAK,
		      "[ntlm] mode is audit: %lld answers to servers that are not "
		      "on the list",
		      unlisted);
		advise(fi, "lsactl ntlm uses shows them; complete [ntlm] targets, then mode = on");
	} else {
		found(fi, HEALTH_WEAK, "[ntlm] mode is audit: the list is not enforced");
		advise(fi, "nothing else was asked for since lsass started; set mode = on");
	}
	json_decref(is);
}

/* serves = guest: is it there, and by which way? */
void
check_guest(const struct ctl *ct, struct finding *fi)
{
	char error[512] = "";
	json_t *is = try_call(ct, "Status", NULL, error, sizeof(error));
	const json_t *guest = json_object_get(is, "guest");

	if (guest == NULL) {
		found(fi, HEALTH_UNKNOWN, "%.250s",
		      is == NULL ? error : "another instance answers");
	} else if (json_is_true(json_object_get(guest, "connected"))) {
		found(fi, HEALTH_OK, "connected, %s",
		      strcmp(get_text(guest, "by"), "vsock") == 0 ? "by vsock" : "by its monitor");
	} else {
		found(fi, HEALTH_WEAK, "not connected; %lld connections, %lld of strangers",
		      get_number(guest, "connections"), get_number(guest, "strangers"));
		advise(fi, "in the guest, set level = hypervisor and the channel; see "
			   "lsaiso-host(8)");
	}
	json_decref(is);
}

/* ---- krb5.conf, read by libkrb5's own code: includes and all */

/* [libdefaults] name; "" if not set. -1: krb5.conf cannot be read. */
static int
libdefault(const struct ctl *ct, const char *name, char *text, size_t n)
{
	const char *config = ct->cf.krb5_config;
	krb5_context context;
	profile_t profile = NULL;
	char *value = NULL;
	int bad = -1;

	if (krb5_init_context(&context) != 0)
		return -1;
	if ((config[0] != '\0' && getenv("KRB5_CONFIG") == NULL
		 ? profile_init_path(config, &profile)
		 : krb5_get_profile(context, &profile)) == 0 &&
	    profile_get_string(profile, "libdefaults", name, NULL, "", &value) == 0) {
		(void)snprintf(text, n, "%s", value);
		profile_release_string(value);
		bad = 0;
	}
	profile_release(profile);
	krb5_free_context(context);
	return bad;
}

void
check_krb5_cache(const struct ctl *ct, struct finding *fi)
{
	const char *env = getenv("KRB5CCNAME");
	char text[256];

	if (libdefault(ct, "default_ccache_name", text, sizeof(text)) != 0) {
		found(fi, HEALTH_MISSING, "krb5.conf cannot be read");
		advise(fi, "correct it; klist says what is wrong");
	} else if (strncmp(text, "KCM:", 4) != 0) {
		found(fi, HEALTH_WEAK, "default_ccache_name is %s: tickets do not come here",
		      text[0] != '\0' ? text : "not set");
		advise(fi,
		       "copy the lines of krb5.conf.d/lsaiso.conf to /etc/krb5.conf, or include "
		       "that folder there (includedir)");
	} else if (env != NULL && strncmp(env, "KCM:", 4) != 0) {
		found(fi, HEALTH_WEAK, "default_ccache_name is KCM:, but KRB5CCNAME says %.100s",
		      env);
		advise(fi, "unset KRB5CCNAME; for ssh logins look at pam_krb5 and sshd");
	} else {
		found(fi, HEALTH_OK, "default_ccache_name is %s", text);
	}
}

void
check_krb5_socket(const struct ctl *ct, struct finding *fi)
{
	static const char usual[] = "/var/run/.heim_org.h5l.kcm-socket";
	char text[256];
	char *theirs, *ours;

	if (libdefault(ct, "kcm_socket", text, sizeof(text)) != 0) {
		found(fi, HEALTH_MISSING, "krb5.conf cannot be read");
		return;
	}
	if (text[0] == '\0')
		(void)snprintf(text, sizeof(text), "%s", usual);
	theirs = realpath(text, NULL);
	ours = realpath(ct->cf.kcm_socket, NULL);
	if (strcmp(text, ct->cf.kcm_socket) == 0 ||
	    (theirs != NULL && ours != NULL && strcmp(theirs, ours) == 0) ||
	    (strcmp(text, usual) == 0 && strcmp(ct->cf.kcm_socket, usual + 4) == 0)) {
		found(fi, HEALTH_OK, "points here: %s", text);
	} else {
		found(fi, HEALTH_MISSING, "is %s, but this instance listens at %s", text,
		      ct->cf.kcm_socket);
		advise(fi, "write kcm_socket = %s to [libdefaults] of krb5.conf",
		       ct->cf.kcm_socket);
	}
	free(theirs);
	free(ours);
}
