/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fills what the contract says into a manual page: @OPS@, @STATUS@, @EXITS@,
 * @VERSION@. From standard input to standard output.
 */
#include <stdio.h>
#include <string.h>

#include "lsaseal/exits.h"
#include "rpc/rpc.h"

static const struct {
	const char *name;
	const char *does;
} what[] = {
#define MK_OP(number, name, phases, effect) [number] = { #name, NULL },
	ISO_OPS(MK_OP)
};

/* One sentence for each; the build fails on an operation without. */
static const char *
sentence(enum iso_op op)
{
	switch (op) {
	case ISO_OP_ping:
		return "Answers; for tests and measurements.";
	case ISO_OP_configure:
		return "Fixes the policy for the life of this lsaiso; once.";
	case ISO_OP_status:
		return "Counters since the start.";
	case ISO_OP_session_open:
		return "Opens a logon, with a key of its own.";
	case ISO_OP_session_close:
		return "Destroys the key of a session: all its blobs are dead.";
	case ISO_OP_session_info:
		return "Counters of one session.";
	case ISO_OP_cred_absorb:
		return "Seals a key into a session.";
	case ISO_OP_krb_tgs_seal:
		return "Makes the authenticator of a TGS request over the caller's body, under "
		       "the sealed key and with a subkey of its own.";
	case ISO_OP_krb_tgs_open:
		return "Opens the KDC's answer to it, and decides whether the key in it may "
		       "leave or is replaced by a stand-in.";
	case ISO_OP_root_set:
		return "Takes a root key that was kept, in place of the random one; once, and "
		       "before configure.";
	case ISO_OP_prove:
		return "Proves that it has the private key of its public key, which the root key "
		       "gives, and where its use log stands.";
	case ISO_OP_logon_challenge:
		return "Draws what the next box of a session must answer, once.";
	case ISO_OP_logon_absorb:
		return "Opens a box, in which a password, a long-term key or the key of a "
		       "ticket-granting ticket came past everybody else, and seals what is in it.";
	case ISO_OP_krb_s2k:
		return "Makes the long-term key of a password, with the salt and the iterations "
		       "that the KDC names.";
	case ISO_OP_krb_as_seal:
		return "Makes the pre-authentication of an AS request: an encrypted time stamp, "
		       "or with FAST an encrypted challenge.";
	case ISO_OP_krb_as_open:
		return "Opens the KDC's answer to it; the key of the new ticket stays inside.";
	case ISO_OP_krb_armor:
		return "Makes the authenticator of a FAST armour, and the armour key.";
	case ISO_OP_krb_ticket_check:
		return "Says whether a ticket is for a key of this host, and holds the session "
		       "key that came with it: so that the KDC is a real one.";
	case ISO_OP_krb_passwd_seal:
		return "Makes the request of a change of password.";
	case ISO_OP_krb_passwd_open:
		return "Opens the answer to it.";
	case ISO_OP_session_lock:
		return "Makes a session refuse everything until it is unlocked.";
	case ISO_OP_session_unlock:
		return "Unlocks it with the password that it began with.";
	case ISO_OP_audit_read:
		return "Hands out records of use, and the value of the chain before them.";
	case ISO_OP_offline_make:
		return "Makes a verifier of a password, for when no KDC can be reached.";
	case ISO_OP_offline_try:
		return "Compares a password with it; counted, and ever slower.";
	case ISO_OP_ntlm_authenticate:
		return "Answers a whole NTLM challenge with NTLMv2; the exported session key "
		       "leaves, the keys that it was made of do not.";
	case ISO_OP_key_keep:
		return "Seals a long-term key under the root key, for after a restart; only where "
		       "the root key is kept.";
	case ISO_OP_key_take:
		return "Opens one of these into a session.";
	case ISO_OP_krb_for_user:
		return "Makes the checksum of a PA-FOR-USER, for S4U2Self; only where policy "
		       "allows it.";
	case ISO_OP_END:
		break;
	}
	return "";
}

static const char *
effect_word(uint8_t effect)
{
	static const char *const words[] = { "none", "store", "use", "destroy" };

	return effect < sizeof(words) / sizeof(words[0]) ? words[effect] : "?";
}

static void
print_fields(const char *head, uint32_t op, int reply, const struct rpc_field *f, unsigned int n)
{
	static const char *const kinds[] = { "U32", "U64", "I32",    "I64",
					     "FIX", "VAR", "SECRET", "RELEASE" };

	(void)printf(".br\n%s:\n", head);
	if (n == 0)
		(void)puts("nothing.");
	for (unsigned int i = 0; i < n; i++) {
		(void)printf(".Ql %s\n.Ic %s", rpc_field_name(op, reply, i), kinds[f[i].kind]);
		if (f[i].max != 0)
			(void)printf(" Ns Pq %u", f[i].max);
		(void)printf("%s\n", i + 1 < n ? " ," : " .");
	}
}

static void
print_ops(void)
{
	for (uint32_t op = 0; op < ISO_OP_END; op++) {
		const struct rpc_op *row = rpc_op(op);

		if (row == NULL)
			continue;
		(void)printf(".It %u Ic %s\n%s\n.br\nPhase: %s%s%s; effect: %s.\n", op,
			     what[op].name, sentence((enum iso_op)op),
			     (row->phases & ISO_BOOT) != 0 ? "boot" : "",
			     row->phases == (ISO_BOOT | ISO_RUN) ? ", " : "",
			     (row->phases & ISO_RUN) != 0 ? "run" : "", effect_word(row->effect));
		print_fields("Request", op, 0, row->req, row->req_fields);
		print_fields("Reply", op, 1, row->rep, row->rep_fields);
	}
}

static void
print_macro(const char *name)
{
#define MK_STATUS(number, word, text) (void)printf(".It %d\n%s\n", number, text);
#define MK_EXIT(number, word, text)   (void)printf(".It %d\n%s\n", number, text);
#define MK_SEAL_EXIT(number, word, text, todo)                                                     \
	(void)printf(".It %d\n%s:\n%s.\n", number, text, todo);
	if (strcmp(name, "@OPS@\n") == 0) {
		print_ops();
	} else if (strcmp(name, "@STATUS@\n") == 0) {
		ISO_STATUS_LIST(MK_STATUS)
	} else if (strcmp(name, "@EXITS@\n") == 0) {
		ISO_EXIT_LIST(MK_EXIT)
	} else if (strcmp(name, "@SEAL_EXITS@\n") == 0) {
		SEAL_EXIT_LIST(MK_SEAL_EXIT)
	}
}

int
main(void)
{
	static const char version[] = "@VERSION@";
	char line[1024];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		char *at = strstr(line, version);

		if (at != NULL)
			(void)printf("%.*s%u%s", (int)(at - line), line, RPC_VERSION,
				     at + sizeof(version) - 1);
		else if (line[0] == '@')
			print_macro(line);
		else
			(void)fputs(line, stdout);
	}
	return fflush(stdout) == 0 && ferror(stdin) == 0 ? 0 : 1;
}
