/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/lsass_host.h"

#include <assert.h>
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "iso_host.h"
#include "lsass/ask.h"

static struct iso *core, *away;

/* ---- ask.h, answered by the core */

static void (*on_use)(void *arg);
static void *on_use_arg;

void
ask_on_use(void (*fn)(void *arg), void *arg)
{
	on_use = fn;
	on_use_arg = arg;
}

/* Calls take turns, as they do over the mailbox. */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

static enum iso_status
call(uint32_t op, const void *req, void *rep)
{
	enum iso_status st = (enum iso_status)ISO_GONE;

	pthread_mutex_lock(&turn);
	if (core != NULL) {
		test_host.real_us = (uint64_t)time(NULL) * 1000000;
		st = iso_call(core, op, req, rep);
		if (on_use != NULL && rpc_op(op)->effect != ISO_FX_NONE)
			on_use(on_use_arg);
	}
	pthread_mutex_unlock(&turn);
	return st;
}

#define HOST_ASK(number, name, phases, effect)                                                     \
	enum iso_status ask_##name(const struct iso_req_##name *req, struct iso_rep_##name *rep)   \
	{                                                                                          \
		return call(ISO_OP_##name, req, rep);                                              \
	}
ISO_OPS(HOST_ASK)

int
ask_attach(int mailbox_fd, int life_fd, const uint8_t boot_id[ISO_BOOT_ID])
{
	return -1;
}

void
ask_detach(void)
{
}

int
ask_life_fd(void)
{
	return -1;
}

bool
ask_boot_id(uint8_t boot_id[ISO_BOOT_ID])
{
	if (core == NULL)
		return false;
	host_boot(boot_id);
	return true;
}

void
host_start(void)
{
	pthread_mutex_lock(&turn);
	core = iso_running(0);
	pthread_mutex_unlock(&turn);
}

void
host_start_ntlm(uint32_t policy, struct rd targets)
{
	struct iso_req_configure req = {
		.policy = policy, .rate = 1000000, .burst = 1000000, .targets = targets
	};

	core = iso_fresh();
	if (iso_call(core, ISO_OP_configure, &req, NULL) != ISO_OK)
		abort();
}

void
host_start_kept(uint64_t seed)
{
	static const uint8_t root[ISO_ROOT_KEY] = "a root key that outlives lsaiso.";
	struct iso_req_root_set set = { .key = { root, sizeof(root) } };
	struct iso_req_configure req = { .policy = ISO_POLICY_ALL & ~ISO_POLICY_TARGETS,
					 .rate = 1000000,
					 .burst = 1000000 };

	core = iso_fresh_seeded(seed);
	test_host.real_us = (uint64_t)time(NULL) * 1000000;
	if (iso_call(core, ISO_OP_root_set, &set, NULL) != ISO_OK ||
	    iso_call(core, ISO_OP_configure, &req, NULL) != ISO_OK)
		abort();
}

struct iso *
host_core(void)
{
	return core;
}

void
host_gone(void)
{
	away = core;
	core = NULL;
}

void
host_back(void)
{
	core = away;
}

static struct iso_rep_status
status(void)
{
	struct iso_req_status req = { 0 };
	struct iso_rep_status rep;

	if (ask_status(&req, &rep) != ISO_OK)
		abort();
	return rep;
}

uint32_t
host_sessions(void)
{
	return status().sessions;
}

void
host_boot(uint8_t boot_id[16])
{
	memcpy(boot_id, status().boot_id, 16);
}

/* ---- surroundings */

void
host_config(struct config *cf, const char *folder)
{
	static char copy[64];

	snprintf(copy, sizeof(copy), "%s", folder != NULL ? folder : "");
	*cf = (struct config){ .state_directory = copy,
			       .state_keep = folder != NULL,
			       .kcm_plain_logon = "allow",
			       .limits_caches = 1024,
			       .limits_tickets = 4096,
			       .limits_octets = 64u << 20,
			       .limits_connections = 4096,
			       .limits_connections_per_user = 2048,
			       .limits_idle_seconds = 300 };
}

char *
host_folder(void)
{
	char *name = strdup("/tmp/lsaiso-unit-XXXXXX");

	if (name == NULL || mkdtemp(name) == NULL)
		abort();
	return name;
}

void
host_rmdir(char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *de;

	while (dir != NULL && (de = readdir(dir)) != NULL)
		(void)unlinkat(dirfd(dir), de->d_name, 0);
	if (dir != NULL)
		closedir(dir);
	if (rmdir(folder) != 0)
		abort();
	free(folder);
}

uint32_t
host_now(void)
{
	return (uint32_t)time(NULL);
}

/* ---- octets */

void
add_raw(struct made *ma, const void *at, size_t n)
{
	assert(n <= sizeof(ma->at) - ma->len);
	if (n > 0)
		memcpy(ma->at + ma->len, at, n);
	ma->len += n;
}

void
add_u8(struct made *ma, uint8_t value)
{
	add_raw(ma, &value, 1);
}

static void
add_u16(struct made *ma, uint16_t value)
{
	add_u8(ma, (uint8_t)(value >> 8));
	add_u8(ma, (uint8_t)value);
}

void
add_u32(struct made *ma, uint32_t value)
{
	add_u16(ma, (uint16_t)(value >> 16));
	add_u16(ma, (uint16_t)value);
}

void
add_data(struct made *ma, const void *at, size_t n)
{
	add_u32(ma, (uint32_t)n);
	add_raw(ma, at, n);
}

/* "a/b@R", without quoting. */
static void
add_princ(struct made *ma, const char *text)
{
	const char *realm = strrchr(text, '@');
	uint32_t n = 1;

	assert(realm != NULL);
	for (const char *at = text; at < realm; at++)
		n += *at == '/';
	if (realm == text)
		n = 0;
	add_u32(ma, 1);
	add_u32(ma, n);
	add_data(ma, realm + 1, strlen(realm + 1));
	for (; n > 0; n--) {
		size_t len = strcspn(text, "/@");

		add_data(ma, text, len);
		text += len + 1;
	}
}

static void
add_text(struct made *ma, const char *text)
{
	add_data(ma, text, text != NULL ? strlen(text) : 0);
}

static void
add_middle(struct made *ma, const struct spec *sp)
{
	add_u32(ma, 0);
	add_u32(ma, 0);
	add_u32(ma, sp->end);
	add_u32(ma, sp->renew);
	add_u8(ma, sp->is_skey);
	add_u32(ma, sp->flags);
}

struct made
make_princ(const char *text)
{
	struct made ma = { 0 };

	add_princ(&ma, text);
	return ma;
}

struct made
make_cred(const struct spec *given)
{
	struct spec sp = *given;
	struct made ma = { 0 };
	uint8_t key[64];

	if (sp.etype == 0)
		sp.etype = 18;
	if (sp.key_len == 0)
		sp.key_len = sp.etype == 18 || sp.etype == 20 ? 32 : 16;
	if (sp.end == 0)
		sp.end = host_now() + 3600;
	memset(key, sp.key, sizeof(key));
	add_princ(&ma, sp.client != NULL ? sp.client : "alice@R");
	add_princ(&ma, sp.server);
	add_u16(&ma, (uint16_t)sp.etype);
	add_data(&ma, key, sp.key_len < 0 ? 0 : (size_t)sp.key_len);
	add_middle(&ma, &sp);
	add_u32(&ma, 0);
	add_u32(&ma, 0);
	add_text(&ma, sp.ticket != NULL ? sp.ticket : "ticket");
	add_text(&ma, sp.second);
	return ma;
}

struct made
make_match(const struct spec *sp)
{
	struct made ma = { 0 };

	add_u32(&ma, (sp->client != NULL) | (sp->server != NULL ? 2u : 0) |
			 (sp->etype != 0 ? 4u : 0) | (sp->second != NULL ? 16u : 0));
	if (sp->client != NULL)
		add_princ(&ma, sp->client);
	if (sp->server != NULL)
		add_princ(&ma, sp->server);
	if (sp->etype != 0) {
		add_u16(&ma, (uint16_t)sp->etype);
		add_u32(&ma, 0);
	}
	add_middle(&ma, sp);
	if (sp->second != NULL)
		add_text(&ma, sp->second);
	return ma;
}

struct rd
made_rd(const struct made *ma)
{
	return (struct rd){ ma->at, ma->len };
}

bool
holds_run(const void *at, size_t len, uint8_t octet, size_t n)
{
	const uint8_t *from = at;
	size_t run = 0;

	for (size_t i = 0; i < len; i++) {
		run = from[i] == octet ? run + 1 : 0;
		if (run == n)
			return true;
	}
	return false;
}
