/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The TPM, through tpm2-tss (ESYS). Every command that carries or opens the
 * root key runs in a session salted to the storage key, with encrypted
 * parameters (AES-128-CFB): who listens on the bus between CPU and TPM sees
 * neither the key nor what would give it. The storage key is known again by
 * its name, so nobody can put another TPM in between later.
 */
#ifndef LSASEAL_TPM_H
#define LSASEAL_TPM_H

#include <tss2/tss2_esys.h>

#include "lsaseal/file.h"

/* Where TCG's provisioning guidance puts a persistent storage key. */
#define TPM_SRK_HANDLE 0x81000001u
/* Our NV index, in the owner's range of TCG's registry of handles. */
#define TPM_FLOOR_INDEX 0x01834c53u
#define TPM_FLOOR_MAX	63u

struct tpm {
	TSS2_TCTI_CONTEXT *tcti;
	ESYS_CONTEXT *esys;
	ESYS_TR srk, session;
	uint32_t srk_handle; /* persistent, or 0: made, to be flushed */
	uint8_t srk_name[FILE_NAME];
};

/* Zero tpm first. Both in any state to close. Quiet: no complaint. */
enum seal_exit tpm_open(struct tpm *tpm, const char *tcti, bool loud);
void tpm_close(struct tpm *tpm);

/*
 * Find the storage key and start the session. made: always make it, even if
 * there is a persistent one (what was sealed under a made one needs that).
 */
enum seal_exit tpm_start(struct tpm *tpm, bool made);

/* The attributes of the session for the next command: what of it is encrypted. */
TSS2_RC tpm_session(struct tpm *tpm, TPMA_SESSION what);

/* ISO_ROOT_KEY random octets of the TPM. */
enum seal_exit tpm_random(struct tpm *tpm, uint8_t *octets);
/* Values of the SHA-256 PCRs of the bits of mask. */
enum seal_exit tpm_pcrs(struct tpm *tpm, uint32_t mask, uint8_t pcr[FILE_PCRS][FILE_HASH]);
/* The policy digest that TPM2_PolicyPCR makes for these values (Part 3, 23.7). */
void tpm_policy(uint32_t mask, uint8_t pcr[FILE_PCRS][FILE_HASH], uint8_t digest[FILE_HASH]);

/* Seal key to fi->pcrs as they are now: fills what of fi is the TPM's. */
enum seal_exit tpm_seal(struct tpm *tpm, const uint8_t key[ISO_ROOT_KEY], struct file *fi);
/* The reverse. Returns also SEAL_CLEARED, SEAL_OTHER_HOST, SEAL_PCR, SEAL_LOCKOUT. */
enum seal_exit tpm_unseal(struct tpm *tpm, const struct file *fi, uint8_t key[ISO_ROOT_KEY]);

struct tpm_about {
	char manufacturer[8], model[20], firmware[48];
	bool lockout, owner_auth;
	uint32_t failures; /* authorization failures counted */
};
enum seal_exit tpm_about(struct tpm *tpm, struct tpm_about *about);

/* Highest security version seen, -1 if none was. nv.c */
enum seal_exit tpm_floor_read(struct tpm *tpm, int *floor);
enum seal_exit tpm_floor_raise(struct tpm *tpm, uint32_t to);

/* Turn an answer of the TPM into an exit code, with a complaint. what: the step. */
enum seal_exit tpm_judge(TSS2_RC rc, const char *what);
/* The TPM's own code in rc without the number of handle, session or parameter; 0: none. */
uint32_t tpm_code(TSS2_RC rc);

#endif
