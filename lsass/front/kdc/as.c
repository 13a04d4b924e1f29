/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * AS-REQ of a principal whose keys are stand-ins in a keytab (lsass/keytab).
 *
 *   without a timestamp  to the KDC as it is; of its METHOD-DATA only what a key can answer
 *                        comes back (no SPAKE, PKINIT, FAST). A KDC that is content without
 *                        makes no difference: the timestamp is what shows the stand-in
 *   with one             it opens under a stand-in -> a session of the sender's -> the kept key
 *                        (key_take) -> ask_krb_as_seal -> the KDC. Is that key refused, then the
 *                        next version of it, if there is one
 *   AS-REP               ask_krb_as_open -> under the stand-in, without PA-FX-FAST in the sealed
 *                        part: else the client would armour with a key that the KDC does not have
 *
 * Only for root and for the owner of the keytab; what opens under no stand-in is
 * somebody who types a password, and goes to the KDC as it is.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* explicit_bzero */
#endif
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "lib/log.h"
#include "lsass/ask.h"
#include "lsass/cache/store.h"
#include "lsass/front/kdc/private.h"
#include "lsass/keytab/keytab.h"
#include "lsass/logon/logons.h"
#include "lsass/tgs/as_part.h"
#include "lsass/tgs/der_fast.h"

/* RFC 4120 7.5.9, RFC 6113 section 3.1 */
#define ERR_NEVER_VALID	     11
#define ERR_POLICY	     12
#define ERR_ETYPE	     14
#define ERR_PREAUTH_FAILED   24
#define ERR_PREAUTH_REQUIRED 25
#define ERR_UNAVAILABLE	     29
#define ERR_BAD_INTEGRITY    31
#define ERR_GENERIC	     60
#define ERR_MORE_PREAUTH     91

#define SKEW_MAX   86400 /* seconds that two clocks may differ by: lsaiso's limit, too */
#define CIPHER_MAX 160	 /* octets of a sealed PA-ENC-TS-ENC and its EncryptedData */
#define CLIENT_MAX 2048	 /* of a principal as lsass/wire.h has it */

/* A request on its way. The key is a copy: it may be dropped meanwhile. */
struct as_call {
	struct standin_key sk;	  /* next and path are not used */
	struct der_as_req req;	  /* views into the call's message */
	struct rd realm;	  /* the same */
	struct creds_octets sent; /* what the KDC has got */
	uint32_t session, generation;
	size_t version; /* of the key, that was tried last */
	int32_t skew;	/* KDC's clock minus ours, as the client thinks */
	bool stamped;	/* it came with a timestamp under the stand-in */
	bool other;	/* it is for something else than a TGT */
	bool refused;	/* the KDC did not take an earlier version */
};

static void
state_free(void *arg)
{
	struct as_call *st = arg;

	creds_free(&st->sent);
	explicit_bzero(st, sizeof(*st));
	free(st);
}

/* Who may use a key: root, and whose file it is. */
static bool
may_use(const struct call *ca, const struct standin_key *sk)
{
	return ca->known && (ca->uid == 0 || ca->uid == sk->owner);
}

static krb5_keyblock
keyblock(const struct standin_key *sk)
{
	return (krb5_keyblock){ .magic = KV5M_KEYBLOCK,
				.enctype = sk->etype,
				.length = sk->key_len,
				.contents = (krb5_octet *)(uintptr_t)sk->key };
}

static void
refuse(struct call *ca, int32_t code, const char *text)
{
	const struct as_call *st = ca->state;

	log_notice("kdc: uid %u: %s: %s", (unsigned int)ca->uid, st->sk.name, text);
	call_refuse(ca, code, text);
}

/* lsaiso refused. */
static void
refuse_iso(struct call *ca, const char *what, enum iso_status status)
{
	char text[256];

	(void)snprintf(text, sizeof(text), "%s: %s", what, rpc_status_text((uint32_t)status));
	if (status == ISO_E_BLOB)
		(void)snprintf(
		    text, sizeof(text),
		    "the keys of this keytab were kept under another root key of lsaiso: "
		    "get new ones from the KDC and lsactl keytab import");
	else if (status == ISO_E_ETYPE)
		(void)snprintf(text, sizeof(text),
			       "keys of this encryption type are not used here ([krb5] rc4)");
	refuse(ca,
	       status == ISO_E_ETYPE					     ? ERR_ETYPE
	       : status == (enum iso_status)ISO_GONE || status == ISO_E_RATE ? ERR_UNAVAILABLE
									     : ERR_POLICY,
	       text);
}

static bool
begin_session(struct call *ca)
{
	struct as_call *st = ca->state;
	enum iso_status status = ISO_OK;
	const struct logon *lo = logons_keytab(call_view(ca)->logons, ca->uid, st->sk.name,
					       &status);

	if (lo == NULL) {
		refuse_iso(ca, "no session in lsaiso", status);
		return false;
	}
	st->session = lo->session;
	st->generation = lo->generation;
	return true;
}

/* ---- the answer: a ticket */

/* The wire.h form of a name that came as DER. 0: it does not fit. */
static size_t
put_client(const struct wire_princ *client, uint8_t at[CLIENT_MAX])
{
	size_t n = 8;

	wire_set_u32(at, (uint32_t)client->type);
	wire_set_u32(at + 4, client->ncomp);
	for (uint32_t i = 0; i <= client->ncomp; i++) {
		const struct rd *part = i == 0 ? &client->realm : &client->comp[i - 1];

		if (part->len > CLIENT_MAX - 4 - n)
			return 0;
		wire_set_u32(at + n, (uint32_t)part->len);
		memcpy(at + n + 4, part->at, part->len);
		n += 4 + part->len;
	}
	return n;
}

static int32_t
keep_ticket(struct call *ca, const struct der_as_rep *rep, const struct iso_rep_krb_as_open *is)
{
	const struct as_call *st = ca->state;
	uint8_t client[CLIENT_MAX];
	const struct call_ticket ti = { .owner = ca->uid,
					.session = st->session,
					.generation = st->generation,
					.client = { client, put_client(&rep->client, client) },
					.ticket = rep->ticket,
					.part = { is->part.at, is->part.len },
					.blob = { is->blob.at, is->blob.len },
					.offset = st->skew };

	return ti.client.len != 0 ? call_keep(ca, &ti) : KRB5KRB_AP_ERR_MSG_TYPE;
}

/* Without PA-FX-FAST, under the stand-in. */
static int32_t
make_reply(struct call *ca, const struct der_as_rep *rep, const struct iso_rep_krb_as_open *is,
	   struct creds_octets *reply)
{
	const struct as_call *st = ca->state;
	krb5_keyblock key = keyblock(&st->sk);
	uint8_t buf[ISO_PART_MAX + DER_AS_SLACK];
	struct wr part = { buf, sizeof(buf) };
	int32_t code = KRB5KRB_AP_ERR_MSG_TYPE;

	if (der_make_part_without((struct rd){ is->part.at, is->part.len }, DER_PA_FX_FAST,
				  &part) == 0)
		code = as_part_reply(call_crypto(ca), &key, ca->message, rep,
				     (struct rd){ part.at, part.left }, reply);
	explicit_bzero(buf, sizeof(buf));
	return code;
}

/* The kept key for this session. */
static enum iso_status
take(const struct call *ca, size_t version, struct iso_rep_key_take *is)
{
	const struct as_call *st = ca->state;

	return kept_take(&st->sk.versions[version], st->sk.name, st->session, st->generation,
			 ca->uid, is);
}

static enum iso_status
open_with(const struct call *ca, const struct der_as_rep *rep, size_t version,
	  struct iso_rep_krb_as_open *is)
{
	const struct as_call *st = ca->state;
	struct iso_req_krb_as_open ask = { .session = st->session,
					   .generation = st->generation,
					   .owner = ca->uid,
					   .skew = st->skew,
					   .nonce = st->req.nonce,
					   .etype = rep->enc_part.etype,
					   .cipher = rep->enc_part.cipher };
	uint8_t client[ISO_CLIENT_MAX];
	struct iso_rep_key_take key;
	enum iso_status status = take(ca, version, &key);

	if (status == ISO_OK) {
		ask.key = (struct rd){ key.blob.at, key.blob.len };
		ask.name = (struct rd){ (const uint8_t *)st->sk.name, strlen(st->sk.name) };
		ask.client = (struct rd){ client,
					  wire_client_der(&rep->client, client, sizeof(client)) };
		ask.request = (struct rd){ st->sent.at, st->sent.len };
		status = ask_krb_as_open(&ask, is);
	}
	explicit_bzero(&key, sizeof(key));
	return status;
}

/* The reply may be under a key of another type than the timestamp was: one of the same file. */
static bool
pick(struct call *ca, int32_t etype)
{
	struct as_call *st = ca->state;
	struct standin_key *sk = keytab_named(call_view(ca)->keytab, st->sk.name), *same = NULL;

	if (st->sk.etype == etype)
		return true;
	for (struct standin_key *at = sk; at != NULL; at = at->next) {
		if (at->etype == st->sk.etype && at->key_len == st->sk.key_len &&
		    memcmp(at->key, st->sk.key, at->key_len) == 0)
			same = at;
	}
	for (; sk != NULL; sk = sk->next) {
		if (sk->etype != etype || !may_use(ca, sk) ||
		    (same != NULL && strcmp(same->path, sk->path) != 0))
			continue;
		st->sk = *sk;
		st->version = 0;
		return true;
	}
	return false;
}

/* Another version than the first one was right: it comes first from now on. */
static void
note_version(const struct call *ca, size_t version)
{
	const struct as_call *st = ca->state;
	struct keytab *kt = call_view(ca)->keytab;
	struct standin_key *sk = keytab_named(kt, st->sk.name);

	for (; sk != NULL; sk = sk->next) {
		if (sk->etype != st->sk.etype || sk->key_len != st->sk.key_len ||
		    memcmp(sk->key, st->sk.key, sk->key_len) != 0)
			continue;
		/* It may have been changed meanwhile: the same sealed octets, wherever. */
		for (size_t i = 1; i < sk->nversions; i++) {
			if (sk->versions[i].len != st->sk.versions[version].len ||
			    memcmp(sk->versions[i].kept, st->sk.versions[version].kept,
				   sk->versions[i].len) != 0)
				continue;
			log_notice("kdc: %s, etype %d: the KDC has version %u of the key", sk->name,
				   sk->etype, sk->versions[i].kvno);
			if (standin_worked(sk, i))
				keytab_commit(kt, sk->name, NULL, NULL);
			return;
		}
	}
}

static void
give_ticket(struct call *ca, struct rd message)
{
	struct as_call *st = ca->state;
	struct iso_rep_krb_as_open is = { 0 };
	enum iso_status status = ISO_E_INTEGRITY;
	struct creds_octets reply = { 0 };
	struct der_as_rep rep;
	int32_t code = KRB5KRB_AP_ERR_MSG_TYPE;
	size_t v = 0;

	if (der_read_as_rep(message, &rep) != 0) {
		refuse(ca, ERR_GENERIC, "the KDC's answer cannot be read");
		return;
	}
	if (!pick(ca, rep.enc_part.etype)) {
		refuse(ca, ERR_ETYPE,
		       "the KDC answers under an encryption type of which the keytab has no key");
		return;
	}
	/* First the one that the KDC took the timestamp of. */
	for (size_t i = 0; i < st->sk.nversions && status == ISO_E_INTEGRITY; i++) {
		v = (st->version + i) % st->sk.nversions;
		status = open_with(ca, &rep, v, &is);
	}
	if (status == ISO_E_INTEGRITY || status == ISO_E_MISMATCH) {
		refuse(ca, ERR_BAD_INTEGRITY,
		       status == ISO_E_MISMATCH
			   ? "the KDC's answer is not one to this request"
			   : "no key that is kept opens the KDC's answer: was the principal given "
			     "new ones? lsactl keytab import");
	} else if (status != ISO_OK) {
		refuse_iso(ca, "the KDC's answer", status);
	} else {
		note_version(ca, v);
		code = keep_ticket(ca, &rep, &is);
		if (code == 0)
			code = make_reply(ca, &rep, &is, &reply);
		explicit_bzero(&is, sizeof(is));
		if (code == 0)
			call_answer(ca, (struct rd){ reply.at, reply.len });
		else
			refuse(ca, ERR_GENERIC, "the ticket could not be kept");
	}
	explicit_bzero(&is, sizeof(is));
	creds_free(&reply);
}

/* ---- the answer: an error */

static bool try_version(struct call *ca);

/* Of what the KDC wants only what a key can answer. */
static void
give_error(struct call *ca, struct rd message, const struct der_error *error)
{
	static const int32_t kept[] = { DER_PA_ENC_TIMESTAMP, DER_PA_ETYPE_INFO2, DER_PA_ETYPE_INFO,
					DER_PA_PW_SALT, DER_PA_FX_COOKIE };
	struct der_pa pa[sizeof(kept) / sizeof(kept[0])];
	struct creds_octets octets = { 0 };
	struct rd list, value;
	struct wr out;
	size_t n = 0;

	if (der_read_method_data(error->data, &list) == 0) {
		for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
			if (der_find_padata(list, kept[i], &value))
				pa[n++] = (struct der_pa){ kept[i], value };
		}
	}
	if (as_part_room(&octets, message.len + DER_AS_SLACK, &out) != 0 ||
	    der_make_error(error, pa, n, &out) != 0) {
		creds_free(&octets);
		refuse(ca, ERR_GENERIC, "the KDC's answer cannot be read");
		return;
	}
	as_part_fit(&octets, &out);
	call_answer(ca, (struct rd){ octets.at, octets.len });
	creds_free(&octets);
}

/*
 * The KDC wants no timestamp, we do: which of a principal's keytabs it is, or whether somebody
 * types a password, shows in nothing else.
 */
static void
want_stamp(struct call *ca, struct rd message)
{
	const struct as_call *st = ca->state;
	struct der_pa pa[] = { { DER_PA_ENC_TIMESTAMP, { (const uint8_t *)"", 0 } },
			       { DER_PA_ETYPE_INFO2, { (const uint8_t *)"", 0 } } };
	uint8_t front[1024], types[64];
	struct wr made = { front, sizeof(front) }, info = { types, sizeof(types) }, out;
	struct creds_octets octets = { 0 };
	struct der_as_rep rep;
	struct der_error error;

	if (der_read_as_rep(message, &rep) != 0) {
		refuse(ca, ERR_GENERIC, "the KDC's answer cannot be read");
		return;
	}
	if (!der_find_padata(rep.padata, DER_PA_ETYPE_INFO2, &pa[1].value) &&
	    der_make_info(&(struct der_info){ .etype = rep.enc_part.etype }, &info) == 0)
		pa[1].value = (struct rd){ info.at, info.left };
	if (error_make(ERR_PREAUTH_REQUIRED, st->realm, "a timestamp is wanted", &made) == 0 &&
	    der_read_error((struct rd){ made.at, made.left }, &error) == 0 &&
	    as_part_room(&octets, made.left + pa[1].value.len + DER_AS_SLACK, &out) == 0 &&
	    der_make_error(&error, pa, sizeof(pa) / sizeof(pa[0]), &out) == 0) {
		as_part_fit(&octets, &out);
		call_answer(ca, (struct rd){ octets.at, octets.len });
	} else {
		refuse(ca, ERR_GENERIC, "the answer could not be made");
	}
	creds_free(&octets);
}

/*
 * All versions were tried that there were when the request came. The key may have changed while
 * it was on its way: is there one that was not? Then that is the only one left.
 */
static bool
look_again(struct call *ca)
{
	struct as_call *st = ca->state;
	const struct standin_key *sk = keytab_named(call_view(ca)->keytab, st->sk.name);
	bool tried;

	while (sk != NULL && (sk->etype != st->sk.etype || sk->key_len != st->sk.key_len ||
			      memcmp(sk->key, st->sk.key, sk->key_len) != 0))
		sk = sk->next;
	for (size_t i = 0; sk != NULL && i < sk->nversions; i++) {
		tried = false;
		for (size_t j = 0; j < st->sk.nversions; j++)
			tried = tried || (sk->versions[i].len == st->sk.versions[j].len &&
					  memcmp(sk->versions[i].kept, st->sk.versions[j].kept,
						 sk->versions[i].len) == 0);
		if (tried)
			continue;
		if (st->sk.nversions == KEYTAB_VERSIONS_MAX)
			st->sk.nversions--;
		st->version = st->sk.nversions++;
		st->sk.versions[st->version] = sk->versions[i];
		return true;
	}
	return false;
}

static void
replied(struct call *ca, struct rd reply)
{
	struct as_call *st = ca->state;
	struct der_error error;

	if (reply.len == 0 || reply.at[0] != DER_KRB_ERROR) {
		if (st->other)
			call_answer(ca, reply);
		else if (st->stamped)
			give_ticket(ca, reply);
		else
			want_stamp(ca, reply);
		return;
	}
	if (der_read_error(reply, &error) != 0) {
		refuse(ca, ERR_GENERIC, "the KDC's answer cannot be read");
		return;
	}
	if (st->stamped && (error.code == ERR_PREAUTH_FAILED || error.code == ERR_BAD_INTEGRITY)) {
		st->version++;
		st->refused = true;
		if (st->version < st->sk.nversions && try_version(ca))
			return;
		if (look_again(ca) && try_version(ca))
			return;
		log_notice("kdc: uid %u: %s: the KDC takes none of the keys that are kept (%zu)",
			   (unsigned int)ca->uid, st->sk.name, st->sk.nversions);
	}
	if (error.code == ERR_PREAUTH_FAILED || error.code == ERR_PREAUTH_REQUIRED ||
	    error.code == ERR_MORE_PREAUTH)
		give_error(ca, reply, &error);
	else
		call_answer(ca, reply);
}

/* ---- the request */

/*
 * The client's request with that timestamp: st->sent. MIT's KDC always says that its answer
 * has a checksum of the request, and puts one there only for who asks; some do not ask.
 */
static int
make_request(struct call *ca, const struct der_pa *stamp)
{
	struct as_call *st = ca->state;
	const struct der_pa ask = { .type = DER_PA_REQ_ENC_PA_REP };
	struct creds_octets asking = { 0 };
	struct der_as_req req = st->req;
	struct wr out;
	struct rd value;
	int bad = 0;

	if (!der_find_padata(req.padata, ask.type, &value)) {
		bad = as_part_room(&asking, ca->message.len + DER_AS_SLACK, &out) != 0 ||
		      der_add_as_req(&st->req, &ask, &out) != 0;
		if (!bad)
			as_part_fit(&asking, &out);
		bad = bad || der_read_as_req((struct rd){ asking.at, asking.len }, &req) != 0;
	}
	if (bad ||
	    as_part_room(&st->sent, ca->message.len + stamp->value.len + (size_t)2 * DER_AS_SLACK,
			 &out) != 0 ||
	    der_make_as_req(&req, DER_PA_ENC_TIMESTAMP, stamp, &out) != 0) {
		creds_free(&asking);
		return -1;
	}
	as_part_fit(&st->sent, &out);
	creds_free(&asking);
	return 0;
}

/* With a timestamp of lsaiso's in place of the client's. */
static enum iso_status
seal(struct call *ca)
{
	struct as_call *st = ca->state;
	struct iso_req_krb_as_seal ask = { .session = st->session,
					   .generation = st->generation,
					   .owner = ca->uid,
					   .skew = st->skew };
	uint8_t cipher[CIPHER_MAX];
	struct wr room = { cipher, sizeof(cipher) };
	struct der_pa pa = { .type = DER_PA_ENC_TIMESTAMP };
	struct iso_rep_krb_as_seal is;
	struct iso_rep_key_take key;
	struct der_sealed sealed;
	enum iso_status status = take(ca, st->version, &key);

	if (status == ISO_OK) {
		ask.key = (struct rd){ key.blob.at, key.blob.len };
		ask.name = (struct rd){ (const uint8_t *)st->sk.name, strlen(st->sk.name) };
		status = ask_krb_as_seal(&ask, &is);
	}
	explicit_bzero(&key, sizeof(key));
	if (status != ISO_OK)
		return status;
	sealed = (struct der_sealed){ is.etype, { is.cipher.at, is.cipher.len } };
	if (der_make_sealed(&sealed, &room) != 0)
		return ISO_E_RANGE;
	pa.value = (struct rd){ room.at, room.left };
	return make_request(ca, &pa) == 0 ? ISO_OK : ISO_E_RANGE;
}

/*
 * With the version that is next, or one after it. False: there is none. True: it is on its way, or
 * the call was refused.
 */
static bool
try_version(struct call *ca)
{
	struct as_call *st = ca->state;
	enum iso_status status = ISO_E_BLOB;

	for (; st->version < st->sk.nversions; st->version++) {
		status = seal(ca);
		if (status == ISO_OK) {
			call_send(ca, st->realm, (struct rd){ st->sent.at, st->sent.len }, replied);
			return true;
		}
		if (status != ISO_E_BLOB)
			break;
	}
	if (st->refused && status == ISO_E_BLOB) /* the KDC's word is the better one */
		return false;
	refuse_iso(ca, "the key", status);
	return true;
}

/* Which stand-in the timestamp was made with. */
static struct standin_key *
find_stamp(struct call *ca, struct standin_key *sk, struct rd value, int32_t *skew)
{
	struct der_sealed sealed;
	uint32_t seconds;
	int64_t away;

	if (der_read_sealed(value, &sealed) != 0)
		return NULL;
	for (; sk != NULL; sk = sk->next) {
		krb5_keyblock key = keyblock(sk);

		if (!may_use(ca, sk) ||
		    as_part_stamp(call_crypto(ca), &key, &sealed, &seconds) != 0)
			continue;
		away = (int64_t)seconds - time(NULL);
		*skew = (int32_t)(away > SKEW_MAX ? SKEW_MAX : away < -SKEW_MAX ? -SKEW_MAX : away);
		return sk;
	}
	return NULL;
}

/* Whether the session's key would be of use: only a TGT's is. */
static const char *
why_not(const struct der_body *body, const struct rd *fast)
{
	const struct wire_princ *server = &body->sname;

	if (fast->at != NULL)
		return "FAST with a keytab of stand-ins cannot be: its key is in lsaiso. Leave the "
		       "armour cache out (kinit -T)";
	if (body->has_sname && server->ncomp == 2 && wire_is(server->comp[0], "kadmin"))
		return "the password of a keytab of stand-ins is not changed by kpasswd: lsactl "
		       "keytab rotate";
	if (!body->has_sname || server->ncomp != 2 || !wire_is(server->comp[0], "krbtgt"))
		return "with a keytab of stand-ins only a TGT can be had; then: kvno SERVICE";
	return NULL;
}

/* The first one that this sender may use; NULL: none. */
static struct standin_key *
usable(const struct call *ca, const struct wire_princ *client)
{
	struct standin_key *sk = keytab_find(call_view(ca)->keytab, client);

	while (sk != NULL && !may_use(ca, sk))
		sk = sk->next;
	return sk;
}

static bool
found(struct cred *cr, void *arg)
{
	*(struct cred **)arg = cr;
	return true;
}

/*
 * Armour made with a stand-in: no KDC opens it. Nor can it be made anew, because what a password
 * proves itself with is under the armour's key, too.
 */
static bool
armour_refused(struct call *ca, const struct der_as_req *req)
{
	struct cred *cr = NULL;
	struct rd value, ticket;

	if (!der_find_padata(req->padata, DER_PA_FX_FAST, &value) ||
	    der_read_fast_armor(value, &ticket) != 0)
		return false;
	store_each_ticket(call_view(ca)->store, ticket, found, &cr);
	if (cr == NULL)
		return false;
	log_notice("kdc: uid %u: FAST armour made with a stand-in: refused", (unsigned int)ca->uid);
	call_refuse(ca, ERR_POLICY,
		    "FAST armour cannot be made with a stand-in: leave the armour cache out "
		    "(kinit -T), or lsactl logon");
	return true;
}

enum call_fate
as_begin(struct call *ca)
{
	struct rd stamp = { NULL, 0 }, fast = { NULL, 0 };
	struct standin_key *sk;
	struct as_call *st;
	struct der_as_req req;
	struct der_body body;
	const char *why;
	int32_t skew = 0;
	bool stamped;

	if (der_read_as_req(ca->message, &req) != 0)
		return CALL_UNKNOWN;
	if (armour_refused(ca, &req))
		return CALL_LATER;
	if (call_view(ca)->keytab == NULL || der_read_body(req.body, &body) != 0 || !body.has_cname)
		return CALL_UNKNOWN;
	sk = usable(ca, &body.cname);
	if (sk == NULL)
		return CALL_UNKNOWN;
	if (!der_find_padata(req.padata, DER_PA_FX_FAST, &fast))
		fast.at = NULL;
	stamped = der_find_padata(req.padata, DER_PA_ENC_TIMESTAMP, &stamp);
	if (stamped)
		sk = find_stamp(ca, sk, stamp, &skew);
	if (sk == NULL) /* somebody typed a password */
		return CALL_UNKNOWN;
	why = why_not(&body, &fast);
	st = calloc(1, sizeof(*st));
	if (st == NULL)
		return CALL_UNKNOWN;
	ca->state = st;
	ca->state_free = state_free;
	st->sk = *sk;
	st->req = req;
	st->realm = body.realm;
	st->skew = skew;
	st->stamped = stamped;
	st->other = why != NULL;
	if (why != NULL && (stamped || fast.at != NULL)) { /* else nobody knows yet who that is */
		refuse(ca, ERR_POLICY, why);
		return CALL_LATER;
	}
	if (!stamped) {
		call_send(ca, body.realm, ca->message, replied);
		return CALL_LATER;
	}
	if (begin_session(ca))
		(void)try_version(ca);
	return CALL_LATER;
}
