/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Before anything is changed: would it work? */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* memfd_create */
#endif
#include <errno.h>
#include <krb5.h>
#include <profile.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lsactl/setup.h"

#define FOUND_ONE (-1765320000L) /* nobody else's: a KDC was found, and is not asked */

/* ---- the endpoint */

/* Does the running instance listen there already? */
static bool
is_served(const struct setup *se, const char *address)
{
	char error[512];
	json_t *is = try_call(se->ct, "Status", NULL, error, sizeof(error));
	const json_t *list = json_object_get(json_object_get(is, "kdc"), "sockets"), *one;
	bool served = false;
	size_t i;

	json_array_foreach(list, i, one) served |= strstr(json_string_value(one), address) != NULL;
	json_decref(is);
	return served;
}

static int
try_listen(const struct setup *se, const struct kdc_address *ad, int type)
{
	int fd = socket(ad->addr.ss_family, type | SOCK_CLOEXEC, 0), one = 1, code = 0;

	if (fd < 0)
		return errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)&ad->addr, ad->len) != 0)
		code = errno;
	(void)close(fd);
	return code == EADDRINUSE && is_served(se, ad->text) ? 0 : code;
}

static int
try_endpoint(struct setup *se)
{
	int code;

	for (int i = 0; i < se->nlisten; i++) {
		code = try_listen(se, &se->listen[i], SOCK_STREAM);
		if (code == 0)
			code = try_listen(se, &se->listen[i], SOCK_DGRAM);
		if (code == 0 || (code == EACCES && geteuid() != 0))
			continue;
		(void)fprintf(stderr,
			      "lsactl: the endpoint cannot listen at %s: %s; free it, or set [kdc] "
			      "listen to another port\n",
			      se->listen[i].text, strerror(code));
		return -1;
	}
	return 0;
}

/* ---- the real KDCs */

/* libkrb5 has found one by now. */
static krb5_error_code
on_send(krb5_context ctx, void *data, const krb5_data *realm, const krb5_data *message,
	krb5_data **new_message, krb5_data **reply)
{
	(void)ctx;
	(void)data;
	(void)realm;
	(void)message;
	*new_message = NULL;
	*reply = NULL;
	return (krb5_error_code)FOUND_ONE;
}

static krb5_error_code
find_kdc(krb5_context ctx, const char *realm)
{
	char name[300];
	krb5_principal who = NULL;
	krb5_creds creds;
	krb5_error_code code;

	memset(&creds, 0, sizeof(creds));
	(void)snprintf(name, sizeof(name), "lsaiso-setup@%s", realm);
	krb5_set_kdc_send_hook(ctx, on_send, NULL);
	code = krb5_parse_name(ctx, name, &who);
	if (code == 0)
		code = krb5_get_init_creds_password(ctx, &creds, who, "", NULL, NULL, 0, NULL,
						    NULL);
	krb5_free_cred_contents(ctx, &creds);
	krb5_free_principal(ctx, who);
	return code == (krb5_error_code)FOUND_ONE ? 0 : code;
}

/* As lsass will see it: the file that is not written yet, then the host's. */
static krb5_context
context_of(const struct setup *se, const char *real)
{
	char list[2 * sizeof(se->hosts) + 64], hosts[sizeof(se->hosts)];
	int fd = memfd_create("krb5.conf", MFD_CLOEXEC);
	krb5_context ctx = NULL;
	profile_t profile = NULL;
	char *at = hosts, *one;

	if (fd >= 0 && write(fd, real, strlen(real)) != (ssize_t)strlen(real))
		fd = -1;
	(void)snprintf(list, sizeof(list), "/proc/self/fd/%d", fd);
	(void)snprintf(hosts, sizeof(hosts), "%s", se->hosts);
	while ((one = strsep(&at, ":")) != NULL) {
		size_t n = strlen(list);

		(void)snprintf(list + n, sizeof(list) - n, ":%s%s", se->root, one);
	}
	if (fd >= 0 && profile_init_path(list, &profile) == 0)
		(void)krb5_init_context_profile(profile, 0, &ctx);
	profile_release(profile);
	if (fd >= 0)
		(void)close(fd);
	return ctx;
}

static int
try_realms(struct setup *se, const char *real)
{
	krb5_context ctx = context_of(se, real);
	int bad = 0;

	if (ctx == NULL) {
		(void)fputs("lsactl: libkrb5 does not start; correct krb5.conf first\n", stderr);
		return -1;
	}
	for (size_t i = 0; i < se->nrealms; i++) {
		const struct setup_realm *re = &se->realms[i];
		krb5_error_code code = find_kdc(ctx, re->name);
		const char *text = code != 0 ? krb5_get_error_message(ctx, code) : NULL;

		if (code != 0 && re->asked) {
			(void)fprintf(stderr, "lsactl: %s has no KDC: %s\n", re->name, text);
			bad = -1;
		} else if (code != 0) {
			setup_note(se, "realm %s has no KDC that can be found now: %s\n", re->name,
				   text);
		}
		if (text != NULL)
			krb5_free_error_message(ctx, text);
	}
	krb5_free_context(ctx);
	return bad;
}

int
setup_try(struct setup *se)
{
	char path[2 * sizeof(se->folder)];
	const struct setup_file *real;
	bool failed = false;
	char *text;
	int bad;

	(void)snprintf(path, sizeof(path), "%s%s/krb5.conf", se->root, se->folder);
	real = setup_find(se, path);
	text = real != NULL ? setup_then(real, false, &failed) : NULL;
	if (text == NULL)
		return -1;
	bad = try_endpoint(se);
	if (bad == 0)
		bad = try_realms(se, text);
	free(text);
	return bad;
}
