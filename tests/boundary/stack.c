/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is there nothing left on the stack of what a call had in its hands? The
 * objects as they go into the program serve calls on a stack that the test can
 * look at: below the dispatcher all that was used must have been wiped, and no
 * eight octets of a password or key may be on it.
 */
#define _GNU_SOURCE /* memmem */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "iso_client.h"
#include "iso_host.h"
#include "krb.h"
#include "ntlm_verify.h"

#define OWNER  1000u
#define SIZE   (1u << 18)
#define MARK   0xa5u
#define WINDOW 8u

static uint8_t *stack;
static const char password[] = "correct horse battery staple";
static const char who[] = "user@EXAMPLE.TEST";

/* One call, made on that stack. */
struct call {
	struct iso *iso;
	uint32_t op;
	const void *req;
	void *rep;
	enum iso_status st;
};

static void *
serve(void *arg)
{
	struct call *c = arg;

	c->st = iso_call(c->iso, c->op, c->req, c->rep);
	return NULL;
}

static void
run(struct call *c)
{
	pthread_attr_t attr;
	pthread_t thread;

	memset(stack, MARK, SIZE);
	assert_int_equal(pthread_attr_init(&attr), 0);
	assert_int_equal(pthread_attr_setstack(&attr, stack, SIZE), 0);
	assert_int_equal(pthread_create(&thread, &attr, serve, c), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(pthread_attr_destroy(&attr), 0);
}

/*
 * Octets that are zero at the end of what was written to. iso_stack_wipe goes
 * down further than calls do: nothing is below but the address that its
 * memset returns to.
 */
static size_t
wiped(void)
{
	size_t low = 0, at, zero = 0;

	while (low < SIZE && stack[low] == MARK)
		low++;
	at = low;
	while (at < SIZE && at < low + 16 && stack[at] != 0)
		at++;
	while (at + zero < SIZE && stack[at + zero] == 0)
		zero++;
	return zero;
}

static bool
left(const void *at, size_t len)
{
	for (size_t i = 0; i + WINDOW <= len; i++) {
		if (memmem(stack, SIZE, (const uint8_t *)at + i, WINDOW) != NULL)
			return true;
	}
	return false;
}

struct secrets {
	uint8_t private[ISO_PUBLIC];
	struct krb_key key; /* of the password */
};

/* A call that used a secret, and what of it is there then. */
static void
clean(struct iso *iso, uint32_t op, const void *req, void *rep, const struct secrets *know)
{
	struct call c = { .iso = iso, .op = op, .req = req, .rep = rep };
	size_t zero;

	run(&c);
	assert_int_equal(c.st, ISO_OK);
	zero = wiped();
	if (zero < 4096)
		fail_msg("operation %u went deeper than what is wiped: %zu octets below are zero",
			 op, zero);
	assert_false(left(password, sizeof(password) - 1));
	assert_false(left(know->private, sizeof(know->private)));
	assert_false(left(know->key.octets, know->key.type->key_len));
	assert_false(left(iso->root, sizeof(iso->root)));
	assert_false(left(iso->session[0].key, ISO_SESSION_KEY));
}

/* An answer of NTLM: nothing of NTOWFv2, SessionBaseKey, the hash, the exported key. */
static void
clean_ntlm(struct iso *iso, struct iso_rep_session_open s, struct iso_req_krb_s2k s2k,
	   const struct secrets *know)
{
	static const uint8_t challenge[] = "NTLMSSP\0\2\0\0\0\0\0\0\0\0\0\0\0\x11\x82\x88\x40"
					   "\x11\x22\x33\x44\x55\x66\x77\x88\0\0\0\0\0\0\0\0"
					   "\4\0\4\0\x30\0\0\0\0\0\0"; /* and its NUL */
	static const uint8_t offer[16] = "NTLMSSP\0\1\0\0\0\x11\x82\x88\x40";
	struct iso_req_ntlm_authenticate req = { .session = s.session,
						 .generation = s.generation,
						 .owner = OWNER,
						 .name = s2k.name,
						 .user = { (const uint8_t *)"u\0", 2 },
						 .upper = { (const uint8_t *)"U\0", 2 },
						 .negotiate = { offer, sizeof(offer) },
						 .challenge = { challenge, sizeof(challenge) } };
	struct v_exchange x = { .upper = req.upper,
				.negotiate = req.negotiate,
				.challenge = req.challenge };
	struct iso_rep_krb_s2k made = { 0 };
	static struct iso_rep_ntlm_authenticate rep;
	struct v_seen seen;

	s2k.etype = 0;
	assert_int_equal(
	    krb_nt_hash((struct rd){ (const uint8_t *)password, sizeof(password) - 1 }, x.hash),
	    ISO_OK);
	clean(iso, ISO_OP_krb_s2k, &s2k, &made, know);
	assert_false(left(x.hash, sizeof(x.hash)));
	req.key = (struct rd){ made.blob.at, made.blob.len };
	clean(iso, ISO_OP_ntlm_authenticate, &req, &rep, know);
	assert_null(v_check(&x, (struct rd){ rep.message.at, rep.message.len }, &seen));
	assert_true(seen.has_mic);
	assert_int_equal(rep.session_key.len, 16);
	assert_false(left(x.hash, sizeof(x.hash)));
	assert_false(left(seen.owf, sizeof(seen.owf)));
	assert_false(left(seen.base, sizeof(seen.base)));
	assert_false(left(seen.key, sizeof(seen.key)));
}

/* A key that is kept, taken, and signs for a user as the key of a TGT. */
static void
clean_kept(struct iso *iso, struct iso_req_krb_as_seal as, const struct secrets *know)
{
	struct iso_req_key_keep keep = { .session = as.session,
					 .generation = as.generation,
					 .owner = as.owner,
					 .key = as.key,
					 .name = as.name };
	struct iso_rep_key_keep kept = { 0 };
	struct iso_req_key_take take = { .session = as.session,
					 .generation = as.generation,
					 .owner = as.owner,
					 .name = as.name };
	struct iso_req_cred_absorb absorb = { .session = as.session,
					      .generation = as.generation,
					      .owner = as.owner,
					      .kind = ISO_KIND_TGT,
					      .etype = know->key.type->etype,
					      .endtime = TEST_NOW + 36000,
					      .client = d_client(),
					      .key = { know->key.octets,
						       know->key.type->key_len } };
	struct iso_rep_cred_absorb tgt = { 0 };
	struct iso_req_krb_for_user user = { .session = as.session,
					     .generation = as.generation,
					     .owner = as.owner,
					     .client = absorb.client,
					     .text = as.name };

	iso->root_kind = ISO_ROOT_KEPT;
	clean(iso, ISO_OP_key_keep, &keep, &kept, know);
	take.kept = (struct rd){ kept.kept.at, kept.kept.len };
	clean(iso, ISO_OP_key_take, &take, NULL, know);
	clean(iso, ISO_OP_cred_absorb, &absorb, &tgt, know);
	user.blob = (struct rd){ tgt.blob.at, tgt.blob.len };
	clean(iso, ISO_OP_krb_for_user, &user, NULL, know);
}

static void
nothing_is_left(void **state)
{
	static const int32_t etypes[] = { 17, 18, 19, 20, 23 };
	struct iso_req_session_open open = { .owner = OWNER, .lifetime = 36000 };
	struct iso_rep_session_open s = { 0 };
	const struct rd typed = { (const uint8_t *)password, sizeof(password) - 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(etypes) / sizeof(etypes[0]); i++) {
		struct iso *iso = iso_running(ISO_POLICY_ALL);
		struct secrets know = { .key = { .type = krb_type(etypes[i]) } };
		struct iso_rep_logon_absorb in = { 0 };
		struct iso_rep_krb_s2k made = { 0 };
		uint8_t sealed[ISO_BOX];
		struct box box;

		iso_derive(iso, ISO_PRIVATE, (struct wr){ know.private, sizeof(know.private) });
		assert_int_equal(iso_call(iso, ISO_OP_session_open, &open, &s), ISO_OK);
		struct iso_req_krb_s2k s2k = { .session = s.session,
					       .generation = s.generation,
					       .owner = OWNER,
					       .name = { (const uint8_t *)who, sizeof(who) - 1 },
					       .etype = etypes[i],
					       .salt = { (const uint8_t *)who, sizeof(who) - 1 } };
		assert_int_equal(krb_string_to_key(typed, s2k.salt,
						   know.key.type->profile == KRB_SHA2
						       ? ISO_ITERATIONS_SHA2
						       : ISO_ITERATIONS_SHA1,
						   &know.key),
				 ISO_OK);
		box = client_box(iso, s, OWNER, who, typed, 0, 0);
		assert_int_equal(box_seal(iso->public, &box, sealed), 0);
		struct iso_req_logon_absorb absorb = { .session = s.session,
						       .generation = s.generation,
						       .owner = OWNER,
						       .box = { sealed, sizeof(sealed) } };
		clean(iso, ISO_OP_logon_absorb, &absorb, &in, &know);
		s2k.password = (struct rd){ in.blob.at, in.blob.len };
		clean(iso, ISO_OP_krb_s2k, &s2k, &made, &know);
		struct iso_req_krb_as_seal as = { .session = s.session,
						  .generation = s.generation,
						  .owner = OWNER,
						  .key = { made.blob.at, made.blob.len },
						  .name = s2k.name };
		clean(iso, ISO_OP_krb_as_seal, &as, NULL, &know);
		struct iso_req_offline_make offline = { .session = s.session,
							.generation = s.generation,
							.owner = OWNER,
							.password = s2k.password,
							.name = s2k.name };
		clean(iso, ISO_OP_offline_make, &offline, NULL, &know);
		clean_ntlm(iso, s, s2k, &know);
		clean_kept(iso, as, &know);
		struct iso_req_prove prove = { .public = { 9 } };
		clean(iso, ISO_OP_prove, &prove, NULL, &know);
	}
}

static void *
leave(void *arg)
{
	uint8_t below[2048]; /* the end of a thread writes to the stack, too: not so deep */

	memcpy(below, password, sizeof(password));
	__asm__ volatile("" : : "r"(below) : "memory");
	return arg;
}

/* A search that cannot fail shows nothing. */
static void
the_search_finds(void **state)
{
	pthread_attr_t attr;
	pthread_t thread;

	(void)state;
	memset(stack, MARK, SIZE);
	assert_int_equal(pthread_attr_init(&attr), 0);
	assert_int_equal(pthread_attr_setstack(&attr, stack, SIZE), 0);
	assert_int_equal(pthread_create(&thread, &attr, leave, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(pthread_attr_destroy(&attr), 0);
	assert_true(left(password, sizeof(password) - 1));
	assert_true(wiped() < 4096);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_search_finds),
		cmocka_unit_test(nothing_is_left),
	};

	stack = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stack == MAP_FAILED)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
