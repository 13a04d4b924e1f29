/* SPDX-License-Identifier: GPL-3.0-or-later */
/* FAST around the messages of a logon. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* explicit_bzero */
#endif
#include "lsass/logon/fast.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/log.h"
#include "lsass/tgs/der_fast.h"

#define ARMOR_SECONDS 120 /* an authenticator is good for five minutes */
#define DER_SLACK     256

/* RFC 4120 7.5.9: codes of a KDC that did not take the AP-REQ, and of one that wants more */
#define ERR_AP_FIRST	     31 /* KRB_AP_ERR_BAD_INTEGRITY */
#define ERR_AP_LAST	     50 /* KRB_AP_ERR_INAPP_CKSUM */
#define ERR_PREAUTH_REQUIRED 25

void
fast_armor_free(struct fast_armor *armor)
{
	creds_free(&armor->ap_req);
	explicit_bzero(armor, sizeof(*armor));
}

static struct rd
rd_of(const struct creds_octets *octets)
{
	return (struct rd){ octets->at, octets->len };
}

/* Room that something is written at the end of. */
static int32_t
room(struct creds_octets *to, size_t n, struct wr *out)
{
	to->at = malloc(n);
	if (to->at == NULL)
		return ENOMEM;
	to->len = n;
	*out = (struct wr){ to->at, n };
	return 0;
}

static void
fit(struct creds_octets *to, const struct wr *written)
{
	memmove(to->at, written->at, written->left);
	to->len = written->left;
}

static void
forget_armor(struct fast *fa)
{
	fast_armor_free(&fa->armor);
	creds_free(&fa->realm);
}

/* ---- which armour */

static int64_t
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static bool
usable(const struct fast *fa, struct rd realm, int32_t skew)
{
	return fa->realm.len == realm.len && realm.len != 0 &&
	       memcmp(fa->realm.at, realm.at, realm.len) == 0 && fa->skew == skew &&
	       now() - fa->made < ARMOR_SECONDS;
}

static int32_t
get_armor(struct fast *fa, struct rd realm, int32_t skew)
{
	const struct fast_source *source = fa->source;
	int32_t code;

	if (usable(fa, realm, skew))
		return 0;
	forget_armor(fa);
	code = source->get(source->arg, fa->ctx, realm, skew, &fa->armor);
	if (code != 0)
		return code;
	fa->realm.at = malloc(realm.len);
	if (fa->realm.at == NULL)
		return ENOMEM;
	memcpy(fa->realm.at, realm.at, realm.len);
	fa->realm.len = realm.len;
	fa->skew = skew;
	fa->made = now();
	return 0;
}

static int32_t
on_begin(void *arg, struct rd realm, int32_t skew, int32_t *etype, struct rd *key)
{
	struct fast *fa = arg;
	int32_t code;

	*etype = 0;
	*key = (struct rd){ NULL, 0 };
	if (fa->plain)
		return 0;
	code = get_armor(fa, realm, skew);
	if (code == KRB5_KDC_UNREACH || code == KRB5_REALM_CANT_RESOLVE || code == ENOMEM)
		return code;
	if (code != 0) {
		log_line(fa->source->must ? LOG_WARNING : LOG_INFO,
			 "logon: no armour for realm %.*s: %s", (int)realm.len,
			 (const char *)realm.at, error_message(code));
		fa->plain = !fa->source->must;
		return fa->source->must ? KRB5_ERR_FAST_REQUIRED : 0;
	}
	*etype = fa->armor.etype;
	*key = (struct rd){ fa->armor.key, fa->armor.len };
	return 0;
}

static krb5_keyblock
armor_key(struct fast *fa)
{
	krb5_keyblock key = { .magic = KV5M_KEYBLOCK, .enctype = fa->armor.etype };

	key.length = (unsigned int)fa->armor.len;
	key.contents = fa->armor.key;
	return key;
}

/* ---- to the KDC */

/* Encrypt under the armour key. cipher: out, owned. */
static int32_t
seal(struct fast *fa, krb5_keyusage usage, struct rd plain, struct creds_octets *cipher)
{
	krb5_keyblock key = armor_key(fa);
	krb5_data in = creds_data(plain);
	krb5_enc_data enc = { .magic = KV5M_ENC_DATA };
	struct wr out;
	size_t len;
	krb5_error_code code = krb5_c_encrypt_length(fa->ctx, key.enctype, plain.len, &len);

	if (code == 0)
		code = room(cipher, len, &out);
	if (code != 0)
		return code;
	enc.ciphertext = creds_data(rd_of(cipher));
	return krb5_c_encrypt(fa->ctx, &key, usage, NULL, &in, &enc);
}

/* The message, of a request whose KrbFastReq is sealed. */
static int32_t
make_message(struct fast *fa, const struct der_as_req *req, struct rd cipher,
	     struct creds_octets *message)
{
	krb5_keyblock key = armor_key(fa);
	struct der_sealed sealed = { key.enctype, cipher };
	krb5_data body = creds_data(req->body);
	krb5_checksum sum = { 0 };
	struct der_checksum der_sum;
	struct wr out;
	krb5_error_code code;

	code = krb5_c_make_checksum(fa->ctx, 0, &key, FAST_USAGE_REQ_CHECKSUM, &body, &sum);
	if (code != 0)
		return code;
	der_sum.type = sum.checksum_type;
	der_sum.octets = (struct rd){ sum.contents, sum.length };
	code = room(message, req->body.len + fa->armor.ap_req.len + cipher.len + DER_SLACK, &out);
	if (code == 0 &&
	    der_make_fast_as_req(req->body, rd_of(&fa->armor.ap_req), &der_sum, &sealed, &out) != 0)
		code = KRB5KRB_AP_ERR_MSG_TYPE;
	if (code == 0)
		fit(message, &out);
	krb5_free_checksum_contents(fa->ctx, &sum);
	return code;
}

static int32_t
on_wrap(void *arg, struct rd as_req, struct creds_octets *message)
{
	struct fast *fa = arg;
	struct creds_octets inner = { 0 }, cipher = { 0 };
	struct der_as_req req;
	struct wr out;
	int32_t code;

	if (der_read_as_req(as_req, &req) != 0)
		return KRB5KRB_AP_ERR_MSG_TYPE;
	fa->nonce = req.nonce;
	code = room(&inner, as_req.len + DER_SLACK, &out);
	if (code == 0 && der_make_fast_req(&req, &out) != 0)
		code = KRB5KRB_AP_ERR_MSG_TYPE;
	if (code == 0)
		code = seal(fa, FAST_USAGE_REQ, (struct rd){ out.at, out.left }, &cipher);
	if (code == 0)
		code = make_message(fa, &req, rd_of(&cipher), message);
	creds_free(&inner);
	creds_free(&cipher);
	return code;
}

/* ---- from the KDC */

/*
 * What a PA-FX-FAST in padata has. Views into fa->opened.
 * Returns 0, KRB5_ERR_FAST_REQUIRED (there is none), another code (a false one).
 */
static int32_t
open_response(struct fast *fa, struct rd padata, struct der_fast_response *response)
{
	krb5_keyblock key = armor_key(fa);
	krb5_enc_data enc = { .magic = KV5M_ENC_DATA };
	krb5_data plain = { .magic = KV5M_DATA };
	struct der_sealed sealed;
	struct rd value;
	struct wr out;
	int32_t code;

	/* An empty one says that the KDC knows FAST, no more. */
	if (!der_find_padata(padata, DER_PA_FX_FAST, &value) || value.len == 0)
		return KRB5_ERR_FAST_REQUIRED;
	if (der_read_fast_reply(value, &sealed) != 0 || sealed.etype != key.enctype)
		return KRB5_KDCREP_MODIFIED;
	creds_free(&fa->opened);
	code = room(&fa->opened, sealed.cipher.len + 1, &out); /* never 0 octets */
	if (code != 0)
		return code;
	enc.enctype = sealed.etype;
	enc.ciphertext = creds_data(sealed.cipher);
	plain.data = (char *)fa->opened.at;
	plain.length = (unsigned int)sealed.cipher.len;
	/* Not the KDC's: whoever sees BAD_INTEGRITY thinks of a wrong password. */
	if (krb5_c_decrypt(fa->ctx, &key, FAST_USAGE_REP, NULL, &enc, &plain) != 0)
		return KRB5_KDCREP_MODIFIED;
	if (der_read_fast_response((struct rd){ fa->opened.at, plain.length }, response) != 0 ||
	    response->nonce != fa->nonce)
		return KRB5_KDCREP_MODIFIED;
	return 0;
}

/* The error as it came, without e-data, which anybody could have put there. */
static int32_t
bare_error(struct rd message, const struct der_error *error, struct creds_octets *plain)
{
	static const struct der_fast_response nothing;
	struct wr out;
	int32_t code = room(plain, message.len + DER_SLACK, &out);

	if (code == 0 && der_make_fast_error(error, &nothing, &out) != 0)
		code = KRB5KRB_AP_ERR_MSG_TYPE;
	if (code == 0)
		fit(plain, &out);
	return code;
}

/*
 * An error without armour: of a KDC that knows no FAST, of one that did not
 * take the ticket, or of anybody on the way.
 */
static int32_t
unarmored_error(struct fast *fa, struct rd message, const struct der_error *error,
		struct creds_octets *plain)
{
	struct wr out;
	int32_t code;

	if (error->code == ERR_PREAUTH_REQUIRED) {
		if (fa->source->must || fa->armor.known)
			return KRB5_ERR_FAST_REQUIRED;
		fa->plain = true;
		code = room(plain, message.len, &out);
		if (code == 0)
			memcpy(plain->at, message.at, message.len);
		return code;
	}
	if (error->code >= ERR_AP_FIRST && error->code <= ERR_AP_LAST)
		fa->again = true;
	return bare_error(message, error, plain);
}

static int32_t
armored_error(const struct der_fast_response *response, struct creds_octets *plain)
{
	struct der_error inner;
	struct rd value;
	struct wr out;
	int32_t code;

	if (!der_find_padata(response->padata, DER_PA_FX_ERROR, &value) ||
	    der_read_error(value, &inner) != 0)
		return KRB5_KDCREP_MODIFIED;
	code = room(plain, value.len + response->padata.len + DER_SLACK, &out);
	if (code != 0)
		return code;
	if (inner.code != ERR_PREAUTH_REQUIRED && inner.data.len != 0) {
		memcpy(plain->at, value.at, value.len); /* what Windows says of why */
		plain->len = value.len;
		return 0;
	}
	if (der_make_fast_error(&inner, response, &out) != 0)
		return KRB5_KDCREP_MODIFIED;
	fit(plain, &out);
	return 0;
}

static int32_t
on_error(void *arg, struct rd message, struct creds_octets *plain)
{
	struct fast *fa = arg;
	struct der_fast_response response;
	struct der_error error;
	struct rd list = { NULL, 0 };
	int32_t code;

	if (der_read_error(message, &error) != 0)
		return KRB5KRB_AP_ERR_MSG_TYPE;
	if (der_read_method_data(error.data, &list) != 0)
		list.len = 0;
	code = open_response(fa, list, &response);
	if (code == KRB5_ERR_FAST_REQUIRED)
		code = unarmored_error(fa, message, &error, plain);
	else if (code == 0)
		code = armored_error(&response, plain);
	if (code != 0)
		creds_free(plain);
	return code;
}

/* KrbFastFinished: is the ticket the one that the KDC made? */
static int32_t
check_ticket(struct fast *fa, struct rd ticket, const struct der_fast_response *response)
{
	krb5_keyblock key = armor_key(fa);
	krb5_data data = creds_data(ticket);
	krb5_checksum sum = { .magic = KV5M_CHECKSUM };
	krb5_boolean valid = FALSE;
	krb5_error_code code;

	if (!response->finished)
		return KRB5_KDCREP_MODIFIED;
	sum.checksum_type = response->ticket.type;
	sum.length = (unsigned int)response->ticket.octets.len;
	sum.contents = (krb5_octet *)(uintptr_t)response->ticket.octets.at;
	if (!krb5_c_is_keyed_cksum(sum.checksum_type))
		return KRB5KRB_AP_ERR_INAPP_CKSUM;
	code = krb5_c_verify_checksum(fa->ctx, &key, FAST_USAGE_FINISHED, &data, &sum, &valid);
	return code != 0 ? code : valid ? 0 : KRB5_KDCREP_MODIFIED;
}

static int32_t
on_reply(void *arg, struct rd message, struct creds_octets *plain, int32_t *etype, struct rd *key)
{
	struct fast *fa = arg;
	struct der_fast_response response;
	struct der_as_rep rep;
	struct wr out;
	int32_t code;

	*etype = 0;
	*key = (struct rd){ NULL, 0 };
	if (der_read_as_rep(message, &rep) != 0)
		return KRB5KRB_AP_ERR_MSG_TYPE;
	code = open_response(fa, rep.padata, &response);
	if (code == 0)
		code = check_ticket(fa, rep.ticket, &response);
	if (code == KRB5_ERR_FAST_REQUIRED && !fa->source->must && !fa->armor.known) {
		/* A KDC without FAST that wants no preauthentication. */
		code = room(plain, message.len, &out);
		if (code == 0)
			memcpy(plain->at, message.at, message.len);
		fa->plain = true;
		return code;
	}
	if (code == 0)
		code = room(plain,
			    message.len + response.padata.len + response.crealm.len +
				response.cname.len + DER_SLACK,
			    &out);
	if (code == 0 && der_make_fast_as_rep(&rep, &response, &out) != 0)
		code = KRB5_KDCREP_MODIFIED;
	if (code != 0) {
		creds_free(plain);
		return code;
	}
	fit(plain, &out);
	*etype = response.etype;
	*key = response.key;
	return 0;
}

/* ---- all of it */

void
fast_hooks(struct fast *fa, struct as_armor *hooks)
{
	*hooks = (struct as_armor){ fa, on_begin, on_wrap, on_error, on_reply };
}

void
fast_end(struct fast *fa)
{
	forget_armor(fa);
	creds_free(&fa->opened);
}

int32_t
fast_run(struct as_exchange *as, const struct fast_source *source)
{
	struct fast fa = { .ctx = as->ctx, .source = source };
	struct as_armor hooks;
	int32_t code;

	as->armor = NULL;
	if (source == NULL)
		return as_run(as);
	fast_hooks(&fa, &hooks);
	as->armor = &hooks;
	code = as_run(as);
	if (code != 0 && fa.again) {
		source->drop(source->arg, rd_of(&fa.realm));
		forget_armor(&fa);
		fa.again = false;
		as_free(as);
		code = as_run(as);
	}
	as->armored = as->armored && !fa.plain;
	fast_end(&fa);
	as->armor = NULL;
	return code;
}
