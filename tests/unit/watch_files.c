/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Are events of fanotify and inotify taken apart as they are, and is nothing read beyond them? */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>

#include <cmocka.h>

#include "lsawatch/sense/files.h"

#define HANDLE 8

struct event {
	uint8_t octets[512];
	size_t len;
};

static void
put(struct event *ev, const void *from, size_t n)
{
	assert_true(ev->len + n <= sizeof(ev->octets));
	memcpy(ev->octets + ev->len, from, n);
	ev->len += n;
}

/* One event with one record of that type and name. */
static struct event
make(uint8_t type, const char *name, int32_t pid)
{
	struct event ev = { .len = 0 };
	size_t n = strlen(name) + 1;
	struct fanotify_event_info_fid fid = { .hdr = { .info_type = type } };
	struct file_handle handle = { .handle_bytes = HANDLE, .handle_type = 1 };
	struct fanotify_event_metadata meta = { .vers = FANOTIFY_METADATA_VERSION,
						.metadata_len = sizeof(meta),
						.mask = FAN_MOVED_TO,
						.fd = FAN_NOFD,
						.pid = pid };

	fid.hdr.len = (uint16_t)(sizeof(fid) + sizeof(handle) + HANDLE + n);
	meta.event_len = (uint32_t)sizeof(meta) + fid.hdr.len;
	put(&ev, &meta, sizeof(meta));
	put(&ev, &fid, sizeof(fid));
	put(&ev, &handle, sizeof(handle));
	put(&ev, "12345678", HANDLE);
	put(&ev, name, n);
	return ev;
}

static int
take(const struct event *from, struct file_event *ev)
{
	uint8_t *exact = malloc(from->len + 1);
	size_t at = 0;
	int got;

	assert_non_null(exact);
	memmove(exact, from->octets, from->len);
	exact = realloc(exact, from->len + (from->len == 0));
	assert_non_null(exact);
	got = files_fanotify(exact, from->len, &at, ev);
	ev->handle = NULL; /* it was in there */
	free(exact);
	return got;
}

static void
test_fanotify(void **state)
{
	struct event one = make(FAN_EVENT_INFO_TYPE_DFID_NAME, "lsass", 77), two = one;
	struct file_event ev;
	size_t at = 0;

	(void)state;
	put(&two, one.octets, one.len);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(files_fanotify(two.octets, two.len, &at, &ev), 1);
		assert_string_equal(ev.name, "lsass");
		assert_int_equal(ev.pid, 77);
		assert_int_equal(ev.mask, FAN_MOVED_TO);
		assert_int_equal(ev.handle_len, sizeof(struct file_handle) + HANDLE);
		assert_memory_equal(ev.handle + sizeof(struct file_handle), "12345678", HANDLE);
	}
	assert_int_equal(files_fanotify(two.octets, two.len, &at, &ev), 0);
	/* A record of another kind is passed over. */
	one = make(FAN_EVENT_INFO_TYPE_FID, "lsass", 77);
	assert_int_equal(take(&one, &ev), 1);
	assert_string_equal(ev.name, "");
}

static void
test_fanotify_malformed(void **state)
{
	const size_t meta = sizeof(struct fanotify_event_metadata);
	const size_t fid = meta + sizeof(struct fanotify_event_info_fid);
	struct event good = make(FAN_EVENT_INFO_TYPE_DFID_NAME, "lsass", 1), ev;
	struct file_event out;
	uint32_t huge = UINT32_MAX, less = (uint32_t)meta - 1;
	uint16_t none = 0, one = 1;

	(void)state;
	for (ev = good; ev.len != 0; ev.len--) {
		if (ev.len != good.len)
			assert_int_equal(take(&ev, &out), -1);
	}
	ev = good;
	memcpy(ev.octets, &huge, sizeof(huge)); /* event_len */
	assert_int_equal(take(&ev, &out), -1);
	memcpy(ev.octets, &less, sizeof(less));
	assert_int_equal(take(&ev, &out), -1);
	ev = good;
	ev.octets[offsetof(struct fanotify_event_metadata, vers)]++;
	assert_int_equal(take(&ev, &out), -1);
	ev = good;
	memcpy(ev.octets + meta + 2, &none, sizeof(none)); /* of the record: would not end */
	assert_int_equal(take(&ev, &out), -1);
	memcpy(ev.octets + meta + 2, &one, sizeof(one));
	assert_int_equal(take(&ev, &out), -1);
	ev = good;
	memcpy(ev.octets + fid, &huge, sizeof(huge)); /* handle_bytes */
	assert_int_equal(take(&ev, &out), -1);
}

/* A name without an end, and one longer than we keep. */
static void
test_names(void **state)
{
	char name[300];
	struct event ev = make(FAN_EVENT_INFO_TYPE_DFID_NAME, "lsass", 1);
	struct file_event out;

	(void)state;
	ev.octets[ev.len - 1] = 'X';
	assert_int_equal(take(&ev, &out), 1);
	assert_string_equal(out.name, "lsassX");
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ev = make(FAN_EVENT_INFO_TYPE_DFID_NAME, name, 1);
	assert_int_equal(take(&ev, &out), 1);
	assert_int_equal(strlen(out.name), sizeof(out.name) - 1);
}

static void
test_inotify(void **state)
{
	struct inotify_event in = { .wd = 3, .mask = IN_CREATE, .len = 16 };
	struct event ev = { .len = 0 };
	struct file_event out;
	size_t at = 0;

	(void)state;
	put(&ev, &in, sizeof(in));
	put(&ev, "lsass\0\0\0\0\0\0\0\0\0\0", 16);
	assert_int_equal(files_inotify(ev.octets, ev.len, &at, &out), 1);
	assert_string_equal(out.name, "lsass");
	assert_int_equal(out.wd, 3);
	assert_int_equal(files_inotify(ev.octets, ev.len, &at, &out), 0);
	for (size_t len = 1; len < ev.len; len++) {
		at = 0;
		assert_int_equal(files_inotify(ev.octets, len, &at, &out), -1);
	}
	in.len = UINT32_MAX;
	memcpy(ev.octets, &in, sizeof(in));
	at = 0;
	assert_int_equal(files_inotify(ev.octets, ev.len, &at, &out), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fanotify),
		cmocka_unit_test(test_fanotify_malformed),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_inotify),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
