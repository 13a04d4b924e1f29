/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Small files read whole and replaced whole. For lsainit, lsactl, lsasign and
 * whoever keeps something in [host] directory; never for lsaiso.
 */
#ifndef LIB_FILES_H
#define LIB_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

/*
 * Read all of a regular file.
 *
 * at    folder to start from, or AT_FDCWD
 * most  octets it may have; a longer file is refused (EFBIG)
 * text  out: its octets and a zero octet after them; to be freed
 *       (files_free wipes first)
 * len   out: octets without that zero
 * sb    out, or NULL: what fstat said of the very file that was read
 *
 * Returns 0, or -1 with errno (EINVAL: not a regular file).
 */
int files_read(int at, const char *path, size_t most, char **text, size_t *len, struct stat *sb)
    __attribute__((warn_unused_result));
void files_free(char *text, size_t len);

/*
 * Put text in the place of the file at path, as a whole or not at all: a new
 * file beside it, written out to the disk, takes its name.
 *
 * mode  of the new file, whatever the umask
 *
 * Returns 0, or -1 with errno; then the old file is as it was.
 */
int files_replace(const char *path, const char *text, size_t len, mode_t mode)
    __attribute__((warn_unused_result));

/*
 * Can others than root and we ourselves change it? The owner must be root or
 * our effective user, nobody else may have the right to write; as root, a
 * group that may write must be root's.
 */
bool files_only_ours(const struct stat *sb);

#endif
