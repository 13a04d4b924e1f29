/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Do the programs of this host come to the KDC endpoint, or go past it? First what
 * the files say, then the truth: libkrb5 asks for each realm, and the endpoint has
 * counted it, or not.
 */
#define _GNU_SOURCE
#include <glob.h>
#include <krb5.h>
#include <profile.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/kdc.h"
#include "lsactl/doctor.h"

#define PATIENCE 6 /* seconds that one realm may take */
#define REALMS	 16
#define KDCINFO	 "/var/lib/sss/pubconf/kdcinfo."

static bool
is_off(const struct ctl *ct, struct finding *fi)
{
	bool off = ct->cf.kdc_listen[0] == '\0' && ct->cf.kdc_socket[0] == '\0';

	if (off)
		found(fi, HEALTH_OK, "there is no KDC endpoint here ([kdc] listen)");
	return off;
}

/* ---- krb5.conf */

static const char *
hosts_config(void)
{
	const char *env = getenv("KRB5_CONFIG");

	return env != NULL && env[0] != '\0' ? env : "/etc/krb5.conf";
}

/* What the configuration names: its default realm, and those with a stanza. */
struct realms {
	profile_t profile;
	char name[REALMS][256];
	size_t n;
};

static void
add(struct realms *re, const char *name)
{
	for (size_t i = 0; i < re->n; i++) {
		if (strcmp(re->name[i], name) == 0)
			return;
	}
	if (re->n < REALMS && name[0] != '\0' && strlen(name) < sizeof(re->name[0]))
		(void)snprintf(re->name[re->n++], sizeof(re->name[0]), "%s", name);
}

static int
realms_of(const char *config, struct realms *re)
{
	const char *path[] = { "realms", NULL };
	char **names = NULL, *one = NULL;

	memset(re, 0, sizeof(*re));
	if (profile_init_path(config, &re->profile) != 0)
		return -1;
	if (profile_get_string(re->profile, "libdefaults", "default_realm", NULL, "", &one) == 0)
		add(re, one);
	profile_release_string(one);
	if (profile_get_subsection_names(re->profile, path, &names) == 0) {
		for (size_t i = 0; names[i] != NULL; i++)
			add(re, names[i]);
		profile_free_list(names);
	}
	return 0;
}

static bool
is_endpoint(const struct ctl *ct, const char *value)
{
	struct kdc_address list[KDC_LISTEN_MAX];
	char error[256];
	int n = kdc_addresses(&ct->cf, list, error, sizeof(error));

	for (int i = 0; i < n; i++) {
		size_t len = strlen(list[i].text);

		if (strcmp(value, list[i].text) == 0 ||
		    (len > 3 && strcmp(list[i].text + len - 3, ":88") == 0 &&
		     strlen(value) == len - 3 && strncmp(value, list[i].text, len - 3) == 0))
			return true;
	}
	return ct->cf.kdc_socket[0] != '\0' && strcmp(value, ct->cf.kdc_socket) == 0;
}

/* The KDCs of a realm in a configuration: how many are the endpoint; the first that is not. */
static size_t
kdcs_of(const struct ctl *ct, const struct realms *re, const char *realm, size_t *all,
	char other[256])
{
	static const char *const keys[] = { "kdc", "primary_kdc", "master_kdc" };
	size_t ours = 0;

	*all = 0;
	other[0] = '\0';
	for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
		const char *path[] = { "realms", realm, keys[k], NULL };
		char **values = NULL;

		if (profile_get_values(re->profile, path, &values) != 0)
			continue;
		for (size_t i = 0; values[i] != NULL; i++) {
			bool is = is_endpoint(ct, values[i]);

			(*all)++;
			ours += is;
			if (!is && other[0] == '\0')
				(void)snprintf(other, 256, "%s", values[i]);
		}
		profile_free_list(values);
	}
	return ours;
}

void
check_kdc(const struct ctl *ct, struct finding *fi)
{
	char error[512] = "";
	const json_t *kdc;
	json_t *is;

	if (is_off(ct, fi))
		return;
	is = try_call(ct, "Status", NULL, error, sizeof(error));
	kdc = json_object_get(is, "kdc");
	if (is == NULL) {
		found(fi, HEALTH_MISSING, "%.250s", error);
	} else if (!json_is_object(kdc)) {
		found(fi, HEALTH_MISSING, "[kdc] is set, but this instance does not listen there");
		advise(fi, "restart it: systemctl restart lsaiso");
	} else {
		found(fi, HEALTH_OK,
		      "listens at %.100s; %lld requests, %lld of them with stand-ins",
		      ct->cf.kdc_listen[0] != '\0' ? ct->cf.kdc_listen : ct->cf.kdc_socket,
		      get_number(kdc, "requests"), get_number(kdc, "translated"));
	}
	json_decref(is);
}

void
check_kdc_config(const struct ctl *ct, struct finding *fi)
{
	char other[256];
	struct realms re;
	size_t all;

	if (is_off(ct, fi))
		return;
	if (realms_of(hosts_config(), &re) != 0 || re.n == 0) {
		found(fi, HEALTH_MISSING, "%.200s names no realm", hosts_config());
		advise(fi, "lsactl setup --apply REALM");
		profile_release(re.profile);
		return;
	}
	found(fi, HEALTH_OK, "the endpoint is the only kdc of %zu realms", re.n);
	for (size_t i = 0; i < re.n; i++) {
		size_t ours = kdcs_of(ct, &re, re.name[i], &all, other);

		if (all == ours && ours > 0)
			continue;
		if (all == 0)
			found(fi, HEALTH_WEAK,
			      "%.100s has no kdc line: DNS leads past the endpoint", re.name[i]);
		else
			found(fi, HEALTH_WEAK, "%.100s has kdc %.100s %s the endpoint", re.name[i],
			      other, ours > 0 ? "beside" : "in place of");
		advise(fi, "lsactl setup shows what is missing, lsactl setup --apply writes it");
		break;
	}
	profile_release(re.profile);
}

void
check_kdc_real(const struct ctl *ct, struct finding *fi)
{
	const char *config = ct->cf.krb5_config[0] != '\0' ? ct->cf.krb5_config : "/etc/krb5.conf";
	char other[256];
	struct realms re;
	size_t all;

	if (is_off(ct, fi))
		return;
	if (realms_of(config, &re) != 0) {
		found(fi, HEALTH_MISSING, "%.200s cannot be read", config);
		advise(fi, "correct [krb5] config");
		return;
	}
	found(fi, HEALTH_OK, "%.150s has those of %zu realms", config, re.n);
	for (size_t i = 0; i < re.n; i++) {
		if (kdcs_of(ct, &re, re.name[i], &all, other) == 0)
			continue;
		found(fi, HEALTH_MISSING,
		      "to lsass, too, the KDC of %.100s is the endpoint: itself", re.name[i]);
		advise(fi,
		       "lsactl setup --apply %.100s, or set [krb5] config to where the real "
		       "ones are",
		       re.name[i]);
		break;
	}
	profile_release(re.profile);
}

/* ---- plug-ins, which libkrb5 asks before krb5.conf */

static bool
plugin(const char *name, char *path, size_t n)
{
	static const char *const folders[] = { "/usr/lib/*/krb5/plugins/libkrb5",
					       "/usr/lib/krb5/plugins/libkrb5",
					       "/usr/lib64/krb5/plugins/libkrb5" };
	char pattern[256];
	bool is = false;

	for (size_t i = 0; !is && i < sizeof(folders) / sizeof(folders[0]); i++) {
		glob_t gl = { 0 };

		(void)snprintf(pattern, sizeof(pattern), "%s/%s", folders[i], name);
		is = glob(pattern, 0, NULL, &gl) == 0 && gl.gl_pathc > 0;
		if (is)
			(void)snprintf(path, n, "%s", gl.gl_pathv[0]);
		globfree(&gl);
	}
	return is;
}

void
check_kdc_plugins(const struct ctl *ct, struct finding *fi)
{
	char path[256], info[512];
	glob_t gl = { 0 };

	if (is_off(ct, fi))
		return;
	if (plugin("*winbind_krb5_locator.so", path, sizeof(path)) ||
	    plugin("async_dns_krb5_locator.so", path, sizeof(path))) {
		found(fi, HEALTH_WEAK, "%.120s finds KDCs before krb5.conf does", path);
		advise(fi, "remove it from that folder; it is Samba's");
	} else if (!plugin("sssd_krb5_locator_plugin.so", path, sizeof(path))) {
		found(fi, HEALTH_OK, "none that finds KDCs");
	} else if (glob(KDCINFO "*", 0, NULL, &gl) == 0 && gl.gl_pathc > 0) {
		(void)snprintf(info, sizeof(info), "%s", gl.gl_pathv[0]);
		found(fi, HEALTH_WEAK, "SSSD leads past the endpoint: %.150s", info);
		advise(fi, "krb5_use_kdcinfo = False in sssd.conf (lsactl setup --apply), restart "
			   "sssd, remove that file");
	} else {
		found(fi, HEALTH_OK, "SSSD's is there, and has no addresses");
	}
	globfree(&gl);
}

/* ---- the truth */

/* One AS-REQ of nobody. In a child: what libkrb5 does is its own matter. */
static void
ask_kdc(const char *realm)
{
	char name[300];
	pid_t pid = fork();
	krb5_context ctx;
	krb5_principal who;
	krb5_creds creds;

	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
	if (pid != 0)
		return;
	(void)alarm(PATIENCE);
	memset(&creds, 0, sizeof(creds));
	(void)snprintf(name, sizeof(name), "lsaiso-doctor@%s", realm);
	if (krb5_init_context(&ctx) == 0 && krb5_parse_name(ctx, name, &who) == 0)
		(void)krb5_get_init_creds_password(ctx, &creds, who, "", NULL, NULL, 0, NULL, NULL);
	_exit(0);
}

static long long
requests(const struct ctl *ct)
{
	char error[512];
	json_t *is = try_call(ct, "Status", NULL, error, sizeof(error));
	long long n = json_is_object(json_object_get(is, "kdc"))
			  ? get_number(json_object_get(is, "kdc"), "requests")
			  : -1;

	json_decref(is);
	return n;
}

void
check_kdc_truth(const struct ctl *ct, struct finding *fi)
{
	long long before = 0, after = 0;
	struct realms re;
	size_t i = 0;

	if (is_off(ct, fi))
		return;
	if (realms_of(hosts_config(), &re) != 0 || re.n == 0 || (after = requests(ct)) < 0) {
		found(fi, HEALTH_UNKNOWN, "nothing can be asked");
		profile_release(re.profile);
		return;
	}
	for (; i < re.n; i++) {
		before = after;
		ask_kdc(re.name[i]);
		after = requests(ct);
		if (after == before)
			break;
	}
	profile_release(re.profile);
	if (i == re.n) {
		found(fi, HEALTH_OK, "a request to each of %zu realms came to the endpoint", re.n);
		return;
	}
	found(fi, HEALTH_MISSING, "a request to %.150s went past the endpoint", re.name[i]);
	advise(fi, "see above; KRB5_TRACE=/dev/stderr kinit nobody@%.100s shows where to",
	       re.name[i]);
}

/* ---- the machine's keytab */

void
check_keytab(const struct ctl *ct, struct finding *fi)
{
	const char *path = ct->cf.logon_keytab;
	char error[512] = "";
	const json_t *list, *one;
	struct stat st;
	bool ours = false;
	json_t *is;
	size_t i;

	if (stat(path, &st) != 0) {
		found(fi, HEALTH_OK, "%.150s is not there", path);
		return;
	}
	if ((st.st_mode & 0007) != 0) {
		found(fi, HEALTH_MISSING, "%.150s: everybody may use it (mode %04o)", path,
		      (unsigned int)(st.st_mode & 07777));
		advise(fi, "chmod 600 %.200s, then change the machine's password", path);
		return;
	}
	if (is_off(ct, fi))
		return;
	is = try_call(ct, "ListKeytabs", NULL, error, sizeof(error));
	list = json_object_get(is, "keys");
	json_array_foreach(list, i, one) ours |= strcmp(get_text(one, "path"), path) == 0;
	json_decref(is);
	if (is == NULL) {
		found(fi, HEALTH_UNKNOWN, "%.250s", error);
	} else if (ours) {
		found(fi, HEALTH_OK, "%.150s is of stand-ins", path);
	} else {
		found(fi, HEALTH_WEAK, "%.150s has real keys: whoever reads it is this machine",
		      path);
		advise(fi, "lsactl keytab import %.200s, unless services accept tickets with it",
		       path);
	}
}
