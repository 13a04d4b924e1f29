/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * KCM requests of a hostile client, several in a row, through the production
 * dispatcher, store and (hosted) trusted core. Each input starts from a cache
 * "0" with a TGT, a service ticket and config entries. Besides not crashing,
 * no reply may hold the TGT's key.
 *
 *   input  (u16 big-endian length, octets from the version on)...
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lsass/front/kcm/private.h"
#include "lsass/tgs/tgs.h"
#include "tests/unit/lsass_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KEY_OCTET 0xd7 /* of the key; a run of 32 of them must never come out */
#define UID	  1000

static struct config cf;
static struct kcm kc;
static struct client cl;

/* The pool: refuses, or brings a ticket for what was asked. */
uint64_t
tgs_submit(struct tgs *t, const struct tgs_request *req, tgs_done *done, void *arg)
{
	struct made ma = { 0 };
	struct tgs_ticket ticket;

	if (req->client.len + req->server.len > 1024 || req->etype == 1) {
		done(arg, -1765328377, NULL, 0);
		return 0;
	}
	add_raw(&ma, req->client.at, req->client.len);
	add_raw(&ma, req->server.at, req->server.len);
	add_raw(&ma, "\0\22\0\0\0\0", 6);
	for (int i = 0; i < 4; i++)
		add_u32(&ma, host_now() + 60);
	add_u8(&ma, req->user_to_user);
	for (int i = 0; i < 5; i++)
		add_u32(&ma, 0);
	ticket = (struct tgs_ticket){ .cred = made_rd(&ma) };
	if (req->endtime % 2 != 0) {
		ticket.blob = req->tgts[0].blob;
		ticket.session = req->tgts[0].session;
		ticket.generation = req->tgts[0].generation;
	}
	done(arg, 0, &ticket, 1);
	return 0;
}

void
tgs_cancel(struct tgs *t, uint64_t number)
{
}

void
kcm_answer(struct client *late)
{
	abort(); /* the pool answers at once */
}

static void
plant(const char *server, int key_len)
{
	struct made ma = make_cred(
	    &(struct spec){ .server = server, .key = KEY_OCTET, .key_len = key_len });

	if (cache_store(cache_by_name(cl.co, "0"), ma.at, ma.len) != 0)
		abort();
}

static void
start(void)
{
	const uint8_t key[64] = { 0 };

	log_open("fuzz", LOG_CRIT);
	host_start();
	host_config(&cf, NULL);
	cf.limits_caches = 8;
	cf.limits_tickets = 16;
	cf.limits_octets = 65536;
	kc = (struct kcm){ .cf = &cf, .st = store_open(&cf, key) };
	cl = (struct client){ .kcm = &kc, .co = store_collection(kc.st, UID), .fd = -1 };
}

static bool
destroy(struct cache *ca, void *arg)
{
	cache_destroy(ca);
	return false;
}

/* In memory of exactly that size, so that the sanitizer sees a read beyond it. */
static void
one(const uint8_t *at, size_t len, bool input_has_key)
{
	uint8_t *frame = malloc(len);

	memcpy(frame, at, len);
	if (!kcm_request(&cl, frame, len))
		abort();
	if (kc.reply.len < KCM_REPLY_HEAD || wire_get_u32(kc.reply.at) != kc.reply.len - 8)
		abort();
	if (!input_has_key && holds_run(kc.reply.at, kc.reply.len, KEY_OCTET, 32))
		abort();
	reply_wipe(&kc.reply);
	free(frame);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct made pr = make_princ("alice@R");
	bool input_has_key = holds_run(data, size, KEY_OCTET, 8);
	struct cache *ca;

	if (kc.st == NULL)
		start();
	if (cache_initialize(cl.co, "0", made_rd(&pr), &ca) != 0)
		abort();
	plant("krbtgt/R@R", 0);
	plant("krb5_ccache_conf_data/fast_avail@X-CACHECONF:", -1);
	plant("krb5_ccache_conf_data/pa_type@X-CACHECONF:", -1);
	while (size >= 2) {
		size_t len = (size_t)data[0] << 8 | data[1];

		if (len > size - 2)
			len = size - 2;
		if (len < KCM_FRAME_MIN)
			break;
		one(data + 2, len, input_has_key);
		data += 2 + len;
		size -= 2 + len;
	}
	collection_each_cache(cl.co, destroy, NULL);
	if (host_sessions() != 0 || collection_octets(cl.co) != 0)
		abort();
	return 0;
}
