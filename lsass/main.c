/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lsass: the broker. It is started by lsainit and by nobody else, with its
 * sockets and its line to lsainit already open (lib/control.h). It serves as
 * soon as it has been told of a running lsaiso, and goes on through any
 * number of them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/config.h"
#include "lib/control.h"
#include "lib/log.h"
#include "lsass/ask.h"
#include "lsass/audit.h"
#include "lsass/cache/store.h"
#include "lsass/front/admin/admin.h"
#include "lsass/front/kcm/kcm.h"
#include "lsass/front/kdc/kdc.h"
#include "lsass/front/winbind/winbind.h"
#include "lsass/keytab/keytab.h"
#include "lsass/logon/logons.h"
#include "lsass/logon/pool.h"
#include "lsass/logon/renew.h"
#include "lsass/loop.h"
#include "lsass/ntlm/ntlm.h"
#include "lsass/realm/real.h"
#include "lsass/start.h"
#include "lsass/tgs/tgs.h"

#define HEAP_LARGE (16 << 20)  /* octets of a block outside the heap */
#define HEAP_SLACK (4 << 20)   /* octets that may lie unused at its end */
#define HEAP_PAD   (256 << 10) /* octets that it grows by at least */
#define EXIT_USAGE 2
#define TICK_MS	   60000

struct lsass {
	struct config cf;
	struct loop *lo;
	struct watch *line, *life, *answers, *workers;
	struct store *store;
	struct tgs *tgs;
	struct pool *pool;
	struct logons logons;
	struct ntlm *ntlm;
	struct keytab *keytab;
	int keytab_folder; /* of lsainit, until keytab has it; -1: none */
	struct kcm *kcm;
	struct winbind *winbind;
	struct real *real;
	struct kdc *kdc;
	struct audit *audit;
	struct control_table table;
	uint8_t state_key[CONTROL_STATE_KEY];
	bool greeted; /* state_key is there */
	int status;   /* exit status */
};

/* Caches and long replies come and go: do not ask the kernel for the same pages each time. */
static void
shape_heap(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, HEAP_LARGE);
	(void)mallopt(M_TRIM_THRESHOLD, HEAP_SLACK);
	(void)mallopt(M_TOP_PAD, HEAP_PAD);
}

/* ---- serving */

static void
give_up(struct lsass *ls, const char *what)
{
	log_err("%s: %s", what, strerror(errno));
	ls->status = EXIT_FAILURE;
	loop_stop(ls->lo);
}

static void
tick(void *arg)
{
	struct lsass *ls = arg;
	struct iso_req_status ask = { 0 };
	struct iso_rep_status is = { 0 };

	store_tick(ls->store);
	/* lsaiso has no timer: it looks for what has expired when it is called. */
	if (ls->life != NULL && ask_status(&ask, &is) != ISO_OK)
		log_warn("lsaiso does not answer");
}

static void
answers_ready(void *arg, uint32_t events)
{
	struct lsass *ls = arg;

	tgs_collect(ls->tgs);
}

static void
workers_ready(void *arg, uint32_t events)
{
	struct lsass *ls = arg;

	pool_collect(ls->pool);
}

static void
renew(void *arg)
{
	struct lsass *ls = arg;

	logons_tick(&ls->logons);
	if (ls->life != NULL)
		renew_tick(&ls->logons);
}

/* Threads for logons, and what is known of the logons that there are. */
static bool
start_logons(struct lsass *ls)
{
	int fd = -1;

	ls->pool = pool_start(&ls->cf, &fd);
	if (ls->pool == NULL)
		return false;
	ls->workers = loop_watch(ls->lo, fd, EPOLLIN, workers_ready, ls);
	ls->logons.cf = &ls->cf;
	ls->logons.store = ls->store;
	ls->logons.pool = ls->pool;
	ls->logons.tgs = ls->tgs;
	ls->logons.machine = machine_new(&ls->cf);
	ls->ntlm = ntlm_new(&ls->cf, &ls->logons);
	if (ls->logons.machine == NULL || ls->ntlm == NULL)
		return false;
	logons_open(&ls->logons);
	ls->keytab = keytab_open(ls->keytab_folder, ls->pool);
	ls->keytab_folder = -1;
	if (ls->keytab == NULL)
		return false;
	return ls->workers != NULL && loop_every(ls->lo, RENEW_TICK_MS, renew, ls) == 0;
}

static bool
start_winbind(struct lsass *ls)
{
	const struct winbind_view view = {
		.cf = &ls->cf, .table = &ls->table, .logons = &ls->logons, .ntlm = ls->ntlm
	};

	for (int i = 0; i < CONTROL_WINBIND_MAX && ls->table.winbind[i] != 0; i++) {
		if (!start_is_socket(CONTROL_FD_WINBIND + i, SOCK_STREAM, 1))
			return false;
	}
	ls->winbind = winbind_start(ls->lo, CONTROL_FD_WINBIND, &view);
	return ls->winbind != NULL;
}

/* Behind the sockets of [winbind]. */
static bool
start_kdc(struct lsass *ls)
{
	struct kdc_view view = { .cf = &ls->cf,
				 .store = ls->store,
				 .keytab = ls->keytab,
				 .logons = &ls->logons,
				 .diag_fd = start_is_socket(CONTROL_FD_DIAG, SOCK_RAW, 0)
						? CONTROL_FD_DIAG
						: -1 };
	int first = CONTROL_FD_WINBIND;

	if (ls->table.kdc == 0)
		return true;
	for (int i = 0; i < CONTROL_WINBIND_MAX && ls->table.winbind[i] != 0; i++)
		first++;
	ls->real = real_start(ls->lo, &ls->cf);
	if (ls->real == NULL)
		return false;
	view.real = ls->real;
	ls->kdc = kdc_start(ls->lo, first, ls->table.kdc, &view);
	return ls->kdc != NULL;
}

static int
start_fronts(struct lsass *ls)
{
	struct admin_view view = { .cf = &ls->cf,
				   .store = ls->store,
				   .tgs = ls->tgs,
				   .logons = &ls->logons,
				   .ntlm = ls->ntlm,
				   .keytab = ls->keytab,
				   .table = &ls->table,
				   .audit = ls->audit,
				   .kcm_clients = kcm_clients(ls->kcm) };

	if (!start_winbind(ls) || !start_kdc(ls))
		return -1;
	view.winbind = ls->winbind;
	view.kdc = ls->kdc;
	view.real = ls->real;
	return admin_start(ls->lo, CONTROL_FD_ADMIN, &view);
}

/* Everything is known: load the state, open the doors, say so. */
static void
serve(struct lsass *ls)
{
	struct control_msg ready = { .type = CTL_READY };
	struct store_totals totals;
	int fd = -1;

	ls->store = store_open(&ls->cf, ls->state_key);
	explicit_bzero(ls->state_key, sizeof(ls->state_key));
	if (ls->store == NULL) {
		give_up(ls, "cannot open the store");
		return;
	}
	ls->audit = audit_start(&ls->cf);
	if (ls->audit == NULL) {
		give_up(ls, "cannot start the use log");
		return;
	}
	ls->tgs = tgs_start(&ls->cf, &fd);
	if (ls->tgs != NULL)
		ls->answers = loop_watch(ls->lo, fd, EPOLLIN, answers_ready, ls);
	if (ls->answers != NULL)
		ls->kcm = kcm_start(ls->lo, CONTROL_FD_KCM, &ls->cf, ls->store, ls->tgs);
	if (ls->kcm == NULL || !start_logons(ls) || start_fronts(ls) != 0 ||
	    loop_every(ls->lo, TICK_MS, tick, ls) != 0 ||
	    control_send(CONTROL_FD_LINE, &ready, (const int[2]){ -1, -1 }) != 0) {
		give_up(ls, "cannot start serving");
		return;
	}
	store_totals(ls->store, &totals);
	log_info("serving: %zu users, %zu caches, %zu credentials, %zu live logons", totals.users,
		 totals.caches, totals.creds, totals.logons);
}

/* ---- lsaiso comes and goes */

static void
life_ended(void *arg, uint32_t events)
{
	struct lsass *ls = arg;

	log_warn("lsaiso is gone; waiting for the next one");
	loop_unwatch(ls->life);
	ls->life = NULL;
	ask_detach();
	ls->table.lsaiso_pid = 0;
	/*
	 * A process that is dead does not come back, and users are told so now. A
	 * lost link says nothing of the lsaiso behind it: the next boot id does.
	 */
	if (ls->store != NULL && !ls->table.far) {
		store_boot_id(ls->store, NULL);
		machine_forget(ls->logons.machine);
	}
}

static void
attach(struct lsass *ls, const struct control_msg *msg, int fds[2])
{
	loop_unwatch(ls->life);
	ls->life = NULL;
	if (fds[0] < 0 || fds[1] < 0 || ask_attach(fds[0], fds[1], msg->boot_id) != 0) {
		log_err("cannot attach to lsaiso: %s", strerror(errno));
		ask_detach();
		return;
	}
	fds[0] = fds[1] = -1;
	ls->life = loop_watch(ls->lo, ask_life_fd(), EPOLLIN | EPOLLRDHUP, life_ended, ls);
	if (ls->life == NULL) {
		give_up(ls, "cannot watch lsaiso");
		return;
	}
	audit_changed(ls->audit);
	if (ls->store != NULL)
		store_boot_id(ls->store, msg->boot_id);
	else if (ls->greeted)
		serve(ls);
}

static void
heard(void *arg, const struct control_msg *msg, int fds[2])
{
	struct lsass *ls = arg;

	switch (msg->type) {
	case CTL_HELLO:
		memcpy(ls->state_key, msg->state_key, sizeof(ls->state_key));
		ls->keytab_folder = fds[0];
		fds[0] = -1;
		ls->greeted = true;
		break;
	case CTL_ISO:
		ls->table = msg->table;
		attach(ls, msg, fds);
		break;
	case CTL_TABLE:
		ls->table = msg->table;
		break;
	case CTL_LOCK:
		if (ls->store != NULL)
			logons_lock_all(&ls->logons);
		break;
	case CTL_STOP:
		loop_stop(ls->lo);
		break;
	default:
		log_warn("lsainit sent a message of unknown type %u", msg->type);
	}
}

static void
line_ready(void *arg, uint32_t events)
{
	struct lsass *ls = arg;

	start_hear(ls->lo, heard, ls);
}

static int
run(struct lsass *ls)
{
	ls->lo = loop_new();
	if (ls->lo != NULL)
		ls->line = loop_watch(ls->lo, CONTROL_FD_LINE, EPOLLIN, line_ready, ls);
	if (ls->line == NULL || loop_run(ls->lo) != 0) {
		log_err("event loop: %s", strerror(errno));
		ls->status = EXIT_FAILURE;
	}
	winbind_stop(ls->winbind);
	kdc_stop(ls->kdc);
	if (ls->real != NULL)
		real_stop(ls->real);
	kcm_stop(ls->kcm);
	pool_stop(ls->pool);
	keytab_close(ls->keytab);
	if (ls->tgs != NULL)
		tgs_stop(ls->tgs);
	ntlm_free(ls->ntlm);
	store_close(ls->store);
	audit_stop(ls->audit);
	ask_detach();
	explicit_bzero(ls->state_key, sizeof(ls->state_key));
	return ls->status;
}

int
main(int argc, char **argv)
{
	static struct lsass ls = { .keytab_folder = -1 };
	char error[512];
	int status;

	log_open("lsass", LOG_INFO);
	if (argc != 3 || strcmp(argv[1], "--config") != 0 ||
	    !start_is_socket(CONTROL_FD_LINE, SOCK_SEQPACKET, 0) ||
	    !start_is_socket(CONTROL_FD_KCM, SOCK_STREAM, 1) ||
	    !start_is_socket(CONTROL_FD_ADMIN, SOCK_STREAM, 1)) {
		fprintf(stderr,
			"lsass: started without its channels. It is the broker of lsaiso(7), and "
			"only lsainit(8) starts\nlsass: run `systemctl start lsaiso`, or "
			"`lsainit --config FILE`\n");
		return EXIT_USAGE;
	}
	if (!start_is_of_parent(CONTROL_FD_LINE)) {
		fprintf(stderr,
			"lsass: its line to lsainit is not that of its parent, so it does not "
			"start; only lsainit(8) starts lsass\n");
		return EXIT_USAGE;
	}
	start_confined("lsass");
	shape_heap();
	if (config_read(&ls.cf, argv[2], error, sizeof(error)) != 0) {
		log_err("%s", error);
		return EXIT_USAGE;
	}
	log_open("lsass", log_level(ls.cf.log_level));
	status = run(&ls);
	config_free(&ls.cf);
	return status;
}
