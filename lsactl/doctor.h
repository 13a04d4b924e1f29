/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What doctor looks at. A check tries or reads one thing and says what it
 * found; it changes nothing.
 */
#ifndef LSACTL_DOCTOR_H
#define LSACTL_DOCTOR_H

#include "lsactl/lsactl.h"

enum health {
	HEALTH_OK,
	HEALTH_WEAK,	/* works, but gives less than it could */
	HEALTH_MISSING, /* needed by what is configured, and not there */
	HEALTH_UNKNOWN, /* could not be looked at, by this user or at all */
};

struct finding {
	const char *name;
	enum health health;
	char text[256];	  /* what was found */
	char advice[320]; /* what to do; empty: nothing */
};

/* Fill finding; name is set. The configuration in ct is valid. */
typedef void doctor_check(const struct ctl *ct, struct finding *fi);

/* doctor_machine.c */
doctor_check check_memfd_secret, check_memlock, check_seccomp, check_bpf_lsm, check_lockdown,
    check_yama, check_freed_pages, check_aes, check_kvm, check_tpm;
/* doctor_service.c */
doctor_check check_users, check_instance, check_kcm_rival, check_sssd, check_krb5_cache,
    check_krb5_socket, check_ntlm, check_winbind, check_real_winbind, check_guest;
/* doctor_kdc.c */
doctor_check check_kdc, check_kdc_config, check_kdc_real, check_kdc_plugins, check_kdc_truth,
    check_keytab;
/* doctor_sssd.c */
doctor_check check_sssd_conf;
/* doctor_watch.c */
doctor_check check_watch, check_watch_layer;

void found(struct finding *fi, enum health health, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void advise(struct finding *fi, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
