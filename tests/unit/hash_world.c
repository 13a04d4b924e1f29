/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "tests/unit/hash_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "krb.h"
#include "lib/box.h"
#include "lsass/ask.h"
#include "tests/unit/ntlm_verify.h"

struct hash_world fx;

/* ---- the world */

static const uint8_t state_key[64] = { 1 };

void
nw_open_store(void)
{
	fx.logons = (struct logons){ .cf = &fx.cf };
	fx.logons.store = store_open(&fx.cf, state_key);
	assert_non_null(fx.logons.store);
	fx.nt = ntlm_new(&fx.cf, &fx.logons);
	assert_non_null(fx.nt);
	logons_open(&fx.logons);
}

void
nw_close_store(void)
{
	ntlm_free(fx.nt);
	store_close(fx.logons.store);
}

void
nw_start(const char *mode, const char *targets)
{
	uint32_t policy = ISO_POLICY_NTLM;
	char list[ISO_TARGETS_MAX];
	struct config_word bad;
	long len;

	(void)snprintf(fx.targets, sizeof(fx.targets), "%s", targets);
	fx.cf.ntlm_mode = strcmp(mode, "on") == 0      ? fx.on
			  : strcmp(mode, "audit") == 0 ? fx.audit
						       : fx.off;
	len = config_targets(&fx.cf, list, sizeof(list), &bad);
	assert_true(len >= 0);
	if (strcmp(mode, "on") == 0 && len > 0)
		policy |= ISO_POLICY_TARGETS;
	host_start_ntlm(policy, (struct rd){ (const uint8_t *)list, (size_t)len });
	nw_open_store();
}

int
nw_set_up(void **state)
{
	FILE *file;

	(void)state;
	fx.folder = host_folder();
	host_config(&fx.cf, fx.folder);
	(void)snprintf(fx.krb5, sizeof(fx.krb5), "%s/krb5.conf", fx.folder);
	file = fopen(fx.krb5, "w");
	if (file == NULL || fputs("[libdefaults]\ndefault_realm = TEST.LOCAL\n", file) < 0 ||
	    fclose(file) != 0)
		return -1;
	(void)strcpy(fx.level, "process");
	(void)strcpy(fx.on, "on");
	(void)strcpy(fx.off, "off");
	(void)strcpy(fx.audit, "audit");
	(void)strcpy(fx.corp, "CORP");
	fx.cf.krb5_config = fx.krb5;
	fx.cf.isolation_level = fx.level;
	fx.cf.logon_lifetime = 36000;
	fx.cf.ntlm_targets = fx.targets;
	fx.cf.ntlm_domain = fx.none;
	return 0;
}

int
nw_tear_down(void **state)
{
	(void)state;
	nw_close_store();
	host_rmdir(fx.folder);
	return 0;
}

/* ---- logons */

void
nw_box_of(const struct held *he, const char *password, uint8_t sealed[ISO_BOX])
{
	struct iso_req_logon_challenge ask = { .session = he->logon->session,
					       .generation = he->logon->generation,
					       .owner = he->logon->owner };
	struct iso_rep_logon_challenge challenge;
	struct iso_req_status none = { 0 };
	struct iso_rep_status key;
	struct box box = { 0 };

	assert_int_equal(ask_logon_challenge(&ask, &challenge), ISO_OK);
	assert_int_equal(ask_status(&none, &key), ISO_OK);
	box.challenge = challenge.challenge;
	box.session = ask.session;
	box.generation = ask.generation;
	box.owner = ask.owner;
	assert_int_equal(
	    box_fill(&box, he->name, (struct rd){ (const uint8_t *)password, strlen(password) }, 0),
	    0);
	assert_int_equal(box_seal(key.public_key, &box, sealed), 0);
}

struct held *
nw_begin(uid_t uid, const char *name)
{
	enum iso_status st;
	struct held *he = logons_begin(&fx.logons, uid, name, &st);

	assert_non_null(he);
	return he;
}

/* A logon inside, as lsass/front/admin leaves it; its cache is of no interest here. */
struct held *
nw_inside(uid_t uid, const char *name, const char *principal, const char *password)
{
	struct held *he = nw_begin(uid, name);
	uint8_t box[ISO_BOX];
	struct iso_req_logon_absorb in = { .session = he->logon->session,
					   .generation = he->logon->generation,
					   .owner = uid,
					   .box = { box, sizeof(box) } };
	struct iso_rep_logon_absorb blob;
	struct iso_req_krb_s2k ask = { .session = in.session,
				       .generation = in.generation,
				       .owner = uid,
				       .name = { (const uint8_t *)he->name, strlen(he->name) } };
	struct iso_rep_krb_s2k is;

	nw_box_of(he, password, box);
	assert_int_equal(ask_logon_absorb(&in, &blob), ISO_OK);
	ask.password = (struct rd){ blob.blob.at, blob.blob.len };
	assert_int_equal(ask_krb_s2k(&ask, &is), ISO_OK);
	memcpy(he->ntlm, is.blob.at, is.blob.len);
	he->ntlm_len = is.blob.len;
	he->principal = principal != NULL ? strdup(principal) : NULL;
	he->begun = false;
	he->offline = true; /* no cache has it, but the registry */
	logons_save(he);
	return he;
}

struct held *
nw_added(uid_t uid, const char *name, const char *password)
{
	struct held *he = nw_begin(uid, name);
	uint8_t box[ISO_BOX];

	nw_box_of(he, password, box);
	assert_int_equal(ntlm_add(fx.nt, he, box), ISO_OK);
	return he;
}

void
nw_lock(struct held *he)
{
	struct iso_req_session_lock ask = { .session = he->logon->session,
					    .generation = he->logon->generation,
					    .owner = he->logon->owner };
	struct iso_rep_session_lock is;

	assert_int_equal(ask_session_lock(&ask, &is), ISO_OK);
	he->locked = true;
}

/* What Heimdal's kinit --ntlm-domain does. */
struct cache *
nw_heimdal(uid_t uid, const char *client, const char *domain, const char *password)
{
	struct collection *co = store_collection(fx.logons.store, uid);
	struct made pr = make_princ(client), ma;
	char server[128], ticket[17] = { 0 };
	uint8_t hash[16], *at;
	struct cache *ca;

	assert_int_equal(cache_initialize(co, "h", made_rd(&pr), &ca), 0);
	(void)snprintf(server, sizeof(server),
		       "krb5_ccache_conf_data/ntlm-key-%s@X-CACHECONF:", domain);
	memset(ticket, 'T', 16);
	ma = make_cred(&(struct spec){ .client = client, .server = server, .ticket = ticket });
	assert_int_equal(
	    krb_nt_hash((struct rd){ (const uint8_t *)password, strlen(password) }, hash), ISO_OK);
	at = memmem(ma.at, ma.len, ticket, 16);
	assert_non_null(at);
	memcpy(at, hash, 16);
	assert_int_equal(cache_store(ca, ma.at, ma.len), 0);
	assert_null(memmem(ma.at, ma.len, hash, 16)); /* wiped where it came from */
	return ca;
}

/* ---- challenges and answers */

static void
put(struct made *ma, uint32_t value, size_t n)
{
	for (; n > 0; n--, value >>= 8)
		add_u8(ma, (uint8_t)value);
}

static void
put_pair(struct made *ma, uint32_t id, const char *text)
{
	put(ma, id, 2);
	put(ma, (uint32_t)(2 * strlen(text)), 2);
	for (; *text != '\0'; text++)
		put(ma, (uint8_t)*text, 2);
}

/* A CHALLENGE_MESSAGE of that server; dns NULL: it has a name of NetBIOS only. */
struct made
nw_challenge(const char *netbios, const char *dns, uint32_t flags)
{
	struct made info = { 0 }, ma = { 0 };

	put_pair(&info, 2, "DOM");
	put_pair(&info, 1, netbios);
	if (dns != NULL)
		put_pair(&info, 3, dns);
	put(&info, 0, 4);
	add_raw(&ma, "NTLMSSP", 8);
	put(&ma, 2, 4);
	put(&ma, 0, 4);
	put(&ma, 56, 4);
	put(&ma, flags, 4);
	add_raw(&ma, "\1\2\3\4\5\6\7\10", 8);
	put(&ma, 0, 4);
	put(&ma, 0, 4);
	put(&ma, (uint32_t)(info.len << 16 | info.len), 4);
	put(&ma, 56, 4);
	add_raw(&ma, "\6\1\0\0\0\0\0\17", 8);
	add_raw(&ma, info.at, info.len);
	return ma;
}

enum ntlm_result
nw_has(uid_t uid, const char *domain, const char *user)
{
	struct ntlm_peer peer = { uid, getpid() };

	return ntlm_has(fx.nt, &peer, domain, user);
}

enum ntlm_result
nw_answer_to(const struct made *ch, uid_t uid, const char *domain, const char *user,
	     struct ntlm_answer *an)
{
	struct ntlm_ask ask = {
		.peer = { uid, getpid() }, .domain = domain, .user = user, .challenge = made_rd(ch)
	};

	return ntlm_answer(fx.nt, &ask, an);
}

enum ntlm_result
nw_answer(uid_t uid, const char *domain, const char *user, struct ntlm_answer *an)
{
	struct made ch = nw_challenge("WEB", "web", FLAGS);

	return nw_answer_to(&ch, uid, domain, user, an);
}

/* Does a server that knows this password, and these names, take the message? */
bool
nw_is_right(const struct ntlm_answer *an, const char *domain, const char *user,
	    const char *password)
{
	struct made ch = nw_challenge("WEB", "web", FLAGS);
	struct name16 upper, dom;
	struct v_exchange x = { .challenge = made_rd(&ch) };
	struct v_seen seen;

	assert_true(names_utf16(user, true, &upper) && names_utf16(domain, false, &dom));
	x.upper = (struct rd){ upper.at, upper.len };
	x.domain = (struct rd){ dom.at, dom.len };
	assert_int_equal(
	    krb_nt_hash((struct rd){ (const uint8_t *)password, strlen(password) }, x.hash),
	    ISO_OK);
	if (v_check(&x, (struct rd){ an->message, an->message_len }, &seen) != NULL)
		return false;
	assert_true(an->has_key);
	assert_memory_equal(seen.key, an->session_key, 16);
	return true;
}
