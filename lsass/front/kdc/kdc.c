/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The endpoint as a whole. */
#include <errno.h>
#include <stdlib.h>

#include "lsass/front/kdc/private.h"

struct kdc *
kdc_start(struct loop *lo, int first_fd, size_t n, const struct kdc_view *view)
{
	struct kdc *kd = calloc(1, sizeof(*kd));

	if (kd == NULL)
		return NULL;
	kd->lo = lo;
	kd->view = *view;
	if (krb5_init_context(&kd->crypto) != 0) {
		kd->crypto = NULL;
		errno = EINVAL; /* krb5.conf: said by who reads it first */
	} else {
		kd->mouths = listen_start(kd, first_fd, n);
	}
	if (kd->mouths != NULL)
		return kd;
	kdc_stop(kd);
	return NULL;
}

void
kdc_stop(struct kdc *kd)
{
	if (kd == NULL)
		return;
	listen_no_more(kd->mouths);
	while (kd->calls != NULL)
		call_drop(kd->calls);
	listen_stop(kd->mouths);
	if (kd->crypto != NULL)
		krb5_free_context(kd->crypto);
	free(kd);
}

void
kdc_count(const struct kdc *kd, struct kdc_counts *counts)
{
	*counts = kd->counts;
	counts->queued = listen_waiting(kd->mouths);
}

bool
kdc_socket_name(const struct kdc *kd, size_t i, char *text, size_t n)
{
	return listen_name(kd->mouths, i, text, n);
}
