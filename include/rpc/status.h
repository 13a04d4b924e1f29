/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What an operation of lsaiso can answer, and with which exit code lsaiso
 * itself can end. Both lists are read by both worlds; neither carries text
 * into the trusted one (rpc/names.c, which lsaiso does not link, has it).
 *
 * A failed call has a status and no body.
 */
#ifndef RPC_STATUS_H
#define RPC_STATUS_H

/* clang-format off */
/* ST(number, name, text for people) */
#define ISO_STATUS_LIST(ST)                                                                   \
	ST(0, OK, "done")                                                                      \
	ST(1, E_FRAME, "malformed frame")                                                      \
	ST(2, E_OP, "unknown operation")                                                       \
	ST(3, E_PHASE, "operation not allowed in this phase")                                  \
	ST(4, E_RANGE, "field out of range")                                                   \
	ST(5, E_SESSION, "no such session, or it was closed")                                  \
	ST(6, E_OWNER, "session or blob belongs to another user or principal")                 \
	ST(7, E_EXPIRED, "session or credential has expired")                                  \
	ST(8, E_BLOB, "sealed blob is not authentic")                                          \
	ST(9, E_KIND, "blob does not allow this operation")                                    \
	ST(10, E_ETYPE, "encryption type not allowed")                                         \
	ST(11, E_POLICY, "refused by policy")                                                  \
	ST(12, E_RATE, "too many requests in this session")                                    \
	ST(13, E_PENDING, "no such pending request")                                           \
	ST(14, E_DER, "malformed or unsupported DER")                                          \
	ST(15, E_INTEGRITY, "decryption failed its integrity check")                           \
	ST(16, E_MISMATCH, "reply does not belong to the request")                             \
	ST(17, E_FULL, "no room for another session")                                          \
	ST(18, E_ENTROPY, "no entropy")                                                        \
	ST(19, E_LOCKED, "session is locked")                                                  \
	ST(20, E_SECRET, "not the secret that was expected")

/* clang-format on */
#define ISO_STATUS_ENUM(n, name, text) ISO_##name = n,
enum iso_status { ISO_STATUS_LIST(ISO_STATUS_ENUM) };
#undef ISO_STATUS_ENUM

/*
 * Not a status of lsaiso: the broker's own word for "there is no lsaiso to
 * ask", kept out of the table so that it never travels.
 */
#define ISO_GONE 0x7fff

/* clang-format off */
/* EX(number, name, text for people): exit codes of the lsaiso process. */
#define ISO_EXIT_LIST(EX)                                                                     \
	EX(80, ARGS, "started without its channel (only lsainit starts lsaiso)")               \
	EX(81, SECRET, "memfd_secret not available (kernel 5.14+, secretmem.enable=1)")        \
	EX(82, MEMLOCK, "not enough lockable memory (RLIMIT_MEMLOCK) for the secret region")   \
	EX(83, CHANNEL, "channel memory could not be mapped or has the wrong shape")           \
	EX(84, PRCTL, "could not become non-dumpable or set no_new_privs")                     \
	EX(85, SECCOMP, "seccomp filter refused by the kernel")                                \
	EX(86, ENTROPY, "no entropy from getrandom")                                           \
	EX(87, CLOCK, "no usable clock")                                                       \
	EX(88, STACK, "stack protector tripped")                                               \
	EX(89, ASSERT, "an internal assertion failed")

/* clang-format on */
#define ISO_EXIT_ENUM(n, name, text) ISO_EXIT_##name = n,
enum iso_exit { ISO_EXIT_LIST(ISO_EXIT_ENUM) };
#undef ISO_EXIT_ENUM

/* clang-format off */
/*
 * LX(number, name, text for people): what ended a lsalink, beside the above.
 * Those after NOBODY are the refusals of rpc/stream.h (STREAM_WHY_LIST).
 */
#define LINK_EXIT_LIST(LX)                                                                    \
	LX(60, LOST, "the stream to the host ended")                                           \
	LX(61, GONE, "the host's lsaiso has ended")                                            \
	LX(62, PROTOCOL, "the host broke the protocol")                                        \
	LX(63, SILENT, "the host did not answer a call in time")                               \
	LX(64, NOBODY, "nobody answered at the host's end")                                    \
	LX(65, VERSION, "the host refused: it is of another version")                          \
	LX(66, TENANT, "the host refused: it does not know this guest")                        \
	LX(67, BUSY, "the host refused: another connection of this guest is being served")     \
	LX(68, RATE, "the host refused: too many connections within a short time")             \
	LX(69, ISO, "the host refused: it has no lsaiso for this guest at the moment")

/* clang-format on */
#define LINK_EXIT_ENUM(n, name, text) LINK_EXIT_##name = n,
enum link_exit { LINK_EXIT_LIST(LINK_EXIT_ENUM) };
#undef LINK_EXIT_ENUM

#endif
