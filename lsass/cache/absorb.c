/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Logons and stand-ins. The only file of the store that asks lsaiso, and the
 * only place where the broker ever sees the key of a ticket-granting ticket:
 * from the client's message it goes to lsaiso and is overwritten at once.
 */
#include <errno.h>
#include <krb5.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/config.h"
#include "lib/log.h"
#include "lsass/ask.h"
#include "lsass/cache/private.h"

#define LIFE_MAX   31622400u /* 366 days, ops.h session_open */
#define LIFE_SLACK 600u	     /* a session outlives its last ticket by so much */
#define NTLM_LIFE  604800u   /* 7 days: an absorbed NT hash has no end of its own */
#define NTLM_HASH  16u

void
random_octets(uint8_t *at, size_t n)
{
	while (n > 0) {
		ssize_t got = getrandom(at, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			abort();
		at += got;
		n -= (size_t)got;
	}
}

/* ---- logons */

static uint64_t
session_hash(uint32_t session, uint32_t generation)
{
	return ((uint64_t)generation << 32 | session) * 0x9e3779b97f4a7c15u;
}

struct logon *
logon_new(struct store *st, uid_t owner)
{
	struct logon *lo = calloc(1, sizeof(*lo));

	if (lo == NULL)
		return NULL;
	lo->refs = 1;
	lo->owner = owner;
	lo->dead = true;
	lo->store = st;
	lo->next = st->logons;
	if (st->logons != NULL)
		st->logons->prev = lo;
	st->logons = lo;
	st->nlogons++;
	return lo;
}

int
logon_live(struct logon *lo, uint32_t session, uint32_t generation, uint32_t expires)
{
	lo->session = session;
	lo->generation = generation;
	lo->expires = expires;
	if (table_add(&lo->store->sessions, &lo->by_session, session_hash(session, generation)) !=
	    0)
		return -1;
	lo->dead = false;
	return 0;
}

struct logon *
logon_find(struct store *st, uid_t owner, uint32_t session, uint32_t generation)
{
	struct node *no = table_first(&st->sessions, session_hash(session, generation));

	for (; no != NULL; no = table_next(no)) {
		struct logon *lo = NODE_OF(no, struct logon, by_session);

		if (lo->session == session && lo->generation == generation && lo->owner == owner)
			return lo;
	}
	return NULL;
}

void
logon_die(struct logon *lo)
{
	if (lo->dead)
		return;
	table_del(&lo->store->sessions, &lo->by_session);
	lo->dead = true;
}

struct logon *
logon_ref(struct logon *lo)
{
	lo->refs++;
	return lo;
}

/* False: there is no lsaiso to tell. */
bool
logon_close(uid_t owner, uint32_t session, uint32_t generation)
{
	struct iso_req_session_close req = { .session = session,
					     .generation = generation,
					     .owner = owner };
	struct iso_rep_session_close rep;
	enum iso_status status = ask_session_close(&req, &rep);

	/* Gone or closed is what we want; it may have expired by itself. */
	if (status != ISO_OK && status != (enum iso_status)ISO_GONE && status != ISO_E_SESSION &&
	    status != ISO_E_EXPIRED)
		log_warn("uid %u: session %u not closed: %s", owner, session,
			 rpc_status_text(status));
	return status != (enum iso_status)ISO_GONE;
}

static void
logon_free(struct logon *lo)
{
	struct store *st = lo->store;

	logon_drop_note(lo);
	*(lo->prev != NULL ? &lo->prev->next : &st->logons) = lo->next;
	if (lo->next != NULL)
		lo->next->prev = lo->prev;
	st->nlogons--;
	free(lo);
}

/* A session that cannot be closed now is, if its lsaiso is back (store_boot_id). */
void
logon_unref(struct logon *lo)
{
	if (--lo->refs > 0)
		return;
	if (!lo->dead) {
		logon_die(lo);
		lo->unclosed = !logon_close(lo->owner, lo->session, lo->generation);
	}
	if (!lo->unclosed)
		logon_free(lo);
}

void
logon_settle(struct store *st, bool tell)
{
	for (struct logon *lo = st->logons, *next; lo != NULL; lo = next) {
		next = lo->next;
		if (!lo->unclosed)
			continue;
		if (tell && !logon_close(lo->owner, lo->session, lo->generation))
			continue;
		lo->unclosed = false;
		if (lo->refs == 0)
			logon_free(lo);
	}
}

void
logon_free_all(struct store *st)
{
	for (struct logon *lo = st->logons, *next; lo != NULL; lo = next) {
		next = lo->next;
		logon_free(lo);
	}
}

void
logon_verify(struct store *st)
{
	for (struct logon *lo = st->logons; lo != NULL; lo = lo->next) {
		struct iso_req_session_info req = { .session = lo->session,
						    .generation = lo->generation,
						    .owner = lo->owner };
		struct iso_rep_session_info rep;

		if (!lo->dead && ask_session_info(&req, &rep) != ISO_OK)
			logon_die(lo);
	}
}

static kcode
code_of(enum iso_status status)
{
	switch ((int)status) {
	case ISO_OK:
		return 0;
	case ISO_GONE:
		return KRB5KDC_ERR_SVC_UNAVAILABLE;
	case ISO_E_RANGE:
	case ISO_E_DER:
		return KRB5_CC_FORMAT;
	case ISO_E_ETYPE:
		return KRB5_PROG_ETYPE_NOSUPP;
	case ISO_E_POLICY:
	case ISO_E_OWNER:
	case ISO_E_LOCKED:
		return KRB5_FCC_PERM;
	case ISO_E_FULL:
		return KRB5_CC_NOMEM;
	case ISO_E_EXPIRED:
		return KRB5KRB_AP_ERR_TKT_EXPIRED;
	default:
		return KRB5KDC_ERR_SVC_UNAVAILABLE;
	}
}

/*
 * A logon that lives until `until` at least, opened if the cache has none: a
 * reference; NULL and code if there is none.
 */
static struct logon *
logon_for(struct cache *ca, int64_t until, kcode *code)
{
	uid_t owner = ca->collection->uid;
	uint32_t now = now_s();
	int64_t life = until - now + LIFE_SLACK;
	struct iso_req_session_open req = { .owner = owner };
	struct iso_rep_session_open rep;
	enum iso_status status;
	struct logon *lo;

	req.lifetime = life < 1 ? 1 : life > LIFE_MAX ? LIFE_MAX : (uint32_t)life;
	if (ca->logon != NULL && !ca->logon->dead && ca->logon->expires >= now + req.lifetime)
		return logon_ref(ca->logon);
	status = ask_session_open(&req, &rep);
	*code = code_of(status);
	if (status != ISO_OK)
		return NULL;
	lo = logon_new(ca->collection->store, owner);
	if (lo == NULL || logon_live(lo, rep.session, rep.generation, now + req.lifetime) != 0) {
		(void)logon_close(owner, rep.session, rep.generation);
		if (lo != NULL)
			logon_unref(lo);
		*code = KRB5_CC_NOMEM;
		return NULL;
	}
	return lo;
}

/* ---- stand-ins */

/* What is being absorbed: the key octets, which are the caller's buffer. */
struct secret {
	uint32_t kind;
	int32_t etype;
	uint8_t *at;
	size_t len;
	int64_t endtime; /* our clock */
	int64_t until;
};

static kcode
seal(struct cache *ca, const struct wire_princ *client, const struct secret *se, struct sealed *out)
{
	uint8_t der[ISO_CLIENT_MAX];
	struct iso_req_cred_absorb req = { .kind = se->kind,
					   .etype = se->etype,
					   .endtime = se->endtime,
					   .owner = ca->collection->uid,
					   .key = { se->at, se->len } };
	struct iso_rep_cred_absorb rep;
	struct logon *lo;
	kcode code = 0;

	req.client = (struct rd){ der, wire_client_der(client, der, sizeof(der)) };
	if (req.client.len == 0 || se->len > ISO_KEY_MAX)
		return KRB5_CC_FORMAT;
	lo = logon_for(ca, se->until, &code);
	if (lo == NULL)
		return code;
	req.session = lo->session;
	req.generation = lo->generation;
	code = code_of(ask_cred_absorb(&req, &rep));
	if (code != 0) {
		logon_unref(lo);
		return code;
	}
	memcpy(out->blob, rep.blob.at, rep.blob.len);
	out->blob_len = (uint16_t)rep.blob.len;
	out->logon = lo;
	if (ca->logon != lo) {
		if (ca->logon != NULL)
			logon_unref(ca->logon);
		ca->logon = logon_ref(lo);
	}
	ca->collection->store->absorbed++;
	return 0;
}

/* Is this a copy of a credential whose stand-in we gave out? */
static bool
known(struct collection *co, const struct wire_cred *wc, struct sealed *out)
{
	struct wire_princ pr = { .realm = wc->key };
	struct node *no = table_first(&co->standins, wire_princ_hash(&pr));

	for (; no != NULL; no = table_next(no)) {
		struct cred *cr = NODE_OF(no, struct cred, by_standin);
		struct wire_cred mine;

		if (cred_parse(cr, &mine) != 0 || mine.key.len != wc->key.len ||
		    mine.ticket.len != wc->ticket.len ||
		    memcmp(mine.key.at, wc->key.at, wc->key.len) != 0 ||
		    (wc->ticket.len > 0 &&
		     memcmp(mine.ticket.at, wc->ticket.at, wc->ticket.len) != 0))
			continue;
		out->logon = logon_ref(cr->logon);
		out->blob_len = cr->blob_len;
		if (cr->blob_len > 0)
			memcpy(out->blob, cr->blob, cr->blob_len);
		if (cr->loose)
			kept_remove(cr);
		return true;
	}
	return false;
}

/* An NT hash that a Heimdal client keeps in a config entry. */
static kcode
absorb_ntlm(struct cache *ca, uint8_t *at, const struct wire_cred *wc, struct sealed *out)
{
	struct secret se = { .kind = ISO_KIND_NTLM, .at = at, .len = wc->ticket.len };
	kcode code = ABSORB_DROP;

	if (se.len == NTLM_HASH) {
		se.endtime = (int64_t)now_s() + NTLM_LIFE;
		se.until = se.endtime;
		code = seal(ca, &wc->client, &se, out);
	}
	explicit_bzero(at, wc->ticket.len);
	return code;
}

static kcode
absorb_tgt(struct cache *ca, uint8_t *at, const struct wire_cred *wc, struct sealed *out)
{
	struct secret se = { .kind = ISO_KIND_TGT,
			     .etype = wc->etype,
			     .at = at,
			     .len = wc->key.len,
			     .endtime = (int64_t)wc->endtime - ca->kdc_offset };
	int64_t renew = (int64_t)wc->renew_till - ca->kdc_offset;
	kcode code = KRB5KRB_AP_ERR_TKT_EXPIRED;

	se.until = renew > se.endtime ? renew : se.endtime;
	if (se.endtime > now_s())
		code = seal(ca, &wc->client, &se, out);
	if (code == KRB5KRB_AP_ERR_TKT_EXPIRED) {
		/* Worth nothing any more: forget the key, keep the entry. */
		out->logon = logon_new(ca->collection->store, ca->collection->uid);
		code = out->logon != NULL ? 0 : KRB5_CC_NOMEM;
	}
	random_octets(at, wc->key.len);
	return code;
}

kcode
absorb(struct cache *ca, uint8_t *octets, const struct wire_cred *wc, struct sealed *out)
{
	bool config = wire_is_config(&wc->server);

	*out = (struct sealed){ 0 };
	if (config && wc->server.ncomp > 1 && wc->server.comp[1].len >= 9 &&
	    memcmp(wc->server.comp[1].at, "ntlm-key-", 9) == 0)
		return absorb_ntlm(ca, octets + (wc->ticket.at - octets), wc, out);
	if (!wire_is_tgt_class(&wc->server, wc->is_skey) || wc->key.len == 0)
		return 0;
	if (known(ca->collection, wc, out))
		return 0;
	if (strcmp(ca->collection->store->cf->kcm_plain_logon, "refuse") == 0) {
		ca->collection->store->plain_refused++;
		explicit_bzero(octets + (wc->key.at - octets), wc->key.len);
		return KRB5_FCC_PERM;
	}
	return absorb_tgt(ca, octets + (wc->key.at - octets), wc, out);
}
