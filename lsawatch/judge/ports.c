/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ports of KDCs from krb5.conf: the relations of MIT krb5 and Heimdal that name
 * a server with a port. What it cannot know are ports of SRV records other than
 * the registered ones; those show as network_peer.
 */
#define _GNU_SOURCE
#include "lsawatch/judge/ports.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORTS_MOST 64
#define AGAIN_MS   10000
#define DEPTH_MOST 4 /* of include */
#define FILES_MOST 64

static struct {
	unsigned int ports[PORTS_MOST];
	size_t n;
	int64_t read; /* CLOCK_MONOTONIC ms; 0: not yet */
	size_t files;
} known;

/* Kerberos, change of password, administration (IANA), DNS. */
static const unsigned int registered[] = { 88, 464, 749, 53 };

static void
add(unsigned long port)
{
	if (port > 0 && port < 65536 && known.n < PORTS_MOST)
		known.ports[known.n++] = (unsigned int)port;
}

/* "host", "host:port", "[::1]:port", "https://host[:port]/path", "tcp/host:port" */
static void
take_server(const char *at)
{
	size_t n = strcspn(at, " \t\r\n");
	bool https = strncmp(at, "https://", 8) == 0;
	const char *end, *colon;

	if (https) {
		at += 8;
		n = strcspn(at, "/ \t\r\n");
	}
	end = at + n;
	colon = memrchr(at, ':', n);
	if (colon != NULL && colon + 1 < end && memchr(colon, ']', (size_t)(end - colon)) == NULL)
		add(strtoul(colon + 1, NULL, 10));
	else if (https)
		add(443);
}

static void read_file(const char *path, int depth);

static void
read_folder(const char *path, int depth)
{
	DIR *folder = opendir(path);
	const struct dirent *de;
	char name[1024];

	while (folder != NULL && (de = readdir(folder)) != NULL) {
		if (de->d_name[0] == '.')
			continue;
		(void)snprintf(name, sizeof(name), "%s/%s", path, de->d_name);
		read_file(name, depth);
	}
	if (folder != NULL)
		(void)closedir(folder);
}

static void
take_line(char *line, int depth)
{
	static const char *const names[] = { "kdc",	     "master_kdc",     "primary_kdc",
					     "admin_server", "kpasswd_server", "http_proxy" };
	char *at = line + strspn(line, " \t"), *value;

	at[strcspn(at, "\r\n")] = '\0';
	if (strncmp(at, "includedir ", 11) == 0) {
		read_folder(at + 11 + strspn(at + 11, " \t"), depth + 1);
	} else if (strncmp(at, "include ", 8) == 0) {
		read_file(at + 8 + strspn(at + 8, " \t"), depth + 1);
	} else if ((value = strchr(at, '=')) != NULL) {
		size_t n = strcspn(at, " \t=");

		value += 1 + strspn(value + 1, " \t");
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			if (strlen(names[i]) == n && strncmp(at, names[i], n) == 0)
				take_server(value);
		}
	}
}

static void
read_file(const char *path, int depth)
{
	FILE *file = depth < DEPTH_MOST && known.files++ < FILES_MOST ? fopen(path, "re") : NULL;
	char line[1024];

	if (file == NULL)
		return;
	while (fgets(line, sizeof(line), file) != NULL)
		take_line(line, depth);
	(void)fclose(file);
}

/* [krb5] config: paths with colons between, as KRB5_CONFIG has them. */
static void
read_all(const struct lsawatch *w)
{
	const char *at = w->cf.krb5_config[0] != '\0' ? w->cf.krb5_config : "/etc/krb5.conf";
	char path[1024];

	known.n = known.files = 0;
	known.read = watch_now_ms();
	while (*at != '\0') {
		size_t n = strcspn(at, ":");

		(void)snprintf(path, sizeof(path), "%.*s", (int)n, at);
		read_file(path, 0);
		at += n + (at[n] == ':' ? 1 : 0);
	}
}

static bool
is_in(unsigned int port)
{
	for (size_t i = 0; i < sizeof(registered) / sizeof(registered[0]); i++) {
		if (port == registered[i])
			return true;
	}
	for (size_t i = 0; i < known.n; i++) {
		if (port == known.ports[i])
			return true;
	}
	return false;
}

bool
ports_known(struct lsawatch *w, unsigned int port)
{
	if (!is_in(port) && (known.read == 0 || watch_now_ms() - known.read >= AGAIN_MS))
		read_all(w);
	return is_in(port);
}
