/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "lsawatch/sense/files.h"

#include <fcntl.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>

/* A name that ends within its len octets, or is cut. */
static void
set_name(struct file_event *ev, const uint8_t *at, size_t len)
{
	size_t n = strnlen((const char *)at, len);

	if (n >= sizeof(ev->name))
		n = sizeof(ev->name) - 1;
	memcpy(ev->name, at, n);
	ev->name[n] = '\0';
}

/* One information record: at, of len octets with its header. 0 or -1. */
static int
take_record(const uint8_t *at, size_t len, struct file_event *ev)
{
	const size_t head = sizeof(struct fanotify_event_info_fid);
	struct file_handle handle;
	uint8_t type = at[0];
	size_t whole;

	if (type != FAN_EVENT_INFO_TYPE_DFID_NAME && type != FAN_EVENT_INFO_TYPE_DFID)
		return 0;
	if (len < head + sizeof(handle))
		return -1;
	memcpy(&handle, at + head, sizeof(handle));
	if (handle.handle_bytes > len - head - sizeof(handle))
		return -1;
	whole = sizeof(handle) + handle.handle_bytes;
	ev->fsid = at + offsetof(struct fanotify_event_info_fid, fsid);
	ev->handle = at + head;
	ev->handle_len = whole;
	if (type == FAN_EVENT_INFO_TYPE_DFID_NAME)
		set_name(ev, at + head + whole, len - head - whole);
	return 0;
}

static int
take_records(const uint8_t *at, size_t len, struct file_event *ev)
{
	struct fanotify_event_info_header head;

	while (len != 0) {
		if (len < sizeof(head))
			return -1;
		memcpy(&head, at, sizeof(head));
		if (head.len < sizeof(head) || head.len > len || take_record(at, head.len, ev) != 0)
			return -1;
		at += head.len;
		len -= head.len;
	}
	return 0;
}

int
files_fanotify(const uint8_t *buf, size_t len, size_t *at, struct file_event *ev)
{
	struct fanotify_event_metadata meta;

	if (*at >= len)
		return 0;
	if (len - *at < sizeof(meta))
		return -1;
	memcpy(&meta, buf + *at, sizeof(meta));
	if (meta.vers != FANOTIFY_METADATA_VERSION || meta.metadata_len < sizeof(meta) ||
	    meta.event_len < meta.metadata_len || meta.event_len > len - *at)
		return -1;
	*ev = (struct file_event){ .mask = meta.mask, .pid = meta.pid, .wd = -1 };
	if (take_records(buf + *at + meta.metadata_len, meta.event_len - meta.metadata_len, ev) !=
	    0)
		return -1;
	*at += meta.event_len;
	return 1;
}

int
files_inotify(const uint8_t *buf, size_t len, size_t *at, struct file_event *ev)
{
	struct inotify_event in;

	if (*at >= len)
		return 0;
	if (len - *at < sizeof(in))
		return -1;
	memcpy(&in, buf + *at, sizeof(in));
	if (in.len > len - *at - sizeof(in))
		return -1;
	*ev = (struct file_event){ .mask = in.mask, .wd = in.wd };
	set_name(ev, buf + *at + sizeof(in), in.len);
	*at += sizeof(in) + in.len;
	return 1;
}
