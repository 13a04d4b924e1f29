/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The configuration of lsaiso.conf(5) as a struct, read with inih.
 * Used by lsainit, lsass and lsactl; never by lsaiso.
 */
#ifndef LIB_CONFIG_H
#define LIB_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/config_keys.h"

#define CONFIG_DEFAULT_FILE "/etc/lsaiso/lsaiso.conf"

struct config {
#define CF_STR(section, key, member, def, help)		  char *member;
#define CF_NUM(section, key, member, def, min, max, help) uint64_t member;
#define CF_YES(section, key, member, def, help)		  bool member;
#define CF_ONE(section, key, member, def, words, help)	  char *member;
	CONFIG_KEYS(CF_STR, CF_NUM, CF_YES, CF_ONE)
#undef CF_STR
#undef CF_NUM
#undef CF_YES
#undef CF_ONE
};

/*
 * Read file and then, if it exists, every *.conf of the folder FILE's
 * directory + "/" + FILE's name with ".conf" replaced by ".conf.d", in
 * order of name (for /etc/lsaiso/lsaiso.conf: /etc/lsaiso/lsaiso.conf.d/).
 * A later value replaces an earlier one. A missing FILE is an error unless
 * it is CONFIG_DEFAULT_FILE, which may be absent: then defaults hold.
 *
 * error  out, "FILE:LINE: what is wrong, what to do", never a value of a
 *        key that could be sensitive; at most n octets
 *
 * Returns 0, or -1 with error filled: unknown section or key, value out of
 * range, duplicate key in one file, unreadable file.
 */
int config_read(struct config *cf, const char *file, char *error, size_t n)
    __attribute__((warn_unused_result));
/* Every key at its default, without a file. 0, or -1: no memory. */
int config_defaults(struct config *cf) __attribute__((warn_unused_result));
void config_free(struct config *cf);

/*
 * [ntlm] targets as `configure` of lsaiso takes them: names, a NUL after each.
 *
 * to   room for ISO_TARGETS_MAX octets
 * bad  out: the word that is no name of a server, or one too many
 *
 * Returns the octets written, or -1; never that once config_read is content.
 */
struct config_word {
	const char *at;
	size_t n;
};
long config_targets(const struct config *cf, char *to, size_t room, struct config_word *bad)
    __attribute__((warn_unused_result));

/* One row of config_keys.h, for whoever shows or checks keys. */
enum config_kind { CONFIG_STR, CONFIG_NUM, CONFIG_YES, CONFIG_ONE };
struct config_key {
	const char *section, *key;
	enum config_kind kind;
	size_t offset;	   /* of the member in struct config */
	const char *def;   /* default as it would be written */
	const char *words; /* CONFIG_ONE: "a|b|c" */
	const char *help;
	uint64_t min, max; /* CONFIG_NUM */
};

/* Row i of the table; NULL after the last. */
const struct config_key *config_key_at(size_t i);
/* Is a value that is not empty a full path? */
bool config_is_path(const struct config_key *key);
/* The row of [section] key; NULL if there is none. */
const struct config_key *config_key_find(const char *section, const char *key);
/* The value in force, as it would be written. */
void config_value(const struct config *cf, const struct config_key *key, char *text, size_t n);

#endif
