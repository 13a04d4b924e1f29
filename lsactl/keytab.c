/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys out of a keytab, by libkrb5. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* explicit_bzero */
#endif
#include "lsactl/keytab.h"

#include <krb5.h>
#include <stdio.h>
#include <string.h>

/* What one look through the file finds. */
struct look {
	krb5_context ctx;
	krb5_keytab kt;
	bool rc4;
	char first[ISO_NAME_MAX + 1], account[ISO_NAME_MAX + 1], host[ISO_NAME_MAX + 1];
};

static bool
is_ours(const struct look *lo, int32_t etype)
{
	return (etype >= ENCTYPE_AES128_CTS_HMAC_SHA1_96 &&
		etype <= ENCTYPE_AES256_CTS_HMAC_SHA384_192) ||
	       (etype == ENCTYPE_ARCFOUR_HMAC && lo->rc4);
}

static void
note_name(char to[ISO_NAME_MAX + 1], const char *name)
{
	if (to[0] == '\0' && strlen(name) <= ISO_NAME_MAX)
		(void)snprintf(to, ISO_NAME_MAX + 1, "%s", name);
}

static void
note(struct look *lo, const krb5_keytab_entry *entry, const char *name)
{
	const krb5_principal_data *princ = entry->principal;
	const krb5_data *one = princ->length > 0 ? &princ->data[0] : NULL;

	if (one == NULL || !is_ours(lo, entry->key.enctype))
		return;
	note_name(lo->first, name);
	if (princ->length == 1 && one->length > 1 && one->data[one->length - 1] == '$')
		note_name(lo->account, name);
	if (princ->length == 2 && one->length == 4 && memcmp(one->data, "host", 4) == 0)
		note_name(lo->host, name);
}

/* A key of a newer version takes the place of all older ones. */
static void
take(struct keytab *kt, const krb5_keytab_entry *entry)
{
	struct keytab_key *key;

	if (kt->n != 0 && entry->vno < kt->keys[0].kvno)
		return;
	if (kt->n != 0 && entry->vno > kt->keys[0].kvno) {
		explicit_bzero(kt->keys, sizeof(kt->keys));
		kt->n = 0;
	}
	for (size_t i = 0; i < kt->n; i++) {
		if (kt->keys[i].etype == entry->key.enctype)
			return;
	}
	if (kt->n == KEYTAB_KEYS_MAX || entry->key.length > ISO_KEY_MAX || entry->key.length == 0)
		return;
	key = &kt->keys[kt->n++];
	key->etype = entry->key.enctype;
	key->kvno = entry->vno;
	key->len = entry->key.length;
	memcpy(key->octets, entry->key.contents, key->len);
}

/* Every entry; kt is NULL: names are noted, else the keys of kt->name taken. */
static krb5_error_code
walk(struct look *lo, struct keytab *kt)
{
	krb5_keytab_entry entry;
	krb5_kt_cursor cursor;
	krb5_error_code code = krb5_kt_start_seq_get(lo->ctx, lo->kt, &cursor);
	char *name;

	if (code != 0)
		return code;
	while ((code = krb5_kt_next_entry(lo->ctx, lo->kt, &entry, &cursor)) == 0) {
		name = NULL;
		if (krb5_unparse_name(lo->ctx, entry.principal, &name) == 0) {
			if (kt == NULL)
				note(lo, &entry, name);
			else if (strcmp(name, kt->name) == 0 && is_ours(lo, entry.key.enctype))
				take(kt, &entry);
		}
		krb5_free_unparsed_name(lo->ctx, name);
		(void)krb5_free_keytab_entry_contents(lo->ctx, &entry); /* zaps the key */
	}
	(void)krb5_kt_end_seq_get(lo->ctx, lo->kt, &cursor);
	return code == KRB5_KT_END ? 0 : code;
}

static bool
same_keys(const struct keytab *a, const struct keytab *b)
{
	for (size_t i = 0; i < a->n; i++) {
		for (size_t j = 0; j < b->n; j++) {
			if (a->keys[i].etype == b->keys[j].etype &&
			    a->keys[i].len == b->keys[j].len &&
			    memcmp(a->keys[i].octets, b->keys[j].octets, a->keys[i].len) == 0)
				return true;
		}
	}
	return false;
}

/* The host's name, if a ticket for it is under a key of the account. */
static void
find_host(struct look *lo, struct keytab *kt)
{
	struct keytab host = { 0 };

	(void)snprintf(kt->host, sizeof(kt->host), "%s", kt->name);
	if (lo->host[0] == '\0')
		return;
	(void)snprintf(host.name, sizeof(host.name), "%s", lo->host);
	if (walk(lo, &host) == 0 && same_keys(kt, &host))
		(void)snprintf(kt->host, sizeof(kt->host), "%s", lo->host);
	else if (host.n != 0 && kt->n != 0 && host.keys[0].kvno == kt->keys[0].kvno)
		(void)snprintf(kt->host_too, sizeof(kt->host_too), "%s", lo->host);
	keytab_wipe(&host);
}

/* The order that the machine's krb5.conf prefers. */
static void
sort(struct look *lo, struct keytab *kt)
{
	krb5_enctype *list = NULL;
	size_t n = 0;

	if (krb5_get_permitted_enctypes(lo->ctx, &list) != 0)
		return;
	for (size_t i = 0; list[i] != 0; i++) {
		for (size_t j = n; j < kt->n; j++) {
			struct keytab_key key = kt->keys[j];

			if (key.etype != list[i])
				continue;
			kt->keys[j] = kt->keys[n];
			kt->keys[n++] = key;
			explicit_bzero(&key, sizeof(key));
			break;
		}
	}
	krb5_free_enctypes(lo->ctx, list);
}

/* The principal as libkrb5 writes it, with a realm. */
static krb5_error_code
complete(krb5_context ctx, const char *principal, char name[ISO_NAME_MAX + 1])
{
	krb5_principal princ = NULL;
	char *text = NULL;
	krb5_error_code code = krb5_parse_name(ctx, principal, &princ);

	if (code == 0)
		code = krb5_unparse_name(ctx, princ, &text);
	if (code == 0 && strlen(text) > ISO_NAME_MAX)
		code = KRB5_PARSE_MALFORMED;
	if (code == 0)
		(void)snprintf(name, ISO_NAME_MAX + 1, "%s", text);
	krb5_free_unparsed_name(ctx, text);
	krb5_free_principal(ctx, princ);
	return code;
}

static krb5_error_code
read_keys(struct look *lo, const char *path, const char *principal, bool machine, struct keytab *kt)
{
	const char *chosen;
	krb5_error_code code = krb5_kt_resolve(lo->ctx, path, &lo->kt);

	if (code == 0)
		code = walk(lo, NULL);
	if (code == 0 && principal != NULL)
		code = complete(lo->ctx, principal, kt->name);
	if (code != 0)
		return code;
	if (principal == NULL) {
		chosen = lo->first;
		if (machine && lo->account[0] != '\0')
			chosen = lo->account;
		else if (machine && lo->host[0] != '\0')
			chosen = lo->host;
		(void)snprintf(kt->name, sizeof(kt->name), "%s", chosen);
	}
	code = walk(lo, kt);
	if (code == 0 && machine)
		find_host(lo, kt);
	sort(lo, kt);
	return code;
}

int
keytab_read(const char *path, const char *principal, bool machine, bool rc4, struct keytab *kt,
	    char *error, size_t n)
{
	struct look lo = { .rc4 = rc4 };
	char full[4096];
	krb5_error_code code;
	const char *text;

	memset(kt, 0, sizeof(*kt));
	(void)snprintf(full, sizeof(full), "FILE:%s", path);
	code = krb5_init_context(&lo.ctx);
	if (code != 0) {
		(void)snprintf(error, n, "libkrb5 does not start (%ld); look at krb5.conf",
			       (long)code);
		return -1;
	}
	code = read_keys(&lo, full, principal, machine, kt);
	if (code != 0) {
		text = krb5_get_error_message(lo.ctx, code);
		(void)snprintf(error, n, "%s: %s", path, text);
		krb5_free_error_message(lo.ctx, text);
	} else if (kt->n == 0) {
		(void)snprintf(error, n, "%s has no key of %s%s; klist -ke %s shows what it has",
			       path, kt->name[0] != '\0' ? kt->name : "anybody",
			       rc4 ? "" : " that is of AES (arcfour: [krb5] rc4)", path);
	}
	if (lo.kt != NULL)
		(void)krb5_kt_close(lo.ctx, lo.kt);
	krb5_free_context(lo.ctx);
	if (code == 0 && kt->n != 0)
		return 0;
	keytab_wipe(kt);
	return -1;
}

void
keytab_wipe(struct keytab *kt)
{
	explicit_bzero(kt, sizeof(*kt));
}
