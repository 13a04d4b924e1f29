/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * THE contract between the two worlds: every operation of lsaiso, once.
 * START HERE.
 *
 * From this table the preprocessor makes the operation numbers, the request
 * and reply structs (rpc.h), the field tables that the one codec walks
 * (rpc/codec.c), the dispatch rows and handler prototypes of lsaiso
 * (lsaiso/dispatch.c), ask_x() of the broker (lsass/ask.h), the name strings,
 * and a round-trip test of every message (tests/table).
 *
 * Adding an operation: its row and its two field lists here, one handler
 * file lsaiso/op_x.c, the caller, its vectors. Nothing else.
 *
 * Field kinds. The kind carries the security rule:
 *
 *   U32 U64 I32 I64   fixed-width integers, little-endian on the wire
 *   FIX(name, n)      exactly n octets
 *   VAR(name, max)    0..max octets, length first (u32)
 *   SECRET(name, max) like VAR; a long-term secret. Requests only: a reply
 *                     that declares one does not compile (rpc.h)
 *   RELEASE(name,max) like VAR; may carry a key that leaves lsaiso on
 *                     purpose. Replies only, so every such place can be listed
 *
 * In requests VAR and SECRET decode to views (struct rd) into the frame that
 * the trusted side has already copied; in replies they are owned octets.
 */
#ifndef RPC_OPS_H
#define RPC_OPS_H

/* Phases in which an operation is allowed. */
#define ISO_BOOT 1u /* lsainit holds the channel, policy is not yet fixed */
#define ISO_RUN	 2u /* policy fixed for the life of this lsaiso */

/* Effects, for the reader, the manual and the tests. */
#define ISO_FX_NONE    0u
#define ISO_FX_STORE   1u
#define ISO_FX_USE     2u
#define ISO_FX_DESTROY 3u

/* Limits of the fields below, in octets. */
#define ISO_KEY_MAX	 32u /* AES-256 is the longest key of etypes 17..20, 23 */
#define ISO_BOOT_ID	 16u
#define ISO_HASH	 32u /* SHA-256 */
#define ISO_ROOT_KEY	 32u
#define ISO_ROOT_ID	 8u
#define ISO_PUBLIC	 32u /* X25519, RFC 7748 */
#define ISO_NONCE	 32u
#define ISO_BLOB_MAX	 192u	/* sealed credential, see lsaiso/blob.h */
#define ISO_SECRET_MAX	 512u	/* a password in UTF-8; of Active Directory 256 characters */
#define ISO_SEALED_MAX	 672u	/* a sealed password */
#define ISO_BOX		 640u	/* a secret on its way in, exactly: rpc/box.h */
#define ISO_NAME_MAX	 512u	/* a principal as its user writes it */
#define ISO_SALT_MAX	 512u	/* ETYPE-INFO2 salt */
#define ISO_PARAMS_MAX	 4u	/* ETYPE-INFO2 s2kparams */
#define ISO_AS_REQ_MAX	 32768u /* AS-REQ; with FAST it has the armour's ticket in it */
#define ISO_TEXT_MAX	 1024u	/* what a server says to a change of password */
#define ISO_RECORDS_MAX	 9600u	/* use records of one answer: 100 */
#define ISO_VERIFIER_MAX 160u	/* sealed offline verifier */
#define ISO_KEPT_MAX	 128u	/* long-term key, sealed under the root key */
#define ISO_FOR_USER_MAX 2048u	/* S4UByteArray, [MS-SFU] 2.2.1 */
#define ISO_CLIENT_MAX	 1024u	/* DER of crealm [1] and cname [2] of RFC 4120 5.5.1 */
#define ISO_BODY_MAX	 65536u /* KDC-REQ-BODY; a user-to-user ticket with a large PAC fits */
#define ISO_AUTH_MAX	 2048u	/* sealed Authenticator */
#define ISO_PART_MAX	 8192u	/* EncTGSRepPart; real ones are a few hundred octets */
#define ISO_TARGETS_MAX	 4096u	/* [ntlm] targets */
#define ISO_NTLM_NAME	 512u	/* user, domain, ... of NTLM in UTF-16LE */
#define ISO_NTLM_IN	 4096u	/* NEGOTIATE_MESSAGE, CHALLENGE_MESSAGE */
#define ISO_NTLM_OUT	 8192u	/* AUTHENTICATE_MESSAGE */

/* Kinds of sealed credentials (configure no others). */
#define ISO_KIND_TGT	  1u /* session key of a ticket-granting ticket */
#define ISO_KIND_NTLM	  2u /* NT hash: ntlm_authenticate */
#define ISO_KIND_PASSWORD 3u /* a password that came in a box */
#define ISO_KIND_KEY	  4u /* long-term key: of a password, or out of a keytab */

/* Operations that a blob may be used for (bits in its header). */
#define ISO_MAY_TGS    1u   /* krb_tgs_seal */
#define ISO_MAY_ARMOR  2u   /* krb_armor */
#define ISO_MAY_CHANGE 4u   /* krb_passwd_seal: key of a kadmin/changepw ticket */
#define ISO_MAY_S2K    8u   /* krb_s2k, offline_make, offline_try: a password to log on with */
#define ISO_MAY_AS     16u  /* krb_as_seal, krb_as_open */
#define ISO_MAY_UNLOCK 32u  /* session_unlock: the key that the session began with */
#define ISO_MAY_CHECK  64u  /* krb_ticket_check: a key out of a keytab */
#define ISO_MAY_NEW    128u /* krb_passwd_seal: a password to change to */

/* configure.policy bits */
#define ISO_POLICY_RC4 1u /* etype 23 may be used (RFC 4757) */
#define ISO_POLICY_FORWARDED                                                                       \
	2u		       /* let KDC option FORWARDED through, and a forwarded TGT's key out */
#define ISO_POLICY_PROXY   4u  /* let KDC option PROXY through */
#define ISO_POLICY_S4U	   8u  /* let KDC option CNAME-IN-ADDL-TKT through; krb_for_user */
#define ISO_POLICY_NTLM	   16u /* krb_s2k also makes NT hashes; ntlm_authenticate */
#define ISO_POLICY_OFFLINE 32u /* offline_make, offline_try */
#define ISO_POLICY_TARGETS 64u /* ntlm_authenticate refuses what is not on the list */
#define ISO_POLICY_ALL	   127u

/* Bounds of krb_s2k's iteration counts; least: the defaults of RFC 3962 and RFC 8009. */
#define ISO_ITERATIONS_SHA1 4096u
#define ISO_ITERATIONS_SHA2 32768u
#define ISO_ITERATIONS_MAX  131072u

#define ISO_BOX_MS	 300000u /* a challenge and a password that came in live so long */
#define ISO_UNLOCK_TRIES 8u	 /* wrong passwords in a row; the session is then closed */

/* status.root_kind */
#define ISO_ROOT_RANDOM 0u /* drawn at this start, gone with it */
#define ISO_ROOT_KEPT	1u /* given by root_set: the same after a restart */

/* krb_tgs_open.verdict */
#define ISO_RELEASED                                                                               \
	0u		/* plainly a service ticket, or a TGT that ISO_POLICY_FORWARDED lets       \
			 * be forwarded: its key is in part */
#define ISO_WITHHELD 1u /* TGT-class: part holds a stand-in, blob the key */

/* The tables below are laid out by hand. */
/* clang-format off */

/* OP(number, name, phases, effect) */
#define ISO_OPS(OP)                                                                           \
	OP(1, ping, ISO_BOOT | ISO_RUN, ISO_FX_NONE)                                           \
	OP(2, configure, ISO_BOOT, ISO_FX_NONE)                                                \
	OP(3, status, ISO_BOOT | ISO_RUN, ISO_FX_NONE)                                         \
	OP(4, session_open, ISO_RUN, ISO_FX_STORE)                                             \
	OP(5, session_close, ISO_RUN, ISO_FX_DESTROY)                                          \
	OP(6, session_info, ISO_RUN, ISO_FX_NONE)                                              \
	OP(7, cred_absorb, ISO_RUN, ISO_FX_STORE)                                              \
	OP(8, krb_tgs_seal, ISO_RUN, ISO_FX_USE)                                               \
	OP(9, krb_tgs_open, ISO_RUN, ISO_FX_USE)                                               \
	OP(10, root_set, ISO_BOOT, ISO_FX_STORE)                                               \
	OP(11, prove, ISO_BOOT | ISO_RUN, ISO_FX_USE)                                          \
	OP(12, logon_challenge, ISO_RUN, ISO_FX_NONE)                                          \
	OP(13, logon_absorb, ISO_RUN, ISO_FX_STORE)                                            \
	OP(14, krb_s2k, ISO_RUN, ISO_FX_USE)                                                   \
	OP(15, krb_as_seal, ISO_RUN, ISO_FX_USE)                                               \
	OP(16, krb_as_open, ISO_RUN, ISO_FX_STORE)                                             \
	OP(17, krb_armor, ISO_RUN, ISO_FX_USE)                                                 \
	OP(18, krb_ticket_check, ISO_RUN, ISO_FX_USE)                                          \
	OP(19, krb_passwd_seal, ISO_RUN, ISO_FX_USE)                                           \
	OP(20, krb_passwd_open, ISO_RUN, ISO_FX_USE)                                           \
	OP(21, session_lock, ISO_RUN, ISO_FX_USE)                                              \
	OP(22, session_unlock, ISO_RUN, ISO_FX_USE)                                            \
	OP(23, audit_read, ISO_BOOT | ISO_RUN, ISO_FX_NONE)                                    \
	OP(24, offline_make, ISO_RUN, ISO_FX_STORE)                                            \
	OP(25, offline_try, ISO_RUN, ISO_FX_USE)                                               \
	OP(26, ntlm_authenticate, ISO_RUN, ISO_FX_USE)                                         \
	OP(27, key_keep, ISO_RUN, ISO_FX_STORE)                                                \
	OP(28, key_take, ISO_RUN, ISO_FX_USE)                                                  \
	OP(29, krb_for_user, ISO_RUN, ISO_FX_USE)

/* ---- ping: nothing in, nothing out; "are you there", and the benchmark */
#define ISO_REQ_ping(F)
#define ISO_REP_ping(F)

/* ---- configure: fixes policy and ends the boot phase; once */
#define ISO_REQ_configure(F)                                                                  \
	F(U32, policy, 0)     /* ISO_POLICY_* */                                               \
	F(U32, rate, 0)	      /* krb_tgs_seal per second and session, 1..1 000 000 */          \
	F(U32, burst, 0)      /* token bucket depth, 1..1 000 000 */                           \
	F(VAR, targets, ISO_TARGETS_MAX) /* servers that NTLM may talk to: names in ASCII, each \
				* with a NUL after it; *.NAME: any below it; empty: all */
#define ISO_REP_configure(F)

/* ---- status: counters since start; no secret among them */
#define ISO_REQ_status(F)
#define ISO_REP_status(F)                                                                     \
	F(FIX, boot_id, ISO_BOOT_ID)	/* random per start; every blob carries it */          \
	F(U32, phase, 0)		/* ISO_BOOT or ISO_RUN */                              \
	F(U32, policy, 0)		/* as configured */                                    \
	F(U64, uptime_ms, 0)		/* own clock, milliseconds */                          \
	F(U32, sessions, 0)		/* open now */                                         \
	F(U32, sessions_max, 0)		/* size of the table */                                \
	F(U32, pending, 0)		/* TGS requests awaiting their reply */                \
	F(U32, pending_max, 0)		/* size of the ring */                                 \
	F(U64, served, 0)		/* calls answered ISO_OK */                            \
	F(U64, refused, 0)		/* calls answered anything else */                     \
	F(U64, absorbed, 0)		/* credentials sealed by cred_absorb */                \
	F(U64, sealed, 0)		/* authenticators made */                              \
	F(U64, released, 0)		/* service keys that left */                           \
	F(U64, withheld, 0)		/* TGT-class keys kept inside */                       \
	F(U64, dropped, 0)		/* pending requests overwritten by newer ones */       \
	F(U32, root_kind, 0)		/* ISO_ROOT_* */                                       \
	F(FIX, root_id, ISO_ROOT_ID)	/* names the root key: HMAC-SHA256 under it of a       \
					 * fixed text, cut; whoever sees it learns nothing     \
					 * of the key but whether two starts have the same */  \
	F(FIX, public_key, ISO_PUBLIC)	/* of the pair derived from the root key; op prove */

/* ---- session_open: a logon; its key lives until close, expiry or restart */
#define ISO_REQ_session_open(F)                                                               \
	F(U32, owner, 0)      /* uid that every later call must name */                        \
	F(U32, lifetime, 0)   /* seconds from now, 1..31 622 400 (366 days) */
#define ISO_REP_session_open(F)                                                               \
	F(U32, session, 0)    /* slot in the table */                                          \
	F(U32, generation, 0) /* of that slot */

/* ---- session_close: destroys the session's key; all its blobs are dead */
#define ISO_REQ_session_close(F)                                                              \
	F(U32, session, 0)                                                                     \
	F(U32, generation, 0)                                                                  \
	F(U32, owner, 0)
#define ISO_REP_session_close(F)

/* ---- session_info: counters of one session */
#define ISO_REQ_session_info(F)                                                               \
	F(U32, session, 0)                                                                     \
	F(U32, generation, 0)                                                                  \
	F(U32, owner, 0)
#define ISO_REP_session_info(F)                                                               \
	F(U64, expires_in, 0) /* seconds */                                                    \
	F(U32, uses, 0)	      /* authenticators made */                                        \
	F(U32, refused, 0)    /* calls of this session that failed */                          \
	F(U32, tokens, 0)     /* left in the token bucket */                                   \
	F(U32, locked, 0)     /* 1: by session_lock */

/* ---- cred_absorb: seals a secret into a session (KCM STORE, REPLACE) */
#define ISO_REQ_cred_absorb(F)                                                                \
	F(U32, session, 0)                                                                     \
	F(U32, generation, 0)                                                                  \
	F(U32, owner, 0)                                                                       \
	F(U32, kind, 0)		       /* ISO_KIND_* */                                        \
	F(I32, etype, 0)	       /* of the key; 0 for ISO_KIND_NTLM */                   \
	F(I64, endtime, 0)	       /* seconds since 1970; the blob dies then */            \
	F(VAR, client, ISO_CLIENT_MAX) /* whose credential: crealm, cname; see krb_tgs_seal */ \
	F(SECRET, key, ISO_KEY_MAX)    /* exactly as long as etype asks; 16 for NTLM */
#define ISO_REP_cred_absorb(F) F(VAR, blob, ISO_BLOB_MAX)

/* ---- krb_tgs_seal: authenticator of a TGS-REQ over the caller's body */
#define ISO_REQ_krb_tgs_seal(F)                                                               \
	F(U32, session, 0)                                                                     \
	F(U32, generation, 0)                                                                  \
	F(U32, owner, 0)                                                                       \
	F(I32, skew, 0)		       /* KDC clock minus ours, seconds, within a day */       \
	F(VAR, blob, ISO_BLOB_MAX)     /* of kind ISO_KIND_TGT */                              \
	F(VAR, client, ISO_CLIENT_MAX) /* DER, crealm [1] then cname [2] as in RFC 4120 5.5.1  \
					* Authenticator, no outer SEQUENCE */                  \
	F(VAR, body, ISO_BODY_MAX)     /* DER of KDC-REQ-BODY, RFC 4120 5.4.1 */
#define ISO_REP_krb_tgs_seal(F)                                                               \
	F(U64, pending, 0)		   /* names the request for krb_tgs_open */            \
	F(I32, etype, 0)		   /* of the cipher below */                           \
	F(VAR, authenticator, ISO_AUTH_MAX) /* EncryptedData.cipher, key usage 7 */

/* ---- krb_tgs_open: opens the KDC's answer; decides what may leave */
#define ISO_REQ_krb_tgs_open(F)                                                               \
	F(U64, pending, 0)                                                                     \
	F(U32, owner, 0)                                                                       \
	F(I32, etype, 0)	       /* EncryptedData.etype of enc-part */                   \
	F(VAR, cipher, ISO_PART_MAX)   /* EncryptedData.cipher of enc-part, key usage 9 */
#define ISO_REP_krb_tgs_open(F)                                                               \
	F(U32, verdict, 0)		 /* ISO_RELEASED or ISO_WITHHELD */                    \
	F(VAR, blob, ISO_BLOB_MAX)	 /* withheld: key that may TGS and ARMOR; else empty */  \
	F(RELEASE, part, ISO_PART_MAX)	 /* EncTGSRepPart DER; a withheld key is overwritten   \
					  * by a random stand-in of the same length */

/* ---- root_set: a root key that outlives restarts, in place of the random one; once */
#define ISO_REQ_root_set(F)                                                                   \
	F(SECRET, key, ISO_ROOT_KEY)	/* exactly that long */
#define ISO_REP_root_set(F)

/* ---- prove: that who answers has the private key of a public key one knows */
#define ISO_REQ_prove(F)                                                                      \
	F(FIX, public, ISO_PUBLIC)    /* the asker's, of a pair made for this call */          \
	F(FIX, nonce, ISO_NONCE)      /* random */
#define ISO_REP_prove(F)                                                                      \
	F(FIX, public, ISO_PUBLIC)    /* lsaiso's, as in status */                             \
	F(FIX, boot_id, ISO_BOOT_ID)  /* as in status */                                       \
	F(U64, sequence, 0)	      /* of the latest record of use before this call */       \
	F(FIX, chain, ISO_HASH)	      /* value of the chain at that record (rpc/record.h) */   \
	F(FIX, proof, ISO_HASH)	      /* HMAC-SHA256; key: what X25519 (RFC 7748 section 6.1)  \
				       * makes of lsaiso's private and the asker's public key; \
				       * text: "lsaiso prove", the asker's public key,         \
				       * lsaiso's, nonce, boot_id, sequence (little-endian),   \
				       * chain */

/* ---- logon_challenge: what the next box of this session must answer; also of a locked one */
#define ISO_REQ_logon_challenge(F)                                                            \
	F(U32, session, 0)                                                                     \
	F(U32, generation, 0)                                                                  \
	F(U32, owner, 0)
#define ISO_REP_logon_challenge(F) F(U64, challenge, 0) /* once, within ISO_BOX_MS */

/* ---- logon_absorb: opens a box (rpc/box.h) and seals what is in it; also of a locked session */
#define ISO_REQ_logon_absorb(F)                                                               \
	F(U32, session, 0)                                                                     \
	F(U32, generation, 0)                                                                  \
	F(U32, owner, 0)                                                                       \
	F(SECRET, box, ISO_BOX)
#define ISO_REP_logon_absorb(F)                                                               \
	F(U32, kind, 0)		        /* ISO_KIND_PASSWORD, ISO_KIND_KEY, ISO_KIND_TGT */      \
	F(I32, etype, 0)	        /* of a key */                                         \
	F(VAR, blob, ISO_SEALED_MAX)    /* ends after ISO_BOX_MS; a TGT and, with BOX_KEEP, a key do not */

/* ---- krb_s2k: string-to-key; also of a locked session */
#define ISO_REQ_krb_s2k(F)                                                                    \
	F(U32, session, 0)                                                                     \
	F(U32, generation, 0)                                                                  \
	F(U32, owner, 0)                                                                       \
	F(VAR, password, ISO_SEALED_MAX) /* that may ISO_MAY_S2K */                            \
	F(VAR, name, ISO_NAME_MAX)     /* as in the box */                                     \
	F(I32, etype, 0)	       /* 17..20, 23 if configured; 0: NT hash, if configured */ \
	F(VAR, salt, ISO_SALT_MAX)     /* as the KDC says (RFC 4120 5.2.7.5) */                \
	F(VAR, params, ISO_PARAMS_MAX) /* iterations, big-endian; empty: the etype's default */
#define ISO_REP_krb_s2k(F)                                                                    \
	F(VAR, blob, ISO_BLOB_MAX)     /* ISO_KIND_KEY that may ISO_MAY_AS, or ISO_KIND_NTLM,  \
					* which lasts as long as the session */                \
	F(VAR, anchor, ISO_BLOB_MAX)   /* of the session's first password, made before any lock:  \
					* the same key, that may ISO_MAY_UNLOCK only and lasts \
					* as long as the session; else empty */

/* ---- krb_as_seal: PA-ENC-TIMESTAMP (RFC 4120 5.2.7.2), or encrypted challenge (RFC 6113 5.4.6) */
#define ISO_REQ_krb_as_seal(F)                                                                \
	F(U32, session, 0)                                                                     \
	F(U32, generation, 0)                                                                  \
	F(U32, owner, 0)                                                                       \
	F(I32, skew, 0)		     /* KDC clock minus ours, seconds, within a day */        \
	F(VAR, key, ISO_BLOB_MAX)    /* that may ISO_MAY_AS */                                 \
	F(VAR, name, ISO_NAME_MAX)   /* as in the box */                                       \
	F(I32, armor_etype, 0)	     /* 0: no FAST, key usage 1 */                             \
	F(VAR, armor, ISO_KEY_MAX)   /* armour key: a challenge under KRB-FX-CF2 of it and key */
#define ISO_REP_krb_as_seal(F)                                                                \
	F(I32, etype, 0)                                                                       \
	F(VAR, cipher, 128)          /* EncryptedData.cipher of a PA-ENC-TS-ENC */

/* ---- krb_as_open: opens AS-REP's enc-part; its key always stays here */
#define ISO_REQ_krb_as_open(F)                                                                \
	F(U32, session, 0)                                                                     \
	F(U32, generation, 0)                                                                  \
	F(U32, owner, 0)                                                                       \
	F(I32, skew, 0)                                                                        \
	F(VAR, key, ISO_BLOB_MAX)      /* that may ISO_MAY_AS */                               \
	F(VAR, name, ISO_NAME_MAX)     /* as in the box */                                     \
	F(VAR, client, ISO_CLIENT_MAX) /* DER of the reply's crealm, cname; see krb_tgs_seal */ \
	F(U32, nonce, 0)	       /* of the request */                                    \
	F(I32, strengthen_etype, 0)    /* 0: no FAST */                                        \
	F(VAR, strengthen, ISO_KEY_MAX) /* KrbFastResponse.strengthen-key */                   \
	F(I32, etype, 0)	       /* of the cipher below */                               \
	F(VAR, cipher, ISO_PART_MAX)   /* EncryptedData.cipher of enc-part, key usage 3 */     \
	F(VAR, request, ISO_AS_REQ_MAX) /* the AS-REQ as it was sent, for REQ-ENC-PA-REP */
#define ISO_REP_krb_as_open(F)                                                                \
	F(U32, checked, 0)	       /* 1: REQ-ENC-PA-REP (RFC 6806 11) was there and right; \
					* a wrong one is ISO_E_MISMATCH */                     \
	F(VAR, blob, ISO_BLOB_MAX)     /* ISO_KIND_TGT: may ISO_MAY_TGS and ISO_MAY_ARMOR, or,  \
					* for kadmin/changepw, ISO_MAY_CHANGE only */          \
	F(RELEASE, part, ISO_PART_MAX) /* EncASRepPart DER; the key is a random stand-in */

/* ---- krb_armor: FAST armour of a TGT (RFC 6113 5.4.1.1) */
#define ISO_REQ_krb_armor(F)                                                                  \
	F(U32, session, 0)                                                                     \
	F(U32, generation, 0)                                                                  \
	F(U32, owner, 0)                                                                       \
	F(I32, skew, 0)                                                                        \
	F(VAR, blob, ISO_BLOB_MAX)     /* that may ISO_MAY_ARMOR */                            \
	F(VAR, client, ISO_CLIENT_MAX) /* as in krb_tgs_seal */
#define ISO_REP_krb_armor(F)                                                                  \
	F(I32, etype, 0)	       /* of both below */                                     \
	F(VAR, authenticator, ISO_AUTH_MAX) /* of the AP-REQ, key usage 11 */                  \
	F(RELEASE, key, ISO_KEY_MAX)   /* KRB-FX-CF2(subkey, session key): says nothing of both */

/* ---- krb_ticket_check: is this ticket for us, and is the key that came with it in it? */
#define ISO_REQ_krb_ticket_check(F)                                                           \
	F(U32, session, 0)                                                                     \
	F(U32, generation, 0)                                                                  \
	F(U32, owner, 0)                                                                       \
	F(VAR, key, ISO_BLOB_MAX)    /* that may ISO_MAY_CHECK */                              \
	F(VAR, name, ISO_NAME_MAX)   /* as in the box */                                       \
	F(I32, etype, 0)                                                                       \
	F(VAR, cipher, ISO_BODY_MAX) /* of the Ticket, key usage 2 */                          \
	F(VAR, given, ISO_KEY_MAX)   /* session key as the TGS reply had it */
#define ISO_REP_krb_ticket_check(F) /* any difference is ISO_E_INTEGRITY */

/* ---- krb_passwd_seal: change of password (RFC 3244, version 1), the request */
#define ISO_REQ_krb_passwd_seal(F)                                                            \
	F(U32, session, 0)                                                                     \
	F(U32, generation, 0)                                                                  \
	F(U32, owner, 0)                                                                       \
	F(I32, skew, 0)                                                                        \
	F(VAR, blob, ISO_BLOB_MAX)	/* that may ISO_MAY_CHANGE */                          \
	F(VAR, client, ISO_CLIENT_MAX)	/* as in krb_tgs_seal */                               \
	F(VAR, password, ISO_SEALED_MAX) /* that may ISO_MAY_NEW */                            \
	F(VAR, name, ISO_NAME_MAX)	/* as in the box */                                    \
	F(VAR, address, 20)		/* sender's IP address, 4 or 16 octets */
#define ISO_REP_krb_passwd_seal(F)                                                            \
	F(U64, pending, 0)                                                                     \
	F(I32, etype, 0)		 /* of both below */                                   \
	F(VAR, authenticator, ISO_AUTH_MAX) /* of the AP-REQ, key usage 11 */                  \
	F(VAR, priv, 1024)		 /* cipher of the KRB-PRIV, key usage 13 */

/* ---- krb_passwd_open: the answer */
#define ISO_REQ_krb_passwd_open(F)                                                            \
	F(U64, pending, 0)                                                                     \
	F(U32, owner, 0)                                                                       \
	F(VAR, blob, ISO_BLOB_MAX)	/* and client: as in krb_passwd_seal */                \
	F(VAR, client, ISO_CLIENT_MAX)                                                         \
	F(I32, etype, 0)		/* of the AP-REP's cipher, key usage 12 */             \
	F(VAR, ap_rep, 512)                                                                    \
	F(I32, priv_etype, 0)		/* of the KRB-PRIV's cipher, key usage 13 */           \
	F(VAR, priv, 2048)
#define ISO_REP_krb_passwd_open(F)                                                            \
	F(U32, result, 0)		/* RFC 3244 section 2; 0: changed */                   \
	F(VAR, text, ISO_TEXT_MAX)	/* the server's, as it came */

/* ---- session_lock: nothing works until session_unlock, nothing is lost */
#define ISO_REQ_session_lock(F)                                                               \
	F(U32, session, 0)                                                                     \
	F(U32, generation, 0)                                                                  \
	F(U32, owner, 0)
#define ISO_REP_session_lock(F)

/* ---- session_unlock: with the password that the session began with */
#define ISO_REQ_session_unlock(F)                                                             \
	F(U32, session, 0)                                                                     \
	F(U32, generation, 0)                                                                  \
	F(U32, owner, 0)                                                                       \
	F(VAR, anchor, ISO_BLOB_MAX) /* of krb_s2k then */                                     \
	F(VAR, key, ISO_BLOB_MAX)    /* of krb_s2k now: same salt, same params */              \
	F(VAR, name, ISO_NAME_MAX)   /* as in both boxes */
#define ISO_REP_session_unlock(F) /* another key: ISO_E_SECRET */

/* ---- audit_read: records of use, oldest first (rpc/record.h) */
#define ISO_REQ_audit_read(F) F(U64, from, 0) /* sequence number */
#define ISO_REP_audit_read(F)                                                                 \
	F(U64, first, 0)	      /* of the records below; later than from: those are lost */ \
	F(U64, next, 0)		      /* of the one that is still to come */                   \
	F(FIX, chain, ISO_HASH)	      /* value of the chain before first */                    \
	F(VAR, records, ISO_RECORDS_MAX)

/* ---- offline_make: a verifier for logons without a KDC, sealed under the root key */
#define ISO_REQ_offline_make(F)                                                               \
	F(U32, session, 0)                                                                     \
	F(U32, generation, 0)                                                                  \
	F(U32, owner, 0)                                                                       \
	F(VAR, password, ISO_SEALED_MAX) /* that may ISO_MAY_S2K */                            \
	F(VAR, name, ISO_NAME_MAX)   /* as in the box */
#define ISO_REP_offline_make(F) F(VAR, verifier, ISO_VERIFIER_MAX)

/* ---- offline_try: is it the same password? Counted, and ever slower */
#define ISO_REQ_offline_try(F)                                                                \
	F(U32, session, 0)                                                                     \
	F(U32, generation, 0)                                                                  \
	F(U32, owner, 0)                                                                       \
	F(VAR, password, ISO_SEALED_MAX) /* that may ISO_MAY_S2K */                            \
	F(VAR, name, ISO_NAME_MAX)                                                             \
	F(VAR, verifier, ISO_VERIFIER_MAX)
#define ISO_REP_offline_try(F)                                                                \
	F(U32, verdict, 0)	     /* 1: the same; 0: not; 2: too early, nothing was tried */ \
	F(U32, wait, 0)		     /* seconds until the next try */                          \
	F(VAR, verifier, ISO_VERIFIER_MAX) /* to be kept in place of the one given */

/*
 * ---- ntlm_authenticate: the AUTHENTICATE_MESSAGE of NTLMv2 for a CHALLENGE_MESSAGE (MS-NLMP
 * 3.1.5.1.2), whole: nothing here answers a bare challenge, and no other NTLM exists here
 */
#define ISO_REQ_ntlm_authenticate(F)                                                          \
	F(U32, session, 0)                                                                     \
	F(U32, generation, 0)                                                                  \
	F(U32, owner, 0)                                                                       \
	F(VAR, key, ISO_BLOB_MAX)      /* of kind ISO_KIND_NTLM */                             \
	F(VAR, name, ISO_CLIENT_MAX)   /* as in the box, or the client of cred_absorb */       \
	F(VAR, user, ISO_NTLM_NAME)    /* UTF-16LE, as all names here */                       \
	F(VAR, upper, ISO_NTLM_NAME)   /* the same in capitals, for NTOWFv2 */                 \
	F(VAR, domain, ISO_NTLM_NAME)                                                          \
	F(VAR, workstation, ISO_NTLM_NAME)                                                     \
	F(VAR, target, ISO_NTLM_NAME)  /* service principal name (HTTP/web) for MsvAvTargetName; \
					* empty: the program did not say */                    \
	F(VAR, bindings, 16)	       /* MD5 of the channel bindings (RFC 4121 4.1.1.2); or empty */ \
	F(VAR, negotiate, ISO_NTLM_IN) /* as it was sent; empty: not known, there is no MIC then */ \
	F(VAR, challenge, ISO_NTLM_IN)
#define ISO_REP_ntlm_authenticate(F)                                                          \
	F(U32, listed, 0)	       /* 1: server and target are on the list, or there is none; \
					* what is not, is ISO_E_POLICY with ISO_POLICY_TARGETS */ \
	F(VAR, server, ISO_NTLM_NAME)  /* whom the challenge names: MsvAvDnsComputerName, else \
					* MsvAvNbComputerName */                               \
	F(VAR, message, ISO_NTLM_OUT)                                                          \
	F(RELEASE, session_key, 16)    /* ExportedSessionKey, a random one (KEY_EXCH); empty: neither \
					* sign nor seal was agreed on; without KEY_EXCH that is refused */

/* ---- key_keep: a long-term key for after a restart: sealed under the root key, which must be kept */
#define ISO_REQ_key_keep(F)                                                                   \
	F(U32, session, 0)                                                                     \
	F(U32, generation, 0)                                                                  \
	F(U32, owner, 0)                                                                       \
	F(VAR, key, ISO_BLOB_MAX)      /* that may ISO_MAY_AS */                               \
	F(VAR, name, ISO_NAME_MAX)     /* as in the box */
#define ISO_REP_key_keep(F) F(VAR, kept, ISO_KEPT_MAX) /* of this name alone; random root: ISO_E_POLICY */

/* ---- key_take: the same key again, for one session */
#define ISO_REQ_key_take(F)                                                                   \
	F(U32, session, 0)                                                                     \
	F(U32, generation, 0)                                                                  \
	F(U32, owner, 0)                                                                       \
	F(VAR, kept, ISO_KEPT_MAX)                                                             \
	F(VAR, name, ISO_NAME_MAX)
#define ISO_REP_key_take(F)                                                                   \
	F(I32, etype, 0)                                                                       \
	F(VAR, blob, ISO_BLOB_MAX)     /* may ISO_MAY_AS, ISO_MAY_CHECK; as long as the session */

/* ---- krb_for_user: checksum of PA-FOR-USER ([MS-SFU] 2.2.1), for S4U2Self; ISO_POLICY_S4U */
#define ISO_REQ_krb_for_user(F)                                                               \
	F(U32, session, 0)                                                                     \
	F(U32, generation, 0)                                                                  \
	F(U32, owner, 0)                                                                       \
	F(VAR, blob, ISO_BLOB_MAX)     /* that may ISO_MAY_TGS */                              \
	F(VAR, client, ISO_CLIENT_MAX) /* as in krb_tgs_seal */                                \
	F(VAR, text, ISO_FOR_USER_MAX) /* S4UByteArray: name type, names, realm, package */
#define ISO_REP_krb_for_user(F) F(FIX, mac, 16) /* KERB_CHECKSUM_HMAC_MD5, key usage 17 */

/* clang-format on */

#endif
