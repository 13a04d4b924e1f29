/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include <nettle/base64.h>
#include <nettle/sha2.h>
#include <string.h>
#include <time.h>

#include "lsactl/page.h"
#include "lsactl/utf8.h"
#include "lsactl/watch.h"

#define HASH_TEXT 44 /* 32 octets in base64 */

static void
put_ascii(FILE *out, uint32_t code)
{
	switch (code) {
	case '&':
		(void)fputs("&amp;", out);
		break;
	case '<':
		(void)fputs("&lt;", out);
		break;
	case '>':
		(void)fputs("&gt;", out);
		break;
	case '"':
		(void)fputs("&quot;", out);
		break;
	case '\'':
		(void)fputs("&#39;", out);
		break;
	default:
		(void)fputc((int)code, out);
	}
}

/* Characters without a shape of their own, or that change how others look. */
static bool
cannot_be_seen(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0x00, 0x1f },	    { 0x7f, 0xa0 },	{ 0xad, 0xad },	       { 0x300, 0x36f },
		{ 0x61c, 0x61c },   { 0x115f, 0x1160 }, { 0x17b4, 0x17b5 },    { 0x180b, 0x180f },
		{ 0x2000, 0x200f }, { 0x2028, 0x202f }, { 0x205f, 0x206f },    { 0x3000, 0x3000 },
		{ 0x3164, 0x3164 }, { 0xd800, 0xf8ff }, { 0xfe00, 0xfe0f },    { 0xfeff, 0xfeff },
		{ 0xffa0, 0xffa0 }, { 0xfff0, 0xffff }, { 0xe0000, 0x10ffff },
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	}
	return false;
}

void
page_text(FILE *out, const char *text)
{
	while (*text != '\0') {
		const char *from = text;
		uint32_t code = utf8_next(&text);

		if (code >= 0x20 && code < 0x7f)
			put_ascii(out, code);
		else if (cannot_be_seen(code))
			(void)fprintf(out, "<span class=\"odd\">U+%04X</span>", code);
		else
			(void)fprintf(out, "<bdi class=\"odd\" title=\"U+%04X\">%.*s</bdi>", code,
				      (int)(text - from), from);
	}
}

void
page_plain(FILE *out, const char *text)
{
	char safe[2048];

	for (const char *at = watch_safe(text, safe, sizeof(safe)); *at != '\0'; at++)
		put_ascii(out, (unsigned char)*at);
}

const char *
page_clock(long long ms, enum page_time shown, char text[32])
{
	time_t when = (time_t)(ms / 1000);
	size_t len = 0;
	struct tm tm;

	if (localtime_r(&when, &tm) != NULL) {
		switch (shown) {
		case DATE_AND_TIME:
			len = strftime(text, 32, "%Y-%m-%d %H:%M:%S", &tm);
			break;
		case TIME_OF_DAY:
			len = strftime(text, 32, "%H:%M:%S", &tm);
			break;
		case SHORT_DATE:
			len = strftime(text, 32, "%m-%d %H:%M", &tm);
			break;
		}
	}
	text[len] = '\0';
	return text;
}

void
page_time(FILE *out, long long ms, enum page_time shown)
{
	time_t when = (time_t)(ms / 1000);
	char utc[32] = "", text[32];
	struct tm tm;

	if (gmtime_r(&when, &tm) != NULL)
		(void)strftime(utc, sizeof(utc), "%Y-%m-%dT%H:%M:%SZ", &tm);
	(void)fprintf(out, "<time datetime=\"%s\">%s</time>", utc, page_clock(ms, shown, text));
}

/* T1003.007 is at attack.mitre.org/techniques/T1003/007/. */
void
page_techniques(FILE *out, const char *words)
{
	while (*words != '\0') {
		size_t len = strcspn(words, " "), parent = strcspn(words, ". ");
		const char *next = words + len + strspn(words + len, " ");

		/* From another version, perhaps: nothing but a technique becomes a link. */
		if (strspn(words, "T0123456789.") != len || len > 9)
			return;
		(void)fprintf(out,
			      "<a rel=\"noreferrer\" href=\"https://attack.mitre.org/"
			      "techniques/%.*s",
			      (int)parent, words);
		if (parent < len)
			(void)fprintf(out, "/%.*s", (int)(len - parent - 1), words + parent + 1);
		(void)fprintf(out, "/\">%.*s</a>%s", (int)len, words, *next != '\0' ? ", " : "");
		words = next;
	}
}

/* "sha256-..." of the style: no other, and no script at all, has an effect in the page. */
static void
hash_of(const char *style, char text[HASH_TEXT + 1])
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, strlen(style), (const uint8_t *)style);
	sha256_digest(&ctx, sizeof(digest), digest);
	base64_encode_raw(text, sizeof(digest), digest);
	text[HASH_TEXT] = '\0';
}

void
page_begin(FILE *out, const char *title, const char *style)
{
	char hash[HASH_TEXT + 1];

	hash_of(style, hash);
	(void)fprintf(out,
		      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		      "style-src 'sha256-%s'; base-uri 'none'; form-action 'none'\">\n"
		      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		      "<meta name=\"referrer\" content=\"no-referrer\">\n"
		      "<meta name=\"robots\" content=\"noindex\">\n<title>",
		      hash);
	page_plain(out, title);
	(void)fprintf(out, "</title>\n<style>%s</style>\n</head>\n<body>\n", style);
}
