/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a logon's messages go through between libkrb5 and the KDC. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* explicit_bzero */
#endif
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lsass/ask.h"
#include "lsass/logon/as_private.h"
#include "lsass/tgs/as_part.h"
#include "lsass/tgs/der_fast.h"

/* RFC 4120 7.5.9 */
#define ERR_PREAUTH_REQUIRED 25
#define ERR_WRONG_REALM	     68

#define CIPHER_MAX    160 /* octets of a PA-ENC-TS-ENC, sealed, and its EncryptedData */
#define NT_STATUS_LEN 12  /* e-data of Windows and Samba: status, 0, 1, little-endian */

static struct rd
rd_of(const struct creds_octets *octets)
{
	return (struct rd){ octets->at, octets->len };
}

/* A krb5_data of libkrb5's, to be freed by it. */
static int32_t
give(struct as_state *st, struct rd octets, krb5_data **data)
{
	krb5_data view = creds_data(octets);
	krb5_error_code code = krb5_copy_data(st->ctx, &view, data);

	return code == 0 ? 0 : as_broken(st, AS_HERE, code);
}

/* ---- on the way to the KDC */

/* The clock as libkrb5 thinks that the KDC's goes: it is in the timestamp. */
static int32_t
read_skew(struct as_state *st, const struct der_sealed *sealed)
{
	const krb5_keyblock *key = as_stand_in(st, sealed->etype);
	uint32_t seconds;
	int64_t skew;

	if (key == NULL || as_part_stamp(st->ctx, key, sealed, &seconds) != 0)
		return as_broken(st, AS_HERE, KRB5KRB_AP_ERR_MSG_TYPE);
	skew = (int64_t)seconds - time(NULL);
	if (skew > AS_SKEW_MAX || skew < -AS_SKEW_MAX)
		return as_broken(st, AS_HERE, KRB5KRB_AP_ERR_SKEW);
	st->skew = (int32_t)skew;
	return 0;
}

/* The timestamp that lsaiso makes, as a PA-DATA. */
static int32_t
preauth(struct as_state *st, struct rd theirs, struct wr *room, struct der_pa *pa)
{
	const struct as_exchange *as = st->as;
	bool challenge = st->armored && st->challenge;
	struct iso_req_krb_as_seal ask = { 0 };
	struct iso_rep_krb_as_seal answer;
	struct der_sealed sealed;
	enum iso_status status;
	int32_t code;

	if (der_read_sealed(theirs, &sealed) != 0)
		return as_broken(st, AS_HERE, KRB5KRB_AP_ERR_MSG_TYPE);
	code = read_skew(st, &sealed);
	if (code == 0)
		code = as_real_key(st, sealed.etype, (struct rd){ NULL, 0 }, NULL, &ask.key);
	if (code != 0)
		return code;
	ask.session = as->session;
	ask.generation = as->generation;
	ask.owner = as->owner;
	ask.skew = st->skew;
	ask.name = (struct rd){ (const uint8_t *)as->principal, strlen(as->principal) };
	if (challenge) {
		ask.armor_etype = st->armor_etype;
		ask.armor = st->armor_key;
	}
	status = ask_krb_as_seal(&ask, &answer);
	if (status != ISO_OK)
		return as_refused(st, "preauthentication", status);
	sealed.etype = answer.etype;
	sealed.cipher = (struct rd){ answer.cipher.at, answer.cipher.len };
	if (der_make_sealed(&sealed, room) != 0)
		return as_broken(st, AS_HERE, KRB5KRB_AP_ERR_MSG_TYPE);
	pa->type = challenge ? DER_PA_ENCRYPTED_CHALLENGE : DER_PA_ENC_TIMESTAMP;
	pa->value = (struct rd){ room->at, room->left };
	return 0;
}

/* st->sent: the request without FAST. */
static int32_t
make_request(struct as_state *st, const struct der_as_req *req)
{
	uint8_t cipher[CIPHER_MAX];
	struct wr room = { cipher, sizeof(cipher) }, out;
	struct der_pa pa = { 0 };
	struct rd theirs;
	int32_t code;

	if (!der_find_padata(req->padata, DER_PA_ENC_TIMESTAMP, &theirs)) {
		code = as_copy(&st->sent, rd_of(&st->plain));
		return code == 0 ? 0 : as_broken(st, AS_HERE, code);
	}
	code = preauth(st, theirs, &room, &pa);
	if (code != 0)
		return code;
	code = as_part_room(&st->sent, st->plain.len + pa.value.len + DER_AS_SLACK, &out);
	if (code != 0)
		return as_broken(st, AS_HERE, code);
	if (der_make_as_req(req, DER_PA_ENC_TIMESTAMP, &pa, &out) != 0)
		return as_broken(st, AS_HERE, KRB5KRB_AP_ERR_MSG_TYPE);
	as_part_fit(&st->sent, &out);
	return 0;
}

static int32_t
begin_armor(struct as_state *st, struct rd realm)
{
	const struct as_armor *armor = st->as->armor;
	int32_t code;

	st->armored = false;
	if (armor == NULL)
		return 0;
	code = armor->begin(armor->arg, realm, st->skew, &st->armor_etype, &st->armor_key);
	st->armored = code == 0 && st->armor_etype != 0;
	return code == 0 ? 0 : as_broken(st, AS_HERE, code);
}

static int32_t
wrap(struct as_state *st)
{
	const struct as_armor *armor = st->as->armor;
	struct creds_octets outer = { 0 };
	int32_t code = armor->wrap(armor->arg, rd_of(&st->sent), &outer);

	if (code != 0)
		return as_broken(st, AS_HERE, code);
	creds_free(&st->sent);
	st->sent = outer;
	return 0;
}

krb5_error_code
as_on_send(krb5_context ctx, void *arg, const krb5_data *realm, const krb5_data *message,
	   krb5_data **new_message, krb5_data **new_reply)
{
	struct as_state *st = arg;
	struct der_as_req req;
	int32_t code;

	*new_message = NULL;
	*new_reply = NULL;
	st->kdc_code = 0;
	st->as->text[0] = '\0';
	st->as->nt_status = 0;
	if (st->broken != 0) /* libkrb5 tries the primary KDC after any failure */
		return st->broken;
	if (st->as->cancelled != NULL && atomic_load(st->as->cancelled))
		return as_broken(st, AS_HERE, ECANCELED);
	code = as_copy(&st->plain, creds_rd(message));
	if (code != 0)
		return as_broken(st, AS_HERE, code);
	/* Anything but an AS-REQ would not be ours; it does not leave. */
	if (der_read_as_req(rd_of(&st->plain), &req) != 0)
		return as_broken(st, AS_HERE, KRB5KRB_AP_ERR_MSG_TYPE);
	st->nonce = req.nonce;
	code = begin_armor(st, creds_rd(realm));
	if (code == 0)
		code = make_request(st, &req);
	if (code == 0 && st->armored)
		code = wrap(st);
	return code == 0 ? give(st, rd_of(&st->sent), new_message) : code;
}

/* ---- on the way back: errors */

static uint32_t
little32(const uint8_t at[4])
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

/*
 * What is for people, and what Windows adds to why: a KERB-ERROR-DATA ([MS-KILE]
 * 2.2.2), which has the shape of a PA-DATA; Samba puts that in a METHOD-DATA.
 */
static void
note_words(struct as_state *st, const struct der_error *error)
{
	struct as_exchange *as = st->as;
	struct rd list, value;
	size_t n = 0;

	for (; n < error->text.len && n < sizeof(as->text) - 1; n++) {
		uint8_t c = error->text.at[n];

		if (c == '\0')
			break;
		as->text[n] = (char)(c >= 0x20 && c < 0x7f ? c : '?');
	}
	as->text[n] = '\0';
	as->nt_status = 0;
	if (error->code == ERR_PREAUTH_REQUIRED)
		return;
	if (der_read_method_data(error->data, &list) != 0 ||
	    !der_find_padata(list, DER_PA_PW_SALT, &value)) {
		list = error->data;
		if (!der_find_padata(list, DER_PA_PW_SALT, &value))
			return;
	}
	if (value.len == NT_STATUS_LEN)
		as->nt_status = little32(value.at);
}

/*
 * Does it want a password's key without saying how one is made (RFC 4120 5.2.7.5)?
 * So does Samba for an account that has no key of a type that was asked for, and
 * under FAST takes each answer for a wrong password, and counts it.
 */
static bool
has_no_key(struct rd list)
{
	struct rd value;

	return (der_find_padata(list, DER_PA_ENC_TIMESTAMP, &value) ||
		der_find_padata(list, DER_PA_ENCRYPTED_CHALLENGE, &value)) &&
	       !der_find_padata(list, DER_PA_ETYPE_INFO2, &value) &&
	       !der_find_padata(list, DER_PA_ETYPE_INFO, &value);
}

/* METHOD-DATA: remember how keys are made, and leave what this can do. */
static int32_t
take_method_data(struct as_state *st, const struct der_error *error, struct der_pa pa[], size_t *n)
{
	static const int32_t kept[] = { DER_PA_ETYPE_INFO2, DER_PA_ETYPE_INFO, DER_PA_FX_COOKIE };
	struct rd list, value;
	int32_t code = 0;

	creds_free(&st->info2);
	creds_free(&st->pw_salt);
	if (der_read_method_data(error->data, &list) != 0)
		return KRB5KRB_AP_ERR_MSG_TYPE;
	if (has_no_key(list))
		return KRB5KDC_ERR_ETYPE_NOSUPP;
	if (der_find_padata(list, DER_PA_ETYPE_INFO2, &value))
		code = as_copy(&st->info2, value);
	if (code == 0 && der_find_padata(list, DER_PA_PW_SALT, &value))
		code = as_copy(&st->pw_salt, value);
	st->challenge = st->armored && der_find_padata(list, DER_PA_ENCRYPTED_CHALLENGE, &value);
	if (st->challenge || der_find_padata(list, DER_PA_ENC_TIMESTAMP, &value))
		pa[(*n)++] = (struct der_pa){ DER_PA_ENC_TIMESTAMP, { NULL, 0 } };
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		if (der_find_padata(list, kept[i], &value))
			pa[(*n)++] = (struct der_pa){ kept[i], value };
	}
	return code;
}

static int32_t
plain_error(struct as_state *st, struct rd message, krb5_data **new_reply)
{
	struct creds_octets octets = { 0 };
	struct der_pa pa[4];
	struct der_error error;
	struct wr out;
	size_t n = 0;
	int32_t code = 0;

	if (der_read_error(message, &error) != 0)
		return as_broken(st, AS_KDC, KRB5KRB_AP_ERR_MSG_TYPE);
	st->kdc_code = KRB5KDC_ERR_NONE + error.code;
	note_words(st, &error);
	if (error.code == ERR_PREAUTH_REQUIRED)
		code = take_method_data(st, &error, pa, &n);
	else if (error.code == ERR_WRONG_REALM && error.crealm.len != 0)
		code = as_keys_move(st, error.crealm);
	/* Of other errors libkrb5 would take e-data for a reason to try again. */
	if (code == 0)
		code = as_part_room(&octets, message.len + DER_AS_SLACK, &out);
	if (code != 0)
		return as_broken(st, code == KRB5KDC_ERR_ETYPE_NOSUPP ? AS_KDC : AS_HERE, code);
	if (der_make_error(&error, pa, n, &out) == 0) {
		as_part_fit(&octets, &out);
		code = give(st, rd_of(&octets), new_reply);
	} else {
		code = as_broken(st, AS_KDC, KRB5KRB_AP_ERR_MSG_TYPE);
	}
	creds_free(&octets);
	return code;
}

/* ---- on the way back: the ticket */

struct strengthen {
	int32_t etype;
	struct rd key;
};

/* Which long-term key it is under: a strengthened reply is of the other key's etype. */
static int32_t
etype_of(const struct as_state *st, const struct der_as_rep *rep, const struct strengthen *more)
{
	return more->etype != 0 && st->made.len != 0 ? st->made.how.etype : rep->enc_part.etype;
}

static int32_t
open_part(struct as_state *st, const struct der_as_rep *rep, const struct strengthen *more,
	  struct iso_rep_krb_as_open *answer)
{
	struct as_exchange *as = st->as;
	struct iso_req_krb_as_open ask = { 0 };
	uint8_t client[ISO_CLIENT_MAX];
	enum iso_status status;
	int32_t code;

	if (as_stand_in(st, rep->enc_part.etype) == NULL) /* not asked for */
		return as_broken(st, AS_KDC, KRB5KDC_ERR_ETYPE_NOSUPP);
	code = as_real_key(st, etype_of(st, rep, more), rep->padata, &rep->client, &ask.key);
	if (code != 0)
		return code;
	ask.session = as->session;
	ask.generation = as->generation;
	ask.owner = as->owner;
	ask.skew = st->skew;
	ask.name = (struct rd){ (const uint8_t *)as->principal, strlen(as->principal) };
	ask.client = (struct rd){ client, wire_client_der(&rep->client, client, sizeof(client)) };
	ask.nonce = st->nonce;
	ask.strengthen_etype = more->etype;
	ask.strengthen = more->key;
	ask.etype = rep->enc_part.etype;
	ask.cipher = rep->enc_part.cipher;
	ask.request = rd_of(&st->sent);
	status = ask_krb_as_open(&ask, answer);
	if (status == ISO_E_INTEGRITY)
		return as_broken(st, AS_KDC, KRB5KRB_AP_ERR_BAD_INTEGRITY);
	return status == ISO_OK ? 0 : as_refused(st, "reply", status);
}

static int32_t
plain_reply(struct as_state *st, struct rd message, const struct strengthen *more,
	    krb5_data **new_reply)
{
	struct as_exchange *as = st->as;
	struct iso_rep_krb_as_open answer = { 0 };
	struct creds_octets reply = { 0 };
	struct der_as_rep rep;
	struct rd info2;
	int32_t code;

	if (der_read_as_rep(message, &rep) != 0)
		return as_broken(st, AS_KDC, KRB5KRB_AP_ERR_MSG_TYPE);
	code = open_part(st, &rep, more, &answer);
	if (code == 0 && der_find_padata(rep.padata, DER_PA_ETYPE_INFO2, &info2))
		code = as_copy(&st->info2, info2); /* the latest word */
	if (code != 0)
		return code;
	code = as_part_reply(st->ctx, as_stand_in(st, rep.enc_part.etype), rd_of(&st->plain), &rep,
			     (struct rd){ answer.part.at, answer.part.len }, &reply);
	if (code == 0)
		code = give(st, rd_of(&reply), new_reply);
	else
		code = as_broken(st, AS_KDC, code);
	memcpy(as->blob, answer.blob.at, answer.blob.len);
	as->blob_len = answer.blob.len;
	as->checked = answer.checked != 0;
	as->armored = st->armored;
	as->fast = der_fast_known((struct rd){ answer.part.at, answer.part.len });
	explicit_bzero(&answer, sizeof(answer));
	creds_free(&reply);
	return code;
}

/* ---- both, with FAST taken off */

static int32_t
receive(struct as_state *st, struct rd reply, krb5_data **new_reply)
{
	const struct as_armor *armor = st->as->armor;
	struct strengthen more = { 0, { NULL, 0 } };
	struct creds_octets plain = { 0 };
	bool error = reply.at[0] == DER_KRB_ERROR;
	int32_t code = 0;

	if (st->armored && error)
		code = armor->error(armor->arg, reply, &plain);
	else if (st->armored)
		code = armor->reply(armor->arg, reply, &plain, &more.etype, &more.key);
	if (code != 0)
		return as_broken(st, AS_KDC, code);
	if (st->armored)
		reply = rd_of(&plain);
	code = error ? plain_error(st, reply, new_reply) : plain_reply(st, reply, &more, new_reply);
	creds_free(&plain);
	return code;
}

krb5_error_code
as_on_receive(krb5_context ctx, void *arg, krb5_error_code code, const krb5_data *realm,
	      const krb5_data *message, const krb5_data *reply, krb5_data **new_reply)
{
	struct as_state *st = arg;

	*new_reply = NULL;
	if (code != 0)
		return code;
	if (st->broken != 0)
		return st->broken;
	if (reply->length == 0)
		return as_broken(st, AS_KDC, KRB5KRB_AP_ERR_MSG_TYPE);
	return receive(st, creds_rd(reply), new_reply);
}
