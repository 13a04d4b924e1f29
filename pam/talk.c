/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* One call of lsass on its admin socket: a JSON object and NUL, both ways. */
#define _GNU_SOURCE
#include "pam/pam_lsa.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Numbers of RFC 4120 7.5.9 in LogonFailed.code that say more than the reason does. */
#define KDC_NAME_EXP	    1  /* the account has expired */
#define KDC_SVC_UNAVAILABLE 29 /* the KDC, or lsaiso, cannot serve now */

static void
say(struct answer *an, const char *text, const char *more)
{
	(void)snprintf(an->message, sizeof(an->message), "%s%s", text, more);
	/* It goes into logs and to terminals. */
	for (char *at = an->message; *at != '\0'; at++) {
		if ((unsigned char)*at < ' ' || (unsigned char)*at > '~')
			*at = '?';
	}
}

static enum trouble
down(struct answer *an, const char *text, const char *more)
{
	say(an, text, more);
	return an->trouble = TROUBLE_DOWN;
}

/* ---- the socket */

static int64_t
now_ms(void)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/*
 * The program may have none of 0, 1 and 2 open: what it writes there must not
 * come to lsass meanwhile.
 */
static int
above_stdio(int fd)
{
	int high = fd;

	if (fd >= 0 && fd <= STDERR_FILENO) {
		high = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		(void)close(fd);
	}
	return high;
}

/* Whoever listens there must be root, or an instance of this very user. */
static bool
trusted(int fd)
{
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

static int
reach(const char *path, struct answer *an)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const struct timeval wait = { .tv_sec = CALL_SECONDS };
	int fd;

	if (strlen(path) >= sizeof(to.sun_path)) {
		(void)down(an, path, ": too long for a socket");
		return -1;
	}
	memcpy(to.sun_path, path, strlen(path));
	fd = above_stdio(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	/* The time also limits connect(). */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) != 0 ||
	    connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0)
		(void)down(an, "lsass does not answer: ", strerror(errno));
	else if (!trusted(fd))
		(void)down(an, path, ": another user listens there");
	else
		return fd;
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

/* Wait for events until end. 0 or -1 with errno. */
static int
wait_for(int fd, short events, int64_t end)
{
	for (;;) {
		struct pollfd po = { .fd = fd, .events = events };
		int64_t left = end - now_ms();
		int n = left > 0 ? poll(&po, 1, (int)left) : 0;

		if (n > 0)
			return 0;
		if (n == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		if (errno != EINTR)
			return -1;
	}
}

static bool
again(void)
{
	return errno == EINTR || errno == EAGAIN;
}

static int
send_all(int fd, const char *at, size_t len, int64_t end)
{
	while (len > 0) {
		ssize_t put;

		if (wait_for(fd, POLLOUT, end) != 0)
			return -1;
		put = send(fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (put < 0 && again())
			continue;
		if (put <= 0)
			return -1;
		at += put;
		len -= (size_t)put;
	}
	return 0;
}

/* Octets up to a NUL, to be freed; NULL with errno. */
static char *
receive(int fd, int64_t end)
{
	size_t have = 0, room = 4096;
	char *text = malloc(room), *more;

	while (text != NULL) {
		ssize_t got = -1;

		if (wait_for(fd, POLLIN, end) == 0)
			got = recv(fd, text + have, room - have, MSG_DONTWAIT);
		if (got < 0 && again())
			continue;
		if (got == 0)
			errno = ECONNRESET;
		if (got <= 0)
			break;
		have += (size_t)got;
		if (text[have - 1] == '\0')
			return text;
		if (have < room)
			continue;
		errno = EMSGSIZE;
		more = room < ANSWER_MAX ? realloc(text, 2 * room) : NULL;
		if (more == NULL)
			break;
		text = more;
		room *= 2;
	}
	free(text);
	return NULL;
}

/* ---- answers */

static enum trouble
trouble_of(const char *error, const char *reason)
{
	const struct {
		const char *word;
		enum trouble trouble;
	} errors[] = {
		{ "PermissionDenied", TROUBLE_DENIED },
		{ "NotFound", TROUBLE_GONE },
	}, reasons[] = {
		{ "wrong-password", TROUBLE_PASSWORD }, { "unknown-user", TROUBLE_UNKNOWN },
		{ "locked", TROUBLE_LOCKED },		{ "expired-password", TROUBLE_EXPIRED },
		{ "no-kdc", TROUBLE_NO_KDC },		{ "clock-skew", TROUBLE_NO_KDC },
		{ "weak-type", TROUBLE_NO_KDC },	{ "policy", TROUBLE_POLICY },
	};

	if (strncmp(error, "org.lsaiso.", 11) != 0)
		return TROUBLE_FAILED;
	error += 11;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (strcmp(error, errors[i].word) == 0)
			return errors[i].trouble;
	}
	if (strcmp(error, "LogonFailed") != 0)
		return TROUBLE_FAILED;
	for (size_t i = 0; reason != NULL && i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (strcmp(reason, reasons[i].word) == 0)
			return reasons[i].trouble;
	}
	return TROUBLE_OTHER;
}

enum trouble
answer_read(const char *text, struct answer *an)
{
	json_t *whole = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *value, *error;
	const char *why;
	json_int_t code;

	*an = (struct answer){ .trouble = TROUBLE_NONE };
	value = json_object_get(whole, "parameters");
	error = json_object_get(whole, "error");
	if (error != NULL && json_is_string(error)) {
		why = json_string_value(json_object_get(value, "message"));
		an->trouble = trouble_of(json_string_value(error),
					 json_string_value(json_object_get(value, "reason")));
		code = json_integer_value(json_object_get(value, "code"));
		if (an->trouble == TROUBLE_LOCKED && code == KDC_NAME_EXP)
			an->trouble = TROUBLE_ENDED;
		if (an->trouble == TROUBLE_OTHER && code == KDC_SVC_UNAVAILABLE)
			an->trouble = TROUBLE_NO_KDC;
		say(an, why != NULL ? why : "lsass failed", "");
	} else if (error != NULL || !json_is_object(value)) {
		(void)down(an, "lsass answered nonsense", "");
	} else {
		an->value = json_incref(value);
	}
	json_decref(whole);
	return an->trouble;
}

void
answer_free(struct answer *an)
{
	json_decref(an->value);
	an->value = NULL;
}

enum trouble
talk(const char *path, const char *method, json_t *parameters, struct answer *an)
{
	json_t *ask = json_pack("{s:s+, s:o}", "method", "org.lsaiso.", method, "parameters",
				parameters);
	char *text = ask != NULL ? json_dumps(ask, JSON_COMPACT) : NULL, *reply = NULL;
	int64_t end = now_ms() + (int64_t)CALL_SECONDS * 1000;
	int fd;

	*an = (struct answer){ .trouble = TROUBLE_FAILED };
	say(an, "a name that is no UTF-8, or no memory", "");
	fd = text != NULL ? reach(path, an) : -1;
	if (fd >= 0) {
		if (send_all(fd, text, strlen(text) + 1, end) == 0)
			reply = receive(fd, end);
		if (reply != NULL)
			(void)answer_read(reply, an);
		else
			(void)down(an, "lsass does not answer: ", strerror(errno));
		(void)close(fd);
	}
	free(reply);
	free(text);
	json_decref(ask);
	return an->trouble;
}
