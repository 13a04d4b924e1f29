/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sockets of [winbind]. libwbclient takes a pipe for winbindd's only if it
 * and its folder are root's, and says of its version nothing that could be
 * told from that of Samba 4.17 or of 4.22 before it has asked for ours.
 */
#define _GNU_SOURCE /* memmem */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/winbind.h"
#include "lsainit/init.h"

/* ---- interface = auto */

/* What a later minor version of Samba 4 speaks is not known. */
#define MINOR_OLDEST 9u
#define MINOR_NEWEST 25u

static uint32_t
interface_of(unsigned long minor)
{
	if (minor < MINOR_OLDEST || minor > MINOR_NEWEST)
		return 0;
	return minor >= 22 ? 33 : minor >= 17 ? 32 : minor >= 10 ? 31 : 30;
}

/* The first "SAMBA_4.<minor>." of a file: the name of the version of Samba's private symbols. */
static uint32_t
version_in(const char *path)
{
	static const char mark[] = "SAMBA_4.";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat sb;
	const char *at, *end;
	unsigned long minor = 0;
	void *map;

	if (fd < 0)
		return 0;
	map = fstat(fd, &sb) == 0 && sb.st_size > 0
		  ? mmap(NULL, (size_t)sb.st_size, PROT_READ, MAP_PRIVATE, fd, 0)
		  : MAP_FAILED;
	(void)close(fd);
	if (map == MAP_FAILED)
		return 0;
	end = (const char *)map + sb.st_size;
	at = memmem(map, (size_t)sb.st_size, mark, sizeof(mark) - 1);
	for (at = at != NULL ? at + sizeof(mark) - 1 : end; at < end && *at >= '0' && *at <= '9';
	     at++)
		minor = minor * 10 + (unsigned long)(*at - '0');
	if (at == end || *at != '.')
		minor = 0;
	(void)munmap(map, (size_t)sb.st_size);
	return interface_of(minor);
}

/*
 * libwbclient itself names no version in some packages (Debian's): then one
 * of Samba's other libraries does, which a package always has of the same one.
 */
static uint32_t
installed_version(void)
{
	static const char *const folders[] = { "/usr/lib/x86_64-linux-gnu", "/usr/lib64",
					       "/usr/lib" };
	static const char *const names[] = { "libwbclient.so.0", "libsmbconf.so.0",
					     "samba/libwinbind-client-samba4.so",
					     "samba/libsamba-debug-samba4.so" };
	char path[256];
	uint32_t version = 0;

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folders[i], names[0]);
		if (access(path, R_OK) != 0)
			continue;
		for (size_t k = 0; k < sizeof(names) / sizeof(names[0]) && version == 0; k++) {
			(void)snprintf(path, sizeof(path), "%s/%s", folders[i], names[k]);
			version = version_in(path);
		}
		if (version != 0)
			log_info("[winbind] interface: %u, by %s", version, path);
		return version;
	}
	return 0;
}

/* ---- sockets */

static int
list(const struct instance *in, struct winbind_socket ws[CONTROL_WINBIND_MAX])
{
	char error[512];
	int n = in->serves_guest ? 0 : winbind_sockets(&in->cf, ws, error, sizeof(error));

	if (n < 0)
		log_err("%s", error);
	for (int i = 0; i < n; i++) {
		if (ws[i].version == 0)
			ws[i].version = installed_version();
		if (ws[i].version == 0) {
			log_err("[winbind] interface = auto: the version of libwbclient cannot be "
				"told; set it: 30 for Samba 4.9, 31 for 4.10 to 4.16, 32 for 4.17 "
				"to 4.21, 33 from 4.22 on");
			return -1;
		}
	}
	return n;
}

/* Each folder of the path that is missing, and the last one must be ours. 0 or -1. */
static int
make_folder(const char *socket)
{
	char path[sizeof(((struct winbind_socket *)NULL)->path)];
	char *last, *at;
	struct stat sb;
	mode_t before;

	(void)snprintf(path, sizeof(path), "%s", socket);
	last = strrchr(path, '/');
	*last = '\0';
	before = umask(022);
	for (at = path; at != NULL && *at != '\0';) {
		at = strchr(at + 1, '/');
		if (at != NULL)
			*at = '\0';
		if (mkdir(path, 0755) != 0 && errno != EEXIST && errno != EROFS)
			break; /* lstat says what is there */
		if (at != NULL)
			*at = '/';
	}
	(void)umask(before);
	if (lstat(path, &sb) != 0) {
		log_err("[winbind] %s: its folder: %s", socket, strerror(errno));
		return -1;
	}
	if (S_ISDIR(sb.st_mode) && sb.st_uid == geteuid() && (sb.st_mode & 022) == 0)
		return 0;
	log_err("[winbind] %s: clients refuse it unless its folder is root's and nobody else can "
		"write there",
		socket);
	return -1;
}

int
winbind_listen(struct instance *in)
{
	struct winbind_socket ws[CONTROL_WINBIND_MAX];
	int n = list(in, ws);

	for (int i = 0; i < n; i++) {
		if (make_folder(ws[i].path) != 0)
			return -1;
		in->winbind_fds[i] = listen_at(ws[i].path, 0,
					       ", or give it another folder: winbindd socket "
					       "directory in smb.conf, and here [winbind] real");
		if (in->winbind_fds[i] < 0)
			return -1;
		in->winbinds++;
		in->table.winbind[i] = (uint8_t)ws[i].version;
	}
	return n < 0 ? -1 : 0;
}

void
winbind_unlink(const struct instance *in)
{
	struct winbind_socket ws[CONTROL_WINBIND_MAX];
	char error[512];
	int n = in->winbinds > 0 ? winbind_sockets(&in->cf, ws, error, sizeof(error)) : 0;

	for (int i = 0; i < n && i < in->winbinds; i++)
		(void)unlink(ws[i].path);
}

void
winbind_close(struct instance *in)
{
	for (int i = 0; i < in->winbinds; i++)
		close_fd(&in->winbind_fds[i]);
	in->winbinds = 0;
}

int
winbind_check(const struct instance *in)
{
	struct winbind_socket ws[CONTROL_WINBIND_MAX];
	int n = list(in, ws);

	for (int i = 0; i < n; i++)
		(void)printf("winbind: %s, version %u\n", ws[i].path, ws[i].version);
	return n < 0 ? -1 : 0;
}
