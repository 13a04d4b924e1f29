/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lsactl seal: lsaseal does the work, with every secret; here is what is shown. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/launch.h"
#include "lsactl/lsactl.h"

static const struct {
	const char *root, *gives, *costs;
} choices[] = {
	{ "random", "a new key at each start: nothing to steal, nothing to lose",
	  "nothing that is sealed outlives a restart of lsaiso" },
	{ "tpm", "a key that this TPM gives only to this machine, started as it was",
	  "an update of firmware or Secure Boot may need the recovery passphrase; who is root "
	  "on the running machine can open it too" },
	{ "file", "a key that outlives restarts without a TPM",
	  "it lies in the clear: whoever has the disk, a backup or root has the key" },
};

/* ---- the helper */

static bool
find_helper(const struct ctl *ct, char path[PATH_MAX])
{
	for (unsigned int i = 0; launch_candidate(&ct->cf, "lsaseal", i, path); i++) {
		if (access(path, X_OK) == 0)
			return true;
	}
	(void)fputs("lsactl: the program lsaseal was not found; set [run] programs\n", stderr);
	return false;
}

static void
run_helper(const struct ctl *ct, const char *path, const char *verb)
{
	const char *argv[8] = { "lsaseal", "--config", ct->config_path, verb };
	size_t n = 4;

	if (ct->replace)
		argv[n++] = "--replace";
	if (ct->file)
		argv[n++] = "--file";
	if (ct->own)
		argv[n++] = "--own-passphrase";
	argv[n] = NULL;
	(void)execv(path, (char *const *)(uintptr_t)argv);
	(void)fprintf(stderr, "lsactl: %s: %s\n", path, strerror(errno));
}

/* What `lsaseal status` writes, or NULL: it said why. */
static json_t *
ask_helper(const struct ctl *ct, const char *path)
{
	int ends[2], status = 0;
	json_t *is = NULL;
	FILE *from;
	pid_t pid;

	if (pipe(ends) != 0)
		return NULL;
	pid = fork();
	if (pid == 0) {
		if (dup2(ends[1], STDOUT_FILENO) >= 0) {
			(void)close(ends[0]);
			(void)close(ends[1]);
			run_helper(ct, path, "status");
		}
		_exit(127);
	}
	(void)close(ends[1]);
	from = pid < 0 ? NULL : fdopen(ends[0], "r");
	if (from != NULL) {
		is = json_loadf(from, 0, NULL);
		(void)fclose(from);
	} else {
		(void)close(ends[0]);
	}
	if (pid > 0 && (waitpid(pid, &status, 0) != pid || status != 0)) {
		json_decref(is);
		is = NULL;
	}
	return is;
}

/* ---- what it says, for people */

static void
show_tpm(const struct ctl *ct, const json_t *is)
{
	const json_t *tpm = json_object_get(is, "tpm");

	if (!json_is_true(json_object_get(tpm, "present"))) {
		(void)printf("  TPM        %snone%s answers at %s\n", paint(ct, YELLOW),
			     paint(ct, PLAIN), get_text(tpm, "tcti"));
		return;
	}
	(void)printf("  TPM        %s %s, firmware %s, at %s\n", get_text(tpm, "manufacturer"),
		     get_text(tpm, "model"), get_text(tpm, "firmware"), get_text(tpm, "tcti"));
	if (json_is_true(json_object_get(tpm, "lockout")))
		(void)printf("             %sin lockout%s after failed authorizations\n",
			     paint(ct, RED), paint(ct, PLAIN));
	(void)printf("             owner password %s\n",
		     json_is_true(json_object_get(tpm, "owner_password")) ? "set" : "not set");
	if (json_object_get(tpm, "floor") != NULL && get_number(tpm, "floor") >= 0)
		(void)printf("             security version %lld was seen\n",
			     get_number(tpm, "floor"));
}

/* One of the files. */
static void
show_file(const char *name, const json_t *of)
{
	char when[32];
	bool there = strcmp(get_text(of, "state"), "present") == 0;

	(void)printf("  %-10s ", name);
	if (!there)
		(void)printf("%s\n", get_text(of, "state"));
	else
		(void)printf("id %s, of %s%s\n", get_text(of, "root_id"),
			     show_time(get_number(of, "created"), when),
			     json_is_true(json_object_get(of, "this_host")) ? ""
									    : ", of another host");
}

static void
show_sealed(const struct ctl *ct, const json_t *is)
{
	const json_t *of = json_object_get(is, "sealed"), *one;
	size_t i;

	show_file("sealed", of);
	json_array_foreach(json_object_get(of, "pcr_values"), i, one)
	{
		bool same = json_is_true(json_object_get(one, "same"));

		(void)printf("    PCR %-4lld %s%s%s\n", get_number(one, "pcr"),
			     paint(ct, same ? GREEN : RED),
			     same ? "as when it was sealed" : "another value", paint(ct, PLAIN));
		if (!same)
			(void)printf("      sealed %s\n      now    %s\n", get_text(one, "sealed"),
				     get_text(one, "now"));
	}
	if (json_object_get(of, "matches") == NULL)
		return;
	(void)printf("    opens    ");
	if (json_is_true(json_object_get(of, "matches")))
		(void)printf("%syes%s\n", paint(ct, GREEN), paint(ct, PLAIN));
	else if (json_is_true(json_object_get(of, "same_tpm")))
		(void)printf("%sno%s: the machine did not start as it did then; lsactl seal "
			     "recover, if that is meant\n",
			     paint(ct, RED), paint(ct, PLAIN));
	else
		(void)printf("%sno%s: the TPM was cleared, or it is another one; lsactl seal "
			     "recover\n",
			     paint(ct, RED), paint(ct, PLAIN));
}

static void
show_running(const struct ctl *ct, const json_t *running)
{
	if (!json_is_object(running))
		(void)printf("  lsaiso     %snot running%s\n", paint(ct, YELLOW), paint(ct, PLAIN));
	else
		(void)printf(
		    "  lsaiso     has id %s, %s\n  public key %s\n", get_text(running, "root_id"),
		    strcmp(get_text(running, "root_kind"), "kept") == 0 ? "a kept one"
									: "random, of this start",
		    get_text(running, "public_key"));
}

static void
show(const struct ctl *ct, const json_t *is)
{
	const char *root = get_text(is, "root");

	(void)printf("%sRoot key:%s root = %s, PCR %s, in %s\n", paint(ct, BOLD), paint(ct, PLAIN),
		     root, get_text(is, "pcrs"), get_text(is, "directory"));
	show_tpm(ct, is);
	show_sealed(ct, is);
	show_file("in clear", json_object_get(is, "file"));
	show_file("recovery", json_object_get(is, "recovery"));
	show_running(ct, json_object_get(is, "running"));
	(void)printf("The choices of [seal] root, and their price:\n");
	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++)
		(void)printf("  %s %-7s %s;\n            %s\n",
			     strcmp(root, choices[i].root) == 0 ? "*" : " ", choices[i].root,
			     choices[i].gives, choices[i].costs);
}

static int
status(const struct ctl *ct, const char *path)
{
	json_t *is = ask_helper(ct, path), *running, *iso;
	char error[512];

	if (is == NULL)
		return EXIT_FAILED;
	running = try_call(ct, "Status", NULL, error, sizeof(error));
	iso = json_object_get(running, "lsaiso");
	(void)json_object_set_new(
	    is, "running",
	    json_is_object(iso) ? json_pack("{s:s, s:s}", "root_kind", get_text(iso, "root_kind"),
					    "root_id", get_text(iso, "root_id"))
				: json_null());
	json_decref(running);
	if (ct->json)
		print_json(is);
	else
		show(ct, is);
	json_decref(is);
	return EXIT_DONE;
}

/* ---- the command */

int
cmd_seal(struct ctl *ct, int argc, char **argv)
{
	static const char *const verbs[] = { "status", "enroll", "recover", "forget" };
	const char *verb = argc > 1 ? argv[1] : "status";
	char path[PATH_MAX], error[1024];
	int code = EXIT_FAILED;
	size_t i = 0;

	while (i < sizeof(verbs) / sizeof(verbs[0]) && strcmp(verbs[i], verb) != 0)
		i++;
	if (i == sizeof(verbs) / sizeof(verbs[0])) {
		(void)fputs("lsactl: seal status, enroll, recover or forget; see lsactl help "
			    "seal\n",
			    stderr);
		return EXIT_USAGE;
	}
	if (config_read(&ct->cf, ct->config_path, error, sizeof(error)) != 0) {
		(void)fprintf(stderr, "lsactl: %s\n", error);
		return EXIT_FAILED;
	}
	if (ct->socket == NULL)
		ct->socket = ct->cf.admin_socket;
	if (geteuid() != 0 && access(ct->cf.host_directory, R_OK | W_OK | X_OK) != 0 &&
	    errno != ENOENT)
		(void)fprintf(stderr, "lsactl: %s is root's; run this as root\n",
			      ct->cf.host_directory);
	else if (find_helper(ct, path)) {
		if (i == 0)
			code = status(ct, path);
		else
			run_helper(ct, path, verb);
	}
	config_free(&ct->cf);
	return code;
}
