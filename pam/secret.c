/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* Passwords: out of PAM, or asked for; and into a box. */
#define _GNU_SOURCE
#include "pam/pam_lsa.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <syslog.h>
#include <unistd.h>

#include <security/pam_ext.h>

#include "lib/box.h"

/* ---- getting one */

static void
forget(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
}

/* Ask; *answer is to be wiped and freed. */
static int
ask(const struct call *ca, const char *prompt, char **answer)
{
	int code = pam_prompt(ca->pamh, PAM_PROMPT_ECHO_OFF, answer, "%s", prompt);

	if (code == PAM_SUCCESS && *answer == NULL)
		code = PAM_CONV_ERR;
	return code;
}

/* PAM's copy, if there is one that can be a password. */
static int
stored(const struct call *ca, int item, const char **secret)
{
	const void *at = NULL;
	int code = pam_get_item(ca->pamh, item, &at);

	*secret = at;
	if (code != PAM_SUCCESS)
		return code;
	if (at == NULL)
		return PAM_SUCCESS;
	/* An empty one is what programs send that have none. */
	if (**secret == '\0' || strlen(*secret) > ISO_SECRET_MAX) {
		say_debug(ca, "a password that is empty, or too long");
		return PAM_AUTH_ERR;
	}
	return PAM_SUCCESS;
}

int
secret_get(const struct call *ca, int item, enum first_pass first, const char *prompt,
	   const char **secret, bool *asked)
{
	char *answer = NULL;
	int code;

	*asked = false;
	*secret = NULL;
	if (first != FIRST_ASK) {
		code = stored(ca, item, secret);
		if (code != PAM_SUCCESS || *secret != NULL)
			return code;
		if (first == FIRST_FORCE)
			return PAM_AUTH_ERR;
	}
	code = ask(ca, prompt, &answer);
	*asked = true;
	/* For the modules after this one, and ours to look at. */
	if (code == PAM_SUCCESS)
		code = pam_set_item(ca->pamh, item, answer);
	forget(answer);
	return code == PAM_SUCCESS ? stored(ca, item, secret) : code;
}

int
secret_new(const struct call *ca, const char **secret)
{
	char *first = NULL, *second = NULL;
	int code;

	*secret = NULL;
	if (ca->use_authtok) {
		code = stored(ca, PAM_AUTHTOK, secret);
		return code == PAM_SUCCESS && *secret != NULL ? PAM_SUCCESS : PAM_AUTHTOK_ERR;
	}
	code = ask(ca, "New Kerberos password: ", &first);
	if (code == PAM_SUCCESS)
		code = ask(ca, "Retype new Kerberos password: ", &second);
	if (code == PAM_SUCCESS && strcmp(first, second) != 0) {
		say_user(ca, PAM_ERROR_MSG, "The passwords do not match.");
		code = PAM_AUTHTOK_ERR;
	}
	if (code == PAM_SUCCESS)
		code = pam_set_item(ca->pamh, PAM_AUTHTOK, first);
	forget(first);
	forget(second);
	if (code == PAM_SUCCESS)
		code = stored(ca, PAM_AUTHTOK, secret);
	return code == PAM_AUTH_ERR ? PAM_AUTHTOK_ERR : code;
}

/* ---- the box */

/* One page that is not swapped, dumped or inherited; NULL: no memory. */
static void *
page_new(size_t page)
{
	void *at = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return NULL;
	/* What a program's limits do not allow is left; PAM's own copy has less. */
	(void)mlock(at, page);
	(void)madvise(at, page, MADV_DONTDUMP);
	(void)madvise(at, page, MADV_WIPEONFORK);
	return at;
}

static void
page_free(void *at, size_t page)
{
	explicit_bzero(at, page);
	(void)munmap(at, page);
}

static void
to_hex(const uint8_t *at, size_t n, char *hex)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*hex++ = digits[at[i] >> 4];
		*hex++ = digits[at[i] & 15];
	}
	*hex = '\0';
}

int
secret_seal(const struct call *ca, const struct start *st, const char *secret, uint32_t flags,
	    char hex[BOX_HEX])
{
	const struct rd view = { (const uint8_t *)secret, strlen(secret) };
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t key[ISO_PUBLIC], sealed[ISO_BOX];
	char error[MESSAGE_TEXT];
	struct box *box;
	int result = -1;

	if (box_public_key(ca->key, key, error, sizeof(error)) != 0) {
		pam_syslog(ca->pamh, LOG_ERR, "%s", error);
		return -1;
	}
	box = page_new(page);
	if (box == NULL)
		return -1;
	*box = (struct box){ .challenge = st->challenge,
			     .session = st->number,
			     .generation = st->generation,
			     .owner = st->owner,
			     .flags = flags };
	if (box_fill(box, ca->principal, view, 0) == 0 && box_seal(key, box, sealed) == 0) {
		to_hex(sealed, sizeof(sealed), hex);
		result = 0;
	} else {
		pam_syslog(ca->pamh, LOG_ERR, "the password could not be sealed: %s",
			   strerror(errno));
	}
	page_free(box, page);
	return result;
}
