/* SPDX-License-Identifier: GPL-3.0-or-later */
/* As much HTTP/1 as a scrape needs: one request without a body, one answer, and the end. */
#ifndef LSAWATCH_HTTP_H
#define LSAWATCH_HTTP_H

#include <stddef.h>

#define HTTP_ASK_MAX 4096

enum http_ask {
	HTTP_MORE, /* the request is not whole yet */
	HTTP_GET,
	HTTP_HEAD,
	HTTP_BAD,
	HTTP_NOT_FOUND,
	HTTP_NOT_ALLOWED,
	HTTP_TOO_LONG,
	HTTP_FAILED,
};

/* What the octets ask for. */
enum http_ask http_ask_of(const char *text, size_t have);
/* The answer to it, to be freed; text is its body, for GET and HEAD. NULL: no memory. */
char *http_answer(enum http_ask ask, const char *text, size_t n, size_t *len);

#endif
