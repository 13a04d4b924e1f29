/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * org.lsaiso.KeytabRotate: a worker gets a ticket and makes the new keys, they are written down as
 * candidates, a worker sends the change, they are written down as what the KDC has.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* explicit_bzero */
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lsass/front/admin/keytab.h"
#include "lsass/keytab/rotate.h"

struct turn {
	struct pool_job job;
	struct keytab *kt;
	struct rotate ro;
	char path[KEYTAB_PATH_MAX];
	uint32_t kvno; /* of the new keys */
};

static struct turn *
turn_of(struct pool_job *job)
{
	return (struct turn *)(void *)((char *)job - offsetof(struct turn, job));
}

static void
turn_free(struct turn *tu)
{
	struct work *wo = tu->ro.wo;

	if (wo != NULL) {
		if (wo->logon->held != NULL)
			wo->logon->held->at_work = false;
		(void)logons_end(wo->logons, wo->logon);
		as_free(&wo->passwd.as);
		work_free(wo);
	}
	rotate_wipe(&tu->ro);
	free(tu);
}

static void
refuse(struct turn *tu, const char *message)
{
	admin_refuse(tu->ro.wo->later, "Failed", json_pack("{s:s}", "message", message));
	turn_free(tu);
}

/* The newest stand-in of that type in the keytab: what programs use. */
static struct standin_key *
standin_of(struct turn *tu, int32_t etype)
{
	struct standin_key *sk = keytab_named(tu->kt, tu->ro.wo->name);

	while (sk != NULL && (sk->etype != etype || strcmp(sk->path, tu->path) != 0))
		sk = sk->next;
	return sk;
}

static void
put(struct turn *tu, enum kept_state state)
{
	for (size_t i = 0; i < tu->ro.n; i++) {
		const struct rotate_key *rk = &tu->ro.keys[i];
		struct standin_key *sk = standin_of(tu, rk->etype);

		if (sk != NULL && rk->blob_len != 0)
			standin_put(sk, state, tu->kvno, (struct rd){ rk->kept, rk->kept_len });
	}
}

/* ---- after the change */

static void
told(void *arg, int error)
{
	struct turn *tu = arg;
	struct work *wo = tu->ro.wo;

	if (error != 0 && tu->ro.end == ROTATE_CHANGED)
		log_err("keytab %s: the new keys of %s are kept, but not that they are in use: %s",
			tu->path, wo->name, strerror(error));
	if (tu->ro.end == ROTATE_CHANGED) {
		log_notice("keytab %s: %s has new keys, version %u", tu->path, wo->name, tu->kvno);
		admin_answer(wo->later,
			     json_pack("{s:s, s:I, s:I}", "principal", wo->name, "kvno",
				       (json_int_t)tu->kvno, "keys", (json_int_t)tu->ro.n));
	} else if (tu->ro.end == ROTATE_UNSURE) {
		admin_refuse(wo->later, "Failed",
			     json_pack("{s:s}", "message",
				       "the change was sent, and it is not known whether it was "
				       "made: both the old and the new keys are kept, and the "
				       "endpoint uses what the KDC takes; rotate again later"));
	} else {
		why_refuse(wo->later, wo, "rotation of a keytab");
	}
	turn_free(tu);
}

static bool
drop_candidate(struct standin_key *sk, void *arg)
{
	const struct turn *tu = arg;

	if (strcmp(sk->name, tu->ro.wo->name) == 0 && strcmp(sk->path, tu->path) == 0)
		standin_reject(sk);
	return false;
}

static void
change_done(struct pool_job *job, bool ran)
{
	struct turn *tu = turn_of(job);

	if (!ran) { /* lsass ends, and nothing was sent: the candidates do no harm */
		refuse(tu, "lsass ends; nothing was changed");
		return;
	}
	if (tu->ro.end == ROTATE_CHANGED)
		put(tu, KEPT_CURRENT);
	else if (tu->ro.end == ROTATE_FAILED)
		keytab_each(tu->kt, drop_candidate, tu);
	keytab_commit(tu->kt, tu->ro.wo->name, told, tu);
}

static void
change_run(struct pool_job *job, struct context *co)
{
	rotate_change(&turn_of(job)->ro, co);
}

/* ---- before it */

static void
written(void *arg, int error)
{
	struct turn *tu = arg;

	if (error != 0) {
		refuse(tu, "the new keys could not be written down ([host] directory); nothing was "
			   "changed");
		return;
	}
	tu->job.run = change_run;
	tu->job.done = change_done;
	if (pool_submit(tu->ro.wo->logons->pool, &tu->job) != 0)
		refuse(tu, "too many logons are waiting; nothing was changed, try again later");
}

static void
prepare_done(struct pool_job *job, bool ran)
{
	struct turn *tu = turn_of(job);

	if (!ran) {
		refuse(tu, "lsass ends; nothing was changed");
	} else if (tu->ro.end != ROTATE_READY) {
		why_refuse(tu->ro.wo->later, tu->ro.wo, "rotation of a keytab");
		turn_free(tu);
	} else {
		put(tu, KEPT_CANDIDATE);
		keytab_commit(tu->kt, tu->ro.wo->name, written, tu);
	}
}

static void
prepare_run(struct pool_job *job, struct context *co)
{
	rotate_prepare(&turn_of(job)->ro, co);
}

/* ---- the request */

static void
collect(struct turn *tu)
{
	struct standin_key *sk = keytab_named(tu->kt, tu->ro.wo->name);

	for (; sk != NULL && tu->ro.n < AS_KEYS_MAX; sk = sk->next) {
		struct rotate_key *rk = &tu->ro.keys[tu->ro.n];

		if (strcmp(sk->path, tu->path) != 0 || standin_of(tu, sk->etype) != sk)
			continue;
		rk->etype = sk->etype;
		memcpy(rk->versions, sk->versions, sizeof(rk->versions));
		rk->nversions = sk->nversions;
		for (size_t i = 0; i < sk->nversions; i++) {
			if (sk->versions[i].kvno >= tu->kvno)
				tu->kvno = sk->versions[i].kvno + 1;
		}
		tu->ro.n++;
	}
}

json_t *
method_keytab_rotate(const struct admin_view *view, uid_t uid, const json_t *ask,
		     struct admin_error *error)
{
	const char *path;
	struct held *he;
	struct turn *tu;
	struct ask as;

	(void)error;
	if (!ask_begin(&as, view, uid, ask) || !keytab_is_root(&as, view) ||
	    (he = ask_begun(&as, "keys")) == NULL || !keytab_path(&as, &path))
		return NULL;
	tu = calloc(1, sizeof(*tu));
	if (tu != NULL)
		tu->ro.wo = work_new(as.logons, he->logon, he->name);
	if (tu == NULL || tu->ro.wo == NULL) {
		free(tu);
		ask_refuse(&as, "Failed", "out of memory");
		return NULL;
	}
	tu->kt = view->keytab;
	(void)snprintf(tu->path, sizeof(tu->path), "%s", path);
	collect(tu);
	tu->ro.wo->later = as.later;
	if (tu->ro.n == 0) {
		ask_refuse(&as, "NotFound",
			   "no keys of that principal and keytab are kept: lsactl "
			   "keytab list");
		turn_free(tu);
		return NULL;
	}
	if (!ask_box(&as, "box", tu->ro.wo->box) || !ask_box(&as, "new_box", tu->ro.wo->new_box)) {
		turn_free(tu);
		return NULL;
	}
	he->at_work = true;
	tu->job.uid = uid;
	tu->job.run = prepare_run;
	tu->job.done = prepare_done;
	if (pool_submit(as.logons->pool, &tu->job) != 0)
		refuse(tu, "too many logons are waiting; nothing was changed, try again later");
	return NULL;
}
