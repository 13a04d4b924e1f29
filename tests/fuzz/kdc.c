/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests to the KDC endpoint and a KDC's answers to it, through call.c and
 * what is behind: any octets, or what only who has a stand-in, or the real key,
 * can make, with any octets inside. No key that lsaiso keeps may come out,
 * and every call must end.
 *
 *   input  u8 how, u16 big-endian length, octets of the request, octets of the reply
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <krb5.h>

#include "iso_host.h"
#include "lib/log.h"
#include "lsass/ask.h"
#include "lsass/front/kdc/private.h"
#include "lsass/keytab/keytab.h"
#include "lsass/logon/logons.h"
#include "lsass/logon/pool.h"
#include "lsass/tgs/der_as.h"
#include "lsass/tgs/der_parts.h"
#include "tests/fuzz/kdc_core.h"
#include "tests/unit/lsass_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TGT_OCTET  0xd7 /* of the real keys; a run of 32 of them must never come out */
#define KEY_OCTET  0xd6
#define NEW_OCTET  0xd5 /* of a key in a KDC's answer, in the corpus */
#define UID	   1000
#define CLIENT	   "alice@R"
#define ETYPE	   18
#define KEY_LEN	   32
#define TICKET_MAX 512
#define TRIES	   8 /* a call may ask a KDC more than once */

/* how */
#define HOW_TGS	   1  /* the request is a body, with all around it as our client makes it */
#define HOW_SUBKEY 2  /* of the client */
#define HOW_SEALED 4  /* the reply is what the KDC encrypts */
#define HOW_OTHER  8  /* another user asks */
#define HOW_AS	   16 /* as HOW_TGS, with a timestamp under the keytab's stand-in */
#define HOW_ROOT   32

static struct config cf;
static struct kdc kd;
static struct cred *tgt;
static struct wire_cred tgt_is;
static struct standin_key *standin;
static char ticket[TICKET_MAX];
static size_t ticket_len;
static uint8_t how;
static bool input_has_key; /* then it may come out: the KDC said it */

/* ---- around the endpoint */

struct real_ask {
	real_done *done;
	void *arg;
};
static struct real_ask asked;

struct real_ask *
real_send(struct real *re, struct rd realm, struct rd message, real_done *done, void *arg)
{
	if (asked.done != NULL || realm.len == 0 || message.len == 0)
		abort();
	asked = (struct real_ask){ done, arg };
	return &asked;
}

void
real_cancel(struct real_ask *ask)
{
	ask->done = NULL;
}

struct logon *
logons_keytab(struct logons *lg, uid_t owner, const char *name, enum iso_status *status)
{
	*status = ISO_E_OWNER;
	return owner == UID ? tgt->logon : NULL;
}

int
pool_submit(struct pool *po, struct pool_job *job)
{
	abort(); /* there is none */
}

/* ---- what came out */

static krb5_keyblock
block(const uint8_t *key, size_t len)
{
	return (krb5_keyblock){ .magic = KV5M_KEYBLOCK,
				.enctype = ETYPE,
				.length = (unsigned int)len,
				.contents = (krb5_octet *)(uintptr_t)key };
}

static const uint8_t subkey[KEY_LEN] = "the subkey that the client chose";

/* Opened as the client does. */
static void
check_sealed(const struct der_sealed *sealed, const uint8_t *key, size_t len, int usage)
{
	krb5_keyblock with = block(key, len);
	krb5_enc_data enc = { .magic = KV5M_ENC_DATA, .enctype = sealed->etype };
	krb5_data plain = { .length = (unsigned int)sealed->cipher.len };

	if (sealed->etype != ETYPE || sealed->cipher.len == 0)
		return;
	enc.ciphertext.data = (char *)(uintptr_t)sealed->cipher.at;
	enc.ciphertext.length = (unsigned int)sealed->cipher.len;
	plain.data = malloc(sealed->cipher.len);
	if (krb5_c_decrypt(kd.crypto, &with, usage, NULL, &enc, &plain) == 0) {
		struct rd part = { (const uint8_t *)plain.data, plain.length };
		struct rd new = core_tgt_key(part);

		if (!input_has_key && (holds_run(part.at, part.len, TGT_OCTET, 16) ||
				       holds_run(part.at, part.len, KEY_OCTET, 16)))
			abort();
		/* a TGT's key must be another than the KDC said, but to be forwarded */
		if (!core_forwarded() && holds_run(new.at, new.len, NEW_OCTET, 16))
			abort();
	}
	free(plain.data);
}

void
listen_answer(struct call *ca, struct rd reply)
{
	struct der_tgs_rep rep;
	struct der_as_rep as;

	if (ca->relayed)
		return;
	if (der_read_tgs_rep(reply, &rep) == 0) {
		check_sealed(&rep.enc_part, tgt_is.key.at, tgt_is.key.len, 8);
		check_sealed(&rep.enc_part, subkey, KEY_LEN, 9);
		if ((how & HOW_OTHER) != 0)
			abort();
	}
	if (der_read_as_rep(reply, &as) == 0) {
		check_sealed(&as.enc_part, standin->key, standin->key_len, 3);
		if ((how & HOW_OTHER) != 0)
			abort();
	}
}

void
listen_forget(struct call *ca)
{
}

/* ---- messages, as those make them who have the keys */

static struct rd
sealed_with(const uint8_t *key, size_t len, int usage, struct rd plain)
{
	krb5_keyblock with = block(key, len);
	krb5_data in = { .length = (unsigned int)plain.len };
	krb5_enc_data out = { .magic = KV5M_ENC_DATA };
	size_t n = 0;
	struct rd made;

	in.data = (char *)(uintptr_t)plain.at;
	if (krb5_c_encrypt_length(kd.crypto, ETYPE, plain.len, &n) != 0)
		abort();
	out.ciphertext.length = (unsigned int)n;
	out.ciphertext.data = malloc(n);
	if (krb5_c_encrypt(kd.crypto, &with, usage, NULL, &in, &out) != 0)
		abort();
	made = d_raw(out.ciphertext.data, out.ciphertext.length);
	free(out.ciphertext.data);
	return d_seq(d_join(2, d_ctx(0, d_int(ETYPE)), d_ctx(2, d_octets(made))));
}

static struct rd
checksum_of(struct rd body)
{
	krb5_keyblock with = block(tgt_is.key.at, tgt_is.key.len);
	krb5_data in = { .length = (unsigned int)body.len };
	krb5_checksum sum = { 0 };
	struct rd made;

	in.data = (char *)(uintptr_t)body.at;
	if (krb5_c_make_checksum(kd.crypto, 0, &with, 6, &in, &sum) != 0)
		abort();
	made = d_ctx(3, d_seq(d_join(2, d_ctx(0, d_int(sum.checksum_type)),
				     d_ctx(1, d_octets((struct rd){ sum.contents, sum.length })))));
	krb5_free_checksum_contents(kd.crypto, &sum);
	return made;
}

static struct rd
alice(void)
{
	return d_name(1, "alice", NULL, NULL);
}

static struct rd
authenticator(struct rd body)
{
	struct rd last = { NULL, 0 };

	if ((how & HOW_SUBKEY) != 0)
		last = d_ctx(6, d_seq(d_join(2, d_ctx(0, d_int(ETYPE)),
					     d_ctx(1, d_octets((struct rd){ subkey, KEY_LEN })))));
	return d_tlv(0x62, d_seq(d_join(7, d_ctx(0, d_int(5)), d_ctx(1, d_text("R")),
					d_ctx(2, alice()), checksum_of(body), d_ctx(4, d_int(1)),
					d_ctx(5, d_time(time(NULL))), last)));
}

static struct rd
request_of(uint8_t tag, int64_t type, struct rd padata, struct rd body)
{
	return d_tlv(tag, d_seq(d_join(4, d_ctx(1, d_int(5)), d_ctx(2, d_int(type)),
				       d_ctx(3, d_seq(padata)), d_ctx(4, body))));
}

static struct rd
tgs_request(struct rd body)
{
	struct rd proof = sealed_with(tgt_is.key.at, tgt_is.key.len, 7, authenticator(body));
	struct rd ap = d_tlv(
	    0x6e, d_seq(d_join(5, d_ctx(0, d_int(5)), d_ctx(1, d_int(14)), d_ctx(2, d_flags(0)),
			       d_ctx(3, tgt_is.ticket), d_ctx(4, proof))));

	return request_of(DER_TGS_REQ, 12, d_padata(1, ap), body);
}

static struct rd
as_request(struct rd body)
{
	struct rd stamp = d_seq(d_ctx(0, d_time(time(NULL))));

	stamp = sealed_with(standin->key, standin->key_len, 1, stamp);
	return request_of(DER_AS_REQ, 10, d_padata(2, stamp), body);
}

static struct rd
reply_of(uint8_t tag, int64_t type, struct rd sealed)
{
	return d_tlv(
	    tag, d_seq(d_join(6, d_ctx(0, d_int(5)), d_ctx(1, d_int(type)), d_ctx(3, d_text("R")),
			      d_ctx(4, alice()), d_ctx(5, tgt_is.ticket), d_ctx(6, sealed))));
}

static struct rd
kdc_answer(struct rd plain)
{
	uint8_t key[KEY_LEN];
	const uint8_t *sub = core_subkey();

	memset(key, KEY_OCTET, sizeof(key));
	if ((how & HOW_SEALED) == 0)
		return plain;
	if ((how & HOW_AS) != 0)
		return reply_of(DER_AS_REP, 11, sealed_with(key, KEY_LEN, 3, plain));
	return sub == NULL ? plain : reply_of(DER_TGS_REP, 13, sealed_with(sub, KEY_LEN, 9, plain));
}

/* ---- the one state */

static void
make_ticket(void)
{
	static const uint8_t cipher[] = "what only the KDC can read: octets, none of them "
					"NUL, ninety and nine in a row, that is all";
	struct rd made;

	d_reset();
	made = d_tlv(
	    0x61,
	    d_seq(d_join(4, d_ctx(0, d_int(5)), d_ctx(1, d_text("R")),
			 d_ctx(2, d_name(2, "krbtgt", "R", NULL)),
			 d_ctx(3, d_seq(d_join(2, d_ctx(0, d_int(ETYPE)),
					       d_ctx(2, d_octets((struct rd){
							    cipher, sizeof(cipher) - 1 }))))))));
	if (made.len >= sizeof(ticket) || memchr(made.at, 0, made.len) != NULL)
		abort();
	memcpy(ticket, made.at, made.len);
	ticket_len = made.len;
}

/* The TGT of alice in her cache; what its stand-in is. */
static void
make_tgt(void)
{
	struct collection *co = store_collection(kd.view.store, UID);
	struct made pr = make_princ(CLIENT);
	struct made ma = make_cred(&(struct spec){ .server = "krbtgt/R@R",
						   .key = TGT_OCTET,
						   .end = host_now() + 30 * 86400,
						   .ticket = ticket });
	struct cache *ca;
	struct rd in;

	if (co == NULL || cache_initialize(co, "0", made_rd(&pr), &ca) != 0 ||
	    cache_store(ca, ma.at, ma.len) != 0)
		abort();
	tgt = ca->first;
	in = (struct rd){ tgt->octets, tgt->len };
	if (tgt->blob_len == 0 || wire_cred(&in, &tgt_is) != 0 || tgt_is.ticket.len != ticket_len)
		abort();
}

/* A key of alice's that is kept, and its stand-in. */
static void
make_keytab(void)
{
	struct rd name = { (const uint8_t *)CLIENT, sizeof(CLIENT) - 1 };
	struct iso_rep_key_keep is;
	uint8_t key[KEY_LEN];

	memset(key, KEY_OCTET, sizeof(key));
	core_keep(tgt->logon->session, UID, name, ETYPE, (struct rd){ key, KEY_LEN }, &is);
	kd.view.keytab = keytab_open(-1, NULL);
	standin = keytab_add(kd.view.keytab, CLIENT, "/k", ETYPE, 1, KEY_LEN);
	if (standin == NULL)
		abort();
	standin->owner = UID;
	standin_put(standin, KEPT_CURRENT, 1, (struct rd){ is.kept.at, is.kept.len });
	standin_put(standin, KEPT_CANDIDATE, 2, (struct rd){ is.kept.at, is.kept.len });
}

static void
start(void)
{
	const uint8_t key[64] = { 0 };

	log_open("fuzz", LOG_CRIT);
	host_start_kept(7);
	host_config(&cf, NULL);
	cf.limits_tickets = 16;
	cf.limits_octets = 1u << 20;
	cf.delegation_forward = "allow";
	cf.delegation_targets = "";
	kd.view = (struct kdc_view){ .cf = &cf, .store = store_open(&cf, key) };
	if (kd.view.store == NULL || krb5_init_context(&kd.crypto) != 0)
		abort();
	make_ticket();
	make_tgt();
	make_keytab();
}

static void
ask_for(struct rd request)
{
	struct call *ca = calloc(1, sizeof(*ca));
	uint8_t *octets = malloc(request.len);

	if (ca == NULL || octets == NULL)
		abort();
	memcpy(octets, request.at, request.len);
	ca->kdc = &kd;
	ca->uid = (how & HOW_OTHER) != 0 ? UID + 1 : (how & HOW_ROOT) != 0 ? 0 : UID;
	ca->known = true;
	ca->stream = true;
	ca->message = (struct rd){ octets, request.len };
	call_begin(ca);
}

/* In memory of exactly that size, so that the sanitizer sees a read beyond it. */
static void
reply_with(struct rd plain)
{
	struct rd reply = kdc_answer(plain);
	real_done *done = asked.done;
	uint8_t *octets = malloc(reply.len);

	if (octets == NULL)
		abort();
	if (reply.len > 0)
		memcpy(octets, reply.at, reply.len);
	asked.done = NULL;
	done(asked.arg, 0, (struct rd){ octets, reply.len }, "");
	free(octets);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd request;
	size_t len;

	if (kd.crypto == NULL)
		start();
	if (size < 3)
		return 0;
	d_reset();
	pass_ms(1);
	how = data[0];
	input_has_key = holds_run(data, size, TGT_OCTET, 8) || holds_run(data, size, KEY_OCTET, 8);
	len = (size_t)data[1] << 8 | data[2];
	data += 3;
	size -= 3;
	if (len > size)
		len = size;
	request = (struct rd){ data, len };
	if ((how & HOW_AS) != 0)
		request = as_request(request);
	else if ((how & HOW_TGS) != 0)
		request = tgs_request(request);
	ask_for(request);
	for (int i = 0; i < TRIES && asked.done != NULL; i++)
		reply_with((struct rd){ data + len, size - len });
	if (asked.done != NULL || kd.calls != NULL || kd.counts.waiting != 0)
		abort();
	return 0;
}
