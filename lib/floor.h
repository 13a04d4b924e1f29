/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The floor: the highest security version number (svn) that ran on this host.
 * Nothing older is started. It is kept by keepers, and the highest that any of
 * them says holds: the file `floor` of [host] directory, which root can edit;
 * further ones, as a TPM, are rows of the table in floor.c.
 *
 * The file has three lines of one form only, mode 0600:
 *
 *   lsaiso floor 1
 *   svn 5
 *   seen 1795517000            seconds since 1970 of the first start with it
 *
 * Used by lsainit (read, raise) and lsactl verify (read, lower).
 */
#ifndef LIB_FLOOR_H
#define LIB_FLOOR_H

#include <stddef.h>
#include <stdint.h>

struct config;

#define FLOOR_NONE -1
#define FLOOR_MAX  63
#define FLOOR_FILE "floor"

struct floor {
	int svn;      /* FLOOR_NONE: nothing ran yet */
	int64_t seen; /* seconds since 1970; 0: not known */
};

/*
 * Who keeps it. Each returns 0, or -1 with error: what is wrong, what to do.
 *
 * used   does this configuration ask for this keeper? NULL: always
 * read   fl out; FLOOR_NONE if nothing was kept yet. Changes nothing.
 * raise  to svn, which is higher than what read said; never lowers
 * lower  to svn, by the administrator; NULL: cannot be lowered
 */
struct floor_keeper {
	const char *name;
	int (*used)(const struct config *cf);
	int (*read)(const struct config *cf, struct floor *fl, char *error, size_t n);
	int (*raise)(const struct config *cf, int svn, int64_t now, char *error, size_t n);
	int (*lower)(const struct config *cf, int svn, int64_t now, char *error, size_t n);
};

extern const struct floor_keeper floor_file, floor_tpm;

/* The program lsaseal, open and measured, to be used for the TPM; stays the caller's. */
void floor_tpm_program(int fd);

/* The highest that a keeper says. 0, or -1 with error: a keeper cannot be asked. */
int floor_read(const struct config *cf, struct floor *fl, char *error, size_t n)
    __attribute__((warn_unused_result));
/* Every keeper that has less gets svn. 0, or -1 with error. */
int floor_raise(const struct config *cf, int svn, int64_t now, char *error, size_t n)
    __attribute__((warn_unused_result));
/* All of them go down to svn; refused before anything changes if one cannot. */
int floor_lower(const struct config *cf, int svn, int64_t now, char *error, size_t n)
    __attribute__((warn_unused_result));

#endif
