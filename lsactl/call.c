/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One call to lsass or lsawatch: a JSON object and NUL there, one back. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lsactl/lsactl.h"

#define WAIT_SECONDS 20 /* a restart of lsass takes less */
#define ANSWER_MAX   (256u << 20)

/* Who is asked, for people. */
struct callee {
	const char *name, *service, *start;
};

static const struct callee *
callee_of(const char *method)
{
	static const struct callee lsass = { "lsass", "lsaiso",
					     "start it with \"systemctl start lsaiso\"" };
	static const struct callee lsawatch = { "lsawatch", "lsawatch",
						"\"lsactl doctor\" says why" };

	return strncmp(method, "watch.", 6) == 0 ? &lsawatch : &lsass;
}

static int
reach(const char *path, const struct callee *whom, int seconds, char *error, size_t n)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct timeval wait = { .tv_sec = seconds };
	int fd = -1;

	if (strlen(path) >= sizeof(to.sun_path)) {
		(void)snprintf(error, n, "%s: too long for a socket", path);
		return -1;
	}
	memcpy(to.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) == 0 &&
	    connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	if (errno == ENOENT || errno == ECONNREFUSED)
		(void)snprintf(error, n,
			       "%s is not running (nobody answers at %s); %s, or name your "
			       "instance with --config FILE",
			       whom->service, path, whom->start);
	else
		(void)snprintf(error, n, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

static int
send_all(int fd, const char *at, size_t len)
{
	while (len > 0) {
		ssize_t got = send(fd, at, len, MSG_NOSIGNAL);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -1;
		at += got;
		len -= (size_t)got;
	}
	return 0;
}

/* Octets up to a NUL; NULL with errno, 0 for an early end. */
static char *
receive(int fd)
{
	size_t have = 0, room = 65536;
	char *text = malloc(room), *more;

	while (text != NULL) {
		ssize_t got = recv(fd, text + have, room - have, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			if (got == 0)
				errno = 0;
			break;
		}
		have += (size_t)got;
		if (text[have - 1] == '\0')
			return text;
		if (have < room)
			continue;
		more = room < ANSWER_MAX ? realloc(text, 2 * room) : NULL;
		if (more == NULL)
			break;
		text = more;
		room *= 2;
	}
	free(text);
	return NULL;
}

static json_t *
exchange(int fd, const char *method, const json_t *parameters, int seconds, char *error, size_t n)
{
	const char *name = callee_of(method)->name;
	json_t *ask = json_pack("{s:s+, s:O}", "method", "org.lsaiso.", method, "parameters",
				parameters);
	char *text = json_dumps(ask, JSON_COMPACT), *reply = NULL;
	json_t *answer = NULL;

	errno = ENOMEM;
	if (text != NULL && send_all(fd, text, strlen(text) + 1) == 0)
		reply = receive(fd);
	if (reply != NULL)
		answer = json_loads(reply, 0, NULL);
	else if (errno == EAGAIN)
		(void)snprintf(error, n,
			       "%s did not answer within %d s; see its log (journalctl -u lsaiso)",
			       name, seconds);
	else
		(void)snprintf(error, n,
			       "%s hung up: %s; too many connections, or it is "
			       "being restarted: try again",
			       name, errno == 0 ? "no answer" : strerror(errno));
	if (reply != NULL && answer == NULL)
		(void)snprintf(error, n, "%s answered something that is not JSON", name);
	free(reply);
	free(text);
	json_decref(ask);
	return answer;
}

json_t *
try_call(const struct ctl *ct, const char *method, json_t *parameters, char *error, size_t n)
{
	json_t *ask = parameters != NULL ? parameters : json_object(), *answer = NULL, *result;
	int seconds = ct->wait != 0 ? ct->wait : WAIT_SECONDS;
	const struct callee *whom = callee_of(method);
	int fd = reach(ct->socket, whom, seconds, error, n);

	if (fd >= 0) {
		answer = exchange(fd, method, ask, seconds, error, n);
		(void)close(fd);
	}
	json_decref(ask);
	result = json_incref(json_object_get(answer, "parameters"));
	if (answer != NULL && (result == NULL || json_object_get(answer, "error") != NULL)) {
		const char *why = json_string_value(json_object_get(result, "message"));

		(void)snprintf(error, n, "%s%s", why != NULL ? why : whom->name,
			       why != NULL ? "" : " failed");
		json_decref(result);
		result = NULL;
	}
	json_decref(answer);
	return result;
}

json_t *
call(const struct ctl *ct, const char *method, json_t *parameters)
{
	char error[512] = "";
	json_t *answer = try_call(ct, method, parameters, error, sizeof(error));

	if (answer == NULL)
		(void)fprintf(stderr, "lsactl: %s\n", error);
	return answer;
}

json_t *
with_uid(const struct ctl *ct)
{
	json_t *ask = json_object();

	if (ct->uid >= 0)
		(void)json_object_set_new(ask, "uid", json_integer(ct->uid));
	return ask;
}
