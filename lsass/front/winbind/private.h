/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of the winbind front share; its tests and fuzz target, too.
 *
 *   winbind.c  connections: accept, read, write, limits
 *   request.c  what is answered here
 *   auth.c     PAM_AUTH, which logs on inside lsaiso, and PAM_LOGOFF
 *   real.c     all else: to the real winbindd and back
 *   layout.c   the versions
 *
 * A client's request stays in its buffer until the answer has begun, and is
 * wiped then, whatever it was: passwords are in some.
 */
#ifndef LSASS_FRONT_WINBIND_PRIVATE_H
#define LSASS_FRONT_WINBIND_PRIVATE_H

#include <sys/types.h>

#include "lib/control.h"
#include "lib/winbind.h"
#include "lsass/front/output.h"
#include "lsass/front/winbind/layout.h"
#include "lsass/front/winbind/winbind.h"

#define WB_EXTRA_OURS (64u << 10)  /* extra data of what is answered here */
#define WB_EXTRA_MOST (128u << 10) /* of the rest, as Samba has it: WINBINDD_MAX_EXTRA_DATA */
#define WB_SCRATCH    (64u << 10)
#define WB_LOGONS     32u /* of one user at once, root's excepted: others wait for workers, too */

struct door;
struct watch;
struct work;

/* One socket, and what its clients speak. */
struct mouth {
	struct winbind *wb;
	struct door *door;
	const struct layout *la;
	struct winbind_socket is;
	uint32_t nclients;
};

enum real_phase {
	REAL_NONE,  /* no connection */
	REAL_IDLE,  /* one that has been greeted */
	REAL_GREET, /* the version is asked, or being asked */
	REAL_ASK,   /* the request is on its way */
	REAL_HEAR,  /* so is the response */
};

/* A client's connection to the real winbindd. */
struct real {
	int fd;
	struct watch *watch;
	enum real_phase phase;
	bool used;	  /* it has answered a request: one that ends now may just have been idle */
	uint8_t *greet;	  /* the request of REAL_GREET */
	uint32_t sent;	  /* octets of what is sent */
	uint8_t head[12]; /* length, result, version */
	uint32_t got;	  /* octets of the response */
	uint32_t length;  /* of the response, once got has it */
};

/* A connection. */
struct wb_client {
	struct winbind *wb;
	struct mouth *mouth;
	struct wb_client *next, *prev;
	struct watch *watch;
	int fd;
	uid_t uid;
	pid_t pid;
	uint64_t since; /* ms; when the message under way began, or output last moved */
	uint8_t *in;	/* a request, or its beginning; NULL: none */
	size_t in_len, in_size;
	struct output out; /* a response that the socket did not take */
	struct work *work; /* a logon that a worker is about */
	struct real real;
};

struct winbind {
	struct loop *lo;
	struct winbind_view view;
	struct mouth mouths[CONTROL_WINBIND_MAX];
	size_t nmouths;
	struct wb_client *first;
	uint32_t nclients;
	char netbios_name[16]; /* this machine's */
	uint8_t *scratch;
	uint64_t answered, passed;
	char real_why[96];
};

/* What became of a request. */
enum wb_verdict {
	WB_ANSWERED, /* the response is in cl->out */
	WB_LATER,    /* winbind_answered will be called */
	WB_HANG_UP,
};

/* ---- request.c: one whole request, in cl->in */
enum wb_verdict winbind_request(struct wb_client *cl);
/* How much extra data this command may have. */
uint32_t winbind_extra_most(const struct layout *la, uint32_t number);

/*
 * Begin a response: zeros, but length and result, and room for extra octets after it. It
 * goes into cl->out; NULL: no memory. The pointer is into it.
 */
uint8_t *winbind_response(struct wb_client *cl, enum wb_result result, size_t extra);
/* A response that only says this. */
enum wb_verdict winbind_plain(struct wb_client *cl, enum wb_result result);
/* Write a name into a field; what does not fit is cut off. */
void winbind_name(uint8_t *field, const char *text);
/* A field of a request as text; NULL: it has no NUL, or nothing before it. */
const char *winbind_text(const uint8_t *field, size_t size);
/* DOMAIN\user into two; domain "" if there is none. False: that is no name. */
bool winbind_split(const char *text, char domain[WB_NAME], char user[WB_NAME]);

/* ---- auth.c */
enum wb_verdict winbind_auth(struct wb_client *cl);
enum wb_verdict winbind_logoff(struct wb_client *cl);
void winbind_auth_gone(struct wb_client *cl); /* nobody waits for it any more */

/* ---- real.c */
enum wb_verdict winbind_real(struct wb_client *cl);
void winbind_real_close(struct wb_client *cl);
/* The client has taken what was kept for it: hear more. 0 or -1. */
int winbind_real_go_on(struct wb_client *cl);
bool winbind_real_busy(const struct wb_client *cl);
/* Does somebody listen there now? */
bool winbind_real_answers(const struct winbind *wb);

/* ---- winbind.c */
/* A late response is in cl->out, or part of it was relayed: send it, go on. May free cl. */
void winbind_answered(struct wb_client *cl);
/* To the client, what it does not take is kept in cl->out, which must be empty. 0 or -1. */
int winbind_send(struct wb_client *cl, const uint8_t *at, size_t n);
void winbind_request_done(struct wb_client *cl); /* wipe cl->in */
void winbind_hang_up(struct wb_client *cl);

#endif
