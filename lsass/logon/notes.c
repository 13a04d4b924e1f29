/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lsass/logon/notes.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hex.h"

static void
put_octets(json_t *to, const char *key, const uint8_t *at, size_t n)
{
	char text[2 * ISO_SALT_MAX + 1];

	if (n > ISO_SALT_MAX)
		n = 0;
	hex_put(at, n, text);
	(void)json_object_set_new(to, key, json_string(text));
}

static json_t *
flags(const struct held *he)
{
	return json_pack("{s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b}", "begun", he->begun,
			 "keep", he->keep, "locked", he->locked, "machine", he->machine, "armored",
			 he->armored, "verified", he->verified, "offline", he->offline, "ntlm_only",
			 he->ntlm_only, "ntlm_stale", he->ntlm_stale, "keytab", he->keytab);
}

char *
note_write(const struct held *he, size_t *n)
{
	json_t *to = flags(he);
	char *text;

	(void)json_object_set_new(to, "name", json_string(he->name));
	if (he->principal != NULL)
		(void)json_object_set_new(to, "principal", json_string(he->principal));
	(void)json_object_set_new(to, "started", json_integer(he->started));
	(void)json_object_set_new(to, "password_expires", json_integer(he->password_expires));
	(void)json_object_set_new(to, "etype", json_integer(he->anchor.etype));
	put_octets(to, "anchor", he->anchor.blob, he->anchor.len);
	put_octets(to, "salt", he->anchor.salt, he->anchor.salt_len);
	put_octets(to, "params", he->anchor.params, he->anchor.params_len);
	(void)json_object_set_new(to, "key_etype", json_integer(he->key_etype));
	put_octets(to, "key", he->key, he->key_len);
	put_octets(to, "ntlm", he->ntlm, he->ntlm_len);
	text = json_dumps(to, JSON_COMPACT);
	json_decref(to);
	*n = text != NULL ? strlen(text) : 0;
	return text;
}

static bool
get_octets(const json_t *from, const char *key, uint8_t *at, size_t room, size_t *n)
{
	const char *text = json_string_value(json_object_get(from, key));
	long got = text != NULL ? hex_get(text, at, room) : -1;

	*n = got < 0 ? 0 : (size_t)got;
	return got >= 0;
}

static bool
fill(struct held *he, const json_t *from)
{
	const char *name = json_string_value(json_object_get(from, "name"));
	const char *principal = json_string_value(json_object_get(from, "principal"));
	struct as_anchor *an = &he->anchor;

	he->begun = json_is_true(json_object_get(from, "begun"));
	he->keep = json_is_true(json_object_get(from, "keep"));
	he->locked = json_is_true(json_object_get(from, "locked"));
	he->machine = json_is_true(json_object_get(from, "machine"));
	he->armored = json_is_true(json_object_get(from, "armored"));
	he->verified = json_is_true(json_object_get(from, "verified"));
	he->offline = json_is_true(json_object_get(from, "offline"));
	he->keytab = json_is_true(json_object_get(from, "keytab"));
	he->ntlm_only = json_is_true(json_object_get(from, "ntlm_only"));
	he->ntlm_stale = json_is_true(json_object_get(from, "ntlm_stale"));
	he->started = (uint32_t)json_integer_value(json_object_get(from, "started"));
	he->password_expires = json_integer_value(json_object_get(from, "password_expires"));
	an->etype = (int32_t)json_integer_value(json_object_get(from, "etype"));
	he->key_etype = (int32_t)json_integer_value(json_object_get(from, "key_etype"));
	he->name = name != NULL ? strdup(name) : NULL;
	he->principal = principal != NULL ? strdup(principal) : NULL;
	(void)get_octets(from, "ntlm", he->ntlm, sizeof(he->ntlm), &he->ntlm_len);
	return he->name != NULL &&
	       get_octets(from, "anchor", an->blob, sizeof(an->blob), &an->len) &&
	       get_octets(from, "salt", an->salt, sizeof(an->salt), &an->salt_len) &&
	       get_octets(from, "params", an->params, sizeof(an->params), &an->params_len) &&
	       get_octets(from, "key", he->key, sizeof(he->key), &he->key_len);
}

struct held *
note_read(const uint8_t *at, size_t n)
{
	json_t *from = json_loadb((const char *)at, n, 0, NULL);
	struct held *he = calloc(1, sizeof(*he));

	if (from == NULL || he == NULL || !fill(he, from)) {
		if (he != NULL) {
			free(he->name);
			free(he->principal);
		}
		free(he);
		he = NULL;
	}
	json_decref(from);
	return he;
}
