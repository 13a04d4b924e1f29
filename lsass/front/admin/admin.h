/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The admin front: a UNIX socket that speaks varlink's framing (one JSON
 * object, then NUL). Request {"method": "org.lsaiso.Status", "parameters":
 * {...}}; reply {"parameters": {...}} or {"error": "org.lsaiso.NotFound",
 * "parameters": {"message": "..."}}, with NotFound, PermissionDenied,
 * InvalidParameter, MethodNotFound or Failed.
 *
 *   org.lsaiso.Status         processes, level and what it does not give,
 *                             counters of lsaiso, lsass, the TGS pool
 *   org.lsaiso.ListSessions   root: all; others: their own
 *   org.lsaiso.ListCaches     likewise; never a key, nor a stand-in
 *   org.lsaiso.ShowCache      {name, uid?} the credentials of one cache
 *   org.lsaiso.DestroyCache   {name, uid?} root: any user's; others: their own
 *   org.lsaiso.LogonStart     {principal | session, uid?} what the next box must answer
 *   org.lsaiso.Logon          {session, principal, box, ...} a box becomes a ticket
 *   org.lsaiso.ChangePassword {session, principal, box, new_box}: two challenges of one session
 *   org.lsaiso.MachineKey     {session, principal, host, box, kvno, last?} root: a key of this
 *                             machine's; they count with the last one; id in place of box: the
 *                             kept one with that stand-in
 *   org.lsaiso.KeytabKey      {session, principal, path, owner, box, kvno, last?, fresh?} root: a
 *                             key of a keytab; with the last one of a principal they are kept,
 *                             and the stand-ins for the file are answered; fresh: newer keys
 *                             behind the stand-ins that there are
 *   org.lsaiso.ListKeytabs    {uid?} root: all; others: of their files; never a key, nor a
 *                             stand-in but for its hash
 *   org.lsaiso.KeytabRotate   {session, principal, path, box, new_box} root: two boxes of one new
 *                             password, of two challenges of one session; the change is made
 *   org.lsaiso.KeytabRemove   root: {path, principal?}; KeytabPrune {path?, principal?, age?}
 *   org.lsaiso.ImportKnown    {ticket, key, uid?} is that ticket's key a stand-in of ours?
 *   org.lsaiso.ImportTicket   {session, principal, box, cred, offset?, last?} a ticket of a FILE
 *                             ccache: cred has a stand-in, the box the key
 *   org.lsaiso.Lock, Unlock   {session?, all?}; {session, box}
 *   org.lsaiso.Logoff         {session? | all, uid?} logons and all their caches
 *   org.lsaiso.Renew          {session?, uid?}
 *   org.lsaiso.NtlmAdd        {session, principal, box} a hash for NTLM; principal: DOMAIN\\user
 *   org.lsaiso.NtlmRemove     {name, uid?}
 *   org.lsaiso.ListNtlm       {uid?} root: all; others: their own; never a hash
 *   org.lsaiso.ListNtlmUses   likewise: who talks NTLM, to whom
 *   org.lsaiso.Stop           root: the whole instance
 *   org.lsaiso.AuditRead      {boot?, from?, limit?, uid?} records of use; root: of all,
 *                             others: their own, which are no whole chain
 *   org.lsaiso.AuditHead      root: {public, nonce} what lsaiso proves of the chain's head
 *   org.lsaiso.Wipe           root: all caches, all logons, and lsaiso's keys
 *
 * Callers are known by SO_PEERCRED. lsaiso-host has this front too, with
 * methods of its own (lsaiso-host/admin.c).
 */
#ifndef LSASS_FRONT_ADMIN_H
#define LSASS_FRONT_ADMIN_H

#include "lib/control.h"

struct audit;
struct config;
struct guest;
struct keytab;
struct kdc;
struct logons;
struct loop;
struct ntlm;
struct real;
struct store;
struct tgs;
struct winbind;

/* What the front looks at; the pointers stay the caller's. */
struct admin_view {
	const struct config *cf;
	const struct control_table *table;
	struct store *store;
	struct tgs *tgs;
	struct audit *audit;
	struct logons *logons;
	struct ntlm *ntlm;
	struct keytab *keytab;
	const uint32_t *kcm_clients; /* connected now */
	const struct winbind *winbind;
	const struct kdc *kdc;	   /* NULL: none */
	const struct real *real;   /* with kdc */
	const struct guest *guest; /* lsaiso-host: whom it serves; then those above are NULL */
	struct admin_call *call;   /* the request that is being served: admin_later */
};

/* Serve listen_fd in the loop, with the methods of lsass. 0 or -1 with errno. */
int admin_start(struct loop *lo, int listen_fd, const struct admin_view *view);

#endif
