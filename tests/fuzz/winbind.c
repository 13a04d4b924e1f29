/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a hostile client of winbindd's pipe sends, in pieces, and what a hostile
 * winbindd behind the front answers meanwhile. Besides not crashing and not
 * turning without rest: responses are whole and say how long they are, unless
 * the one behind wrote them; that one never gets a request that is ours; and
 * no octet of a session key comes out but in the answer that it belongs to.
 *
 *   input  u8 version, u8 flags (1: with a winbindd behind), then steps:
 *          u8 who (0: the client, 1: the one behind, 2: a request of the client
 *          with its head filled in), u16 little-endian length, octets
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/winbind_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FLAG_BEHIND 1u

static uint8_t heard[1 << 20];

/* Responses of ours, one after the other. */
static void
look_at(const uint8_t *at, size_t n, bool ours)
{
	while (ours && n > 0) {
		uint32_t length, result;

		if (n < WB_RESPONSE)
			abort();
		length = wb_get_u32(at + WB_R_LENGTH);
		result = wb_get_u32(at + WB_R_RESULT);
		if (length < WB_RESPONSE || length > n || (result != WB_OK && result != WB_ERROR))
			abort();
		if (result == WB_ERROR && memchr(at + 8, HOST_KEY, length - 8) != NULL)
			abort();
		at += length;
		n -= length;
	}
}

static size_t
drain(int fd)
{
	size_t all = 0;
	ssize_t n;

	host_turn();
	while (all < sizeof(heard) &&
	       (n = recv(fd, heard + all, sizeof(heard) - all, MSG_DONTWAIT)) > 0) {
		all += (size_t)n;
		host_turn();
	}
	return all;
}

/* What reached the one behind begins with whole requests that may be there. */
static void
look_behind(int fd, const struct layout *la)
{
	size_t n = fd >= 0 ? drain(fd) : 0;
	enum wb_command command;

	if (n < la->size)
		return;
	command = wb_command(la, wb_get_u32(heard + WB_Q_CMD));
	if (command != WB_INTERFACE_VERSION && command != WB_DOMAIN_INFO && command != WB_OTHER)
		abort();
}

static void
with_head(int fd, const struct layout *la, const uint8_t *data, size_t size)
{
	uint8_t at[2200] = { 0 };
	uint32_t number = size > 0 ? data[0] % 64 : 0;
	size_t n = host_request(la->version, number, at);

	if (size > 1)
		memcpy(at + la->data, data + 1, size - 1 < 1800 ? size - 1 : 1800);
	wb_set_u32(at + la->data, HOST_UID); /* of CCACHE_*: else it ends there */
	if (size > 1801) {
		wb_set_u32(at + la->extra_len, (uint32_t)(size - 1801));
		(void)send(fd, at, n, MSG_NOSIGNAL);
		(void)send(fd, data + 1801, size - 1801, MSG_NOSIGNAL);
	} else {
		(void)send(fd, at, n, MSG_NOSIGNAL);
	}
}

static void
play(uint32_t version, bool has_behind, const uint8_t *data, size_t size)
{
	const struct layout *la = wb_layout(version);
	int fd = host_client(version, HOST_UID), behind = -1;
	bool ours = true;

	while (size >= 3) {
		uint8_t who = data[0] % 3;
		size_t n = (size_t)(data[1] | data[2] << 8);

		data += 3;
		size -= 3;
		n = n < size ? n : size;
		if (who == 0)
			(void)send(fd, data, n, MSG_NOSIGNAL);
		else if (who == 2)
			with_head(fd, la, data, n);
		else if (behind >= 0 && send(behind, data, n, MSG_NOSIGNAL) > 0)
			ours = false;
		data += n;
		size -= n;
		host_turn();
		if (has_behind && behind < 0)
			behind = host_behind();
		look_behind(behind, la);
		n = drain(fd);
		look_at(heard, n, ours);
	}
	close(fd);
	if (behind >= 0)
		close(behind);
	host_turn();
	if (host_front()->nclients != 0)
		abort();
}

static void
close_it(void)
{
	host_real(true);
	host_close();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool open;
	bool has_behind = size > 1 && (data[1] & FLAG_BEHIND) != 0;

	if (size < 2)
		return 0;
	if (!open) {
		host_open(true);
		(void)atexit(close_it);
		open = true;
	}
	host_real(has_behind);
	play(WINBIND_OLDEST + data[0] % WB_VERSIONS, has_behind, data + 2, size - 2);
	return 0;
}
