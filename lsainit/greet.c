/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Level hypervisor: is there a lsaiso behind the channel, ready, and the one
 * that is meant? Asked each time the link is made anew, before lsass has it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/mailbox.h"
#include "lib/prove.h"
#include "lsainit/init.h"

/* Has it the key that is pinned, and is it the one of status? */
static int
prove(struct instance *in, struct mailbox *mb, const uint8_t boot_id[16])
{
	uint8_t pinned[ISO_PUBLIC], proven[ISO_BOOT_ID];
	char error[400];

	in->table.host_proven = 0;
	if (in->cf.isolation_host_key[0] == '\0')
		return 0;
	if (prove_pin(in->cf.isolation_host_key, pinned, error, sizeof(error)) != 0 ||
	    prove_mailbox(mb, in->life_fd, ISO_ANSWER_MS, pinned, proven, error, sizeof(error)) !=
		0) {
		channel_say(in, "the host's lsaiso is not believed: %s", error);
		return -1;
	}
	if (memcmp(proven, boot_id, sizeof(proven)) != 0) {
		channel_say(in, "the host's lsaiso is not believed: it was replaced while it "
				"proved its key; it is asked again");
		return -1;
	}
	memcpy(in->public_key, pinned, sizeof(pinned));
	in->table.host_proven = 1;
	return 0;
}

int
greet(struct instance *in, struct mailbox *mb, uint8_t boot_id[16])
{
	struct iso_req_status ask = { 0 };
	struct iso_rep_status *is = calloc(1, sizeof(*is));
	enum iso_status st;

	if (is == NULL)
		return -1;
	st = mailbox_call(mb, in->life_fd, ISO_OP_status, &ask, is, ISO_ANSWER_MS);
	if (st == ISO_OK && is->phase != ISO_RUN) {
		channel_say(in, "the host's lsaiso has no policy yet; look at lsainit there");
		st = ISO_E_PHASE;
	} else if (st == (enum iso_status)ISO_GONE && errno == ETIMEDOUT) {
		channel_say(in, "the host's lsaiso did not answer within %d s",
			    ISO_ANSWER_MS / 1000);
	} else if (st != ISO_OK && st != (enum iso_status)ISO_GONE) {
		channel_say(in, "the host's lsaiso does not say how it is: %s",
			    rpc_status_text(st));
	}
	memcpy(boot_id, is->boot_id, ISO_BOOT_ID);
	memcpy(in->public_key, is->public_key, ISO_PUBLIC);
	free(is);
	return st == ISO_OK ? prove(in, mb, boot_id) : -1;
}
