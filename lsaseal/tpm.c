/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lsaseal/tpm.h"

#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

#define NONE3 ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE

static const TPMT_SYM_DEF aes_cfb = {
	.algorithm = TPM2_ALG_AES,
	.keyBits.aes = 128,
	.mode.aes = TPM2_ALG_CFB,
};

/* ---- answers */

uint32_t
tpm_code(TSS2_RC rc)
{
	TSS2_RC layer = rc & TSS2_RC_LAYER_MASK;

	if (rc == TSS2_RC_SUCCESS || (layer != 0 && layer != TSS2_RESMGR_TPM_RC_LAYER))
		return 0;
	return (rc & TPM2_RC_FMT1) != 0 ? rc & (TPM2_RC_FMT1 | 0x3f) : rc & 0xfff;
}

enum seal_exit
tpm_judge(TSS2_RC rc, const char *what)
{
	TSS2_RC layer = rc & TSS2_RC_LAYER_MASK;

	if (rc == TSS2_RC_SUCCESS)
		return SEAL_OK;
	complain("TPM, %s: code 0x%x", what, (unsigned int)rc);
	switch (tpm_code(rc)) {
	case TPM2_RC_LOCKOUT:
		return SEAL_LOCKOUT;
	case TPM2_RC_BAD_AUTH:
	case TPM2_RC_AUTH_FAIL:
		return SEAL_OWNER;
	case TPM2_RC_POLICY_FAIL:
	case TPM2_RC_PCR_CHANGED:
		return SEAL_PCR;
	default:
		return layer == TSS2_TCTI_RC_LAYER ? SEAL_NO_TPM : SEAL_TPM;
	}
}

/* ---- opening */

enum seal_exit
tpm_open(struct tpm *tpm, const char *tcti, bool loud)
{
	TSS2_RC rc;

	tpm->srk = tpm->session = ESYS_TR_NONE;
	rc = Tss2_TctiLdr_Initialize(tcti, &tpm->tcti);
	if (rc == TSS2_RC_SUCCESS)
		rc = Esys_Initialize(&tpm->esys, tpm->tcti, NULL);
	if (rc == TSS2_RC_SUCCESS)
		return SEAL_OK;
	if (loud)
		complain("no TPM at \"%s\" ([seal] tcti): code 0x%x", tcti, (unsigned int)rc);
	return SEAL_NO_TPM;
}

void
tpm_close(struct tpm *tpm)
{
	if (tpm->esys != NULL && tpm->session != ESYS_TR_NONE)
		(void)Esys_FlushContext(tpm->esys, tpm->session);
	if (tpm->esys != NULL && tpm->srk != ESYS_TR_NONE && tpm->srk_handle == 0)
		(void)Esys_FlushContext(tpm->esys, tpm->srk);
	if (tpm->esys != NULL)
		Esys_Finalize(&tpm->esys);
	if (tpm->tcti != NULL)
		Tss2_TctiLdr_Finalize(&tpm->tcti);
	memset(tpm, 0, sizeof(*tpm));
}

static void
sha256(const uint8_t *of, size_t n, uint8_t digest[FILE_HASH])
{
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, n, of);
	sha256_digest(&ctx, FILE_HASH, digest);
}

/* The name, made here of the public part: the TPM's word for it proves nothing. */
static TSS2_RC
name_of(const TPM2B_PUBLIC *public, uint8_t name[FILE_NAME])
{
	uint8_t text[sizeof(TPMT_PUBLIC)];
	size_t n = 0;
	TSS2_RC rc = Tss2_MU_TPMT_PUBLIC_Marshal(&public->publicArea, text, sizeof(text), &n);

	if (rc != TSS2_RC_SUCCESS || public->publicArea.nameAlg != TPM2_ALG_SHA256)
		return rc != TSS2_RC_SUCCESS ? rc : TSS2_ESYS_RC_BAD_VALUE;
	name[0] = TPM2_ALG_SHA256 >> 8;
	name[1] = TPM2_ALG_SHA256 & 0xff;
	sha256(text, n, name + 2);
	return rc;
}

/* The persistent storage key, if there is one that can be the parent of ours. */
static bool
find_persistent(struct tpm *tpm)
{
	TPM2B_PUBLIC *public = NULL;
	ESYS_TR at = ESYS_TR_NONE;
	const TPMA_OBJECT needed = TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT |
				   TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT;
	bool good = false;

	if (Esys_TR_FromTPMPublic(tpm->esys, TPM_SRK_HANDLE, NONE3, &at) != TSS2_RC_SUCCESS)
		return false;
	if (Esys_ReadPublic(tpm->esys, at, NONE3, &public, NULL, NULL) == TSS2_RC_SUCCESS)
		good = (public->publicArea.objectAttributes & needed) == needed &&
		       name_of(public, tpm->srk_name) == TSS2_RC_SUCCESS;
	Esys_Free(public);
	if (!good) {
		(void)Esys_TR_Close(tpm->esys, &at);
		return false;
	}
	tpm->srk = at;
	tpm->srk_handle = TPM_SRK_HANDLE;
	return true;
}

/*
 * ECC P-256 storage key of the owner's hierarchy (TCG TPM 2.0 Provisioning
 * Guidance, 7.5.1): the same template gives the same key until the TPM is
 * cleared.
 */
static TSS2_RC
make_srk(struct tpm *tpm)
{
	static const TPM2B_PUBLIC template = {
		.publicArea = {
			.type = TPM2_ALG_ECC,
			.nameAlg = TPM2_ALG_SHA256,
			.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
					    TPMA_OBJECT_SENSITIVEDATAORIGIN |
					    TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA |
					    TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT,
			.parameters.eccDetail = {
				.symmetric = { .algorithm = TPM2_ALG_AES,
					       .keyBits.aes = 128,
					       .mode.aes = TPM2_ALG_CFB },
				.scheme.scheme = TPM2_ALG_NULL,
				.curveID = TPM2_ECC_NIST_P256,
				.kdf.scheme = TPM2_ALG_NULL,
			},
		},
	};
	const TPM2B_SENSITIVE_CREATE sensitive = { 0 };
	const TPML_PCR_SELECTION none = { 0 };
	const TPM2B_DATA outside = { 0 };
	TPM2B_PUBLIC *public = NULL;
	TSS2_RC rc = Esys_CreatePrimary(tpm->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
					ESYS_TR_NONE, &sensitive, &template, &outside, &none,
					&tpm->srk, &public, NULL, NULL, NULL);

	tpm->srk_handle = 0;
	if (rc == TSS2_RC_SUCCESS)
		rc = name_of(public, tpm->srk_name);
	Esys_Free(public);
	return rc;
}

static TSS2_RC
salted_session(struct tpm *tpm, TPM2_SE type, TPMA_SESSION attributes, ESYS_TR *session)
{
	TSS2_RC rc = Esys_StartAuthSession(tpm->esys, tpm->srk, ESYS_TR_NONE, NONE3, NULL, type,
					   &aes_cfb, TPM2_ALG_SHA256, session);

	if (rc == TSS2_RC_SUCCESS)
		rc = Esys_TRSess_SetAttributes(tpm->esys, *session,
					       attributes | TPMA_SESSION_CONTINUESESSION, 0xff);
	return rc;
}

enum seal_exit
tpm_start(struct tpm *tpm, bool made)
{
	enum seal_exit ex = SEAL_OK;

	if (made || !find_persistent(tpm))
		ex = tpm_judge(make_srk(tpm), "making the storage key");
	if (ex != SEAL_OK)
		return ex;
	return tpm_judge(salted_session(tpm, TPM2_SE_HMAC,
					TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT, &tpm->session),
			 "starting a session");
}

TSS2_RC
tpm_session(struct tpm *tpm, TPMA_SESSION what)
{
	return Esys_TRSess_SetAttributes(tpm->esys, tpm->session,
					 what | TPMA_SESSION_CONTINUESESSION, 0xff);
}

/* ---- random octets and PCRs */

enum seal_exit
tpm_random(struct tpm *tpm, uint8_t *octets)
{
	TPM2B_DIGEST *some = NULL;
	TSS2_RC rc = tpm_session(tpm, TPMA_SESSION_ENCRYPT);
	size_t done = 0;

	while (rc == TSS2_RC_SUCCESS && done < ISO_ROOT_KEY) {
		size_t n = ISO_ROOT_KEY - done;

		rc = Esys_GetRandom(tpm->esys, tpm->session, ESYS_TR_NONE, ESYS_TR_NONE, (UINT16)n,
				    &some);
		if (rc != TSS2_RC_SUCCESS)
			break;
		if (some->size == 0)
			rc = TSS2_ESYS_RC_MALFORMED_RESPONSE;
		n = some->size < n ? some->size : n;
		memcpy(octets + done, some->buffer, n);
		done += n;
		explicit_bzero(some, sizeof(*some));
		Esys_Free(some);
		some = NULL;
	}
	return tpm_judge(rc, "drawing random octets");
}

static void
select_pcrs(uint32_t mask, TPML_PCR_SELECTION *selection)
{
	*selection = (TPML_PCR_SELECTION){
		.count = 1,
		.pcrSelections[0] = { .hash = TPM2_ALG_SHA256, .sizeofSelect = 3 },
	};
	for (unsigned int i = 0; i < 3; i++)
		selection->pcrSelections[0].pcrSelect[i] = (BYTE)(mask >> (8 * i));
}

/* Those that came in one answer, lowest first. Returns the bits that came. */
static uint32_t
take_pcrs(const TPML_PCR_SELECTION *got, const TPML_DIGEST *values,
	  uint8_t pcr[FILE_PCRS][FILE_HASH])
{
	uint32_t mask = 0, n = 0;

	if (got->count != 1 || got->pcrSelections[0].hash != TPM2_ALG_SHA256)
		return 0;
	for (unsigned int i = 0; i < FILE_PCRS; i++) {
		if ((got->pcrSelections[0].pcrSelect[i / 8] >> (i % 8) & 1) == 0)
			continue;
		if (n >= values->count || values->digests[n].size != FILE_HASH)
			return 0;
		memcpy(pcr[i], values->digests[n++].buffer, FILE_HASH);
		mask |= 1u << i;
	}
	return mask;
}

enum seal_exit
tpm_pcrs(struct tpm *tpm, uint32_t mask, uint8_t pcr[FILE_PCRS][FILE_HASH])
{
	TSS2_RC rc = tpm_session(tpm, TPMA_SESSION_AUDIT); /* only for the HMAC over the answer */
	uint32_t left = mask;

	while (rc == TSS2_RC_SUCCESS && left != 0) {
		TPML_PCR_SELECTION ask, *got = NULL;
		TPML_DIGEST *values = NULL;
		uint32_t came = 0, counter = 0;

		select_pcrs(left, &ask);
		rc = Esys_PCR_Read(tpm->esys, tpm->session, ESYS_TR_NONE, ESYS_TR_NONE, &ask,
				   &counter, &got, &values);
		if (rc == TSS2_RC_SUCCESS)
			came = take_pcrs(got, values, pcr) & left;
		Esys_Free(got);
		Esys_Free(values);
		if (rc == TSS2_RC_SUCCESS && came == 0) {
			complain("the TPM has no SHA-256 PCR %d: it needs its SHA-256 bank "
				 "(firmware settings)",
				 __builtin_ctz(left));
			return SEAL_TPM;
		}
		left &= ~came;
	}
	return tpm_judge(rc, "reading PCRs");
}

void
tpm_policy(uint32_t mask, uint8_t pcr[FILE_PCRS][FILE_HASH], uint8_t digest[FILE_HASH])
{
	/* zeros (a fresh policy), TPM_CC_PolicyPCR, one selection of three octets */
	uint8_t head[FILE_HASH + 4 + 4 + 2 + 1 + 3 + FILE_HASH] = { 0 };
	const uint8_t fixed[] = { 0, 0, 0x01, 0x7f, 0, 0, 0, 1, 0, TPM2_ALG_SHA256, 3 };
	uint8_t *at = head + FILE_HASH;
	struct sha256_ctx ctx;

	memcpy(at, fixed, sizeof(fixed));
	at += sizeof(fixed);
	for (unsigned int i = 0; i < 3; i++)
		*at++ = (uint8_t)(mask >> (8 * i));
	sha256_init(&ctx);
	for (unsigned int i = 0; i < FILE_PCRS; i++) {
		if ((mask >> i & 1) != 0)
			sha256_update(&ctx, FILE_HASH, pcr[i]);
	}
	sha256_digest(&ctx, FILE_HASH, at);
	sha256(head, sizeof(head), digest);
}

/* ---- seal */

static TSS2_RC
create(struct tpm *tpm, const uint8_t key[ISO_ROOT_KEY], const uint8_t policy[FILE_HASH],
       TPM2B_PUBLIC **public, TPM2B_PRIVATE **private)
{
	TPM2B_SENSITIVE_CREATE sensitive = { .sensitive.data.size = ISO_ROOT_KEY };
	TPM2B_PUBLIC template = {
		.publicArea = {
			.type = TPM2_ALG_KEYEDHASH,
			.nameAlg = TPM2_ALG_SHA256,
			/* no USERWITHAUTH: the policy alone opens it */
			.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
					    TPMA_OBJECT_NODA,
			.authPolicy.size = FILE_HASH,
			.parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL,
		},
	};
	const TPML_PCR_SELECTION none = { 0 };
	const TPM2B_DATA outside = { 0 };
	TSS2_RC rc;

	memcpy(template.publicArea.authPolicy.buffer, policy, FILE_HASH);
	memcpy(sensitive.sensitive.data.buffer, key, ISO_ROOT_KEY);
	rc = Esys_Create(tpm->esys, tpm->srk, tpm->session, ESYS_TR_NONE, ESYS_TR_NONE, &sensitive,
			 &template, &outside, &none, private, public, NULL, NULL, NULL);
	explicit_bzero(&sensitive, sizeof(sensitive));
	return rc;
}

enum seal_exit
tpm_seal(struct tpm *tpm, const uint8_t key[ISO_ROOT_KEY], struct file *fi)
{
	TPM2B_PUBLIC *public = NULL;
	TPM2B_PRIVATE *private = NULL;
	enum seal_exit ex = tpm_pcrs(tpm, fi->pcrs, fi->pcr);
	size_t n = 0, m = 0;
	TSS2_RC rc;

	if (ex != SEAL_OK)
		return ex;
	tpm_policy(fi->pcrs, fi->pcr, fi->policy);
	rc = tpm_session(tpm, TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT);
	if (rc == TSS2_RC_SUCCESS)
		rc = create(tpm, key, fi->policy, &public, &private);
	if (rc == TSS2_RC_SUCCESS)
		rc = Tss2_MU_TPM2B_PUBLIC_Marshal(public, fi->public, sizeof(fi->public), &n);
	if (rc == TSS2_RC_SUCCESS)
		rc = Tss2_MU_TPM2B_PRIVATE_Marshal(private, fi->private, sizeof(fi->private), &m);
	fi->public_len = (uint32_t)n;
	fi->private_len = (uint32_t)m;
	fi->srk = tpm->srk_handle;
	memcpy(fi->srk_name, tpm->srk_name, sizeof(fi->srk_name));
	Esys_Free(public);
	Esys_Free(private);
	return tpm_judge(rc, "sealing");
}

/* ---- unseal */

static enum seal_exit
load(struct tpm *tpm, const struct file *fi, ESYS_TR *object)
{
	TPM2B_PUBLIC public = { 0 };
	TPM2B_PRIVATE private = { 0 };
	size_t n = 0, m = 0;
	TSS2_RC rc;

	if (Tss2_MU_TPM2B_PUBLIC_Unmarshal(fi->public, fi->public_len, &n, &public) !=
		TSS2_RC_SUCCESS ||
	    Tss2_MU_TPM2B_PRIVATE_Unmarshal(fi->private, fi->private_len, &m, &private) !=
		TSS2_RC_SUCCESS) {
		complain("the sealed object in the file has no shape");
		return SEAL_DAMAGED;
	}
	rc = tpm_session(tpm, TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT);
	if (rc == TSS2_RC_SUCCESS)
		rc = Esys_Load(tpm->esys, tpm->srk, tpm->session, ESYS_TR_NONE, ESYS_TR_NONE,
			       &private, &public, object);
	if (tpm_code(rc) == TPM2_RC_INTEGRITY || tpm_code(rc) == TPM2_RC_BINDING) {
		complain("the TPM does not take the sealed object: code 0x%x", (unsigned int)rc);
		return SEAL_DAMAGED; /* its storage key is the right one */
	}
	return tpm_judge(rc, "loading the sealed object");
}

/* Which of the PCRs have other values than when the key was sealed. */
static void
complain_pcrs(struct tpm *tpm, const struct file *fi)
{
	uint8_t now[FILE_PCRS][FILE_HASH] = { 0 };
	uint32_t differ = 0;
	char text[PCRS_TEXT];

	if (tpm_pcrs(tpm, fi->pcrs, now) != SEAL_OK)
		return;
	for (unsigned int i = 0; i < FILE_PCRS; i++) {
		if ((fi->pcrs >> i & 1) != 0 && memcmp(now[i], fi->pcr[i], FILE_HASH) != 0)
			differ |= 1u << i;
	}
	pcrs_text(differ, text);
	if (differ != 0)
		complain("of the PCRs that the root key is sealed to, these have other values "
			 "now: %s",
			 text);
	else
		complain("the PCRs are as they were, but the TPM refuses: the file was changed");
}

static enum seal_exit
open_object(struct tpm *tpm, const struct file *fi, ESYS_TR object, uint8_t key[ISO_ROOT_KEY])
{
	TPM2B_SENSITIVE_DATA *data = NULL;
	ESYS_TR policy = ESYS_TR_NONE;
	const TPM2B_DIGEST any = { 0 }; /* the TPM takes the values of now */
	TPML_PCR_SELECTION selection;
	enum seal_exit ex = SEAL_OK;
	TSS2_RC rc = salted_session(tpm, TPM2_SE_POLICY, TPMA_SESSION_ENCRYPT, &policy);

	select_pcrs(fi->pcrs, &selection);
	if (rc == TSS2_RC_SUCCESS)
		rc = Esys_PolicyPCR(tpm->esys, policy, NONE3, &any, &selection);
	if (rc == TSS2_RC_SUCCESS)
		rc = Esys_Unseal(tpm->esys, object, policy, ESYS_TR_NONE, ESYS_TR_NONE, &data);
	if (tpm_code(rc) == TPM2_RC_POLICY_FAIL)
		complain_pcrs(tpm, fi);
	ex = tpm_judge(rc, "unsealing");
	if (ex == SEAL_OK && (data == NULL || data->size != ISO_ROOT_KEY)) {
		complain("what the sealed object holds is no root key");
		ex = SEAL_DAMAGED;
	} else if (ex == SEAL_OK) {
		memcpy(key, data->buffer, ISO_ROOT_KEY);
	}
	if (data != NULL)
		explicit_bzero(data, sizeof(*data));
	Esys_Free(data);
	if (policy != ESYS_TR_NONE)
		(void)Esys_FlushContext(tpm->esys, policy);
	return ex;
}

static enum seal_exit
not_the_same_tpm(const struct file *fi)
{
	uint8_t host[16];

	file_host(host);
	complain("the storage key of this TPM is not the one that the root key was sealed under");
	return memcmp(host, fi->host, sizeof(host)) == 0 ? SEAL_CLEARED : SEAL_OTHER_HOST;
}

enum seal_exit
tpm_unseal(struct tpm *tpm, const struct file *fi, uint8_t key[ISO_ROOT_KEY])
{
	uint8_t id[ISO_ROOT_ID];
	ESYS_TR object = ESYS_TR_NONE;
	enum seal_exit ex;

	if (tpm->srk_handle != fi->srk || memcmp(tpm->srk_name, fi->srk_name, FILE_NAME) != 0)
		return not_the_same_tpm(fi);
	ex = load(tpm, fi, &object);
	if (ex == SEAL_OK)
		ex = open_object(tpm, fi, object, key);
	if (object != ESYS_TR_NONE)
		(void)Esys_FlushContext(tpm->esys, object);
	if (ex != SEAL_OK)
		return ex;
	root_id(key, id);
	if (memcmp(id, fi->id, sizeof(id)) == 0)
		return SEAL_OK;
	explicit_bzero(key, ISO_ROOT_KEY);
	complain("what the TPM unsealed is not the root key that the file names");
	return SEAL_DAMAGED;
}
