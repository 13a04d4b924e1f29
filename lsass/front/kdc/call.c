/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What becomes of a request: who makes it anew, or that it goes on as it is. */
#include <stdlib.h>
#include <string.h>

#include "lsass/cache/store.h"
#include "lsass/front/kdc/private.h"
#include "lsass/tgs/creds.h"
#include "lsass/tgs/der_as.h"
#include "lsass/tgs/der_parts.h"

#define REALM_MAX 255u /* octets; longer ones are no realm */

static void
call_free(struct call *ca)
{
	struct kdc *kd = ca->kdc;

	if (ca->ask != NULL) {
		real_cancel(ca->ask);
		kd->counts.waiting--;
	}
	if (ca->state != NULL)
		ca->state_free(ca->state);
	*(ca->prev != NULL ? &ca->prev->next : &kd->calls) = ca->next;
	if (ca->next != NULL)
		ca->next->prev = ca->prev;
	explicit_bzero((uint8_t *)(uintptr_t)ca->message.at, ca->message.len);
	free((uint8_t *)(uintptr_t)ca->message.at);
	free(ca);
}

struct rd
call_realm(struct rd message)
{
	static const struct rd none = { 0 };
	struct der el, seq;
	struct rd in;

	if (der_next(&message, &el) != 0 || message.len != 0 ||
	    der_only(el.body, DER_SEQUENCE, &seq) != 0)
		return none;
	in = seq.body;
	for (uint8_t n = 1; n < 4; n++) {
		if (der_skip(&in, n) != 0)
			return none;
	}
	if (der_field(&in, 4, DER_SEQUENCE, &el) != 0)
		return none;
	in = el.body;
	if (der_skip(&in, 0) != 0 || der_skip(&in, 1) != 0 ||
	    der_field(&in, 2, DER_GEN_STRING, &el) != 0 || el.body.len > REALM_MAX)
		return none;
	return el.body;
}

/* ---- its end */

void
call_answer(struct call *ca, struct rd reply)
{
	struct kdc_counts *counts = &ca->kdc->counts;

	*(ca->relayed ? &counts->relayed : &counts->translated) += 1;
	listen_answer(ca, reply);
	call_free(ca);
}

static void
end_with(struct call *ca, int32_t code, const char *text)
{
	uint8_t buf[2 * KDC_REFUSAL_MAX];
	struct wr out = { buf, sizeof(buf) };

	if (error_make(code, call_realm(ca->message), text, &out) == 0)
		listen_answer(ca, (struct rd){ out.at, out.left });
	else
		listen_forget(ca);
	call_free(ca);
}

void
call_refuse(struct call *ca, int32_t code, const char *text)
{
	ca->kdc->counts.refused++;
	end_with(ca, code, text);
}

static void
fail(struct call *ca, int32_t code, const char *text)
{
	ca->kdc->counts.failed++;
	end_with(ca, code, text);
}

void
call_drop(struct call *ca)
{
	listen_forget(ca);
	call_free(ca);
}

/* ---- its way to a KDC */

/*
 * No KDC could be reached: as if nobody listened here, so that libkrb5 says so at once, and
 * SSSD is offline. Of KDC_ERR_SVC_UNAVAILABLE it makes a wait of 18 seconds. Who came by UDP
 * comes again by TCP, and is cut off there.
 */
static void
unreached(struct call *ca, const char *why)
{
	if (!ca->stream) {
		fail(ca, KRB_ERR_RESPONSE_TOO_BIG, why);
		return;
	}
	ca->kdc->counts.failed++;
	call_drop(ca);
}

static void
replied(void *arg, int32_t code, struct rd reply, const char *why)
{
	struct call *ca = arg;

	ca->ask = NULL;
	ca->kdc->counts.waiting--;
	if (code == 0)
		ca->done(ca, reply);
	else if (code == KRB5_CONFIG_BADFORMAT)
		fail(ca, KRB_ERR_GENERIC, why); /* the text says what to do */
	else
		unreached(ca, why);
}

void
call_send(struct call *ca, struct rd realm, struct rd message, call_replied *done)
{
	struct kdc *kd = ca->kdc;

	ca->done = done;
	ca->ask = real_send(kd->view.real, realm, message, replied, ca);
	if (ca->ask == NULL)
		fail(ca, KDC_ERR_SVC_UNAVAILABLE, "too many requests wait for KDCs; try again");
	else
		kd->counts.waiting++;
}

static void
relay(struct call *ca)
{
	struct rd realm = call_realm(ca->message);

	ca->relayed = true;
	if (realm.len == 0)
		call_refuse(ca, KRB_ERR_GENERIC, "the request names no realm");
	else
		call_send(ca, realm, ca->message, call_answer);
}

void
call_begin(struct call *ca)
{
	struct kdc *kd = ca->kdc;
	enum call_fate fate;

	ca->next = kd->calls;
	if (ca->next != NULL)
		ca->next->prev = ca;
	kd->calls = ca;
	kd->counts.requests++;
	switch (ca->message.len > 0 ? ca->message.at[0] : 0) {
	case DER_AS_REQ:
		fate = as_begin(ca);
		break;
	case DER_TGS_REQ:
		fate = tgs_begin(ca);
		break;
	default:
		call_refuse(ca, KRB_AP_ERR_MSG_TYPE, "this is a KDC: AS-REQ and TGS-REQ only");
		return;
	}
	if (fate == CALL_UNKNOWN)
		relay(ca);
}

int32_t
call_keep(const struct call *ca, const struct call_ticket *ti)
{
	struct collection *co = store_collection(call_view(ca)->store, ti->owner);
	struct creds_octets cred;
	struct der_part part;
	int32_t code;

	if (der_read_part(ti->part, &part) != 0)
		return KRB5_CC_FORMAT;
	if (co == NULL || creds_put_part(ti->client, &part, ti->ticket, &cred) != 0)
		return KRB5_CC_NOMEM;
	code = collection_keep_ticket(co, (struct rd){ cred.at, cred.len }, ti->session,
				      ti->generation, ti->blob, ti->offset, true);
	creds_free(&cred);
	return code;
}

krb5_context
call_crypto(const struct call *ca)
{
	return ca->kdc->crypto;
}

const struct kdc_view *
call_view(const struct call *ca)
{
	return &ca->kdc->view;
}
