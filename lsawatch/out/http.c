/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "lsawatch/out/http.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Are these octets the word? */
static bool
is_word(const char *text, size_t n, const char *word)
{
	return n == strlen(word) && memcmp(text, word, n) == 0;
}

static bool
is_whole(const char *text, size_t have)
{
	return memmem(text, have, "\r\n\r\n", 4) != NULL || memmem(text, have, "\n\n", 2) != NULL;
}

/* RFC 9112 section 3: method SP target SP version. */
static enum http_ask
request_line(const char *line, size_t n)
{
	const char *end = line + n, *target, *version, *query;
	size_t path;

	if (memchr(line, '\0', n) != NULL || (target = memchr(line, ' ', n)) == NULL)
		return HTTP_BAD;
	version = memchr(target + 1, ' ', (size_t)(end - target - 1));
	if (version == NULL || (!is_word(version + 1, (size_t)(end - version - 1), "HTTP/1.1") &&
				!is_word(version + 1, (size_t)(end - version - 1), "HTTP/1.0")))
		return HTTP_BAD;
	if (target == line || target[1] != '/')
		return HTTP_BAD;
	path = (size_t)(version - target - 1);
	query = memchr(target + 1, '?', path);
	if (query != NULL)
		path = (size_t)(query - target - 1);
	if (!is_word(target + 1, path, "/metrics"))
		return HTTP_NOT_FOUND;
	if (is_word(line, (size_t)(target - line), "GET"))
		return HTTP_GET;
	return is_word(line, (size_t)(target - line), "HEAD") ? HTTP_HEAD : HTTP_NOT_ALLOWED;
}

enum http_ask
http_ask_of(const char *text, size_t have)
{
	const char *end = memchr(text, '\n', have);
	size_t n;

	if (end == NULL || !is_whole(text, have))
		return HTTP_MORE;
	n = (size_t)(end - text);
	if (n != 0 && text[n - 1] == '\r')
		n--;
	return request_line(text, n);
}

static const char *
status(enum http_ask ask)
{
	switch (ask) {
	case HTTP_GET:
	case HTTP_HEAD:
		return "200 OK";
	case HTTP_NOT_FOUND:
		return "404 Not Found";
	case HTTP_NOT_ALLOWED:
		return "405 Method Not Allowed\r\nAllow: GET, HEAD";
	case HTTP_TOO_LONG:
		return "431 Request Header Fields Too Large";
	case HTTP_FAILED:
		return "503 Service Unavailable";
	case HTTP_MORE:
	case HTTP_BAD:
		break;
	}
	return "400 Bad Request";
}

char *
http_answer(enum http_ask ask, const char *text, size_t n, size_t *len)
{
	size_t room = n + 512;
	char *to = malloc(room);
	int head;

	if (to == NULL)
		return NULL;
	head = snprintf(to, room,
			"HTTP/1.1 %s\r\n"
			"Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
			"Content-Length: %zu\r\n"
			"X-Content-Type-Options: nosniff\r\n"
			"Connection: close\r\n\r\n",
			status(ask), n);
	*len = (size_t)head;
	if (ask != HTTP_HEAD) {
		memcpy(to + *len, text, n);
		*len += n;
	}
	return to;
}
