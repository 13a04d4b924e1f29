/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * With which exit code lsaseal ends, and what to do about each. lsaseal
 * prints the advice for people; lsainit, which starts it before lsass, puts
 * it into its log; the manual has the list (a test compares).
 */
#ifndef LSASEAL_EXITS_H
#define LSASEAL_EXITS_H

#include <stddef.h>

/* clang-format off */
/* EX(number, name, what is wrong, what to do) */
#define SEAL_EXIT_LIST(EX)                                                                    \
	EX(2, USAGE, "wrong usage",                                                            \
	   "see lsaseal(8)")                                                                   \
	EX(100, SYSTEM, "the process could not be protected, or memory is short",              \
	   "raise the limit of locked memory (LimitMEMLOCK=8M of the unit, ulimit -l)")       \
	EX(101, NO_TPM, "no TPM answers",                                                      \
	   "look at [seal] tcti and at the firmware's settings; without a TPM: "               \
	   "root = random, or (weaker) root = file")                                           \
	EX(102, MISSING, "there is no sealed root key",                                        \
	   "make one with \"lsactl seal enroll\", or bring it back with "                      \
	   "\"lsactl seal recover\"")                                                          \
	EX(103, DAMAGED, "the file of the root key is damaged",                                \
	   "put back its copy, or run \"lsactl seal recover\"")                                \
	EX(104, CLEARED, "the TPM was cleared, or it is another one",                          \
	   "run \"lsactl seal recover\" with the recovery passphrase")                         \
	EX(105, OTHER_HOST, "the root key was sealed on another host",                         \
	   "enroll this host (lsactl seal enroll --replace), or, if the disk has moved to "    \
	   "new hardware, run \"lsactl seal recover\"")                                        \
	EX(106, PCR, "the machine did not start as it did when the root key was sealed",       \
	   "if that is meant (new firmware, Secure Boot changed), run \"lsactl seal "          \
	   "recover\"; if not, find out who changed it")                                       \
	EX(107, LOCKOUT, "the TPM refuses because of failed authorizations (lockout)",         \
	   "wait for its recovery time, or reset it with the lockout password: "               \
	   "tpm2_dictionarylockout --clear-lockout")                                           \
	EX(108, OWNER, "the TPM's owner has a password",                                       \
	   "make a storage key persistent at 0x81000001, with the password, once (lsaseal(8))")\
	EX(109, TPM, "the TPM failed",                                                         \
	   "see the code above; tpm2_rc_decode explains it")                                   \
	EX(110, PASSPHRASE, "that is not the recovery passphrase of this root key",            \
	   "look at the file's date and id (lsactl seal status) and use the one of that day")  \
	EX(111, EXISTS, "there is a root key already",                                         \
	   "to give it up and make a new one: lsactl seal enroll --replace")                   \
	EX(112, CHANNEL, "lsaiso did not take the root key",                                   \
	   "lsainit, lsaiso and lsaseal are of different versions; install them together")     \
	EX(113, FILES, "a file could not be read or written",                                  \
	   "see the line above; the folder is [host] directory, and must be root's")           \
	EX(114, INPUT, "no usable passphrase came",                                            \
	   "type it at the prompt, or give one line on standard input")                        \
	EX(115, PCRS, "[seal] pcrs is not what the root key is sealed to",                     \
	   "correct the configuration, or run \"lsactl seal recover\" to seal it to these")    \
	EX(116, FLOOR, "the TPM's count of security versions cannot be used",                  \
	   "see the line above")

/* clang-format on */
#define SEAL_EXIT_ENUM(n, name, text, todo) SEAL_##name = n,
enum seal_exit { SEAL_OK = 0, SEAL_EXIT_LIST(SEAL_EXIT_ENUM) };
#undef SEAL_EXIT_ENUM

/* NULL if code is none of them. exits.c */
const char *seal_exit_text(int code);
const char *seal_exit_advice(int code);

#endif
