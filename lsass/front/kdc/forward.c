/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lsass/front/kdc/forward.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include "lib/config.h"
#include "lsass/cache/store.h"

static struct rd
text_rd(const char *text, size_t n)
{
	return (struct rd){ (const uint8_t *)text, n };
}

static bool
same_text(struct rd a, struct rd b)
{
	return a.len == b.len && strncasecmp((const char *)a.at, (const char *)b.at, a.len) == 0;
}

/* *.NAME: any host below it. */
static bool
host_fits(struct rd pattern, struct rd host)
{
	if (pattern.len < 2 || pattern.at[0] != '*' || pattern.at[1] != '.')
		return same_text(pattern, host);
	pattern.at++;
	pattern.len--;
	if (host.len <= pattern.len)
		return false;
	host.at += host.len - pattern.len;
	host.len = pattern.len;
	return same_text(pattern, host);
}

static bool
fits(struct rd word, const struct wire_princ *service)
{
	const uint8_t *slash = memchr(word.at, '/', word.len);
	struct rd type, host;

	if (slash == NULL)
		return false;
	type = (struct rd){ word.at, (size_t)(slash - word.at) };
	host = (struct rd){ slash + 1, word.len - type.len - 1 };
	/* An octet 0 would end the comparison early. */
	if (memchr(service->comp[0].at, 0, service->comp[0].len) != NULL ||
	    memchr(service->comp[1].at, 0, service->comp[1].len) != NULL)
		return false;
	return same_text(type, service->comp[0]) && host_fits(host, service->comp[1]);
}

bool
forward_on_list(const char *list, const struct wire_princ *service)
{
	if (service->ncomp < 2)
		return false;
	while (*(list += strspn(list, " \t,")) != '\0') {
		size_t n = strcspn(list, " \t,");

		if (fits(text_rd(list, n), service))
			return true;
		list += n;
	}
	return false;
}

static bool
restricted(const struct config *cf)
{
	return cf->delegation_targets[strspn(cf->delegation_targets, " \t,")] != '\0';
}

void
forward_given(const struct config *cf, struct logon *lo, const struct wire_princ *service,
	      int64_t endtime)
{
	if (strcmp(cf->delegation_forward, "allow") != 0 || !restricted(cf) || lo == NULL ||
	    endtime <= lo->forwardable_until || !forward_on_list(cf->delegation_targets, service))
		return;
	lo->forwardable_until = endtime;
}

struct look {
	const struct config *cf;
	const struct logon *logon;
	bool found;
};

static bool
holds_one(struct cache *ca, void *arg)
{
	struct look *lk = arg;
	uint32_t now = (uint32_t)time(NULL);

	if (!cache_uses(ca, lk->logon))
		return false;
	for (const struct cred *cr = ca->first; cr != NULL && !lk->found; cr = cr->next) {
		struct rd in = { cr->octets, cr->len };
		struct wire_cred wc;

		if (!cr->is_config && !cr->is_tgt_class && !cred_expired(cr, now) &&
		    wire_cred(&in, &wc) == 0)
			lk->found = forward_on_list(lk->cf->delegation_targets, &wc.server);
	}
	return lk->found;
}

const char *
forward_why_not(const struct config *cf, const struct cred *tgt)
{
	struct look lk = { .cf = cf, .logon = tgt->logon };

	if (strcmp(cf->delegation_forward, "allow") != 0)
		return "tickets are not forwarded from this machine ([delegation] forward)";
	if (!restricted(cf) || tgt->logon->forwardable_until > time(NULL))
		return NULL;
	collection_each_cache(tgt->cache->collection, holds_one, &lk);
	return lk.found ? NULL : "not for a service of [delegation] targets";
}
