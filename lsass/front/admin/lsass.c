/* SPDX-License-Identifier: GPL-3.0-or-later */
/* org.lsaiso.Status of lsass, and the table of its methods. */
#include "lib/config.h"
#include "lsass/ask.h"
#include "lsass/cache/store.h"
#include "lsass/front/admin/methods.h"
#include "lsass/front/kdc/kdc.h"
#include "lsass/front/winbind/winbind.h"
#include "lsass/keytab/keytab.h"
#include "lsass/realm/real.h"
#include "lsass/tgs/tgs.h"

static json_t *
caches(const struct admin_view *view)
{
	struct store_totals totals = { 0 };
	uint8_t boot_id[ISO_BOOT_ID];
	json_t *to = json_object();

	store_totals(view->store, &totals);
	if (!ask_boot_id(boot_id))
		totals.logons = 0; /* whether they live is not known */
	(void)ADMIN_COUNT(totals, users);
	(void)ADMIN_COUNT(totals, caches);
	(void)ADMIN_COUNT(totals, creds);
	(void)ADMIN_COUNT(totals, octets);
	(void)ADMIN_COUNT(totals, logons);
	(void)ADMIN_COUNT(totals, absorbed);
	(void)ADMIN_COUNT(totals, evicted);
	(void)ADMIN_COUNT(totals, purged);
	(void)ADMIN_COUNT(totals, kept);
	(void)ADMIN_COUNT(totals, damaged_files);
	(void)ADMIN_COUNT(totals, plain_refused);
	return to;
}

/* Keys behind the stand-ins of keytabs. */
static json_t *
keytabs(const struct admin_view *view)
{
	const struct keytab *kt = view->keytab;

	return json_pack("{s:b, s:I}", "kept", kt != NULL && keytab_keeps(kt), "keys",
			 (json_int_t)(kt != NULL ? keytab_count(kt) : 0));
}

static json_t *
tickets(const struct admin_view *view)
{
	struct tgs_stats stats = { 0 };
	json_t *to = json_object();

	tgs_stats(view->tgs, &stats);
	(void)ADMIN_COUNT(stats, asked);
	(void)ADMIN_COUNT(stats, merged);
	(void)ADMIN_COUNT(stats, from_negative);
	(void)ADMIN_COUNT(stats, exchanged);
	(void)ADMIN_COUNT(stats, failed);
	(void)ADMIN_COUNT(stats, refused);
	(void)ADMIN_COUNT(stats, waiting);
	(void)ADMIN_COUNT(stats, running);
	return to;
}

/* null: no [winbind] socket */
static json_t *
pipes(const struct admin_view *view)
{
	struct winbind_socket_stats so;
	struct winbind_stats stats;
	json_t *list = json_array(), *to;

	for (size_t i = 0; winbind_socket_stats(view->winbind, i, &so); i++)
		(void)json_array_append_new(list, json_pack("{s:s, s:i, s:i}", "socket", so.path,
							    "version", (int)so.version, "clients",
							    (int)so.clients));
	if (json_array_size(list) == 0) {
		json_decref(list);
		return json_null();
	}
	winbind_stats(view->winbind, &stats);
	to = json_pack("{s:o, s:I, s:I}", "sockets", list, "answered", (json_int_t)stats.answered,
		       "passed", (json_int_t)stats.passed);
	if (view->cf->winbind_real[0] != '\0')
		(void)json_object_set_new(to, "real",
					  json_pack("{s:s, s:b, s:s}", "socket",
						    view->cf->winbind_real, "answers",
						    stats.real_answers, "error", stats.real_why));
	return to;
}

/* What is known of the realms that were asked for. */
static json_t *
realms(const struct admin_view *view)
{
	struct real_realm one;
	json_t *list = json_array();

	for (size_t i = 0; real_realm(view->real, i, &one); i++)
		(void)json_array_append_new(list, json_pack("{s:s, s:b, s:s}", "name", one.name,
							    "found", one.good, "text", one.text));
	return list;
}

/* null: no [kdc] */
static json_t *
endpoint(const struct admin_view *view)
{
	struct kdc_counts counts;
	json_t *list, *to;
	char name[128];

	if (view->kdc == NULL)
		return json_null();
	to = json_object();
	list = json_array();
	for (size_t i = 0; kdc_socket_name(view->kdc, i, name, sizeof(name)); i++)
		(void)json_array_append_new(list, json_string(name));
	(void)json_object_set_new(to, "sockets", list);
	(void)json_object_set_new(to, "realms", realms(view));
	kdc_count(view->kdc, &counts);
	(void)ADMIN_COUNT(counts, requests);
	(void)ADMIN_COUNT(counts, relayed);
	(void)ADMIN_COUNT(counts, translated);
	(void)ADMIN_COUNT(counts, refused);
	(void)ADMIN_COUNT(counts, failed);
	(void)ADMIN_COUNT(counts, strangers);
	(void)ADMIN_COUNT(counts, clients);
	(void)ADMIN_COUNT(counts, waiting);
	(void)ADMIN_COUNT(counts, queued);
	return to;
}

json_t *
method_status(const struct admin_view *view, uid_t uid, const json_t *ask,
	      struct admin_error *error)
{
	json_t *to = admin_status(view);

	(void)uid;
	(void)ask;
	(void)error;
	(void)json_object_set_new(to, "caches", caches(view));
	(void)json_object_set_new(to, "tgs", tickets(view));
	(void)json_object_set_new(to, "keytabs", keytabs(view));
	(void)json_object_set_new(to, "audit", admin_audit(view));
	(void)json_object_set_new(to, "ntlm", admin_ntlm(view));
	(void)json_object_set_new(to, "winbind", pipes(view));
	(void)json_object_set_new(to, "kdc", endpoint(view));
	(void)json_object_set_new(to, "kcm",
				  json_pack("{s:s, s:I}", "socket", view->cf->kcm_socket, "clients",
					    (json_int_t)*view->kcm_clients));
	return to;
}

static const struct admin_row methods[] = {
	{ "org.lsaiso.Status", method_status },
	{ "org.lsaiso.ListSessions", method_list_sessions },
	{ "org.lsaiso.ListCaches", method_list_caches },
	{ "org.lsaiso.ShowCache", method_show_cache },
	{ "org.lsaiso.DestroyCache", method_destroy_cache },
	{ "org.lsaiso.AuditRead", method_audit_read },
	{ "org.lsaiso.AuditHead", method_audit_head },
	{ "org.lsaiso.LogonStart", method_logon_start },
	{ "org.lsaiso.Logon", method_logon },
	{ "org.lsaiso.ChangePassword", method_change_password },
	{ "org.lsaiso.MachineKey", method_machine_key },
	{ "org.lsaiso.KeytabKey", method_keytab_key },
	{ "org.lsaiso.ListKeytabs", method_list_keytabs },
	{ "org.lsaiso.KeytabRotate", method_keytab_rotate },
	{ "org.lsaiso.KeytabRemove", method_keytab_remove },
	{ "org.lsaiso.KeytabPrune", method_keytab_prune },
	{ "org.lsaiso.ImportKnown", method_import_known },
	{ "org.lsaiso.ImportTicket", method_import_ticket },
	{ "org.lsaiso.Lock", method_lock },
	{ "org.lsaiso.Unlock", method_unlock },
	{ "org.lsaiso.Logoff", method_logoff },
	{ "org.lsaiso.Renew", method_renew },
	{ "org.lsaiso.NtlmAdd", method_ntlm_add },
	{ "org.lsaiso.NtlmRemove", method_ntlm_remove },
	{ "org.lsaiso.ListNtlm", method_list_ntlm },
	{ "org.lsaiso.ListNtlmUses", method_list_ntlm_uses },
	{ "org.lsaiso.Wipe", method_wipe },
	{ "org.lsaiso.Stop", method_stop },
	{ NULL, NULL },
};

int
admin_start(struct loop *lo, int listen_fd, const struct admin_view *view)
{
	return admin_serve(lo, listen_fd, methods, view);
}
