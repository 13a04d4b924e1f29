/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A change of password, from two blobs to the server's words. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* explicit_bzero */
#endif
#include "lsass/logon/passwd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lsass/ask.h"
#include "lsass/tgs/der_parts.h"
#include "lsass/tgs/der_passwd.h"

#define VERSION	  1 /* of the protocol, RFC 3244 section 2 */
#define FRAME	  6 /* octets before the AP-REQ: length, version, its length */
#define FRAME_MAX 65535
#define DER_SLACK 256

/* What the makers of messages need. */
struct change {
	struct passwd *pw;
	struct wire_cred cred; /* of kadmin/changepw */
	uint8_t client[ISO_CLIENT_MAX];
	size_t client_len;
	uint64_t pending; /* of the last message */
};

static void
refused_by_iso(struct passwd *pw, const char *what, enum iso_status status)
{
	log_line(LOG_INFO, "passwd: uid %u: %s: %s", (unsigned int)pw->owner, what,
		 rpc_status_text((uint32_t)status));
	pw->step = PASSWD_ISO;
	pw->status = status;
}

/* ---- the ticket */

static bool
get_ticket(struct passwd *pw)
{
	struct as_exchange *as = &pw->as;

	as->ctx = pw->ctx;
	as->session = pw->session;
	as->generation = pw->generation;
	as->owner = pw->owner;
	as->principal = pw->principal;
	as->password = pw->old;
	as->keys = pw->keys;
	as->nkeys = pw->nkeys;
	as->service = AS_CHANGE_PW;
	as->cancelled = pw->cancelled;
	pw->code = fast_run(as, pw->armor);
	as->password = (struct rd){ NULL, 0 };
	as->keys = NULL;
	as->nkeys = 0;
	if (pw->code != 0)
		pw->step = PASSWD_OLD;
	return pw->code == 0;
}

/* ---- the request */

static void
put_16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* AP-REQ and KRB-PRIV in their frame. */
static int32_t
frame(const struct change *ch, const struct iso_rep_krb_passwd_seal *sealed,
      struct creds_octets *message)
{
	struct der_sealed auth = { sealed->etype,
				   { sealed->authenticator.at, sealed->authenticator.len } };
	struct der_sealed priv = { sealed->etype, { sealed->priv.at, sealed->priv.len } };
	size_t room = FRAME + ch->cred.ticket.len + auth.cipher.len + priv.cipher.len + DER_SLACK;
	struct wr out, inner;
	uint8_t *at = malloc(room);

	if (at == NULL)
		return ENOMEM;
	out = (struct wr){ at, room };
	if (room > FRAME_MAX || der_make_priv(&priv, &out) != 0)
		goto bad;
	inner = (struct wr){ at, (size_t)(out.at - at) };
	/* Mutual: else MIT's server takes our sequence number for its own. */
	if (der_make_ap_req(DER_MUTUAL_REQUIRED, ch->cred.ticket, &auth, &inner) != 0)
		goto bad;
	message->len = FRAME + inner.left + out.left;
	memmove(at + FRAME, inner.at, inner.left + out.left);
	put_16(at, message->len);
	put_16(at + 2, VERSION);
	put_16(at + 4, inner.left);
	message->at = at;
	return 0;
bad:
	free(at);
	return KRB5KRB_AP_ERR_MSG_TYPE;
}

/* A passwd_maker: what lsaiso seals is for one server, and has our address in it. */
static int32_t
make_message(void *arg, struct rd address, struct creds_octets *message)
{
	struct change *ch = arg;
	struct passwd *pw = ch->pw;
	struct iso_req_krb_passwd_seal ask = { 0 };
	struct iso_rep_krb_passwd_seal answer;
	enum iso_status status;

	ask.session = pw->session;
	ask.generation = pw->generation;
	ask.owner = pw->owner;
	ask.skew = pw->as.kdc_offset;
	ask.blob = (struct rd){ pw->as.blob, pw->as.blob_len };
	ask.client = (struct rd){ ch->client, ch->client_len };
	ask.password = pw->fresh;
	ask.name = (struct rd){ (const uint8_t *)pw->principal, strlen(pw->principal) };
	ask.address = address;
	status = ask_krb_passwd_seal(&ask, &answer);
	if (status != ISO_OK) {
		refused_by_iso(pw, "new password", status);
		return KRB5KDC_ERR_POLICY;
	}
	ch->pending = answer.pending;
	return frame(ch, &answer, message);
}

/* ---- the answer */

/* What a result means that came without words. */
static const char *
meaning(uint32_t result)
{
	switch (result) {
	case PASSWD_MALFORMED:
		return "the password server did not understand the request";
	case PASSWD_HARDERROR:
		return "the password server failed; try again later";
	case PASSWD_AUTHERROR:
		return "the password server did not believe the request";
	case PASSWD_SOFTERROR:
		return "the new password is not accepted: too short or simple, used before, or "
		       "the old one is too new";
	case PASSWD_ACCESSDENIED:
		return "this password may not be changed";
	case PASSWD_BAD_VERSION:
		return "the password server knows another protocol";
	case PASSWD_INITIAL_FLAG_NEEDED:
		return "the password server wants a ticket that the old password was used for";
	default:
		return "the password server refused, and does not say why";
	}
}

/* Words for people: the server's (a policy of Active Directory is told in words), or ours. */
static void
put_words(struct passwd *pw, struct rd text)
{
	krb5_data from_server = creds_data(text);
	char *words = NULL;
	size_t n = 0;

	(void)snprintf(pw->text, sizeof(pw->text), "%s", meaning(pw->result));
	if (text.len == 0 || krb5_chpw_message(pw->ctx, &from_server, &words) != 0)
		return;
	for (const char *c = words; *c != '\0' && n < sizeof(pw->text) - 1; c++) {
		uint8_t octet = (uint8_t)*c;

		/* Lines become one; nothing that a terminal would obey. */
		if (octet == '\n' || octet == '\t')
			octet = ' ';
		pw->text[n++] = (char)(octet < 0x20 || octet == 0x7f ? '?' : octet);
	}
	if (n != 0)
		pw->text[n] = '\0';
	krb5_free_string(pw->ctx, words);
}

static void
take_result(struct passwd *pw, uint32_t result, struct rd text)
{
	pw->result = result;
	pw->step = PASSWD_DONE;
	if (result == PASSWD_SUCCESS)
		return;
	pw->step = PASSWD_REFUSED;
	put_words(pw, text);
}

static void
unsure(struct passwd *pw, int32_t code)
{
	pw->step = PASSWD_UNSURE;
	pw->code = code;
}

/* KRB-ERROR: e-data is a result, too, but anybody could have sent it. */
static void
take_error(struct passwd *pw, struct rd message)
{
	struct der_error error;
	uint32_t result;

	if (der_read_error(message, &error) != 0) {
		unsure(pw, KRB5KRB_AP_ERR_MODIFIED);
		return;
	}
	result = error.data.len >= 2 ? (uint32_t)error.data.at[0] << 8 | error.data.at[1] : 0;
	if (result == PASSWD_SUCCESS || result > PASSWD_INITIAL_FLAG_NEEDED) {
		unsure(pw, (int32_t)(KRB5KDC_ERR_NONE + error.code));
		return;
	}
	take_result(pw, result, (struct rd){ error.data.at + 2, error.data.len - 2 });
}

static void
take_sealed(struct change *ch, struct rd ap_rep, struct rd rest)
{
	struct passwd *pw = ch->pw;
	struct iso_req_krb_passwd_open ask = { 0 };
	struct iso_rep_krb_passwd_open answer;
	struct der_sealed reply, priv;
	enum iso_status status;

	if (der_read_ap_rep(ap_rep, &reply) != 0 || der_read_priv(rest, &priv) != 0) {
		unsure(pw, KRB5KRB_AP_ERR_MODIFIED);
		return;
	}
	ask.pending = ch->pending;
	ask.owner = pw->owner;
	ask.blob = (struct rd){ pw->as.blob, pw->as.blob_len };
	ask.client = (struct rd){ ch->client, ch->client_len };
	ask.etype = reply.etype;
	ask.ap_rep = reply.cipher;
	ask.priv_etype = priv.etype;
	ask.priv = priv.cipher;
	status = ask_krb_passwd_open(&ask, &answer);
	if (status != ISO_OK) {
		refused_by_iso(pw, "answer of the password server", status);
		unsure(pw, KRB5KRB_AP_ERR_MODIFIED);
		return;
	}
	pw->proved = true;
	take_result(pw, answer.result, (struct rd){ answer.text.at, answer.text.len });
}

static size_t
get_16(const uint8_t *at)
{
	return (size_t)at[0] << 8 | at[1];
}

static void
take_reply(struct change *ch, struct rd reply)
{
	size_t ap_len;

	/* Active Directory sends errors without a frame. */
	if (reply.len != 0 && reply.at[0] == DER_KRB_ERROR) {
		take_error(ch->pw, reply);
		return;
	}
	if (reply.len < FRAME || get_16(reply.at) != reply.len || get_16(reply.at + 2) != VERSION ||
	    get_16(reply.at + 4) > reply.len - FRAME) {
		unsure(ch->pw, KRB5KRB_AP_ERR_MODIFIED);
		return;
	}
	ap_len = get_16(reply.at + 4);
	reply = (struct rd){ reply.at + FRAME, reply.len - FRAME };
	if (ap_len == 0)
		take_error(ch->pw, reply);
	else
		take_sealed(ch, (struct rd){ reply.at, ap_len },
			    (struct rd){ reply.at + ap_len, reply.len - ap_len });
}

/* ---- all of it */

static void
talk(struct passwd *pw)
{
	struct servers servers;
	struct rd in = { pw->as.cred.at, pw->as.cred.len };
	struct creds_octets reply = { 0 };
	struct change ch = { .pw = pw };
	bool sent = false;

	pw->step = PASSWD_SERVER;
	if (wire_cred(&in, &ch.cred) != 0) {
		pw->code = KRB5_CC_FORMAT;
		return;
	}
	ch.client_len = wire_client_der(&ch.cred.client, ch.client, sizeof(ch.client));
	passwd_locate(pw->ctx, ch.cred.server.realm, &servers);
	if (servers.n == 0) {
		pw->code = KRB5_REALM_CANT_RESOLVE;
		return;
	}
	pw->code = passwd_ask(servers.at, servers.n, pw->cancelled, make_message, &ch, &reply,
			      &sent);
	if (pw->code == 0)
		take_reply(&ch, (struct rd){ reply.at, reply.len });
	else if (sent && pw->step == PASSWD_SERVER)
		pw->step = PASSWD_UNSURE;
	creds_free(&reply);
}

bool
passwd_ticket(struct passwd *pw)
{
	pw->step = PASSWD_DONE;
	if (get_ticket(pw))
		return true;
	as_free(&pw->as);
	return false;
}

void
passwd_send(struct passwd *pw)
{
	talk(pw);
	as_free(&pw->as);
}

void
passwd_change(struct passwd *pw)
{
	if (passwd_ticket(pw))
		passwd_send(pw);
}
