/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/winbind.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/config.h"
#include "lib/control.h"

/* VERSION:PATH of this length. */
static bool
read_other(const char *at, size_t len, struct winbind_socket *ws)
{
	if (len < 4 || at[2] != ':' || at[3] != '/' || len - 3 >= sizeof(ws->path) ||
	    at[0] != '3' || at[1] < '0' || at[1] > '9')
		return false;
	ws->version = 30u + (uint32_t)(at[1] - '0');
	memcpy(ws->path, at + 3, len - 3);
	ws->path[len - 3] = '\0';
	return ws->version <= WINBIND_NEWEST;
}

static bool
is_there(const struct winbind_socket *list, int n, const char *path)
{
	for (int i = 0; i < n; i++) {
		if (strcmp(list[i].path, path) == 0)
			return true;
	}
	return false;
}

int
winbind_sockets(const struct config *cf, struct winbind_socket *list, char *error, size_t n)
{
	const char *at = cf->winbind_others;
	struct winbind_socket *ws;
	int got = 0;

	memset(list, 0, CONTROL_WINBIND_MAX * sizeof(*list));
	if (cf->winbind_socket[0] != '\0') {
		ws = &list[got++];
		(void)snprintf(ws->path, sizeof(ws->path), "%s", cf->winbind_socket);
		if (strcmp(cf->winbind_interface, "auto") != 0)
			ws->version = (uint32_t)strtoul(cf->winbind_interface, NULL, 10);
	}
	for (at += strspn(at, " \t"); *at != '\0'; at += strspn(at, " \t")) {
		size_t len = strcspn(at, " \t");

		if (got == CONTROL_WINBIND_MAX) {
			(void)snprintf(error, n, "[winbind] has more than %d sockets",
				       CONTROL_WINBIND_MAX);
			return -1;
		}
		ws = &list[got];
		if (!read_other(at, len, ws)) {
			(void)snprintf(
			    error, n,
			    "[winbind] others: \"%.*s\" is not VERSION:PATH, with a "
			    "version from %d to %d and a full path of at most %zu octets",
			    len < 120 ? (int)len : 120, at, WINBIND_OLDEST, WINBIND_NEWEST,
			    sizeof(ws->path) - 1);
			return -1;
		}
		if (is_there(list, got, ws->path)) {
			(void)snprintf(error, n, "[winbind] names %s twice", ws->path);
			return -1;
		}
		got++;
		at += len;
	}
	if (cf->winbind_real[0] != '\0' && is_there(list, got, cf->winbind_real)) {
		(void)snprintf(error, n, "[winbind] real is %s, which is made here; name another's",
			       cf->winbind_real);
		return -1;
	}
	return got;
}
