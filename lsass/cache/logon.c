/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Logons that lsass/logon makes: begun, noted, ended. */
#include <stdlib.h>
#include <string.h>

#include "lsass/ask.h"
#include "lsass/cache/private.h"

struct logon *
logon_begin(struct store *st, uid_t owner, uint32_t session, uint32_t generation, uint32_t expires)
{
	struct logon *lo = logon_new(st, owner);

	if (lo != NULL && logon_live(lo, session, generation, expires) == 0)
		return lo;
	(void)logon_close(owner, session, generation);
	if (lo != NULL)
		logon_unref(lo);
	return NULL;
}

int
logon_keep_note(struct logon *lo, const uint8_t *note, size_t n)
{
	struct collection *co = store_collection(lo->store, lo->owner);
	uint8_t *copy = malloc(n + 1);

	if (copy == NULL || co == NULL) {
		free(copy);
		return -1;
	}
	memcpy(copy, note, n);
	if (lo->note == NULL)
		co->nnotes++;
	else
		explicit_bzero(lo->note, lo->note_len);
	free(lo->note);
	lo->note = copy;
	lo->note_len = n;
	return 0;
}

int
logon_set_note(struct logon *lo, const uint8_t *note, size_t n)
{
	struct collection *co;

	if (lo->dead)
		return 0; /* there is nothing to come back to */
	if (logon_keep_note(lo, note, n) != 0)
		return -1;
	co = store_collection(lo->store, lo->owner); /* it is there */
	if (co == NULL)
		return -1;
	journal_logon(co, lo);
	journal_commit(co);
	return 0;
}

void
logon_drop_note(struct logon *lo)
{
	struct collection *co;

	if (lo->held != NULL && lo->store->ended != NULL)
		lo->store->ended(lo->held);
	lo->held = NULL;
	if (lo->note == NULL)
		return;
	explicit_bzero(lo->note, lo->note_len);
	free(lo->note);
	lo->note = NULL;
	co = store_collection(lo->store, lo->owner);
	if (co == NULL)
		return;
	co->nnotes--;
	journal_settle(co);
}

void
logon_end(struct logon *lo)
{
	if (lo->dead)
		return;
	logon_die(lo);
	lo->unclosed = !logon_close(lo->owner, lo->session, lo->generation);
}

bool
cache_uses(const struct cache *ca, const struct logon *lo)
{
	if (ca->logon == lo)
		return true;
	for (const struct cred *cr = ca->first; cr != NULL; cr = cr->next) {
		if (cr->logon == lo)
			return true;
	}
	return false;
}
