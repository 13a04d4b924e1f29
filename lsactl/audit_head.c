/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What lsaiso itself says of its use log: lsass only carries question and answer. */
#include <string.h>

#include "lib/prove.h"
#include "lsactl/audit.h"

struct line {
	const struct ctl *ct;
	struct iso_rep_prove is; /* as it came; to be believed once prove_check is content */
	char error[256];
};

static void
add_hex(json_t *to, const char *name, const uint8_t *at, size_t n)
{
	char text[2 * ISO_PUBLIC + 1] = "";

	for (size_t i = 0; i < n && i < ISO_PUBLIC; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", at[i]);
	(void)json_object_set_new(to, name, json_string(text));
}

static int
get_hex(const json_t *from, const char *name, uint8_t *at, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const char *text = get_text(from, name);

	if (strlen(text) != 2 * n || strspn(text, digits) != 2 * n)
		return -1;
	for (size_t i = 0; i < n; i++)
		at[i] = (uint8_t)((strchr(digits, text[2 * i]) - digits) << 4 |
				  (strchr(digits, text[2 * i + 1]) - digits));
	return 0;
}

static enum iso_status
ask(void *to, const struct iso_req_prove *req, struct iso_rep_prove *rep)
{
	struct line *li = to;
	json_t *parameters = json_object(), *is;
	enum iso_status st = (enum iso_status)ISO_GONE;

	add_hex(parameters, "public", req->public, sizeof(req->public));
	add_hex(parameters, "nonce", req->nonce, sizeof(req->nonce));
	is = try_call(li->ct, "AuditHead", parameters, li->error, sizeof(li->error));
	if (is == NULL)
		return st;
	rep->sequence = (uint64_t)get_number(is, "sequence");
	if (get_hex(is, "public", rep->public, sizeof(rep->public)) == 0 &&
	    get_hex(is, "boot_id", rep->boot_id, sizeof(rep->boot_id)) == 0 &&
	    get_hex(is, "chain", rep->chain, sizeof(rep->chain)) == 0 &&
	    get_hex(is, "proof", rep->proof, sizeof(rep->proof)) == 0)
		st = ISO_OK;
	else
		(void)snprintf(li->error, sizeof(li->error), "the answer is malformed");
	json_decref(is);
	li->is = *rep;
	return st;
}

int
audit_head(const struct ctl *ct, const uint8_t pinned[ISO_PUBLIC], struct audit_head *head,
	   char *error, size_t n)
{
	struct line li = { .ct = ct };
	uint8_t boot_id[ISO_BOOT_ID];
	char why[512];

	if (prove_check(ask, &li, pinned, boot_id, why, sizeof(why)) != 0) {
		if (li.error[0] != '\0')
			(void)snprintf(error, n, "%s", li.error);
		else
			(void)snprintf(error, n, "%s",
				       memcmp(li.is.public, pinned, ISO_PUBLIC) != 0
					   ? "an lsaiso with another public key answers"
					   : "the answer is not from who has the private key");
		return -1;
	}
	memcpy(head->boot_id, boot_id, sizeof(head->boot_id));
	uselog_boot_text(boot_id, head->boot);
	head->sequence = li.is.sequence;
	memcpy(head->chain, li.is.chain, sizeof(head->chain));
	return 0;
}

int
audit_pin(const struct ctl *ct, uint8_t key[ISO_PUBLIC], char *warning, char *error, size_t n)
{
	char file[PATH_MAX + 16], why[PATH_MAX + 256];
	json_t *is;
	int bad;

	warning[0] = '\0';
	(void)snprintf(file, sizeof(file), "file:%s/public-key", ct->cf.run_directory);
	if (prove_pin(file, key, why, sizeof(why)) == 0)
		return 0;
	(void)snprintf(warning, n,
		       "%s/public-key cannot be used: the public key is believed to be what lsass "
		       "says, so this finds no lie of lsass",
		       ct->cf.run_directory);
	is = try_call(ct, "Status", NULL, error, n);
	if (is == NULL)
		return -1;
	bad = get_hex(json_object_get(is, "lsaiso"), "public_key", key, ISO_PUBLIC);
	if (bad != 0)
		(void)snprintf(error, n, "lsaiso is not running");
	json_decref(is);
	return bad;
}
