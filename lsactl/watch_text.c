/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What lsawatch says, as text for a terminal. */
#define _GNU_SOURCE
#include <string.h>
#include <time.h>

#include "lsactl/watch.h"

const char *
watch_actor(const json_t *finding, char *to, size_t n)
{
	const json_t *by = json_object_get(finding, "actor");
	const char *name = json_string_value(json_object_get(by, "name"));
	const json_t *uid = json_object_get(by, "uid");
	char safe[128], user[64] = "", shown[96];

	if (by == NULL) {
		to[0] = '\0';
		return to;
	}
	if (uid != NULL)
		(void)snprintf(user, sizeof(user), ", user %s",
			       user_name(json_integer_value(uid), shown));
	(void)snprintf(to, n, "%s, pid %lld%s",
		       watch_safe(name != NULL ? name : "?", safe, sizeof(safe)),
		       get_number(by, "pid"), user);
	return to;
}

const char *
watch_time(long long ms, char to[32])
{
	return show_time(ms / 1000, to);
}

const char *
watch_ago(long long ms, char to[32])
{
	return show_span((long long)time(NULL) - ms / 1000, to);
}

const char *
watch_measure(const char *measure)
{
	static const char *const words[][2] = { { "cpu", "processor" },
						{ "resident", "memory" },
						{ "fds", "descriptors" } };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i][0], measure) == 0)
			return words[i][1];
	}
	return measure;
}

const char *
watch_value(const char *measure, long long value, char to[48])
{
	if (strcmp(measure, "cpu") == 0)
		(void)snprintf(to, 48, "%lld.%lld %%", value / 10, value % 10);
	else if (strcmp(measure, "resident") == 0)
		(void)snprintf(to, 48, "%.1f MiB", (double)value / 1048576);
	else
		(void)snprintf(to, 48, "%lld", value);
	return to;
}
