/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Contexts of libkrb5 that follow their configuration. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* secure_getenv */
#endif
#include "lsass/tgs/context.h"

#include <profile.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/clock.h"
#define LIFE_MS 3600000u /* an hour */

/* Where libkrb5 looks when nobody says otherwise; the folder as Debian and Fedora include it. */
#define SYSTEM_FILES "/etc/krb5.conf:/etc/krb5.conf.d"

static uint64_t
mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 32;
}

uint64_t
context_stamp(const char *files)
{
	uint64_t hash = 1;
	char name[4096];
	struct stat st;

	if (files[0] == '\0')
		files = secure_getenv("KRB5_CONFIG");
	if (files == NULL || files[0] == '\0')
		files = SYSTEM_FILES;
	while (*files != '\0') {
		size_t n = strcspn(files, ":");

		if (n < sizeof(name)) {
			memcpy(name, files, n);
			name[n] = '\0';
			if (stat(name, &st) != 0)
				memset(&st, 0, sizeof(st));
			hash = mix(hash, (uint64_t)st.st_ino);
			hash = mix(hash, (uint64_t)st.st_size);
			hash = mix(hash, (uint64_t)st.st_mtim.tv_sec);
			hash = mix(hash, (uint64_t)st.st_mtim.tv_nsec);
		}
		files += n;
		files += *files == ':';
	}
	return hash;
}

static krb5_error_code
make(const char *files, krb5_context *ctx)
{
	profile_t profile = NULL;
	krb5_error_code code;

	if (files[0] == '\0')
		return krb5_init_context(ctx);
	code = (krb5_error_code)profile_init_path(files, &profile);
	if (code != 0)
		return code;
	code = krb5_init_context_profile(profile, 0, ctx);
	profile_release(profile);
	return code;
}

krb5_error_code
context_get(struct context *co, const char *files, int32_t offset)
{
	uint64_t now = clock_ms(), stamp = context_stamp(files);
	krb5_error_code code;

	if (co->ctx != NULL && (stamp != co->stamp || now - co->made_ms > LIFE_MS))
		context_free(co);
	if (co->ctx == NULL) {
		code = make(files, &co->ctx);
		if (code != 0) {
			co->ctx = NULL;
			return code;
		}
		co->stamp = stamp;
		co->made_ms = now;
		co->offset = 0;
	}
	if (offset != co->offset) {
		code = krb5_set_real_time(co->ctx, (krb5_timestamp)(time(NULL) + offset), -1);
		if (code != 0)
			return code;
		co->offset = offset;
	}
	return 0;
}

void
context_free(struct context *co)
{
	if (co->ctx != NULL)
		krb5_free_context(co->ctx);
	memset(co, 0, sizeof(*co));
}
