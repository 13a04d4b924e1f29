/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is answered here, and the rules of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/levels.h"
#include "lsass/front/winbind/private.h"
#include "lsass/ntlm/ntlm.h"

#define SEPARATOR '\\'

/* AUTHENTICATE_MESSAGE (MS-NLMP 2.2.1.3): six fields of length, room and offset, flags ... */
#define NTLM_FIRST_FIELD 12u
#define NTLM_FIELD	 8u
#define NTLM_FLAGS	 60u
#define NTLM_MIC_END	 88u

/* ---- responses */

uint8_t *
winbind_response(struct wb_client *cl, enum wb_result result, size_t extra)
{
	size_t n = WB_RESPONSE + extra;
	uint8_t *at = output_room(&cl->out, n);

	if (at == NULL)
		return NULL;
	wb_set_u32(at + WB_R_LENGTH, (uint32_t)n);
	wb_set_u32(at + WB_R_RESULT, result);
	return at;
}

enum wb_verdict
winbind_plain(struct wb_client *cl, enum wb_result result)
{
	return winbind_response(cl, result, 0) != NULL ? WB_ANSWERED : WB_HANG_UP;
}

void
winbind_name(uint8_t *field, const char *text)
{
	(void)snprintf((char *)field, WB_NAME, "%s", text);
}

/* ---- requests */

const char *
winbind_text(const uint8_t *field, size_t size)
{
	if (field[0] == '\0' || memchr(field, '\0', size) == NULL)
		return NULL;
	return (const char *)field;
}

bool
winbind_split(const char *text, char domain[WB_NAME], char user[WB_NAME])
{
	const char *at = text != NULL ? strchr(text, SEPARATOR) : NULL;

	if (text == NULL || strlen(text) >= WB_NAME)
		return false;
	for (const char *c = text; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return false;
	}
	(void)snprintf(domain, WB_NAME, "%.*s", at != NULL ? (int)(at - text) : 0, text);
	(void)snprintf(user, WB_NAME, "%s", at != NULL ? at + 1 : text);
	return user[0] != '\0' && strchr(user, SEPARATOR) == NULL;
}

static const uint8_t *
data_of(const struct wb_client *cl)
{
	return cl->in + cl->mouth->la->data;
}

static struct rd
extra_of(const struct wb_client *cl)
{
	size_t size = cl->mouth->la->size;

	return (struct rd){ cl->in + size, cl->in_len - size };
}

uint32_t
winbind_extra_most(const struct layout *la, uint32_t number)
{
	return wb_command(la, number) == WB_OTHER ? WB_EXTRA_MOST : WB_EXTRA_OURS;
}

/* ---- who we are */

static enum wb_verdict
answer_version(struct wb_client *cl)
{
	uint8_t *re = winbind_response(cl, WB_OK, 0);

	if (re == NULL)
		return WB_HANG_UP;
	wb_set_u32(re + WB_R_DATA, cl->mouth->la->version);
	return WB_ANSWERED;
}

static enum wb_verdict
answer_info(struct wb_client *cl)
{
	uint8_t *re = winbind_response(cl, WB_OK, 0);

	if (re == NULL)
		return WB_HANG_UP;
	re[WB_R_DATA] = SEPARATOR;
	(void)snprintf((char *)re + WB_R_SAMBA, WB_NAME, "lsaiso-%s", lib_version);
	return WB_ANSWERED;
}

static enum wb_verdict
answer_name(struct wb_client *cl, const char *name)
{
	uint8_t *re = winbind_response(cl, WB_OK, 0);

	if (re == NULL)
		return WB_HANG_UP;
	winbind_name(re + WB_R_DATA, name);
	return WB_ANSWERED;
}

static const char *
our_domain(const struct wb_client *cl)
{
	return ntlm_domain(cl->wb->view.ntlm);
}

/* A real winbindd knows its SID. */
static enum wb_verdict
answer_domain(struct wb_client *cl)
{
	const char *asked = winbind_text(cl->in + WB_Q_DOMAIN, WB_NAME), *ours = our_domain(cl);
	uint8_t *re;

	if (winbind_real_answers(cl->wb))
		return winbind_real(cl);
	if (asked == NULL || strcasecmp(asked, ours) != 0)
		return winbind_plain(cl, WB_ERROR);
	re = winbind_response(cl, WB_OK, 0);
	if (re == NULL)
		return WB_HANG_UP;
	winbind_name(re + WB_R_DATA, ours);
	winbind_name(re + WB_R_SID, WB_NULL_SID);
	re[WB_R_ACTIVE] = re[WB_R_PRIMARY] = 1;
	return WB_ANSWERED;
}

/* ---- NTLM */

/* Whose credentials? By SO_PEERCRED alone; a request that names another is refused. */
static bool
names_another(const struct wb_client *cl, uint32_t uid)
{
	return uid != cl->uid;
}

static enum wb_verdict
probe(struct wb_client *cl, const struct ntlm_ask *ask)
{
	enum ntlm_result got = ntlm_has(cl->wb->view.ntlm, &ask->peer, ask->domain, ask->user);

	return winbind_plain(cl, got == NTLM_DONE ? WB_OK : WB_ERROR);
}

/* Is there a MIC in the AUTHENTICATE_MESSAGE? What its fields point to begins after one. */
static bool
has_mic(const uint8_t *message, size_t len)
{
	for (size_t at = NTLM_FIRST_FIELD; at < NTLM_FLAGS; at += NTLM_FIELD) {
		if (len < NTLM_MIC_END || message[at + 5] != 0 || message[at + 6] != 0 ||
		    message[at + 7] != 0)
			continue;
		if (message[at + 4] < NTLM_MIC_END && (message[at] | message[at + 1]) != 0)
			return false;
	}
	return len >= NTLM_MIC_END;
}

/*
 * The field of the key has 16 octets and no way to say that there is none: then it
 * has random ones, which nobody else knows and which sign nothing.
 */
static enum wb_verdict
authenticate(struct wb_client *cl, const struct ntlm_ask *ask)
{
	struct ntlm_answer an = { 0 };
	enum ntlm_result got = ntlm_answer(cl->wb->view.ntlm, ask, &an);
	enum wb_verdict verdict = WB_HANG_UP;
	uint8_t *re;

	if (got != NTLM_DONE) {
		explicit_bzero(&an, sizeof(an));
		return winbind_plain(cl, WB_ERROR);
	}
	re = winbind_response(cl, WB_OK, an.message_len);
	if (re != NULL) {
		memcpy(re + WB_R_KEY, an.session_key, sizeof(an.session_key));
		wb_set_u32(re + WB_R_BLOB_LEN, (uint32_t)an.message_len);
		re[WB_R_NEW_SPNEGO] = ask->negotiate.len > 0 && has_mic(an.message, an.message_len);
		memcpy(re + WB_RESPONSE, an.message, an.message_len);
		verdict = WB_ANSWERED;
	}
	explicit_bzero(&an, sizeof(an));
	return verdict;
}

static enum wb_verdict
answer_ccache(struct wb_client *cl)
{
	const uint8_t *data = data_of(cl);
	struct rd extra = extra_of(cl);
	uint32_t initial = wb_get_u32(data + WB_CCACHE_INITIAL);
	uint32_t challenge = wb_get_u32(data + WB_CCACHE_CHALLENGE);
	char domain[WB_NAME], user[WB_NAME];
	struct ntlm_ask ask = { .peer = { cl->uid, cl->pid }, .domain = domain, .user = user };

	if (names_another(cl, wb_get_u32(data + WB_CCACHE_UID)) ||
	    !winbind_split(winbind_text(data + WB_CCACHE_USER, WB_NAME), domain, user) ||
	    initial > extra.len || challenge > extra.len - initial)
		return winbind_plain(cl, WB_ERROR);
	if (initial == 0 && challenge == 0)
		return probe(cl, &ask);
	ask.negotiate = (struct rd){ extra.at, initial };
	ask.challenge = (struct rd){ extra.at + initial, challenge };
	return authenticate(cl, &ask);
}

static enum wb_verdict
answer_save(struct wb_client *cl)
{
	const uint8_t *data = data_of(cl);
	const char *password = winbind_text(data + WB_SAVE_PASS, WB_NAME);
	char domain[WB_NAME], user[WB_NAME];
	struct ntlm_peer peer = { cl->uid, cl->pid };

	if (names_another(cl, wb_get_u32(data + WB_CCACHE_UID)) || password == NULL ||
	    !winbind_split(winbind_text(data + WB_CCACHE_USER, WB_NAME), domain, user) ||
	    ntlm_save(cl->wb->view.ntlm, &peer, domain, user, password) != NTLM_DONE)
		return winbind_plain(cl, WB_ERROR);
	return winbind_plain(cl, WB_OK);
}

enum wb_verdict
winbind_request(struct wb_client *cl)
{
	enum wb_command command = wb_command(cl->mouth->la, wb_get_u32(cl->in + WB_Q_CMD));

	cl->wb->answered += command != WB_OTHER;
	switch (command) {
	case WB_INTERFACE_VERSION:
		return answer_version(cl);
	case WB_PING:
		return winbind_plain(cl, WB_OK);
	case WB_INFO:
		return answer_info(cl);
	case WB_NETBIOS_NAME:
		return answer_name(cl, cl->wb->netbios_name);
	case WB_DOMAIN_NAME:
		return answer_name(cl, our_domain(cl));
	case WB_DOMAIN_INFO:
		return answer_domain(cl);
	case WB_PAM_AUTH:
		return winbind_auth(cl);
	case WB_PAM_LOGOFF:
		return winbind_logoff(cl);
	case WB_CCACHE_NTLMAUTH:
		return answer_ccache(cl);
	case WB_CCACHE_SAVE:
		return answer_save(cl);
	case WB_OTHER:
		break;
	}
	return winbind_real(cl);
}
