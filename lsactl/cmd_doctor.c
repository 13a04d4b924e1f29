/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <string.h>

#include "lsactl/doctor.h"

/* For whom a check is, by [run] serves. */
enum whom { ANY, PROGRAMS, GUEST };

static const struct {
	const char *name;
	doctor_check *check;
	enum whom whom;
} checks[] = {
	{ "memfd_secret", check_memfd_secret, ANY },
	{ "locked memory", check_memlock, ANY },
	{ "seccomp", check_seccomp, ANY },
	{ "BPF LSM", check_bpf_lsm, ANY },
	{ "lockdown", check_lockdown, ANY },
	{ "Yama", check_yama, ANY },
	{ "freed memory", check_freed_pages, ANY },
	{ "AES instructions", check_aes, ANY },
	{ "KVM", check_kvm, ANY },
	{ "TPM 2.0", check_tpm, ANY },
	{ "users", check_users, ANY },
	{ "instance", check_instance, ANY },
	{ "lsawatch", check_watch, ANY },
	{ "watch layer", check_watch_layer, ANY },
	{ "KCM socket", check_kcm_rival, PROGRAMS },
	{ "sssd-kcm", check_sssd, PROGRAMS },
	{ "krb5 cache type", check_krb5_cache, PROGRAMS },
	{ "krb5 kcm_socket", check_krb5_socket, PROGRAMS },
	{ "KDC endpoint", check_kdc, PROGRAMS },
	{ "krb5.conf KDCs", check_kdc_config, PROGRAMS },
	{ "real KDCs", check_kdc_real, PROGRAMS },
	{ "locate plug-ins", check_kdc_plugins, PROGRAMS },
	{ "sssd.conf", check_sssd_conf, PROGRAMS },
	{ "way to the KDC", check_kdc_truth, PROGRAMS },
	{ "machine keytab", check_keytab, PROGRAMS },
	{ "NTLM servers", check_ntlm, PROGRAMS },
	{ "winbind pipe", check_winbind, PROGRAMS },
	{ "real winbindd", check_real_winbind, PROGRAMS },
	{ "guest", check_guest, GUEST },
};
#define NCHECKS (sizeof(checks) / sizeof(checks[0]))

static const char *const words[] = {
	[HEALTH_OK] = "ok",
	[HEALTH_WEAK] = "weak",
	[HEALTH_MISSING] = "missing",
	[HEALTH_UNKNOWN] = "unknown",
};
static const enum colour colours[] = {
	[HEALTH_OK] = GREEN,
	[HEALTH_WEAK] = YELLOW,
	[HEALTH_MISSING] = RED,
	[HEALTH_UNKNOWN] = DIM,
};

void
found(struct finding *fi, enum health health, const char *format, ...)
{
	va_list ap;

	fi->health = health;
	va_start(ap, format);
	(void)vsnprintf(fi->text, sizeof(fi->text), format, ap);
	va_end(ap);
}

void
advise(struct finding *fi, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(fi->advice, sizeof(fi->advice), format, ap);
	va_end(ap);
}

static void
show(const struct ctl *ct, const struct finding *fi)
{
	(void)printf("%s%-8s%s %-17s %s\n", paint(ct, colours[fi->health]), words[fi->health],
		     paint(ct, PLAIN), fi->name, fi->text);
	if (fi->advice[0] != '\0')
		(void)printf("%-26s -> %s\n", "", fi->advice);
}

static bool
is_for(enum whom whom, const struct ctl *ct)
{
	bool guest = strcmp(ct->cf.run_serves, "guest") == 0;

	return whom == ANY || (whom == GUEST) == guest;
}

static json_t *
finding_json(const struct finding *fi)
{
	return json_pack("{s:s, s:s, s:s, s:s}", "name", fi->name, "health", words[fi->health],
			 "found", fi->text, "advice", fi->advice);
}

int
cmd_doctor(struct ctl *ct, int argc, char **argv)
{
	struct finding fi;
	json_t *list = json_array();
	char error[1024];
	bool missing = false;

	(void)argc;
	(void)argv;
	memset(&fi, 0, sizeof(fi));
	fi.name = "configuration";
	found(&fi, HEALTH_OK, "%s is valid", ct->config_path);
	if (config_read(&ct->cf, ct->config_path, error, sizeof(error)) != 0) {
		found(&fi, HEALTH_MISSING, "%.250s", error);
		advise(&fi, "correct it, or name another with --config; defaults are used below");
		if (config_defaults(&ct->cf) != 0) {
			(void)fputs("lsactl: out of memory\n", stderr);
			return EXIT_FAILED;
		}
	}
	if (ct->socket == NULL)
		ct->socket = ct->cf.admin_socket;
	for (size_t i = 0; i <= NCHECKS; i++) {
		if (i > 0 && !is_for(checks[i - 1].whom, ct))
			continue;
		if (i > 0) {
			memset(&fi, 0, sizeof(fi));
			fi.name = checks[i - 1].name;
			checks[i - 1].check(ct, &fi);
		}
		missing |= fi.health == HEALTH_MISSING;
		if (ct->json)
			(void)json_array_append_new(list, finding_json(&fi));
		else
			show(ct, &fi);
	}
	if (ct->json)
		print_json(list);
	json_decref(list);
	config_free(&ct->cf);
	return missing ? EXIT_FAILED : EXIT_DONE;
}
