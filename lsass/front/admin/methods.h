/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The methods of the admin front: who asks (uid) and what, as JSON, to a
 * reply as JSON. They look; DestroyCache and Wipe change; none returns a key, a
 * stand-in or a blob.
 */
#ifndef LSASS_FRONT_ADMIN_METHODS_H
#define LSASS_FRONT_ADMIN_METHODS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lsass/front/admin/admin.h"

/* Why a method failed: the name after "org.lsaiso." and a sentence. */
struct admin_error {
	const char *name;
	const char *message;
};

/*
 * view   what there is
 * uid    of the caller
 * ask    "parameters" of the request, an object
 * error  out, when NULL is returned
 *
 * Returns a new object, or NULL.
 */
typedef json_t *admin_method(const struct admin_view *view, uid_t uid, const json_t *ask,
			     struct admin_error *error);

/*
 * An answer that comes later: a method takes it and returns NULL, the loop
 * goes on, and the next request of this client waits. gone is told, in the
 * loop thread, if the client hangs up before; the answer is then still to be
 * given, to nobody. Once for each call; NULL: no memory.
 */
struct admin_later;
struct admin_later *admin_later(const struct admin_view *view, void (*gone)(void *arg), void *arg);

/* For who knows arg only later. */
void admin_later_gone(struct admin_later *later, void (*gone)(void *arg), void *arg);

/*
 * Give it, in the loop thread, also before the method returns. parameters
 * is consumed; NULL: no memory. later is gone then.
 */
void admin_answer(struct admin_later *later, json_t *parameters);
/* name: after "org.lsaiso."; parameters, consumed, have a message and what else belongs to it. */
void admin_refuse(struct admin_later *later, const char *name, json_t *parameters);

struct admin_row {
	const char *name; /* "org.lsaiso.Status"; NULL: the end of the table */
	admin_method *call;
};

/* admin_start with a table of methods, which stays the caller's. */
int admin_serve(struct loop *lo, int listen_fd, const struct admin_row *methods,
		const struct admin_view *view);

admin_method method_status, method_list_sessions, method_list_caches, method_show_cache,
    method_destroy_cache, method_wipe, method_stop, method_logon_start, method_logon,
    method_change_password, method_machine_key, method_unlock, method_lock, method_logoff,
    method_renew, method_audit_read, method_audit_head, method_ntlm_add, method_ntlm_remove,
    method_list_ntlm, method_list_ntlm_uses, method_keytab_key, method_list_keytabs,
    method_keytab_remove, method_keytab_prune, method_keytab_rotate, method_import_known,
    method_import_ticket;

/* What Status says of any instance: processes, level, launch, guard, lsaiso. */
json_t *admin_status(const struct admin_view *view);
/* add "name": the octets as hexadecimal digits, at most ISO_PUBLIC of them */
void admin_add_hex(json_t *to, const char *name, const uint8_t *at, size_t n);
/* A number of a struct as a member of the same name; to is the object. */
#define ADMIN_COUNT(from, name)                                                                    \
	json_object_set_new(to, #name, json_integer((json_int_t)(from).name))

/*
 * Whose things the request is about: "uid" of ask, or else the caller.
 * Only root may name another. Returns 0, or -1 with error.
 */
int admin_whose(uid_t uid, const json_t *ask, uid_t *whose, struct admin_error *error);

/* What Status says of the use log. */
json_t *admin_audit(const struct admin_view *view);

/* What Status says of NTLM. */
json_t *admin_ntlm(const struct admin_view *view);

/* Whose: one uid, or for root without "uid" everybody's. */
/* Where another cache has its name: tickets that programs keep in files (collection_kept). */
#define ADMIN_FILES "(files)"

struct admin_scope {
	bool all;
	uid_t uid;
};
/* Returns 0, or -1 with error. */
int admin_scope_of(uid_t uid, const json_t *ask, struct admin_scope *sc, struct admin_error *error);

struct wire_princ;

/*
 * A principal as JSON text: what is not printable ASCII shows as ?, so that
 * no name breaks the encoding or a terminal.
 */
json_t *admin_principal(const struct wire_princ *princ);

#endif
