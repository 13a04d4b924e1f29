/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Does the hash of a user's own, and of nobody else's, answer for the names it
 * should, for as long as its logon lives; is what comes out what a server
 * takes; and is it told who used it? The trusted core is the real one.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "iso_host.h"
#include "krb.h"
#include "lib/box.h"
#include "lib/log.h"
#include "lsass/ask.h"
#include "lsass/ntlm/private.h"
#include "tests/unit/lsass_host.h"
#include "tests/unit/ntlm_verify.h"

#define ALICE	 1000u
#define OTHER	 1001u
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define FLAGS	 0xe28a8233u /* of MS-NLMP 4.2.4: KEY_EXCH, SIGN, SEAL, NTLM2, 128 */

static struct {
	struct config cf;
	struct logons logons;
	struct ntlm *nt;
	char krb5[64], *folder;
	char off[4], audit[6], on[3], targets[64], none[1], corp[5];
} fx;

/* ---- the world */

static const uint8_t state_key[64] = { 1 };

static void
open_store(void)
{
	fx.logons = (struct logons){ .cf = &fx.cf };
	fx.logons.store = store_open(&fx.cf, state_key);
	assert_non_null(fx.logons.store);
	fx.nt = ntlm_new(&fx.cf, &fx.logons);
	assert_non_null(fx.nt);
	logons_open(&fx.logons);
}

static void
close_store(void)
{
	ntlm_free(fx.nt);
	store_close(fx.logons.store);
}

static void
start(const char *mode, const char *targets)
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
	open_store();
}

static int
set_up(void **state)
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
	(void)strcpy(fx.on, "on");
	(void)strcpy(fx.off, "off");
	(void)strcpy(fx.audit, "audit");
	(void)strcpy(fx.corp, "CORP");
	fx.cf.krb5_config = fx.krb5;
	fx.cf.logon_lifetime = 36000;
	fx.cf.ntlm_targets = fx.targets;
	fx.cf.ntlm_domain = fx.none;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	close_store();
	host_rmdir(fx.folder);
	return 0;
}

/* ---- logons */

static void
box_of(const struct held *he, const char *password, uint8_t sealed[ISO_BOX])
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

static struct held *
begin(uid_t uid, const char *name)
{
	enum iso_status st;
	struct held *he = logons_begin(&fx.logons, uid, name, &st);

	assert_non_null(he);
	return he;
}

/* A logon inside, as lsass/front/admin leaves it; its cache is of no interest here. */
static struct held *
inside(uid_t uid, const char *name, const char *principal, const char *password)
{
	struct held *he = begin(uid, name);
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

	box_of(he, password, box);
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

static struct held *
added(uid_t uid, const char *name, const char *password)
{
	struct held *he = begin(uid, name);
	uint8_t box[ISO_BOX];

	box_of(he, password, box);
	assert_int_equal(ntlm_add(fx.nt, he, box), ISO_OK);
	return he;
}

static void
lock(struct held *he)
{
	struct iso_req_session_lock ask = { .session = he->logon->session,
					    .generation = he->logon->generation,
					    .owner = he->logon->owner };
	struct iso_rep_session_lock is;

	assert_int_equal(ask_session_lock(&ask, &is), ISO_OK);
	he->locked = true;
}

/* What Heimdal's kinit --ntlm-domain does. */
static struct cache *
heimdal(uid_t uid, const char *client, const char *domain, const char *password)
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
static struct made
challenge(const char *netbios, const char *dns, uint32_t flags)
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

static enum ntlm_result
has(uid_t uid, const char *domain, const char *user)
{
	struct ntlm_peer peer = { uid, getpid() };

	return ntlm_has(fx.nt, &peer, domain, user);
}

static enum ntlm_result
answer_to(const struct made *ch, uid_t uid, const char *domain, const char *user,
	  struct ntlm_answer *an)
{
	struct ntlm_ask ask = {
		.peer = { uid, getpid() }, .domain = domain, .user = user, .challenge = made_rd(ch)
	};

	return ntlm_answer(fx.nt, &ask, an);
}

static enum ntlm_result
answer(uid_t uid, const char *domain, const char *user, struct ntlm_answer *an)
{
	struct made ch = challenge("WEB", "web", FLAGS);

	return answer_to(&ch, uid, domain, user, an);
}

/* Does a server that knows this password, and these names, take the message? */
static bool
is_right(const struct ntlm_answer *an, const char *domain, const char *user, const char *password)
{
	struct made ch = challenge("WEB", "web", FLAGS);
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

/* ---- names */

static void
names_in_messages(void **state)
{
	static const struct {
		const char *text, *plain, *capitals; /* octets of UTF-16LE */
		size_t len;
	} rows[] = {
		{ "", "", "", 0 },
		{ "aZ1", "a\0Z\0001\0", "A\0Z\0001\0", 6 },
		{ "\u00eb\u00df", "\xeb\0\xdf\0", "\xcb\0\xdf\0", 4 }, /* sharp s has no capital */
		{ "\u00ff", "\xff\0", "\x78\1", 2 },
		{ "\u0434\u03c9", "\x34\4\xc9\3", "\x14\4\xa9\3", 4 },
		{ "\U0001d11e", "\x34\xd8\x1e\xdd", "\x34\xd8\x1e\xdd", 4 },
		{ "\U00010428", "\x01\xd8\x28\xdc", "\x01\xd8\x28\xdc", 4 }, /* as in Windows */
	};
	static const char *const bad[] = { "\x80",
					   "a\xff",
					   "\xc0\x80",
					   "\xc3",
					   "\xe2\x82",
					   "\xed\xa0\x80",
					   "\xf4\x90\x80\x80",
					   "\xf0\x80\x80\x80",
					   "\xe0\x80\x80",
					   "\xf8\x88\x80\x80\x80" };
	char longest[258];
	struct name16 to;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_true(names_utf16(rows[i].text, false, &to));
		assert_int_equal(to.len, rows[i].len);
		assert_memory_equal(to.at, rows[i].plain, to.len);
		assert_true(names_utf16(rows[i].text, true, &to));
		assert_int_equal(to.len, rows[i].len);
		assert_memory_equal(to.at, rows[i].capitals, to.len);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_false(names_utf16(bad[i], false, &to));
		assert_false(names_same(bad[i], bad[i]));
	}
	memset(longest, 'a', sizeof(longest));
	longest[256] = '\0';
	assert_true(names_utf16(longest, false, &to));
	assert_int_equal(to.len, 512);
	longest[256] = 'a';
	longest[257] = '\0';
	assert_false(names_utf16(longest, false, &to));
	start("on", "");
}

static void
names_that_are_the_same(void **state)
{
	char text[8];

	(void)state;
	assert_true(names_same("", ""));
	assert_true(names_same("Alice", "aLICE"));
	assert_true(names_same("zo\u00eb", "ZO\u00cb"));
	assert_false(names_same("alice", "alicf"));
	assert_false(names_same("alice", "alic"));
	assert_false(names_same("alic", "alice"));
	assert_false(names_same("", "a"));
	names_show((struct rd){ (const uint8_t *)"a\0\n\0\xe9\0 \0z\0", 10 }, text, sizeof(text));
	assert_string_equal(text, "a?? z");
	names_show((struct rd){ (const uint8_t *)"a\0b\0c\0d\0e\0f\0g\0h\0i", 17 }, text,
		   sizeof(text));
	assert_string_equal(text, "abcdefg");
	names_show((struct rd){ 0 }, text, sizeof(text));
	assert_string_equal(text, "");
	start("on", "");
}

static void
names_taken_apart(void **state)
{
	static const struct {
		const char *text, *user, *realm; /* user NULL: it is none */
	} rows[] = {
		{ "alice@R.LOCAL", "alice", "R.LOCAL" },
		{ "alice", "alice", "" },
		{ "a\\@b@R", "a@b", "R" },
		{ "a\\\\nb@R", "a\\nb", "R" },
		{ "a\\/b@R", "a/b", "R" },
		{ "a\\nb@R", "a\nb", "R" },
		{ "alice/admin@R", NULL, NULL },
		{ "alice@R/x", NULL, NULL },
		{ "alice@R@S", NULL, NULL },
		{ "@R", NULL, NULL },
		{ "", NULL, NULL },
		{ "alice\\", NULL, NULL },
	};
	static const char *const bad[] = { "", "a", "\\", "a\\", "\\a", "a\\b\\c", "a\\b\\" };
	char a[NTLM_NAME], b[NTLM_NAME], text[2 * NTLM_NAME + 8];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(names_principal(rows[i].text, a, b), rows[i].user != NULL);
		if (rows[i].user != NULL) {
			assert_string_equal(a, rows[i].user);
			assert_string_equal(b, rows[i].realm);
		}
	}
	assert_true(ntlm_split("CORP\\al ice", a, b));
	assert_string_equal(a, "CORP");
	assert_string_equal(b, "al ice");
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(ntlm_split(bad[i], a, b));
	memset(text, 'a', sizeof(text));
	text[255] = '\\';
	text[255 + 256] = '\0';
	assert_true(ntlm_split(text, a, b));
	assert_int_equal(strlen(a), 255);
	assert_int_equal(strlen(b), 255);
	text[511] = 'a';
	text[512] = '\0';
	assert_false(ntlm_split(text, a, b));
	text[255] = 'a';
	text[256] = '\\';
	assert_false(ntlm_split(text, a, b));
	text[255] = '\0';
	assert_true(names_principal(text, a, b));
	text[255] = 'a';
	text[256] = '\0';
	assert_false(names_principal(text, a, b));
	start("on", "");
}

/* ---- which hash answers for which name */

static void
names_of_a_logon(void **state)
{
	static const struct {
		const char *domain, *user;
		bool answers;
	} rows[] = {
		{ "", "alice", true },
		{ "TEST", "alice", true },
		{ "test", "ALICE", true },
		{ "TEST.LOCAL", "alice", true },
		{ "test.local", "alice", true },
		{ "TEST.LOCA", "alice", false },
		{ "OTHER", "alice", false },
		{ "TEST", "alic", false },
		{ "TEST", "", false },
		{ "TEST", "alice@TEST.LOCAL", false },
		{ "TEST", "bob", false }, /* he is of another realm */
		{ "OTHER", "bob", true },
		{ "other.REALM.example", "bob", true },
		{ "", "bob", true },
		{ "TEST", "typed", true }, /* as it was typed, no KDC said more */
		{ "TEST", "admin", false },
		{ "TEST", "carol", false },
		{ "", "carol", false },
	};
	struct ntlm_answer an;

	(void)state;
	start("on", "");
	(void)inside(ALICE, "alice", "alice@TEST.LOCAL", "pw");
	(void)inside(ALICE, "bob", "bob@OTHER.REALM.EXAMPLE", "pw");
	(void)inside(ALICE, "typed", NULL, "pw");
	(void)inside(ALICE, "admin", "admin/carol@TEST.LOCAL", "pw");
	(void)added(ALICE, "ELSE\\carol", "pw");
	for (size_t i = 0; i < COUNT(rows); i++) {
		enum ntlm_result want = rows[i].answers ? NTLM_DONE : NTLM_NONE;

		assert_int_equal(has(ALICE, rows[i].domain, rows[i].user), want);
		assert_int_equal(answer(ALICE, rows[i].domain, rows[i].user, &an), want);
		assert_int_equal(an.message_len > 0, rows[i].answers);
	}
	assert_string_equal(ntlm_domain(fx.nt), "TEST");
}

static void
the_domain_of_the_configuration(void **state)
{
	struct ntlm_answer an;

	(void)state;
	fx.cf.ntlm_domain = fx.corp;
	start("on", "");
	assert_string_equal(ntlm_domain(fx.nt), "CORP");
	(void)inside(ALICE, "alice", "alice@TEST.LOCAL", "pw");
	(void)inside(ALICE, "bob", "bob@OTHER.LOCAL", "pw");
	assert_int_equal(has(ALICE, "corp", "alice"), NTLM_DONE);
	assert_int_equal(has(ALICE, "TEST", "alice"), NTLM_DONE);
	assert_int_equal(has(ALICE, "CORP", "bob"), NTLM_NONE);
	/* who names no domain gets the one of the logon */
	assert_int_equal(answer(ALICE, "", "alice", &an), NTLM_DONE);
	assert_true(is_right(&an, "CORP", "alice", "pw"));
	assert_int_equal(answer(ALICE, "", "bob", &an), NTLM_DONE);
	assert_true(is_right(&an, "OTHER", "bob", "pw"));
	/* who names one gets that */
	assert_int_equal(answer(ALICE, "test.local", "Alice", &an), NTLM_DONE);
	assert_true(is_right(&an, "test.local", "Alice", "pw"));
	assert_false(is_right(&an, "TEST", "Alice", "pw"));
}

static void
added_names_are_exact(void **state)
{
	struct ntlm_answer an;

	(void)state;
	start("on", "");
	(void)added(ALICE, "Corp\\Zo\u00eb", "p\u00e4ss");
	assert_int_equal(has(ALICE, "CORP", "zo\u00cb"), NTLM_DONE);
	assert_int_equal(has(ALICE, "", "zo\u00cb"), NTLM_NONE);
	assert_int_equal(has(ALICE, "TEST", "zo\u00cb"), NTLM_NONE);
	assert_int_equal(has(ALICE, "CORP", "zoe"), NTLM_NONE);
	assert_int_equal(answer(ALICE, "CORP", "zo\u00eb", &an), NTLM_DONE);
	assert_true(is_right(&an, "CORP", "zo\u00eb", "p\u00e4ss"));
	assert_false(is_right(&an, "CORP", "zo\u00eb", "pass"));
}

static void
hashes_of_heimdal(void **state)
{
	struct ntlm_answer an;
	struct cache *ca;

	(void)state;
	start("on", "");
	ca = heimdal(ALICE, "alice@TEST.LOCAL", "MINE", "h pw");
	assert_int_equal(has(ALICE, "mine", "Alice"), NTLM_DONE);
	assert_int_equal(has(ALICE, "", "alice"), NTLM_DONE);
	assert_int_equal(has(ALICE, "TEST", "alice"), NTLM_NONE);
	assert_int_equal(has(OTHER, "MINE", "alice"), NTLM_NONE);
	assert_int_equal(answer(ALICE, "MINE", "alice", &an), NTLM_DONE);
	assert_true(is_right(&an, "MINE", "alice", "h pw"));
	assert_int_equal(ntlm_remove(fx.nt, ALICE, "TEST", "alice"), 0);
	assert_int_equal(ntlm_remove(fx.nt, ALICE, "mine", "ALICE"), 1);
	assert_int_equal(has(ALICE, "MINE", "alice"), NTLM_NONE);
	(void)heimdal(ALICE, "alice@TEST.LOCAL", "MINE", "h pw");
	cache_destroy(cache_by_name(ca->collection, "h"));
	assert_int_equal(has(ALICE, "MINE", "alice"), NTLM_NONE);
	(void)heimdal(ALICE, "alice/admin@TEST.LOCAL", "MINE", "h pw");
	assert_int_equal(has(ALICE, "MINE", "alice"), NTLM_NONE);
}

static void
unlocked_then_newest(void **state)
{
	struct held *older, *newer;
	struct ntlm_answer an;

	(void)state;
	start("on", "");
	(void)heimdal(ALICE, "alice@TEST.LOCAL", "TEST", "oldest");
	older = inside(ALICE, "alice", "alice@TEST.LOCAL", "older");
	newer = added(ALICE, "TEST\\alice", "newer");
	older->started = newer->started - 10;
	assert_int_equal(answer(ALICE, "TEST", "alice", &an), NTLM_DONE);
	assert_true(is_right(&an, "TEST", "alice", "newer"));
	older->started = newer->started + 10;
	assert_int_equal(answer(ALICE, "TEST", "alice", &an), NTLM_DONE);
	assert_true(is_right(&an, "TEST", "alice", "older"));
	lock(older);
	assert_int_equal(has(ALICE, "TEST", "alice"), NTLM_DONE);
	assert_int_equal(answer(ALICE, "TEST", "alice", &an), NTLM_DONE);
	assert_true(is_right(&an, "TEST", "alice", "newer"));
	lock(newer);
	assert_int_equal(answer(ALICE, "TEST", "alice", &an), NTLM_DONE);
	assert_true(is_right(&an, "TEST", "alice", "oldest"));
	assert_int_equal(ntlm_remove(fx.nt, ALICE, "TEST", "alice"), 2);
	assert_int_equal(has(ALICE, "TEST", "alice"), NTLM_LOCKED);
	assert_int_equal(answer(ALICE, "TEST", "alice", &an), NTLM_LOCKED);
	assert_int_equal(an.message_len, 0);
	older->locked = false; /* lsass is wrong about it: lsaiso is not */
	assert_int_equal(answer(ALICE, "TEST", "alice", &an), NTLM_LOCKED);
	assert_int_equal(an.message_len, 0);
}

/* ---- whose, and for how long */

static void
nobody_elses(void **state)
{
	struct ntlm_answer an;

	(void)state;
	start("on", "");
	(void)inside(ALICE, "alice", "alice@TEST.LOCAL", "pw");
	(void)added(ALICE, "CORP\\carol", "pw");
	for (size_t i = 0; i < 2; i++) {
		uid_t uid = i == 0 ? 0 : OTHER;

		assert_int_equal(has(uid, "TEST", "alice"), NTLM_NONE);
		assert_int_equal(has(uid, "CORP", "carol"), NTLM_NONE);
		assert_int_equal(answer(uid, "TEST", "alice", &an), NTLM_NONE);
		assert_int_equal(answer(uid, "CORP", "carol", &an), NTLM_NONE);
		assert_int_equal(an.message_len, 0);
		assert_false(an.has_key);
		assert_int_equal(ntlm_remove(fx.nt, uid, "CORP", "carol"), 0);
	}
	assert_null(ntlm_use_at(fx.nt, 0));
	assert_int_equal(has(ALICE, "TEST", "alice"), NTLM_DONE);
}

static void
the_end_of_a_logon(void **state)
{
	uint32_t before;
	struct held *he;
	struct ntlm_answer an;

	(void)state;
	start("on", "");
	before = host_sessions();
	he = inside(ALICE, "alice", "alice@TEST.LOCAL", "pw");
	(void)added(ALICE, "CORP\\carol", "pw");
	assert_int_equal(host_sessions(), before + 2);
	(void)logons_end(&fx.logons, he->logon);
	assert_int_equal(has(ALICE, "TEST", "alice"), NTLM_NONE);
	host_gone();
	assert_int_equal(has(ALICE, "CORP", "carol"), NTLM_GONE);
	assert_int_equal(answer(ALICE, "CORP", "carol", &an), NTLM_GONE);
	host_back();
	assert_int_equal(has(ALICE, "CORP", "carol"), NTLM_DONE);
	assert_int_equal(ntlm_remove(fx.nt, ALICE, "CORP", "carol"), 1);
	assert_int_equal(host_sessions(), before);
	/* what lsaiso says has ended has, whatever lsass believes */
	he = added(ALICE, "CORP\\carol", "pw");
	pass_ms(36000ull * 1000 + 1);
	assert_int_equal(has(ALICE, "CORP", "carol"), NTLM_GONE);
	assert_int_equal(answer(ALICE, "CORP", "carol", &an), NTLM_GONE);
	/* and lsass lets go of it in time */
	he->logon->expires = host_now() - 1;
	assert_int_equal(has(ALICE, "CORP", "carol"), NTLM_NONE);
	logons_tick(&fx.logons);
	assert_null(logon_find(fx.logons.store, ALICE, 0, 0));
	assert_int_equal(answer(ALICE, "CORP", "carol", &an), NTLM_NONE);
}

static void
another_lsaiso(void **state)
{
	struct store_totals totals;
	uint8_t boot[16];

	(void)state;
	start("on", "");
	(void)added(ALICE, "CORP\\carol", "pw");
	store_boot_id(fx.logons.store, NULL);
	assert_int_equal(has(ALICE, "CORP", "carol"), NTLM_NONE);
	host_start_ntlm(ISO_POLICY_NTLM, (struct rd){ 0 });
	host_boot(boot);
	store_boot_id(fx.logons.store, boot);
	assert_int_equal(has(ALICE, "CORP", "carol"), NTLM_NONE);
	logons_tick(&fx.logons);
	store_totals(fx.logons.store, &totals);
	assert_int_equal(totals.logons, 0);
	(void)added(ALICE, "CORP\\carol", "pw");
	assert_int_equal(has(ALICE, "CORP", "carol"), NTLM_DONE);
}

static void
another_lsass(void **state)
{
	struct ntlm_answer an;
	uint32_t sessions;
	struct held *he;

	(void)state;
	start("on", "");
	(void)inside(ALICE, "alice", "alice@TEST.LOCAL", "pw");
	he = added(ALICE, "CORP\\carol", "c pw");
	lock(he);
	logons_save(he);
	(void)added(ALICE, "CORP\\dave", "d pw");
	(void)begin(ALICE, "CORP\\begun");
	(void)heimdal(ALICE, "alice@TEST.LOCAL", "MINE", "h pw");
	sessions = host_sessions();
	for (int i = 0; i < 2; i++) { /* what was read can be read again */
		close_store();
		open_store();
		assert_int_equal(host_sessions(), sessions - 1); /* but not what was begun */
		assert_int_equal(answer(ALICE, "TEST", "alice", &an), NTLM_DONE);
		assert_true(is_right(&an, "TEST", "alice", "pw"));
		assert_int_equal(has(ALICE, "CORP", "carol"), NTLM_LOCKED);
		assert_int_equal(answer(ALICE, "CORP", "carol", &an), NTLM_LOCKED);
		assert_int_equal(answer(ALICE, "CORP", "dave", &an), NTLM_DONE);
		assert_true(is_right(&an, "CORP", "dave", "d pw"));
		assert_int_equal(answer(ALICE, "MINE", "alice", &an), NTLM_DONE);
		assert_true(is_right(&an, "MINE", "alice", "h pw"));
		assert_int_equal(has(ALICE, "CORP", "begun"), NTLM_NONE);
	}
	assert_int_equal(ntlm_remove(fx.nt, ALICE, "CORP", "dave"), 1);
	close_store();
	open_store();
	assert_int_equal(host_sessions(), sessions - 2);
	assert_int_equal(has(ALICE, "CORP", "dave"), NTLM_NONE);
}

/* ---- made here of a password */

static void
saved_passwords(void **state)
{
	struct ntlm_peer peer = { ALICE, getpid() };
	uint32_t before;
	struct ntlm_answer an;
	char word[600];

	(void)state;
	start("on", "");
	before = host_sessions();
	assert_int_equal(ntlm_save(fx.nt, &peer, "CORP", "carol", "first"), NTLM_DONE);
	assert_int_equal(answer(ALICE, "CORP", "carol", &an), NTLM_DONE);
	assert_true(is_right(&an, "CORP", "carol", "first"));
	/* of the same name: in its place */
	assert_int_equal(ntlm_save(fx.nt, &peer, "corp", "CAROL", "second"), NTLM_DONE);
	assert_int_equal(host_sessions(), before + 1);
	assert_int_equal(answer(ALICE, "CORP", "carol", &an), NTLM_DONE);
	assert_true(is_right(&an, "CORP", "carol", "second"));
	/* no domain: ours */
	assert_int_equal(ntlm_save(fx.nt, &peer, "", "dave", "third"), NTLM_DONE);
	assert_int_equal(has(ALICE, "TEST", "dave"), NTLM_DONE);
	/* what is none leaves nothing, not even a session */
	before = host_sessions();
	memset(word, 'x', sizeof(word));
	word[513] = '\0';
	assert_int_equal(ntlm_save(fx.nt, &peer, "CORP", "erin", word), NTLM_REFUSED);
	assert_int_equal(ntlm_save(fx.nt, &peer, "CORP", "erin", ""), NTLM_REFUSED);
	assert_int_equal(ntlm_save(fx.nt, &peer, "CORP", "erin", "not utf-8 \xff"), NTLM_REFUSED);
	assert_int_equal(ntlm_save(fx.nt, &peer, "CORP", "", "pw"), NTLM_REFUSED);
	assert_int_equal(ntlm_save(fx.nt, &peer, "CORP", "a\\b", "pw"), NTLM_REFUSED);
	assert_int_equal(ntlm_save(fx.nt, &peer, "CO\xffRP", "erin", "pw"), NTLM_REFUSED);
	assert_int_equal(host_sessions(), before);
	host_gone();
	assert_int_equal(ntlm_save(fx.nt, &peer, "CORP", "erin", "pw"), NTLM_GONE);
	host_back();
	/* so many, not more; but one of them again */
	for (int i = 2; i < NTLM_ADDED; i++) {
		(void)snprintf(word, sizeof(word), "u%d", i);
		assert_int_equal(ntlm_save(fx.nt, &peer, "CORP", word, "pw"), NTLM_DONE);
	}
	before = host_sessions();
	assert_int_equal(ntlm_save(fx.nt, &peer, "CORP", "erin", "pw"), NTLM_GONE);
	assert_int_equal(host_sessions(), before);
	assert_int_equal(ntlm_save(fx.nt, &peer, "CORP", "u2", "pw"), NTLM_DONE);
}

/* ---- another password */

static void
a_change_of_password(void **state)
{
	struct ntlm_answer an;
	struct held *he;

	(void)state;
	start("on", "");
	he = inside(ALICE, "alice", "alice@TEST.LOCAL", "pw");
	(void)inside(OTHER, "alice@TEST.LOCAL", "alice@TEST.LOCAL", "pw");
	(void)inside(ALICE, "alice@O", "alice@OTHER.LOCAL", "pw");
	(void)added(ALICE, "TEST\\alice", "pw");
	(void)added(ALICE, "ELSE\\alice", "pw");
	(void)heimdal(ALICE, "alice@TEST.LOCAL", "MINE", "pw");
	assert_int_equal(ntlm_changed(fx.nt, "alicia"), 0);
	assert_int_equal(ntlm_changed(fx.nt, "alice@ELSE.LOCAL"), 1); /* ELSE\alice */
	assert_int_equal(ntlm_changed(fx.nt, "Alice"), 4);
	assert_int_equal(ntlm_changed(fx.nt, "alice"), 0);
	assert_int_equal(has(ALICE, "TEST", "alice"), NTLM_NONE);
	assert_int_equal(has(OTHER, "TEST", "alice"), NTLM_NONE);
	assert_int_equal(has(ALICE, "MINE", "alice"), NTLM_NONE);
	assert_int_equal(answer(ALICE, "TEST", "alice", &an), NTLM_NONE);
	assert_int_equal(has(ALICE, "OTHER", "alice"), NTLM_DONE);
	assert_true(he->ntlm_stale && he->ntlm_len == 0 && !he->logon->dead);
}

/* ---- modes */

static void
mode_off(void **state)
{
	struct ntlm_peer peer = { ALICE, getpid() };
	struct ntlm_answer an;
	uint8_t box[ISO_BOX];
	struct held *he;

	(void)state;
	start("off", "");
	(void)inside(ALICE, "alice", "alice@TEST.LOCAL", "pw");
	assert_int_equal(has(ALICE, "TEST", "alice"), NTLM_NONE);
	assert_int_equal(answer(ALICE, "TEST", "alice", &an), NTLM_NONE);
	assert_int_equal(ntlm_save(fx.nt, &peer, "CORP", "carol", "pw"), NTLM_REFUSED);
	he = begin(ALICE, "CORP\\carol");
	box_of(he, "pw", box);
	assert_int_equal(ntlm_add(fx.nt, he, box), ISO_E_POLICY);
}

/* What was logged since, as text. */
static char said[65536];
static int log_fd = -1, stderr_fd;

static void
log_to_file(void)
{
	char path[] = "/tmp/lsaiso-unit-log-XXXXXX";

	log_fd = mkstemp(path);
	assert_true(log_fd >= 0);
	(void)unlink(path);
	stderr_fd = dup(STDERR_FILENO);
	(void)dup2(log_fd, STDERR_FILENO);
}

static void
log_back(void)
{
	ssize_t got = pread(log_fd, said, sizeof(said) - 1, 0);

	said[got > 0 ? got : 0] = '\0';
	(void)dup2(stderr_fd, STDERR_FILENO);
	(void)close(stderr_fd);
	(void)close(log_fd);
}

static size_t
lines_with(const char *text)
{
	size_t n = 0;

	for (const char *at = said; (at = strstr(at, text)) != NULL; at++)
		n++;
	return n;
}

static const struct ntlm_use *
row_to(const char *server)
{
	const struct ntlm_use *us, *found = NULL;

	for (size_t i = 0; (us = ntlm_use_at(fx.nt, i)) != NULL; i++) {
		if (strcmp(us->server, server) == 0)
			found = us;
	}
	assert_non_null(found);
	return found;
}

static void
mode_audit(void **state)
{
	struct made bad = challenge("BAD", "bad.example", FLAGS),
		    lab = challenge("X", "x.LAB.local", FLAGS);
	struct ntlm_stats stats;
	struct ntlm_answer an;

	(void)state;
	start("audit", "web *.lab.local");
	(void)inside(ALICE, "alice", "alice@TEST.LOCAL", "pw");
	log_to_file();
	for (int i = 0; i < 5; i++)
		assert_int_equal(answer_to(&bad, ALICE, "TEST", "alice", &an), NTLM_DONE);
	assert_true(an.message_len > 0 && an.has_key);
	assert_int_equal(answer_to(&lab, ALICE, "TEST", "alice", &an), NTLM_DONE);
	assert_int_equal(answer(ALICE, "TEST", "alice", &an), NTLM_DONE);
	log_back();
	assert_int_equal(lines_with("\n"), 1);
	assert_int_equal(lines_with("would be refused: not in [ntlm] targets"), 1);
	assert_int_equal(lines_with("uid 1000"), 1);
	assert_int_equal(lines_with("as TEST\\alice to bad.example"), 1);
	assert_int_equal(lines_with("unit_lsass_ntlm"), 1);
	assert_false(row_to("bad.example")->listed);
	assert_int_equal(row_to("bad.example")->count, 5);
	assert_int_equal(row_to("bad.example")->refused, 0);
	assert_true(row_to("x.LAB.local")->listed);
	assert_true(row_to("web")->listed);
	assert_string_equal(row_to("web")->user, "TEST\\alice");
	assert_true(row_to("web")->first >= host_now() - 100);
	ntlm_stats(fx.nt, &stats);
	assert_int_equal(stats.answered, 7);
	assert_int_equal(stats.unlisted, 5);
	assert_int_equal(stats.refused, 0);
	assert_int_equal(stats.hashes, 1);
}

static void
mode_on(void **state)
{
	static const struct {
		const char *netbios, *dns;
		bool listed;
	} rows[] = {
		{ "WEB", NULL, true },		{ "BAD", "web", true },
		{ "WEB", "bad", false },	{ "X", "a.lab.local", true },
		{ "X", "A.b.LAB.local", true }, { "X", "lab.local", false },
		{ "X", "xlab.local", false },	{ "X", ".lab.local", false },
		{ "X", "web2", false },		{ "BAD", NULL, false },
	};
	struct made weak = challenge("WEB", "web", FLAGS & ~0x40000000u);
	struct ntlm_stats stats;
	struct ntlm_answer an;
	uint8_t zero[16] = { 0 };

	(void)state;
	start("on", "web *.lab.local");
	(void)inside(ALICE, "alice", "alice@TEST.LOCAL", "pw");
	log_to_file();
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct made ch = challenge(rows[i].netbios, rows[i].dns, FLAGS);
		const char *name = rows[i].dns != NULL ? rows[i].dns : rows[i].netbios;

		assert_int_equal(answer_to(&ch, ALICE, "TEST", "alice", &an),
				 rows[i].listed ? NTLM_DONE : NTLM_REFUSED);
		assert_int_equal(an.message_len > 0, rows[i].listed);
		assert_int_equal(an.has_key, rows[i].listed);
		assert_memory_not_equal(an.session_key, zero, 16);
		assert_int_equal(row_to(name)->listed, rows[i].listed);
		assert_int_equal(row_to(name)->refused, !rows[i].listed);
		/* what lsass says of a refusal is what lsaiso thinks of it */
		assert_int_equal(challenge_listed(&fx.cf, name), rows[i].listed);
	}
	assert_int_equal(answer_to(&weak, ALICE, "TEST", "alice", &an), NTLM_REFUSED);
	log_back();
	assert_int_equal(lines_with(": refused: not in [ntlm] targets"), 6);
	assert_int_equal(lines_with(": refused: it is not NTLMv2, or signs"), 1);
	ntlm_stats(fx.nt, &stats);
	assert_int_equal(stats.answered, 4);
	assert_int_equal(stats.refused, 7);
	assert_int_equal(stats.unlisted, 0);
}

static void
no_challenge(void **state)
{
	struct made ch = challenge("WEB", "web", FLAGS), flipped = ch;
	struct ntlm_answer an;
	struct rd server = challenge_server(made_rd(&ch));

	(void)state;
	start("on", "");
	(void)inside(ALICE, "alice", "alice@TEST.LOCAL", "pw");
	assert_int_equal(server.len, 6);
	assert_memory_equal(server.at, "w\0e\0b\0", 6);
	for (size_t n = 0; n < ch.len; n++) {
		uint8_t *cut = malloc(n + 1); /* nothing behind it to be read */
		struct ntlm_ask ask = { .peer = { ALICE, getpid() },
					.domain = "TEST",
					.user = "alice",
					.challenge = { cut, n } };

		memcpy(cut, ch.at, n);
		assert_int_equal(ntlm_answer(fx.nt, &ask, &an), NTLM_REFUSED);
		server = challenge_server(ask.challenge);
		assert_true(server.len == 0 || server.at + server.len <= cut + n);
		free(cut);
	}
	for (size_t i = 0; i < ch.len * 8; i++) {
		flipped.at[i / 8] ^= (uint8_t)(1u << i % 8);
		server = challenge_server(made_rd(&flipped));
		assert_true(server.len == 0 || (server.at >= flipped.at &&
						server.at + server.len <= flipped.at + ch.len));
		flipped.at[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	assert_null(ntlm_use_at(fx.nt, 0)); /* nothing of it was a use */
}

/* ---- the table of uses */

static void
use(uid_t uid, int server)
{
	char name[32];
	struct ntlm_peer peer = { uid, -1 };
	struct use_of is = {
		.peer = &peer, .domain = "D", .user = "u\x01", .server = name, .listed = false
	};

	(void)snprintf(name, sizeof(name), "s%d", server);
	use_note(fx.nt, &is);
}

static size_t
rows_of(uid_t uid)
{
	const struct ntlm_use *us;
	size_t n = 0;

	for (size_t i = 0; (us = ntlm_use_at(fx.nt, i)) != NULL; i++)
		n += us->uid == uid;
	return n;
}

static void
a_flood_of_uses(void **state)
{
	(void)state;
	start("audit", "web");
	log_to_file();
	use(OTHER, 0);
	use(OTHER, 1);
	for (int i = 0; i < 3 * NTLM_USES; i++)
		use(ALICE, i);
	log_back();
	assert_int_equal(lines_with("\n"), 30); /* then it is quiet for a minute */
	assert_int_equal(rows_of(OTHER), 2);
	assert_int_equal(rows_of(ALICE), NTLM_USES - 2);
	assert_string_equal(row_to("s1")->user, "D\\u?");
	assert_string_equal(row_to("s1")->program, "?");
	(void)row_to("s767");
	assert_int_equal(fx.nt->stats.unlisted, 2 + 3 * NTLM_USES);
}

/* What is copied under the name of Samba's helper and started by us. */
static void
the_program_that_asks(void **state)
{
	char path[96], want[4096];
	struct ntlm_peer peer = { getuid(), 0 };
	struct use_of is = { .peer = &peer, .domain = "D", .user = "u", .server = "web" };
	int in, out;
	ssize_t n;

	(void)state;
	start("audit", "");
	(void)snprintf(path, sizeof(path), "%s/ntlm_auth", fx.folder);
	in = open("/bin/sleep", O_RDONLY);
	out = open(path, O_WRONLY | O_CREAT, 0755);
	while ((n = read(in, want, sizeof(want))) > 0)
		assert_int_equal(write(out, want, (size_t)n), n);
	(void)close(in);
	(void)close(out);
	peer.pid = fork();
	if (peer.pid == 0) {
		(void)execl(path, path, "60", (char *)NULL);
		_exit(127);
	}
	(void)snprintf(want, sizeof(want), "/proc/%d/exe", (int)peer.pid);
	for (int i = 0; i < 5000; i++) { /* until it is that program */
		char link[256] = "";

		if (readlink(want, link, sizeof(link) - 1) > 0 && strcmp(link, path) == 0)
			break;
		(void)usleep(1000);
	}
	use_note(fx.nt, &is);
	(void)kill(peer.pid, SIGKILL);
	(void)waitpid(peer.pid, NULL, 0);
	assert_int_equal(strncmp(row_to("web")->program, path, strlen(path)), 0);
	assert_non_null(strstr(row_to("web")->program, "ntlm_auth of "));
	assert_non_null(strstr(row_to("web")->program, "unit_lsass_ntlm"));
	/* it is gone: nothing is made up */
	is.server = "later";
	use_note(fx.nt, &is);
	assert_string_equal(row_to("later")->program, "?");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
		T(names_in_messages),
		T(names_that_are_the_same),
		T(names_taken_apart),
		T(names_of_a_logon),
		T(the_domain_of_the_configuration),
		T(added_names_are_exact),
		T(hashes_of_heimdal),
		T(unlocked_then_newest),
		T(nobody_elses),
		T(the_end_of_a_logon),
		T(another_lsaiso),
		T(another_lsass),
		T(saved_passwords),
		T(a_change_of_password),
		T(mode_off),
		T(mode_audit),
		T(mode_on),
		T(no_challenge),
		T(a_flood_of_uses),
		T(the_program_that_asks),
	};

	log_open("unit", LOG_INFO);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
