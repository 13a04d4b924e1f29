/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * org.lsaiso.Wipe: every cache is destroyed here, and lsainit, asked over
 * the line, ends lsaiso, whose memory the kernel clears as it takes it back.
 * The next lsaiso has other keys.
 */
#include <unistd.h>

#include "lib/log.h"
#include "lsass/audit.h"
#include "lsass/cache/store.h"
#include "lsass/front/admin/methods.h"

static bool
first_cache(struct cache *ca, void *arg)
{
	struct cache **found = arg;

	*found = ca;
	return true;
}

static bool
first_of_collection(struct collection *co, void *arg)
{
	struct cache **found = arg;

	collection_each_cache(co, first_cache, found);
	return *found != NULL;
}

static bool
drop_kept(struct collection *co, void *arg)
{
	(void)arg;
	(void)collection_drop_kept(co, NULL);
	return false;
}

static size_t
destroy_all(struct store *store)
{
	struct cache *ca = NULL;
	size_t n = 0;

	store_each_collection(store, drop_kept, NULL);
	for (;;) {
		store_each_collection(store, first_of_collection, &ca);
		if (ca == NULL)
			return n;
		cache_destroy(ca);
		ca = NULL;
		n++;
	}
}

json_t *
method_wipe(const struct admin_view *view, uid_t uid, const json_t *ask, struct admin_error *error)
{
	struct control_msg msg = { .type = CTL_WIPE };
	struct store_totals before = { 0 };
	size_t n;

	(void)ask;
	if (uid != 0 && uid != geteuid()) {
		*error = (struct admin_error){ "PermissionDenied", "only root may wipe" };
		return NULL;
	}
	store_totals(view->store, &before);
	log_notice("wipe, asked for by uid %u (lsactl): %zu caches, %zu logons", (unsigned int)uid,
		   before.caches, before.logons);
	n = destroy_all(view->store);
	audit_flush(view->audit); /* what is not collected ends with lsaiso */
	if (control_send(CONTROL_FD_LINE, &msg, (const int[2]){ -1, -1 }) != 0) {
		*error = (struct admin_error){ "Failed",
					       "the caches are destroyed, but lsainit does not "
					       "answer; end it to end lsaiso" };
		return NULL;
	}
	return json_pack("{s:I, s:I}", "caches", (json_int_t)n, "logons",
			 (json_int_t)before.logons);
}
