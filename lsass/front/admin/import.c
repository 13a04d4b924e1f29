/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * org.lsaiso.ImportKnown and ImportTicket: a ticket of a FILE ccache. Its key
 * came to lsaiso in a box; what is told here has a stand-in in its place already.
 */
#include <krb5.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hex.h"
#include "lib/log.h"
#include "lsass/ask.h"
#include "lsass/front/admin/logons.h"

#define CRED_MAX 100000u /* octets of a credential; its ticket has less than 64 KiB */

/* The octets of a parameter, allocated; NULL: it was answered. */
static uint8_t *
octets_of(struct ask *as, const char *key, size_t *len)
{
	const char *text = ask_text(as, key);
	size_t n = strlen(text) / 2;
	uint8_t *at = n > 0 && n <= CRED_MAX ? malloc(n) : NULL;
	long got = at != NULL ? hex_get(text, at, n) : -1;

	if (got > 0) {
		*len = (size_t)got;
		return at;
	}
	free(at);
	ask_refuse(as, "InvalidParameter", "%s must be 1 to %u octets as hexadecimal digits", key,
		   CRED_MAX);
	return NULL;
}

/* ---- ImportKnown */

struct look {
	uid_t owner;
	struct rd hash;
	bool known, alive;
};

static bool
is_known(struct cred *cr, void *arg)
{
	struct look *lo = arg;
	struct rd in = { cr->octets, cr->len };
	uint8_t hash[SHA256_DIGEST_SIZE];
	struct sha256_ctx ctx;
	struct wire_cred wc;

	if (cr->logon->owner != lo->owner || wire_cred(&in, &wc) != 0)
		return false;
	sha256_init(&ctx);
	sha256_update(&ctx, wc.key.len, wc.key.at);
	sha256_digest(&ctx, sizeof(hash), hash);
	if (memcmp(hash, lo->hash.at, sizeof(hash)) != 0)
		return false;
	lo->known = true;
	lo->alive = !cr->logon->dead;
	return lo->alive;
}

json_t *
method_import_known(const struct admin_view *view, uid_t uid, const json_t *ask,
		    struct admin_error *error)
{
	uint8_t hash[SHA256_DIGEST_SIZE];
	struct rd ticket = { NULL, 0 };
	struct look lo;
	struct ask as;

	(void)error;
	if (!ask_begin(&as, view, uid, ask))
		return NULL;
	lo = (struct look){ .owner = as.owner, .hash = { hash, sizeof(hash) } };
	if (hex_get(ask_text(&as, "key"), hash, sizeof(hash)) != (long)sizeof(hash)) {
		ask_refuse(&as, "InvalidParameter", "key must be the SHA-256 of the key");
		return NULL;
	}
	ticket.at = octets_of(&as, "ticket", &ticket.len);
	if (ticket.at == NULL)
		return NULL;
	store_each_ticket(as.logons->store, ticket, is_known, &lo);
	free((void *)(uintptr_t)ticket.at);
	admin_answer(as.later, json_pack("{s:b, s:b}", "known", lo.known, "alive", lo.alive));
	return NULL;
}

/* ---- ImportTicket */

static bool
keep(struct ask *as, const struct logon *lo, struct rd cred)
{
	const json_t *offset = json_object_get(as->is, "offset");
	struct collection *co = store_collection(as->logons->store, lo->owner);
	struct iso_rep_logon_absorb is;
	enum iso_status status;
	char text[256];
	kcode code;

	if (!ask_absorb(as, lo, ISO_KIND_TGT, &is, &status))
		return false;
	if (status != ISO_OK) {
		ask_refuse_key(as, status);
		return false;
	}
	code = co == NULL ? KRB5_CC_NOMEM
			  : collection_keep_ticket(co, cred, lo->session, lo->generation,
						   (struct rd){ is.blob.at, is.blob.len },
						   (int32_t)json_integer_value(offset), false);
	if (code == 0)
		return true;
	ask_refuse(as, "Failed", "the ticket could not be kept: %s",
		   why_text(code, text, sizeof(text)));
	return false;
}

json_t *
method_import_ticket(const struct admin_view *view, uid_t uid, const json_t *ask,
		     struct admin_error *error)
{
	struct rd cred = { NULL, 0 }, in;
	char session[LOGONS_TEXT];
	struct wire_cred wc;
	struct held *he;
	struct ask as;
	bool kept;

	(void)error;
	if (!ask_begin(&as, view, uid, ask) || (he = ask_begun(&as, "tickets")) == NULL)
		return NULL;
	cred.at = octets_of(&as, "cred", &cred.len);
	if (cred.at == NULL)
		return NULL;
	in = cred;
	kept = wire_cred(&in, &wc) == 0 && in.len == 0;
	if (!kept)
		ask_refuse(&as, "InvalidParameter", "cred is not one credential");
	kept = kept && keep(&as, he->logon, cred);
	if (kept && he->principal == NULL)
		logons_set_principal(he, wc.client.octets);
	explicit_bzero((void *)(uintptr_t)cred.at, cred.len);
	free((void *)(uintptr_t)cred.at);
	if (!kept)
		return NULL;
	logons_text(he->logon, session);
	if (ask_flag(&as, "last")) {
		log_info("uid %u: a ccache of %s was imported, session %s",
			 (unsigned int)he->logon->owner, he->name, session);
		logons_settle(he);
	}
	admin_answer(as.later, json_pack("{s:s}", "session", session));
	return NULL;
}
