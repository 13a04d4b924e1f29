/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Does lsawatch run, and could it see more on this machine? */
#define _GNU_SOURCE
#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "lsactl/doctor.h"

static json_t *
ask(const struct ctl *ct, const char *method, char *error, size_t n)
{
	struct ctl other = *ct;

	other.socket = ct->cf.watch_socket;
	return try_call(&other, method, NULL, error, n);
}

/* What keeps it from running, as far as can be told from here. */
static void
say_why_not(const struct ctl *ct, struct finding *fi, const char *error)
{
	const char *user = ct->cf.run_lsawatch_user;
	bool required = strcmp(ct->cf.watch_mode, "required") == 0;

	found(fi, required ? HEALTH_MISSING : HEALTH_WEAK, "%.250s", error);
	if (getpwnam(user) == NULL && (user[0] < '0' || user[0] > '9'))
		advise(fi, "there is no user %s: systemd-sysusers lsaiso.conf, then restart lsaiso",
		       user);
	else
		advise(fi, "lsainit says why in its log: journalctl -u lsaiso | grep lsawatch");
}

void
check_watch(const struct ctl *ct, struct finding *fi)
{
	char error[512] = "";
	json_t *is = NULL;
	size_t blind;

	if (strcmp(ct->cf.watch_mode, "off") == 0) {
		found(fi, HEALTH_WEAK, "[watch] mode is off: nobody watches");
		advise(fi, "set [watch] mode = auto, and restart lsaiso");
		return;
	}
	is = ask(ct, "watch.Status", error, sizeof(error));
	if (is == NULL && access(ct->cf.watch_socket, R_OK | W_OK) != 0 && errno == EACCES) {
		found(fi, HEALTH_UNKNOWN, "only root may ask it");
	} else if (is == NULL) {
		say_why_not(ct, fi, error);
	} else {
		blind = json_array_size(json_object_get(is, "blind"));
		found(fi, blind > 0 ? HEALTH_WEAK : HEALTH_OK, "runs; %zu rules are blind", blind);
		if (blind > 0)
			advise(fi, "lsactl watch sensors names them");
	}
	json_decref(is);
}

static bool
layer_active(const json_t *status, const char *layer)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(status, "sensors"), i, one)
	{
		if (strcmp(get_text(one, "layer"), layer) == 0 &&
		    json_array_size(json_object_get(one, "shows")) > 0)
			return true;
	}
	return false;
}

/* The words of the first sensor of a layer on why it is off. */
static const char *
layer_why(const json_t *status, const char *layer)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(status, "sensors"), i, one)
	{
		if (strcmp(get_text(one, "layer"), layer) == 0)
			return get_text(one, "why");
	}
	return "this lsawatch was built without it";
}

/* How this machine could have the best layer. */
static void
say_how(struct finding *fi)
{
	advise(fi, "what refuses it is a container, lockdown, or a kernel without BTF or without "
		   "BPF at its functions; Debian's kernel takes it");
}

void
check_watch_layer(const struct ctl *ct, struct finding *fi)
{
	static const char *const layers[] = { "bpf", "trace", "audit", "events", "sweep" };
	char error[512] = "";
	json_t *is = ask(ct, "watch.Status", error, sizeof(error));
	size_t best = 0;

	while (best < 4 && !layer_active(is, layers[best]))
		best++;
	if (is == NULL) {
		found(fi, HEALTH_UNKNOWN, "lsawatch does not say");
	} else if (best == 0) {
		found(fi, HEALTH_OK, "bpf, the best there is");
	} else {
		found(fi, HEALTH_WEAK, "%s; bpf is not to be had: %.150s", layers[best],
		      layer_why(is, "bpf"));
		say_how(fi);
	}
	json_decref(is);
}
