/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TGS-REQ with a ticket of which we have a stand-in: who asks must prove that
 * they have it (proof.c) and be the ticket's user, or root. lsaiso makes the
 * request anew with the real key, and opens the answer, which goes on under
 * the client's subkey, or else the stand-in.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* explicit_bzero */
#endif
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/log.h"
#include "lsass/ask.h"
#include "lsass/cache/store.h"
#include "lsass/front/kdc/forward.h"
#include "lsass/front/kdc/private.h"
#include "lsass/front/kdc/proof.h"
#include "lsass/tgs/again.h"
#include "lsass/tgs/creds.h"
#include "lsass/tgs/der_as.h"

/* RFC 4120 7.5.1 */
#define USAGE_TGS_REP_SESSION_KEY 8
#define USAGE_TGS_REP_SUBKEY	  9

/* RFC 4120 7.5.9 */
#define ERR_POLICY	12
#define ERR_ETYPE	14
#define ERR_UNAVAILABLE 29
#define ERR_TKT_EXPIRED 32
#define ERR_GENERIC	60

#define TRIED_MAX 64 /* stand-ins of the same ticket that are tried */
#define NAME_TEXT 256

/* What is needed when the answer comes. */
struct state {
	struct logon *logon; /* a reference */
	uint64_t pending;
	uint32_t session, generation;
	uid_t owner;
	int32_t offset;
	struct proof_key standin, subkey;
	size_t client_len;
	uint8_t client[]; /* wire.h principal */
};

static void
state_free(void *arg)
{
	struct state *st = arg;

	if (st->logon != NULL)
		logon_unref(st->logon);
	explicit_bzero(st, sizeof(*st) + st->client_len);
	free(st);
}

/* ---- whose ticket is it */

struct search {
	const struct call *call;
	const struct der_tgs_req *req;
	bool own; /* those of the sender; else those of all others */
	size_t tried;
	struct cred *found;
	int32_t code; /* of the proof */
	struct proof_key standin, subkey;
};

static uid_t
owner_of(const struct cred *cr)
{
	return collection_uid(cr->cache->collection);
}

static int
read_standin(const struct wire_cred *wc, struct proof_key *key)
{
	if (wc->key.len == 0 || wc->key.len > sizeof(key->octets))
		return -1;
	key->etype = wc->etype;
	key->len = (uint8_t)wc->key.len;
	memcpy(key->octets, wc->key.at, wc->key.len);
	return 0;
}

static bool
try_cred(struct cred *cr, void *arg)
{
	struct search *se = arg;
	struct rd in = { cr->octets, cr->len };
	struct wire_cred wc;
	int64_t now = (int64_t)time(NULL) + cred_offset(cr);

	if ((se->call->known && owner_of(cr) == se->call->uid) != se->own)
		return false;
	if (wire_cred(&in, &wc) != 0 || read_standin(&wc, &se->standin) != 0)
		return false;
	se->code = proof_check(call_crypto(se->call), &se->standin, &wc.client, se->req, now,
			       &se->subkey);
	/* Anybody can store any ticket with any key, often; that must not cost others much. */
	if (se->code == PROOF_OTHER_KEY)
		return ++se->tried == TRIED_MAX;
	se->found = cr;
	return true;
}

static void
find(struct search *se)
{
	struct store *store = call_view(se->call)->store;

	se->own = true;
	store_each_ticket(store, se->req->ticket, try_cred, se);
	se->own = false;
	se->tried = 0;
	if (se->found == NULL)
		store_each_ticket(store, se->req->ticket, try_cred, se);
}

/* ---- refusals */

static const char *
proof_text(int32_t code)
{
	switch (code) {
	case PROOF_SKEW:
		return "the clock of the program that asks is wrong by more than 5 minutes";
	case PROOF_ETYPE_NOSUPP:
		return "the subkey's encryption type is not known here";
	case PROOF_BAD_MATCH:
		return "authenticator and ticket are of different clients";
	case PROOF_MODIFIED:
	case PROOF_INAPP_CKSUM:
		return "the request's checksum does not hold";
	default:
		return "malformed request";
	}
}

struct refusal {
	int32_t code;
	const char *text;
};

/* What is to be told of lsaiso's answer. Clients of MIT show the text of code 60 only. */
static struct refusal
refusal_of(enum iso_status status)
{
	switch ((unsigned int)status) {
	case ISO_E_SESSION:
	case ISO_E_EXPIRED:
	case ISO_E_BLOB:
		return (struct refusal){ ERR_TKT_EXPIRED, "log on again" };
	case ISO_E_LOCKED:
		return (struct refusal){ ERR_GENERIC, "the session is locked: lsactl unlock" };
	case ISO_E_POLICY:
		return (struct refusal){ ERR_POLICY, "refused by the policy of lsaiso.conf" };
	case ISO_GONE: /* it may come back with all it held (a link to a host) */
		return (struct refusal){ ERR_UNAVAILABLE, "lsaiso does not answer" };
	case ISO_E_RATE:
	case ISO_E_PENDING: /* too many newer requests before the reply came */
		return (struct refusal){ ERR_UNAVAILABLE, "too many requests of this session" };
	case ISO_E_ETYPE:
		return (struct refusal){ ERR_ETYPE, "no encryption type that may be used here" };
	case ISO_E_INTEGRITY:
	case ISO_E_MISMATCH:
		return (struct refusal){ ERR_GENERIC, "the KDC's answer is not authentic" };
	default:
		return (struct refusal){ ERR_GENERIC, "malformed, or not supported here" };
	}
}

static void
refuse_for_iso(struct call *ca, uid_t owner, const char *what, enum iso_status status)
{
	struct refusal re = refusal_of(status);
	/* What any user can bring about as often as they like does not fill the log. */
	bool common = re.code == ERR_TKT_EXPIRED || re.code == ERR_UNAVAILABLE;

	log_line(common ? LOG_DEBUG : LOG_INFO, "kdc: ticket of uid %u: %s: %s",
		 (unsigned int)owner, what, rpc_status_text((uint32_t)status));
	call_refuse(ca, re.code, re.text);
}

/* ---- the answer */

/* A TGT-class ticket goes into a cache of the client's: its stand-in must be known. */
static kcode
keep(const struct call *ca, const struct der_tgs_rep *rep, const struct iso_rep_krb_tgs_open *is)
{
	const struct state *st = ca->state;
	const struct call_ticket ti = { .owner = st->owner,
					.session = st->session,
					.generation = st->generation,
					.client = { st->client, st->client_len },
					.ticket = rep->ticket,
					.part = { is->part.at, is->part.len },
					.blob = { is->blob.at, is->blob.len },
					.offset = st->offset };

	return call_keep(ca, &ti);
}

static void
answer(struct call *ca, const struct der_tgs_rep *rep, struct rd part)
{
	const struct state *st = ca->state;
	bool sub = st->subkey.etype != 0;
	krb5_keyblock key = proof_keyblock(sub ? &st->subkey : &st->standin);
	struct creds_octets cipher;
	struct der_sealed sealed;
	uint8_t *reply = NULL;
	struct wr out;

	if (creds_seal(call_crypto(ca), &key,
		       sub ? USAGE_TGS_REP_SUBKEY : USAGE_TGS_REP_SESSION_KEY, part, &cipher,
		       &sealed) == 0) {
		out.left = rep->padata.len + rep->names.len + cipher.len + DER_TGS_SLACK;
		out.at = reply = malloc(out.left);
	}
	ca->senders_alone = sub;
	if (reply != NULL && der_make_tgs_rep(rep, &sealed, &out) == 0)
		call_answer(ca, (struct rd){ out.at, out.left });
	else
		call_refuse(ca, ERR_GENERIC, "the answer could not be made");
	creds_free(&cipher);
	free(reply);
}

/* A service ticket: it may be one that lets a TGT be forwarded. */
static void
note_service(const struct call *ca, struct rd octets)
{
	const struct state *st = ca->state;
	struct der_part part;

	if (der_read_part(octets, &part) == 0)
		forward_given(call_view(ca)->cf, st->logon, &part.server,
			      (int64_t)part.endtime - st->offset);
}

static void
again(struct call *ca)
{
	state_free(ca->state);
	ca->state = NULL;
	ca->again++;
	if (tgs_begin(ca) == CALL_UNKNOWN) /* the ticket has gone, too */
		call_refuse(ca, ERR_TKT_EXPIRED, "log on again");
}

static void
open_reply(struct call *ca, const struct der_tgs_rep *rep)
{
	const struct state *st = ca->state;
	struct iso_req_krb_tgs_open ask = { .pending = st->pending, .owner = (uint32_t)st->owner };
	struct iso_rep_krb_tgs_open is;
	enum iso_status status;
	kcode code = 0;

	ask.etype = rep->enc_part.etype;
	ask.cipher = rep->enc_part.cipher;
	status = ask_krb_tgs_open(&ask, &is);
	if (again_worth(status, ca->again)) {
		again(ca);
		return;
	}
	if (status != ISO_OK) {
		refuse_for_iso(ca, st->owner, "reply", status);
		return;
	}
	if (is.verdict != ISO_RELEASED)
		code = keep(ca, rep, &is);
	else
		note_service(ca, (struct rd){ is.part.at, is.part.len });
	if (code == 0)
		answer(ca, rep, (struct rd){ is.part.at, is.part.len });
	else
		call_refuse(ca, ERR_GENERIC,
			    code == KRB5_CC_WRITE ? "too many tickets of this user ([limits])"
						  : "the new ticket could not be kept");
	explicit_bzero(is.part.at, is.part.len);
}

static void
replied(struct call *ca, struct rd reply)
{
	struct der_tgs_rep rep;

	if (reply.len > 0 && reply.at[0] == DER_KRB_ERROR)
		call_answer(ca, reply);
	else if (der_read_tgs_rep(reply, &rep) != 0)
		call_refuse(ca, ERR_GENERIC, "the KDC's answer cannot be read");
	else
		open_reply(ca, &rep);
}

/* ---- the request */

/* With lsaiso's authenticator in it; out: malloc, of the caller. */
static void
send_on(struct call *ca, const struct der_tgs_req *req, const struct der_body *body,
	const struct iso_rep_krb_tgs_seal *is)
{
	struct der_sealed authenticator = { .etype = is->etype };
	size_t len = req->padata.len + req->body.len + is->authenticator.len + DER_TGS_SLACK;
	uint8_t *message = malloc(len);
	struct wr out = { message, len };

	authenticator.cipher = (struct rd){ is->authenticator.at, is->authenticator.len };
	if (message != NULL && der_make_tgs_req(req, &authenticator, &out) == 0)
		call_send(ca, body->realm, (struct rd){ out.at, out.left }, replied);
	else
		call_refuse(ca, ERR_GENERIC, "the request could not be made");
	free(message);
}

static struct state *
state_new(const struct search *se, const struct wire_cred *wc)
{
	const struct cred *cr = se->found;
	struct state *st = calloc(1, sizeof(*st) + wc->client.octets.len);

	if (st == NULL)
		return NULL;
	st->logon = logon_ref(cr->logon);
	st->session = cr->logon->session;
	st->generation = cr->logon->generation;
	st->owner = owner_of(cr);
	st->offset = cred_offset(cr);
	st->standin = se->standin;
	st->subkey = se->subkey;
	st->client_len = wc->client.octets.len;
	memcpy(st->client, wc->client.octets.at, st->client_len);
	return st;
}

/* Have lsaiso make the checksum of PA-FOR-USER, in its place in the request. */
static int
for_user(struct call *ca, const struct search *se, struct der_tgs_req *req, struct rd client)
{
	const struct cred *cr = se->found;
	uint8_t text[ISO_FOR_USER_MAX];
	struct wr room = { text, sizeof(text) };
	struct iso_req_krb_for_user ask = { .session = cr->logon->session,
					    .generation = cr->logon->generation,
					    .owner = (uint32_t)owner_of(cr),
					    .blob = { cr->blob, cr->blob_len },
					    .client = client };
	struct iso_rep_krb_for_user is;
	enum iso_status status;
	struct rd value, mac;
	int32_t code;

	if (!der_find_padata(req->padata, DER_PA_FOR_USER, &value))
		return 0;
	code = proof_for_user(call_crypto(ca), &se->standin, value, &room, &mac);
	if (code != 0) {
		call_refuse(ca, code, proof_text(code));
		return -1;
	}
	ask.text = (struct rd){ room.at, room.left };
	status = ask_krb_for_user(&ask, &is);
	if (status == ISO_E_POLICY) {
		call_refuse(ca, ERR_POLICY, "S4U2Self is refused here ([delegation] s4u)");
		return -1;
	}
	if (status != ISO_OK) {
		refuse_for_iso(ca, owner_of(cr), "PA-FOR-USER", status);
		return -1;
	}
	/* Within ca->message, which is ours. */
	memcpy((uint8_t *)(uintptr_t)mac.at, is.mac, sizeof(is.mac));
	req->for_user = true;
	return 0;
}

static void
translate(struct call *ca, struct search *se, struct der_tgs_req *req, const struct der_body *body)
{
	struct cred *cr = se->found;
	struct rd in = { cr->octets, cr->len };
	struct wire_cred wc;
	uint8_t der[ISO_CLIENT_MAX];
	struct rd client = { der, 0 };
	struct iso_req_krb_tgs_seal ask = { .session = cr->logon->session,
					    .generation = cr->logon->generation,
					    .owner = (uint32_t)owner_of(cr),
					    .skew = cred_offset(cr),
					    .blob = { cr->blob, cr->blob_len },
					    .body = req->body };
	struct iso_rep_krb_tgs_seal is;
	enum iso_status status;

	if (wire_cred(&in, &wc) == 0)
		client.len = wire_client_der(&wc.client, der, sizeof(der));
	if (client.len == 0 || (ca->state = state_new(se, &wc)) == NULL) {
		call_refuse(ca, ERR_GENERIC, "no memory");
		return;
	}
	ca->state_free = state_free;
	if (for_user(ca, se, req, client) != 0)
		return;
	ask.client = client;
	status = ask_krb_tgs_seal(&ask, &is);
	if (status != ISO_OK) {
		refuse_for_iso(ca, owner_of(cr), "request", status);
		return;
	}
	((struct state *)ca->state)->pending = is.pending;
	cred_touch(cr);
	send_on(ca, req, body, &is);
}

/* Root may use what is anybody's; that is worth a line. */
static void
log_root(const struct call *ca, uid_t owner, const struct der_body *body)
{
	char text[NAME_TEXT];

	if (ca->uid == owner)
		return;
	wire_princ_text(&body->sname, text, sizeof(text));
	log_notice("kdc: uid %u used a ticket of uid %u to ask for %s", (unsigned int)ca->uid,
		   (unsigned int)owner, text);
}

/* What not even lsaiso is asked for; code 0: nothing is against it. */
static struct refusal
refusal_here(const struct call *ca, const struct cred *cr, const struct der_body *body)
{
	const char *why;

	if (cr->logon->dead || cr->blob_len == 0)
		return refusal_of(ISO_E_SESSION);
	if (body->has_authdata)
		return (struct refusal){ ERR_GENERIC,
					 "authorization data in a request cannot be kept here" };
	if ((body->options & DER_OPT_FORWARDED) == 0)
		return (struct refusal){ 0, NULL };
	why = forward_why_not(call_view(ca)->cf, cr);
	log_notice("kdc: a ticket of uid %u to forward: %s", (unsigned int)owner_of(cr),
		   why == NULL ? "allowed" : why);
	return (struct refusal){ why == NULL ? 0 : ERR_POLICY, why };
}

/* Who asks has shown the stand-in, or something near it. */
static void
decide(struct call *ca, struct search *se, struct der_tgs_req *req, const struct der_body *body)
{
	const struct cred *cr = se->found;
	uid_t owner = owner_of(cr);
	struct refusal re;

	if (!ca->known || (ca->uid != owner && ca->uid != 0)) {
		if (ca->known)
			log_notice("kdc: uid %u has a ticket of uid %u and its stand-in: refused",
				   (unsigned int)ca->uid, (unsigned int)owner);
		call_refuse(ca, ERR_POLICY,
			    ca->known ? "this ticket belongs to another user of this machine"
				      : "it cannot be told which user asks");
		return;
	}
	if (se->code != 0) {
		call_refuse(ca, se->code, proof_text(se->code));
		return;
	}
	re = refusal_here(ca, cr, body);
	if (re.code != 0) {
		call_refuse(ca, re.code, re.text);
		return;
	}
	log_root(ca, owner, body);
	translate(ca, se, req, body);
}

enum call_fate
tgs_begin(struct call *ca)
{
	struct search se = { .call = ca };
	struct der_tgs_req req;
	struct der_body body;
	enum call_fate fate;

	if (der_read_tgs_req(ca->message, &req) != 0 || der_read_body(req.body, &body) != 0)
		return CALL_UNKNOWN;
	se.req = &req;
	find(&se);
	/* Not ours, or shown with the real key by who has it: the KDC is the judge. */
	fate = se.found == NULL ? CALL_UNKNOWN : CALL_LATER;
	if (fate == CALL_LATER)
		decide(ca, &se, &req, &body);
	explicit_bzero(&se, sizeof(se));
	return fate;
}
