/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "lib/uselog.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <nettle/sha2.h>

#include "lib/config.h"
#include "rpc/rpc.h"

#define STAMP 20 /* "20261124T063012.345Z": two may be begun within a second */

/* ---- files */

int
uselog_directory(const struct config *cf, char *path, size_t n)
{
	bool own = cf->audit_directory[0] != '\0';
	int len = snprintf(path, n, "%s%s", own ? cf->audit_directory : cf->state_directory,
			   own ? "" : "/audit");

	return len < 0 || (size_t)len >= n ? -1 : 0;
}

void
uselog_boot_text(const uint8_t boot_id[ISO_BOOT_ID], char boot[USELOG_BOOT])
{
	for (size_t i = 0; i < ISO_BOOT_ID; i++)
		(void)snprintf(boot + 2 * i, 3, "%02x", boot_id[i]);
}

void
uselog_name(const uint8_t boot_id[ISO_BOOT_ID], char name[USELOG_NAME])
{
	char boot[USELOG_BOOT], stamp[STAMP + 1] = "";
	struct timespec now = { 0 };
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	if (gmtime_r(&now.tv_sec, &tm) == NULL ||
	    strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%S", &tm) != STAMP - strlen(".345Z"))
		(void)snprintf(stamp, sizeof(stamp), "00000000T000000");
	uselog_boot_text(boot_id, boot);
	(void)snprintf(name, USELOG_NAME, "%s.%03ldZ-%s.log", stamp, now.tv_nsec / 1000000, boot);
}

bool
uselog_named(const char *name, char boot[USELOG_BOOT])
{
	const char *at = name + STAMP + 1;

	if (strlen(name) != STAMP + 1 + USELOG_BOOT - 1 + strlen(".log") ||
	    name[strspn(name, "0123456789.TZ")] != '-' || name[STAMP] != '-' ||
	    strspn(at, "0123456789abcdef") != USELOG_BOOT - 1 ||
	    strcmp(at + USELOG_BOOT - 1, ".log") != 0)
		return false;
	memcpy(boot, at, USELOG_BOOT - 1);
	boot[USELOG_BOOT - 1] = '\0';
	return true;
}

static int
is_file(const struct dirent *de)
{
	char boot[USELOG_BOOT];

	return uselog_named(de->d_name, boot) ? 1 : 0;
}

/* Not alphasort, which asks the locale. */
static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

int
uselog_list(const char *directory, char ***names)
{
	struct dirent **found = NULL;
	int n = scandir(directory, &found, is_file, by_name), kept = 0, error = errno;

	*names = NULL;
	if (n >= 0)
		*names = calloc((size_t)n + 1, sizeof(**names));
	for (int i = 0; i < n; i++) {
		char *name = *names != NULL ? strdup(found[i]->d_name) : NULL;

		if (name != NULL)
			(*names)[kept++] = name;
		free(found[i]);
	}
	free(found);
	if (n >= 0 && kept < n) {
		while (kept > 0)
			free((*names)[--kept]);
		free(*names);
		*names = NULL;
		error = ENOMEM;
		n = -1;
	}
	errno = error;
	return n;
}

/* ---- entries */

static void
chain_start(const uint8_t boot_id[ISO_BOOT_ID], uint8_t chain[ISO_HASH])
{
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, sizeof(RECORD_CHAIN_LABEL) - 1, (const uint8_t *)RECORD_CHAIN_LABEL);
	sha256_update(&ctx, ISO_BOOT_ID, boot_id);
	sha256_digest(&ctx, ISO_HASH, chain);
}

void
uselog_add(uint8_t chain[ISO_HASH], const struct record *re)
{
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, ISO_HASH, chain);
	sha256_update(&ctx, sizeof(*re), (const uint8_t *)re);
	sha256_digest(&ctx, ISO_HASH, chain);
}

void
uselog_head_make(const uint8_t boot_id[ISO_BOOT_ID], struct uselog_head *head)
{
	memset(head, 0, sizeof(*head));
	memcpy(head->magic, USELOG_MAGIC, sizeof(head->magic));
	memcpy(head->boot_id, boot_id, ISO_BOOT_ID);
	chain_start(boot_id, head->chain);
}

bool
uselog_head_good(const struct uselog_head *head, const uint8_t boot_id[ISO_BOOT_ID])
{
	struct uselog_head want;

	uselog_head_make(boot_id, &want);
	return memcmp(head, &want, sizeof(want)) == 0;
}

void
uselog_gap_make(const uint8_t chain[ISO_HASH], struct uselog_entry *en)
{
	memset(en, 0, sizeof(*en));
	memcpy(en->chain, chain, ISO_HASH);
}

void
uselog_begin(const uint8_t boot_id[ISO_BOOT_ID], struct uselog_at *at)
{
	memset(at, 0, sizeof(*at));
	at->next = 1;
	chain_start(boot_id, at->chain);
}

enum uselog_step
uselog_step(struct uselog_at *at, const struct uselog_entry *en)
{
	static const struct record none;
	uint64_t due = at->next;
	bool gap = at->gap, good;

	if (en->of.sequence == 0) {
		if (memcmp(&en->of, &none, sizeof(none)) != 0)
			return USELOG_CHANGED;
		memcpy(at->chain, en->chain, ISO_HASH);
		at->gap = true;
		return USELOG_GAP;
	}
	if (en->of.sequence < due)
		return USELOG_ORDER;
	at->gap = false;
	at->next = en->of.sequence + 1;
	uselog_add(at->chain, &en->of);
	good = memcmp(at->chain, en->chain, ISO_HASH) == 0;
	memcpy(at->chain, en->chain, ISO_HASH);
	if (en->of.sequence > due && !gap)
		return USELOG_MISSING;
	if (!good)
		return USELOG_CHANGED;
	return en->of.sequence > due ? USELOG_LOST : USELOG_GOOD;
}

/* ---- for people */

static void
target_text(const struct record *re, char text[USELOG_TEXT])
{
	size_t len = re->target_len < RECORD_TARGET ? re->target_len : RECORD_TARGET;

	for (size_t i = 0; i < len; i++) {
		uint8_t c = re->target[i];

		text[i] = c < 0x20 || c > 0x7e ? '?' : (char)c;
	}
	(void)snprintf(text + len, USELOG_TEXT - len, "%s",
		       re->target_len > RECORD_TARGET ? "..." : "");
}

/* Of a try with a verifier: what it was, not that it could be tried. */
static const char *
result_text(const struct record *re)
{
	static const char *const tries[] = { "another password", "done", "too early" };

	if (re->status == ISO_OK && re->op == ISO_OP_offline_try && re->verdict <= 2)
		return tries[re->verdict];
	return re->status == ISO_OK ? "done" : rpc_status_text(re->status);
}

json_t *
uselog_json(const struct record *re)
{
	static const char *const keys[] = { [ISO_RELEASED] = "released",
					    [ISO_WITHHELD] = "withheld",
					    [RECORD_FORWARDED] = "forwarded" };
	char target[USELOG_TEXT];
	json_t *to;

	target_text(re, target);
	to = json_pack("{s:I, s:I, s:I, s:I, s:I, s:s, s:i, s:s, s:s}", "sequence",
		       (json_int_t)re->sequence, "time_us", (json_int_t)re->time_us, "uid",
		       (json_int_t)re->owner, "session", (json_int_t)re->session, "generation",
		       (json_int_t)re->generation, "op", rpc_op_name(re->op), "status",
		       (int)re->status, "result", result_text(re), "target", target);
	if (to != NULL && re->op == ISO_OP_krb_tgs_open && re->status == ISO_OK &&
	    re->verdict < sizeof(keys) / sizeof(keys[0]))
		(void)json_object_set_new(to, "key", json_string(keys[re->verdict]));
	return to;
}
