/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For the tests of lsass/ntlm: users with logons and hashes over the real
 * trusted core, and servers that challenge them.
 */
#ifndef TESTS_HASH_WORLD_H
#define TESTS_HASH_WORLD_H

#include "lib/config.h"
#include "lsass/ntlm/private.h"
#include "tests/unit/lsass_host.h"

#define ALICE	 1000u
#define OTHER	 1001u
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define FLAGS	 0xe28a8233u /* of MS-NLMP 4.2.4: KEY_EXCH, SIGN, SEAL, NTLM2, 128 */

struct hash_world {
	struct config cf;
	struct logons logons;
	struct ntlm *nt;
	char krb5[64], *folder;
	char off[4], audit[6], on[3], targets[64], none[1], corp[5], level[16];
};
extern struct hash_world fx;

/* A folder, and a configuration in it; then nw_start, and tear_down ends it. */
int nw_set_up(void **state);
int nw_tear_down(void **state);
void nw_start(const char *mode, const char *targets);
/* As lsass does when it ends, and when it begins. */
void nw_close_store(void);
void nw_open_store(void);

/* A session with a challenge out, and a box for it. */
struct held *nw_begin(uid_t uid, const char *name);
void nw_box_of(const struct held *he, const char *password, uint8_t sealed[ISO_BOX]);
/* A logon inside, as lsass/front/admin leaves it; its cache is of no interest here. */
struct held *nw_inside(uid_t uid, const char *name, const char *principal, const char *password);
/* One for NTLM alone. */
struct held *nw_added(uid_t uid, const char *name, const char *password);
void nw_lock(struct held *he);
/* What Heimdal's kinit --ntlm-domain does, in cache "h". */
struct cache *nw_heimdal(uid_t uid, const char *client, const char *domain, const char *password);

/* A CHALLENGE_MESSAGE of that server; dns NULL: it has a name of NetBIOS only. */
struct made nw_challenge(const char *netbios, const char *dns, uint32_t flags);
enum ntlm_result nw_has(uid_t uid, const char *domain, const char *user);
enum ntlm_result nw_answer_to(const struct made *ch, uid_t uid, const char *domain,
			      const char *user, struct ntlm_answer *an);
/* To one that is always the same, web. */
enum ntlm_result nw_answer(uid_t uid, const char *domain, const char *user, struct ntlm_answer *an);
/* Does that server, which knows this password and these names, take the message? */
bool nw_is_right(const struct ntlm_answer *an, const char *domain, const char *user,
		 const char *password);

#endif
