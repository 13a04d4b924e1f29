/* SPDX-License-Identifier: GPL-3.0-or-later */
/* logon --keytab: keys in place of a password, for users and for the machine. */
#include <string.h>

#include "lsactl/keytab.h"
#include "lsactl/keytabs.h"
#include "lsactl/secret.h"

static json_t *
with_session(const struct ctl *ct, const struct keytab *kt, const char *session)
{
	json_t *ask = with_uid(ct);

	(void)json_object_set_new(ask, "principal", json_string(kt->name));
	if (session[0] != '\0')
		(void)json_object_set_new(ask, "session", json_string(session));
	return ask;
}

/* A challenge and a box for one key. session: "" for the first, then of that. */
static json_t *
with_box(const struct ctl *ct, const struct keytab *kt, size_t i, char session[32])
{
	char hex[SECRET_HEX];
	struct start st;
	json_t *ask;

	if (secret_start(ct, with_session(ct, kt, session), &st) != 0 ||
	    secret_key(ct, &st, kt->name, kt->keys[i].etype,
		       (struct rd){ kt->keys[i].octets, kt->keys[i].len }, hex) != 0)
		return NULL;
	(void)snprintf(session, 32, "%s", st.session);
	ask = with_session(ct, kt, session);
	(void)json_object_set_new(ask, "box", json_string(hex));
	return ask;
}

/* Of a keytab of stand-ins: lsass has the real one. */
static json_t *
with_id(const struct ctl *ct, const struct keytab *kt, const char *id, char session[32])
{
	struct start st;
	json_t *ask;

	if (session[0] == '\0') {
		if (secret_start(ct, with_session(ct, kt, session), &st) != 0)
			return NULL;
		(void)snprintf(session, 32, "%s", st.session);
	}
	ask = with_session(ct, kt, session);
	(void)json_object_set_new(ask, "id", json_string(id));
	return ask;
}

static int
bring_machine(const struct ctl *ct, const struct keytab *kt)
{
	char session[32] = "", id[STANDIN_ID], error[512];
	json_t *known = try_call(ct, "ListKeytabs", NULL, error, sizeof(error)), *ask, *is;
	size_t done = 0;

	for (size_t i = 0; i < kt->n; i++) {
		const char *host = kt->host;

		if (keytabs_is_standin(known, kt->keys[i].octets, kt->keys[i].len, id)) {
			ask = with_id(ct, kt, id, session);
			if (strcmp(host, kt->name) == 0 && kt->host_too[0] != '\0')
				host = kt->host_too;
		} else {
			ask = with_box(ct, kt, i, session);
		}
		if (ask == NULL)
			break;
		(void)json_object_set_new(ask, "host", json_string(host));
		(void)json_object_set_new(ask, "kvno", json_integer(kt->keys[i].kvno));
		(void)json_object_set_new(ask, "last", json_boolean(i == kt->n - 1));
		is = call(ct, "MachineKey", ask);
		if (is == NULL)
			break;
		json_decref(is);
		done++;
	}
	json_decref(known);
	if (done < kt->n)
		return EXIT_FAILED;
	if (!ct->json)
		(void)printf("This machine is %s, with %zu keys of version %u\n", kt->name, kt->n,
			     kt->keys[0].kvno);
	return EXIT_DONE;
}

json_t *
keytab_logon(const struct ctl *ct, const char *principal, const char *cache)
{
	char error[1024], session[32] = "";
	struct keytab kt;
	json_t *ask = NULL, *is = NULL;

	if (keytab_read(ct->keytab, principal, false, ct->cf.krb5_rc4, &kt, error, sizeof(error)) !=
	    0) {
		(void)fprintf(stderr, "lsactl: %s\n", error);
		return NULL;
	}
	/* The KDC has every key of a keytab: the one that krb5.conf likes best. */
	ask = with_box(ct, &kt, 0, session);
	keytab_wipe(&kt);
	if (ask != NULL) {
		(void)json_object_set_new(ask, "keep", json_true());
		(void)json_object_set_new(ask, "cache", json_string(cache));
		is = call(ct, "Logon", ask);
	}
	return is;
}

int
keytab_machine(const struct ctl *ct)
{
	char error[1024];
	struct keytab kt;
	int code;

	if (keytab_read(ct->keytab, NULL, true, ct->cf.krb5_rc4, &kt, error, sizeof(error)) != 0) {
		(void)fprintf(stderr, "lsactl: %s\n", error);
		return EXIT_FAILED;
	}
	code = bring_machine(ct, &kt);
	keytab_wipe(&kt);
	return code;
}
