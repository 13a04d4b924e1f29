/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "tests/unit/winbind_host.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/config.h"
#include "lib/log.h"
#include "lsass/front/door.h"
#include "lsass/loop.h"

#define WATCHES 256

struct winbind_asked asked;

/* ---- a loop */

struct watch {
	int fd;
	uint32_t events;
	loop_ready *fn;
	void *arg;
	bool live;
};

static struct watch watches[WATCHES];
static loop_timer *timer;
static void *timer_arg;
static uint64_t now = 1000;

struct watch *
loop_watch(struct loop *lo, int fd, uint32_t events, loop_ready *fn, void *arg)
{
	for (size_t i = 0; i < WATCHES; i++) {
		if (!watches[i].live) {
			watches[i] = (struct watch){ fd, events, fn, arg, true };
			return &watches[i];
		}
	}
	return NULL;
}

int
loop_change(struct watch *wa, uint32_t events)
{
	wa->events = events;
	return 0;
}

void
loop_unwatch(struct watch *wa)
{
	if (wa != NULL)
		wa->live = false;
}

int
loop_every(struct loop *lo, uint32_t ms, loop_timer *fn, void *arg)
{
	timer = ms != 0 ? fn : NULL;
	timer_arg = arg;
	return 0;
}

uint64_t
loop_now_ms(const struct loop *lo)
{
	return now;
}

/* ---- doors */

struct door {
	door_came *came;
	void *arg;
};

static struct door doors[WB_VERSIONS];
static size_t ndoors;

struct door *
door_open(struct loop *lo, int listen_fd, door_came *came, void *arg)
{
	doors[ndoors] = (struct door){ came, arg };
	return &doors[ndoors++];
}

void
door_close(struct door *dr)
{
}

void
door_complain(struct door *dr, const char *what, uid_t uid)
{
}

/* ---- NTLM */

static enum ntlm_result
note(const struct ntlm_peer *peer, const char *domain, const char *user)
{
	asked.peer = *peer;
	(void)snprintf(asked.domain, sizeof(asked.domain), "%s", domain);
	(void)snprintf(asked.user, sizeof(asked.user), "%s", user);
	if (peer->uid != HOST_UID || (domain[0] != '\0' && strcmp(domain, "TEST") != 0))
		return NTLM_NONE;
	if (strcmp(user, "locked") == 0)
		return NTLM_LOCKED;
	return strcmp(user, "alice") == 0 || strcmp(user, "nokey") == 0 ? NTLM_DONE : NTLM_NONE;
}

const char *
ntlm_domain(const struct ntlm *nt)
{
	return "TEST";
}

enum ntlm_result
ntlm_has(struct ntlm *nt, const struct ntlm_peer *peer, const char *domain, const char *user)
{
	asked.has++;
	return note(peer, domain, user);
}

static size_t
copy(uint8_t to[64], struct rd from)
{
	if (from.len > 0)
		memcpy(to, from.at, from.len < 64 ? from.len : 64);
	return from.len;
}

enum ntlm_result
ntlm_answer(struct ntlm *nt, const struct ntlm_ask *ask, struct ntlm_answer *an)
{
	enum ntlm_result got = note(&ask->peer, ask->domain, ask->user);

	asked.answer++;
	asked.negotiate_len = copy(asked.negotiate, ask->negotiate);
	asked.challenge_len = copy(asked.challenge, ask->challenge);
	if (got != NTLM_DONE)
		return got;
	if (ask->challenge.len == 0)
		return NTLM_REFUSED;
	an->message_len = ask->challenge.len < sizeof(an->message) ? ask->challenge.len
								   : sizeof(an->message);
	memset(an->message, 'M', an->message_len);
	for (size_t at = 12; at < 60 && an->message_len > 100; at += 8) /* all begin there */
		memcpy(an->message + at, (uint8_t[8]){ 1, 0, 1, 0, ask->challenge.at[0] }, 8);
	an->has_key = strcmp(ask->user, "nokey") != 0;
	memset(an->session_key, an->has_key ? HOST_KEY : 0x55, sizeof(an->session_key));
	return NTLM_DONE;
}

enum ntlm_result
ntlm_save(struct ntlm *nt, const struct ntlm_peer *peer, const char *domain, const char *user,
	  const char *password)
{
	asked.save++;
	(void)snprintf(asked.password, sizeof(asked.password), "%s", password);
	return note(peer, domain, user);
}

/* ---- logons: each waits until its client is gone */

enum wb_verdict
winbind_auth(struct wb_client *cl)
{
	asked.auth++;
	cl->work = (struct work *)(void *)&asked;
	return WB_LATER;
}

enum wb_verdict
winbind_logoff(struct wb_client *cl)
{
	return winbind_plain(cl, WB_ERROR);
}

void
winbind_auth_gone(struct wb_client *cl)
{
	asked.gone++;
	cl->work = NULL;
}

/* ---- the front */

static struct config cf;
static struct control_table table = { .winbind = { 30, 31, 32, 33 } };
static struct winbind *front;
static char folder[64];
static int behind = -1;

static void
listen_behind(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	(void)snprintf(folder, sizeof(folder), "/tmp/lsaiso-winbind-XXXXXX");
	if (mkdtemp(folder) == NULL)
		abort();
	free(cf.winbind_real);
	if (asprintf(&cf.winbind_real, "%s/pipe", folder) < 0)
		abort();
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", cf.winbind_real);
	behind = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (bind(behind, (const struct sockaddr *)&addr, sizeof(addr)) != 0 ||
	    listen(behind, 64) != 0)
		abort();
}

void
host_open(bool real)
{
	struct winbind_view view = { .cf = &cf, .table = &table };

	log_open("test", LOG_CRIT);
	memset(&asked, 0, sizeof(asked));
	ndoors = 0;
	if (config_defaults(&cf) != 0)
		abort();
	free(cf.winbind_socket);
	free(cf.winbind_others);
	cf.winbind_socket = strdup("/a");
	cf.winbind_others = strdup("31:/b 32:/c 33:/d");
	if (real)
		listen_behind();
	front = winbind_start(NULL, 6, &view);
	if (front == NULL)
		abort();
}

void
host_close(void)
{
	winbind_stop(front);
	front = NULL;
	if (behind >= 0) {
		close(behind);
		behind = -1;
		(void)unlink(cf.winbind_real);
		(void)rmdir(folder);
	}
	config_free(&cf);
	memset(watches, 0, sizeof(watches));
}

void
host_real(bool on)
{
	cf.winbind_real[0] = on ? '/' : '\0';
}

struct winbind *
host_front(void)
{
	return front;
}

int
host_client(uint32_t version, uid_t uid)
{
	struct door *dr = &doors[version - WINBIND_OLDEST];
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
		abort();
	dr->came(dr->arg, pair[0], uid, 4711);
	return pair[1];
}

static bool
turn_once(void)
{
	bool did = false;

	for (size_t i = 0; i < WATCHES; i++) {
		struct watch *wa = &watches[i];
		struct pollfd pf = { .fd = wa->fd, .events = (short)wa->events };

		if (!wa->live || poll(&pf, 1, 0) <= 0)
			continue;
		did = true;
		wa->fn(wa->arg, (uint32_t)(unsigned short)pf.revents);
	}
	return did;
}

void
host_turn(void)
{
	/* A hundred thousand turns without rest are a loop that does not sleep. */
	for (int i = 0; turn_once(); i++) {
		if (i > 100000)
			abort();
	}
}

void
host_sweep(uint64_t later_ms)
{
	now += later_ms;
	if (timer != NULL)
		timer(timer_arg);
}

int
host_behind(void)
{
	return accept4(behind, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

size_t
host_request(uint32_t version, uint32_t number, uint8_t at[2200])
{
	const struct layout *la = wb_layout(version);

	memset(at, 0, 2200);
	wb_set_u32(at + WB_Q_LENGTH, la->size);
	wb_set_u32(at + WB_Q_CMD, number);
	return la->size;
}
