/* SPDX-License-Identifier: GPL-3.0-or-later */
/* At the start of lsaiso: open the root key and hand it over. */
#include <string.h>
#include <unistd.h>

#include "lib/mailbox.h"
#include "lsaseal/tpm.h"

#define FD_MAILBOX 3 /* as lsainit arranges them */
#define FD_LIFE	   4
#define ANSWER_MS  5000

static enum seal_exit
from_tpm(const struct seal *se, uint8_t key[ISO_ROOT_KEY])
{
	struct file fi;
	struct tpm tpm = { 0 };
	uint32_t wanted = 0;
	char is[PCRS_TEXT];
	enum seal_exit ex = file_read(se->directory, FILE_TPM, &fi, true);

	if (ex == SEAL_OK && pcrs_parse(se->pcrs, &wanted) != 0)
		ex = SEAL_PCRS;
	if (ex == SEAL_OK && fi.pcrs != wanted) {
		pcrs_text(fi.pcrs, is);
		complain("the root key is sealed to PCR %s, [seal] pcrs says %s", is, se->pcrs);
		ex = SEAL_PCRS;
	}
	if (ex == SEAL_OK)
		ex = tpm_open(&tpm, se->tcti, true);
	if (ex == SEAL_OK)
		ex = tpm_start(&tpm, fi.srk == 0);
	if (ex == SEAL_OK)
		ex = tpm_unseal(&tpm, &fi, key);
	tpm_close(&tpm);
	return ex;
}

static enum seal_exit
from_file(const struct seal *se, uint8_t key[ISO_ROOT_KEY])
{
	struct file fi;
	uint8_t id[ISO_ROOT_ID];
	enum seal_exit ex = file_read(se->directory, FILE_KEY, &fi, true);

	if (ex == SEAL_OK) {
		memcpy(key, fi.key, ISO_ROOT_KEY);
		root_id(key, id);
		if (memcmp(id, fi.id, sizeof(id)) != 0) {
			complain("%s holds another key than it names", file_name(FILE_KEY));
			ex = SEAL_DAMAGED;
		}
	}
	explicit_bzero(&fi, sizeof(fi));
	return ex;
}

/* Over the fresh channel, and see that it is there. */
static enum seal_exit
hand_over(const uint8_t key[ISO_ROOT_KEY])
{
	struct mailbox *mb = mailbox_map(FD_MAILBOX);
	struct iso_req_root_set set = { .key = { key, ISO_ROOT_KEY } };
	struct iso_rep_root_set done = { 0 };
	struct iso_req_status ask = { 0 };
	static struct iso_rep_status is;
	uint8_t id[ISO_ROOT_ID];
	enum iso_status st;

	if (mb == NULL) {
		complain("no channel to lsaiso (only lsainit starts \"lsaseal boot\")");
		return SEAL_CHANNEL;
	}
	root_id(key, id);
	st = mailbox_call(mb, FD_LIFE, ISO_OP_root_set, &set, &done, ANSWER_MS);
	if (st == ISO_OK)
		st = mailbox_call(mb, FD_LIFE, ISO_OP_status, &ask, &is, ANSWER_MS);
	mailbox_unmap(mb);
	if (st == ISO_OK && is.root_kind == ISO_ROOT_KEPT &&
	    memcmp(is.root_id, id, sizeof(id)) == 0)
		return SEAL_OK;
	complain("lsaiso: %s", st == ISO_OK ? "it has another root key" : rpc_status_text(st));
	return SEAL_CHANNEL;
}

enum seal_exit
seal_boot(const struct seal *se)
{
	struct secrets *s = secrets_open();
	enum seal_exit ex = SEAL_SYSTEM;

	if (s == NULL)
		return ex;
	if (strcmp(se->root, "tpm") == 0)
		ex = from_tpm(se, s->key);
	else if (strcmp(se->root, "file") == 0)
		ex = from_file(se, s->key);
	else
		ex = SEAL_USAGE;
	if (ex == SEAL_OK)
		ex = hand_over(s->key);
	secrets_wipe(s);
	return ex;
}
