/* SPDX-License-Identifier: GPL-3.0-or-later */
/* setup: the KDC endpoint becomes the only KDC of this host's programs; and back. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lsactl/setup.h"

#define LISTEN_USUAL "127.0.0.1:88"
#define HOSTS_USUAL  "/etc/krb5.conf"
#define DROP_IN	     "setup.conf"

/* ---- where things are */

/* lsaiso.conf.d beside lsaiso.conf, as lib/config.c has it; with root. */
static void
drop_in(const struct setup *se, char *path, size_t n)
{
	size_t len = strlen(se->config);

	(void)snprintf(path, n, "%s%s/" DROP_IN, se->config,
		       len > 5 && strcmp(se->config + len - 5, ".conf") == 0 ? ".d" : ".conf.d");
}

/* The value of that key in our own drop-in, if there is one. */
static bool
before(const char *text, const char *key, char *value, size_t n)
{
	const char *at = text;
	size_t len = strlen(key);

	for (; at != NULL && *at != '\0'; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, key, len) != 0 || strncmp(at + len, " = ", 3) != 0)
			continue;
		at += len + 3;
		(void)snprintf(value, n, "%.*s", (int)strcspn(at, "\n"), at);
		return true;
	}
	return false;
}

/* What was [krb5] config before us: without our file in front. */
static void
rest_of(struct setup *se, const char *real)
{
	const char *is = se->ct->cf.krb5_config;
	size_t n = strlen(real);

	if (strncmp(is, real, n) == 0 && (is[n] == ':' || is[n] == '\0'))
		is += n + (is[n] == ':');
	(void)snprintf(se->krb5_rest, sizeof(se->krb5_rest), "%s", is[0] != '\0' ? is : se->hosts);
}

static int
find_places(struct setup *se)
{
	const char *env = getenv("KRB5_CONFIG");
	char real[2 * sizeof(se->folder)];
	struct ctl *ct = se->ct;
	char *slash;

	if (se->root[0] != '\0' && se->root[0] != '/') {
		(void)fputs("lsactl: --root takes a full path\n", stderr);
		return -1;
	}
	(void)snprintf(se->config, sizeof(se->config), "%s%s", se->root, ct->config_path);
	(void)snprintf(se->hosts, sizeof(se->hosts), "%s",
		       env != NULL && env[0] != '\0' && se->root[0] == '\0' ? env : HOSTS_USUAL);
	(void)snprintf(se->folder, sizeof(se->folder), "%s", ct->config_path);
	slash = strrchr(se->folder, '/');
	if (slash == NULL || se->folder[0] != '/') {
		(void)fputs("lsactl: --config takes a full path here\n", stderr);
		return -1;
	}
	*slash = '\0';
	(void)snprintf(real, sizeof(real), "%s/krb5.conf", se->folder);
	rest_of(se, real);
	(void)snprintf(se->listen_text, sizeof(se->listen_text), "%s",
		       ct->cf.kdc_listen[0] != '\0' ? ct->cf.kdc_listen : LISTEN_USUAL);
	return 0;
}

/* Where the endpoint is, or will be. */
static int
find_endpoint(struct setup *se, const struct setup_file *drop)
{
	struct config cf = se->ct->cf;
	char value[256], error[512] = "";

	se->listen_ours = se->ct->cf.kdc_listen[0] == '\0' ||
			  before(drop->is, "listen", value, sizeof(value));
	cf.kdc_listen = se->listen_text;
	se->nlisten = kdc_addresses(&cf, se->listen, error, sizeof(error));
	if (se->nlisten > 0)
		return 0;
	(void)fprintf(stderr, "lsactl: %s\n", error);
	return -1;
}

static void
write_drop_in(const struct setup *se, struct lines *li)
{
	lines_put(li, li->n,
		  "# Written by \"lsactl setup --apply\"; \"lsactl setup --undo\" removes it.");
	if (se->listen_ours) {
		lines_put(li, li->n, "[kdc]");
		lines_put(li, li->n, "listen = %s", se->listen_text);
	}
	lines_put(li, li->n, "[krb5]");
	lines_put(li, li->n, "config = %s/krb5.conf:%s", se->folder, se->krb5_rest);
}

static int
make_plan(struct setup *se, int argc, char **argv)
{
	char path[2 * sizeof(se->config)];
	struct setup_file *drop;

	if (find_places(se) != 0 || setup_krb5_read(se) != 0)
		return -1;
	drop_in(se, path, sizeof(path));
	/* First krb5.conf, which counts its files; then what is ours. */
	drop = setup_add(se, path, true);
	if (drop == NULL || find_endpoint(se, drop) != 0)
		return -1;
	if (setup_krb5_plan(se, argc, argv) != 0 || setup_sssd_plan(se) != 0)
		return -1;
	drop = setup_find(se, path);
	if (drop != NULL)
		write_drop_in(se, &drop->then);
	return 0;
}

/* ---- doing it */

/*
 * Each file that changes and is ours as a whole, or is not: shown, or written. How
 * many; -1: said.
 */
static int
each_of(struct setup *se, bool whole, bool undo, bool write)
{
	bool failed = false;
	int n = 0;

	for (size_t i = 0; i < se->n; i++) {
		struct setup_file *fi = &se->files[i];
		char *then = fi->whole == whole ? setup_then(fi, undo, &failed) : NULL;
		bool differs = fi->whole == whole && !failed && setup_differs(fi, then);
		int bad = 0;

		if (differs && write)
			bad = setup_write(fi, then, undo);
		else if (differs)
			setup_diff(fi, then);
		if (differs && write && bad == 0)
			(void)printf("%s %s\n", then == NULL ? "removed" : "wrote", fi->path);
		free(then);
		n += differs;
		if (bad != 0 || failed)
			return -1;
	}
	return n;
}

/* Ours come first and go last: krb5.conf never points at what is not there. */
static int
each(struct setup *se, bool undo, bool write)
{
	int first = each_of(se, !undo, undo, write);
	int then = first < 0 ? -1 : each_of(se, undo, undo, write);

	if (then < 0 && write)
		(void)fputs("lsactl: not all of it was done; lsactl setup --undo takes it back\n",
			    stderr);
	return then < 0 ? -1 : first + then;
}

static void
say_more(const struct setup *se, bool undo, bool write, int n)
{
	const char *root = se->ct->cf.seal_root;

	(void)printf("%s", se->notes);
	if (!undo && strcmp(root, "random") == 0)
		(void)printf(
		    "Keytabs of stand-ins need a root key that is kept: lsactl seal enroll, and "
		    "[seal] root = tpm or file\n");
	if (n == 0)
		(void)printf("There is nothing to change.\n");
	else if (!write)
		(void)printf("Nothing was changed; lsactl setup %s does it.\n",
			     undo ? "--undo" : "--apply");
	else
		(void)printf("Now: systemctl restart lsaiso%s; then: lsactl doctor\n",
			     access("/etc/sssd/sssd.conf", F_OK) == 0 ? " sssd" : "");
}

static int
run(struct setup *se, int argc, char **argv)
{
	struct ctl *ct = se->ct;
	bool write = (ct->setup.apply || ct->setup.undo) && !ct->dry_run;
	int n;

	if (make_plan(se, argc, argv) != 0)
		return EXIT_FAILED;
	if (!ct->setup.undo && setup_try(se) != 0) {
		(void)fputs("lsactl: nothing was changed\n", stderr);
		return EXIT_FAILED;
	}
	n = each(se, ct->setup.undo, write);
	if (n < 0)
		return EXIT_FAILED;
	say_more(se, ct->setup.undo, write, n);
	return EXIT_DONE;
}

int
cmd_setup(struct ctl *ct, int argc, char **argv)
{
	struct setup *se = calloc(1, sizeof(*se));
	char path[4096], error[1024];
	int code = EXIT_FAILED;

	if (ct->setup.apply && ct->setup.undo) {
		(void)fputs("lsactl: --apply or --undo, not both\n", stderr);
		free(se);
		return EXIT_USAGE;
	}
	if (se == NULL)
		return EXIT_FAILED;
	se->ct = ct;
	se->root = ct->setup.root != NULL ? ct->setup.root : "";
	(void)snprintf(path, sizeof(path), "%s%s", se->root, ct->config_path);
	if (se->root[0] != '\0' && access(path, F_OK) != 0) {
		code = config_defaults(&ct->cf) == 0 ? EXIT_DONE : EXIT_FAILED;
	} else if (config_read(&ct->cf, path, error, sizeof(error)) != 0) {
		(void)fprintf(stderr, "lsactl: %s\n", error);
	} else {
		code = EXIT_DONE;
	}
	if (code == EXIT_DONE) {
		if (ct->socket == NULL)
			ct->socket = ct->cf.admin_socket;
		code = run(se, argc - 1, argv + 1);
		config_free(&ct->cf);
	}
	setup_free(se);
	free(se);
	return code;
}
