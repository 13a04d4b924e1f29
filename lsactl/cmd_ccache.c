/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ccache import: the keys of the ticket-granting tickets in a FILE ccache go to
 * lsaiso, a box each, and stand-ins take their place in the file.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* explicit_bzero */
#endif
#include <dirent.h>
#include <errno.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "lib/hex.h"
#include "lsactl/ccache.h"
#include "lsactl/replace.h"
#include "lsactl/secret.h"

/* What one file has of each sort. */
struct import {
	struct ctl *ct;
	struct replace re;
	uint8_t *file, *fresh; /* as it is, as it will be */
	size_t len, fresh_len;
	int32_t offset;
	char name[ISO_NAME_MAX + 1], session[32];
	size_t todo, done, ours, dead, expired, hints, services;
};

static int
fail(const struct import *im, const char *why)
{
	(void)fprintf(stderr, "lsactl: %s: %s\n", im->re.path, why);
	return -1;
}

/* ---- is it worth it? */

static bool
is_expired(const struct import *im, const struct wire_cred *wc)
{
	return (int64_t)wc->endtime <= (int64_t)time(NULL) + im->offset;
}

static json_t *
with_owner(const struct import *im)
{
	json_t *ask = with_uid(im->ct);

	if (im->re.was.st_uid != geteuid())
		(void)json_object_set_new(ask, "uid", json_integer(im->re.was.st_uid));
	return ask;
}

static void
set_hex(json_t *to, const char *key, struct rd octets)
{
	char *text = malloc(2 * octets.len + 1);

	if (text == NULL)
		return; /* lsass will say what is missing */
	hex_put(octets.at, octets.len, text);
	(void)json_object_set_new(to, key, json_string(text));
	explicit_bzero(text, 2 * octets.len);
	free(text);
}

/* Has this been done before? 1, 0, or -1. lsass is shown the hash of the key, not the key. */
static int
is_ours(struct import *im, const struct wire_cred *wc)
{
	uint8_t hash[SHA256_DIGEST_SIZE];
	struct sha256_ctx ctx;
	json_t *ask = with_owner(im), *is;
	bool known, alive;

	sha256_init(&ctx);
	sha256_update(&ctx, wc->key.len, wc->key.at);
	sha256_digest(&ctx, sizeof(hash), hash);
	set_hex(ask, "key", (struct rd){ hash, sizeof(hash) });
	set_hex(ask, "ticket", wc->ticket);
	is = call(im->ct, "ImportKnown", ask);
	if (is == NULL)
		return -1;
	known = json_is_true(json_object_get(is, "known"));
	alive = json_is_true(json_object_get(is, "alive"));
	json_decref(is);
	im->dead += known && !alive;
	return known;
}

/* Is its key one to take? 1, 0, or -1; counts what it is. */
static int
is_for_us(struct import *im, const struct wire_cred *wc)
{
	int ours;

	if (wire_is_config(&wc->server))
		return 0;
	if (!wire_is_tgt_class(&wc->server, wc->is_skey) || wc->key.len == 0) {
		im->services++;
		return 0;
	}
	if (is_expired(im, wc)) {
		im->expired++;
		return 0;
	}
	ours = is_ours(im, wc);
	if (ours < 0)
		return -1;
	im->ours += (size_t)ours;
	im->todo += ours == 0;
	return ours == 0;
}

/* ---- one ticket */

static int
stand_in(uint8_t *at, size_t n)
{
	return getrandom(at, n, 0) == (ssize_t)n ? 0 : -1;
}

static json_t *
begun(const struct import *im)
{
	json_t *ask = with_owner(im);

	(void)json_object_set_new(ask, "principal", json_string(im->name));
	if (im->session[0] != '\0')
		(void)json_object_set_new(ask, "session", json_string(im->session));
	return ask;
}

/* Its key into a box, a stand-in in place of it in both forms, both to lsass. */
static int
bring(struct import *im, struct ccache_item *it, uint8_t *view, bool last)
{
	uint8_t der[ISO_CLIENT_MAX], *key = it->octets + (it->wc.key.at - it->octets);
	struct rd client = { der, wire_client_der(&it->wc.client, der, sizeof(der)) };
	char hex[SECRET_HEX];
	struct start st;
	json_t *ask, *is;

	if (client.len == 0)
		return fail(im, "the name of a client is too long");
	if (secret_start(im->ct, begun(im), &st) != 0 ||
	    secret_tgt(im->ct, &st, client, it->wc.etype, it->wc.key,
		       (int64_t)it->wc.endtime - im->offset, hex) != 0)
		return -1;
	(void)snprintf(im->session, sizeof(im->session), "%s", st.session);
	if (stand_in(key, it->wc.key.len) != 0)
		return fail(im, strerror(errno));
	memcpy(view + it->key, key, it->wc.key.len);
	ask = begun(im);
	(void)json_object_set_new(ask, "box", json_string(hex));
	set_hex(ask, "cred", (struct rd){ it->octets, it->len });
	(void)json_object_set_new(ask, "offset", json_integer(im->offset));
	(void)json_object_set_new(ask, "last", json_boolean(last));
	is = call(im->ct, "ImportTicket", ask);
	if (is == NULL)
		return -1;
	json_decref(is);
	im->done++;
	return 0;
}

/* ---- the file */

/*
 * Go through it. todo is 0: look, count; else: bring that many, fill fresh.
 */
static int
walk(struct import *im, size_t todo)
{
	struct rd file = { im->file, im->len };
	struct ccache_item it;
	struct ccache cc;
	char error[128];
	int more, take;

	if (ccache_begin(&cc, file, error, sizeof(error)) != 0)
		return fail(im, error);
	im->offset = cc.offset;
	wire_princ_text(&cc.principal, im->name, sizeof(im->name));
	im->fresh_len = im->len - cc.left.len;
	while ((more = ccache_next(&cc, &it)) == 1) {
		uint8_t *view = im->fresh + im->fresh_len;
		bool hint = ccache_is_fast_hint(&it.wc);

		memcpy(view, it.view.at, it.view.len);
		im->fresh_len += hint ? 0 : it.view.len;
		im->hints += hint && todo == 0;
		take = hint ? 0 : is_for_us(im, &it.wc);
		if (take == 1 && todo > 0)
			take = bring(im, &it, view, im->done + 1 == todo);
		ccache_end(&it);
		if (take < 0)
			return -1;
	}
	return more == 0 ? 0 : fail(im, "it is damaged");
}

static void
show(const struct import *im)
{
	static const char *const texts[] = { "", " (nothing was changed: --dry-run)" };
	bool dry = im->ct->dry_run;
	size_t n = dry ? im->todo : im->done;

	if (im->ct->json) {
		json_t *is = json_pack(
		    "{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "file", im->re.path, "principal",
		    im->name, "imported", (json_int_t)n, "ours", (json_int_t)im->ours, "dead",
		    (json_int_t)im->dead, "expired", (json_int_t)im->expired, "hints",
		    (json_int_t)im->hints, "services", (json_int_t)im->services);

		(void)json_object_set_new(is, "dry_run", json_boolean(dry));
		print_json(is);
		json_decref(is);
		return;
	}
	(void)printf("%s, of %s: %zu %s, %zu before, %zu expired, %zu service tickets kept%s\n",
		     im->re.path, im->name, n, dry ? "keys to import" : "keys imported", im->ours,
		     im->expired, im->services, texts[dry]);
	if (im->dead > 0)
		(void)printf("The logon of %zu ended with its lsaiso: kinit, then import again\n",
			     im->dead);
}

static void
take_back(const struct import *im)
{
	json_t *ask = with_owner(im), *is;
	char error[256];

	(void)json_object_set_new(ask, "session", json_string(im->session));
	is = im->session[0] != '\0' ? try_call(im->ct, "Logoff", ask, error, sizeof(error)) : NULL;
	json_decref(is);
}

static int
change(struct import *im)
{
	char error[512];
	size_t todo = im->todo;

	im->todo = im->ours = im->dead = im->expired = im->services = 0;
	if (walk(im, todo) != 0)
		return -1;
	if (replace_write(&im->re, (struct rd){ im->fresh, im->fresh_len }, true, error,
			  sizeof(error)) == 0)
		return 0;
	(void)fprintf(stderr, "lsactl: %s\n", error);
	return -1;
}

static int
import(struct ctl *ct, const char *path)
{
	struct import im = { .ct = ct };
	char error[512];
	int bad = replace_open(&im.re, path, ct->dry_run ? REPLACE_LOOK : 0, error, sizeof(error));

	if (bad == 0)
		bad = replace_read(&im.re, CCACHE_MOST, &im.file, &im.len, error, sizeof(error));
	if (bad != 0) {
		(void)fprintf(stderr, "lsactl: %s\n", error);
	} else {
		im.fresh = malloc(im.len + 1);
		if (im.fresh == NULL)
			bad = fail(&im, strerror(ENOMEM));
		else
			memcpy(im.fresh, im.file, im.len);
		if (bad == 0)
			bad = walk(&im, 0);
		if (bad == 0 && !ct->dry_run && im.todo + im.hints > 0 && (bad = change(&im)) != 0)
			take_back(&im);
		if (bad == 0)
			show(&im);
	}
	if (im.fresh != NULL)
		explicit_bzero(im.fresh, im.len);
	if (im.file != NULL)
		explicit_bzero(im.file, im.len);
	free(im.fresh);
	free(im.file);
	replace_close(&im.re);
	return bad == 0 ? EXIT_DONE : EXIT_FAILED;
}

/* DIR:PATH: each of its caches. */
static int
import_folder(struct ctl *ct, const char *path)
{
	DIR *folder = opendir(path);
	char file[4096];
	int code = EXIT_DONE;
	struct dirent *de;
	size_t n = 0;

	if (folder == NULL) {
		(void)fprintf(stderr, "lsactl: %s: %s\n", path, strerror(errno));
		return EXIT_FAILED;
	}
	while ((de = readdir(folder)) != NULL) {
		if (strncmp(de->d_name, "tkt", 3) != 0)
			continue;
		(void)snprintf(file, sizeof(file), "%s/%s", path, de->d_name);
		n++;
		if (import(ct, file) != EXIT_DONE)
			code = EXIT_FAILED;
	}
	(void)closedir(folder);
	if (n > 0)
		return code;
	(void)fprintf(stderr, "lsactl: %s: there is no cache in it\n", path);
	return EXIT_FAILED;
}

static int
not_a_file(const char *name)
{
	static const struct {
		const char *kind, *why;
	} rows[] = {
		{ "KCM:", "lsass has it already, if it is ours (lsactl caches); that of another "
			  "KCM has to be filled anew: kinit -c KCM:" },
		{ "KEYRING:", "the kernel would keep the old key; kinit -c KCM: or FILE:, and let "
			      "the keyring's expire (kdestroy)" },
		{ "MEMORY:", "it is inside of one program; nobody else can reach it" },
		{ "API:", "it is of another system" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strncmp(name, rows[i].kind, strlen(rows[i].kind)) != 0)
			continue;
		(void)fprintf(stderr, "lsactl: %s cannot be imported: %s\n", name, rows[i].why);
		return 1;
	}
	return 0;
}

int
cmd_ccache(struct ctl *ct, int argc, char **argv)
{
	const char *name = argc == 3 ? argv[2] : NULL;

	if (argc != 3 || strcmp(argv[1], "import") != 0) {
		(void)fputs("lsactl: ccache import FILE; see lsactl help ccache\n", stderr);
		return EXIT_USAGE;
	}
	if (ct->uid >= 0) {
		(void)fputs("lsactl: --uid: whose the tickets are, is whose the file is\n", stderr);
		return EXIT_USAGE;
	}
	if (not_a_file(name) != 0)
		return EXIT_FAILED;
	if (strncmp(name, "DIR::", 5) == 0)
		return import(ct, name + 5);
	if (strncmp(name, "DIR:", 4) == 0)
		return import_folder(ct, name + 4);
	return import(ct, strncmp(name, "FILE:", 5) == 0 ? name + 5 : name);
}
