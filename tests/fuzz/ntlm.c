/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a stranger's server says: any octets as CHALLENGE_MESSAGE, with a
 * NEGOTIATE_MESSAGE and a target that may be as strange, to a session with an NT
 * hash. What comes back must be what a server with code of its own takes for
 * NTLMv2, for a server on the list, with no flag set that may not be.
 *
 * Input: length of NEGOTIATE_MESSAGE in an octet, the message; the same of the
 * target; the rest is the CHALLENGE_MESSAGE.
 */
#include <stdlib.h>
#include <string.h>

#include "iso_host.h"
#include "ntlm.h"
#include "ntlm_verify.h"

#define ALLOWED	 0xe2988235u
#define REQUIRED 0x00880201u
#define SIGNS	 0x00000030u
#define EXCH	 0x40000000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct rd
piece(const uint8_t **data, size_t *size)
{
	size_t len = *size > 0 ? **data : 0;
	struct rd got = { *data + 1, len };

	if (*size == 0 || len > *size - 1)
		return (struct rd){ *data, 0 };
	*data += len + 1;
	*size -= len + 1;
	return got;
}

/* The list is web.test and *.lab: is a name, as it is in the message, of it? */
static bool
on_the_list(struct rd name)
{
	static const char exact[] = "web.test", end[] = ".lab";
	char text[ISO_NTLM_NAME / 2] = "";
	size_t n = name.len / 2;

	for (size_t i = 0; i < n; i++) {
		uint8_t c = name.at[2 * i];

		if (name.at[2 * i + 1] != 0 || c == 0 || c > 0x7e)
			return false;
		text[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
	}
	if (n == strlen(exact) && memcmp(text, exact, n) == 0)
		return true;
	return n > strlen(end) && memcmp(text + n - strlen(end), end, strlen(end)) == 0;
}

static void
check(const struct iso_req_ntlm_authenticate *req, const struct iso_rep_ntlm_authenticate *rep,
      const uint8_t hash[16])
{
	struct v_exchange x = { .upper = req->upper,
				.domain = req->domain,
				.negotiate = req->negotiate,
				.challenge = req->challenge };
	bool signs, keyed;
	uint32_t offered = 0;
	struct v_seen seen;

	memcpy(x.hash, hash, sizeof(x.hash));
	if (v_check(&x, (struct rd){ rep->message.at, rep->message.len }, &seen) != NULL)
		abort();
	memcpy(&offered, req->challenge.at + 20, sizeof(offered));
	signs = (seen.flags & SIGNS) != 0;
	keyed = (seen.flags & EXCH) != 0;
	if ((seen.flags & ~(ALLOWED & offered)) != 0 || (seen.flags & REQUIRED) != REQUIRED ||
	    (signs && !keyed) || (seen.av_flags & ~3u) != 0)
		abort();
	if (seen.has_mic != (req->negotiate.len > 0) || rep->session_key.len != (signs ? 16 : 0))
		abort();
	/* with nothing to sign a server may open what was sent, or not */
	if (memcmp(seen.key, signs ? rep->session_key.at : seen.base, 16) != 0)
		abort();
	if (rep->listed != 1 || !on_the_list((struct rd){ rep->server.at, rep->server.len }))
		abort();
}

/* The parser alone, on memory that ends where the messages do. */
static void
parse(struct rd negotiate, struct rd challenge)
{
	uint8_t *a = malloc(negotiate.len + 1), *b = malloc(challenge.len + 1);
	struct ntlm_challenge c = { 0 };

	if (a == NULL || b == NULL)
		abort();
	memcpy(a + 1, negotiate.at, negotiate.len);
	memcpy(b + 1, challenge.at, challenge.len);
	(void)!ntlm_read((struct rd){ b + 1, challenge.len }, (struct rd){ a + 1, negotiate.len },
			 &c);
	free(a);
	free(b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t hash[16] = "the NT hash here", client[] = "user@EXAMPLE.TEST";
	static struct iso_rep_ntlm_authenticate rep;
	struct iso *iso = iso_fresh_seeded(1);
	struct iso_req_configure conf = { .policy = ISO_POLICY_NTLM | ISO_POLICY_TARGETS,
					  .rate = 1000,
					  .burst = 1000,
					  .targets = { (const uint8_t *)"web.test\0*.lab", 15 } };
	struct iso_req_session_open open = { .owner = 1000, .lifetime = 3600 };
	struct iso_rep_session_open s = { 0 };
	struct iso_req_cred_absorb absorb = { .owner = 1000,
					      .kind = ISO_KIND_NTLM,
					      .endtime = TEST_NOW + 3600,
					      .client = { client, sizeof(client) - 1 },
					      .key = { hash, 16 } };
	struct iso_rep_cred_absorb blob = { 0 };
	struct iso_req_ntlm_authenticate req = { .owner = 1000,
						 .name = absorb.client,
						 .user = { (const uint8_t *)"u\0", 2 },
						 .upper = { (const uint8_t *)"U\0", 2 },
						 .domain = { (const uint8_t *)"D\0", 2 } };

	req.negotiate = piece(&data, &size);
	req.target = piece(&data, &size);
	req.challenge = (struct rd){ data, size };
	parse(req.negotiate, req.challenge);
	if (size > ISO_NTLM_IN)
		return 0;
	if (iso_call(iso, ISO_OP_configure, &conf, NULL) != ISO_OK ||
	    iso_call(iso, ISO_OP_session_open, &open, &s) != ISO_OK)
		abort();
	req.session = absorb.session = s.session;
	req.generation = absorb.generation = s.generation;
	if (iso_call(iso, ISO_OP_cred_absorb, &absorb, &blob) != ISO_OK)
		abort();
	req.key = (struct rd){ blob.blob.at, blob.blob.len };
	if (iso_call(iso, ISO_OP_ntlm_authenticate, &req, &rep) == ISO_OK)
		check(&req, &rep, hash);
	return 0;
}
