/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What else is asked of the TPM: what it is, and the count of security
 * versions: an NV index of 64 bits that can be set and never cleared. Bit n
 * set: version n was seen, and nothing older is to start.
 *
 * Reading and setting need no password; making and removing the index need
 * the owner's. So whoever has the owner's password, by default everybody
 * with access to the TPM, can remove it and begin anew.
 */
#include <stdio.h>
#include <string.h>

#include "lsaseal/tpm.h"

#define NONE3 ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE

static const TPM2B_NV_PUBLIC index_public = {
	.nvPublic = {
		.nvIndex = TPM_FLOOR_INDEX,
		.nameAlg = TPM2_ALG_SHA256,
		.attributes = (uint32_t)TPM2_NT_BITS << TPMA_NV_TPM2_NT_SHIFT | TPMA_NV_AUTHREAD |
			      TPMA_NV_OWNERREAD | TPMA_NV_AUTHWRITE | TPMA_NV_OWNERWRITE |
			      TPMA_NV_NO_DA,
		.dataSize = 8,
	},
};

/* Is it ours? Another kind could be set back. */
static enum seal_exit
check_index(struct tpm *tpm, ESYS_TR index, bool *written)
{
	TPM2B_NV_PUBLIC *is = NULL;
	TPM2B_NAME *name = NULL;
	enum seal_exit ex = tpm_judge(Esys_NV_ReadPublic(tpm->esys, index, NONE3, &is, &name),
				      "reading the index");

	if (ex == SEAL_OK &&
	    ((is->nvPublic.attributes & ~TPMA_NV_WRITTEN) != index_public.nvPublic.attributes ||
	     is->nvPublic.dataSize != index_public.nvPublic.dataSize)) {
		complain("the TPM's index 0x%08x is not a count of ours; somebody else uses it: "
			 "remove it (tpm2_nvundefine -C o 0x%08x)",
			 TPM_FLOOR_INDEX, TPM_FLOOR_INDEX);
		ex = SEAL_FLOOR;
	}
	*written = ex == SEAL_OK && (is->nvPublic.attributes & TPMA_NV_WRITTEN) != 0;
	Esys_Free(is);
	Esys_Free(name);
	return ex;
}

/* found: out, whether it exists; then index is to be closed. */
static enum seal_exit
find_index(struct tpm *tpm, ESYS_TR *index, bool *found, bool *written)
{
	TSS2_RC rc = Esys_TR_FromTPMPublic(tpm->esys, TPM_FLOOR_INDEX, NONE3, index);

	*found = rc == TSS2_RC_SUCCESS;
	*written = false;
	if (tpm_code(rc) == TPM2_RC_HANDLE)
		return SEAL_OK;
	return *found ? check_index(tpm, *index, written) : tpm_judge(rc, "looking for the index");
}

static enum seal_exit
read_bits(struct tpm *tpm, ESYS_TR index, uint64_t *bits)
{
	TPM2B_MAX_NV_BUFFER *data = NULL;
	TSS2_RC rc = tpm_session(tpm, TPMA_SESSION_ENCRYPT);

	if (rc == TSS2_RC_SUCCESS)
		rc = Esys_NV_Read(tpm->esys, index, index, tpm->session, ESYS_TR_NONE, ESYS_TR_NONE,
				  8, 0, &data);

	*bits = 0;
	if (rc == TSS2_RC_SUCCESS && data->size != 8)
		rc = TSS2_ESYS_RC_MALFORMED_RESPONSE;
	for (int i = 0; rc == TSS2_RC_SUCCESS && i < 8; i++)
		*bits = *bits << 8 | data->buffer[i];
	Esys_Free(data);
	return tpm_judge(rc, "reading the count");
}

enum seal_exit
tpm_floor_read(struct tpm *tpm, int *floor)
{
	ESYS_TR index = ESYS_TR_NONE;
	bool found = false, written = false;
	uint64_t bits = 0;
	enum seal_exit ex = find_index(tpm, &index, &found, &written);

	if (ex == SEAL_OK && written)
		ex = read_bits(tpm, index, &bits);
	if (found)
		(void)Esys_TR_Close(tpm->esys, &index);
	*floor = bits == 0 ? -1 : 63 - __builtin_clzll(bits);
	return ex;
}

enum seal_exit
tpm_floor_raise(struct tpm *tpm, uint32_t to)
{
	const TPM2B_AUTH none = { 0 };
	ESYS_TR index = ESYS_TR_NONE;
	bool found = false, written = false;
	enum seal_exit ex = find_index(tpm, &index, &found, &written);

	if (ex == SEAL_OK && !found) {
		ex = tpm_judge(Esys_NV_DefineSpace(tpm->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD,
						   ESYS_TR_NONE, ESYS_TR_NONE, &none, &index_public,
						   &index),
			       "making the count");
		found = ex == SEAL_OK;
	}
	if (ex == SEAL_OK)
		ex = tpm_judge(tpm_session(tpm, 0), "preparing the session");
	if (ex == SEAL_OK)
		ex = tpm_judge(Esys_NV_SetBits(tpm->esys, index, index, tpm->session, ESYS_TR_NONE,
					       ESYS_TR_NONE, UINT64_C(1) << to),
			       "raising the count");
	if (found)
		(void)Esys_TR_Close(tpm->esys, &index);
	return ex;
}

/* ---- what it is */

/* Up to four characters of a property, which may be padded with blanks. */
static void
add_letters(char *text, size_t n, uint32_t value)
{
	size_t at = strlen(text);

	for (int shift = 24; shift >= 0 && at + 1 < n; shift -= 8) {
		char c = (char)(value >> shift & 0xff);

		if (c > ' ' && c <= '~')
			text[at++] = c;
	}
	text[at] = '\0';
}

static void
take_property(struct tpm_about *about, TPM2_PT property, uint32_t value)
{
	switch (property) {
	case TPM2_PT_MANUFACTURER:
		add_letters(about->manufacturer, sizeof(about->manufacturer), value);
		break;
	case TPM2_PT_VENDOR_STRING_1:
	case TPM2_PT_VENDOR_STRING_2:
	case TPM2_PT_VENDOR_STRING_3:
	case TPM2_PT_VENDOR_STRING_4:
		add_letters(about->model, sizeof(about->model), value);
		break;
	case TPM2_PT_FIRMWARE_VERSION_1:
		(void)snprintf(about->firmware, sizeof(about->firmware), "%u.%u", value >> 16,
			       value & 0xffff);
		break;
	case TPM2_PT_FIRMWARE_VERSION_2:
		(void)snprintf(about->firmware + strlen(about->firmware),
			       sizeof(about->firmware) - strlen(about->firmware), ".%u.%u",
			       value >> 16, value & 0xffff);
		break;
	case TPM2_PT_PERMANENT:
		about->owner_auth = (value & TPMA_PERMANENT_OWNERAUTHSET) != 0;
		about->lockout = (value & TPMA_PERMANENT_INLOCKOUT) != 0;
		break;
	case TPM2_PT_LOCKOUT_COUNTER:
		about->failures = value;
		break;
	default:
		break;
	}
}

static TSS2_RC
properties(struct tpm *tpm, uint32_t from, struct tpm_about *about)
{
	TPMS_CAPABILITY_DATA *data = NULL;
	TPMI_YES_NO more = TPM2_NO;
	TSS2_RC rc = Esys_GetCapability(tpm->esys, NONE3, TPM2_CAP_TPM_PROPERTIES, from,
					TPM2_MAX_TPM_PROPERTIES, &more, &data);

	for (uint32_t i = 0; rc == TSS2_RC_SUCCESS && i < data->data.tpmProperties.count &&
			     i < TPM2_MAX_TPM_PROPERTIES;
	     i++)
		take_property(about, data->data.tpmProperties.tpmProperty[i].property,
			      data->data.tpmProperties.tpmProperty[i].value);
	Esys_Free(data);
	return rc;
}

enum seal_exit
tpm_about(struct tpm *tpm, struct tpm_about *about)
{
	TSS2_RC rc;

	memset(about, 0, sizeof(*about));
	rc = properties(tpm, TPM2_PT_MANUFACTURER, about);
	if (rc == TSS2_RC_SUCCESS)
		rc = properties(tpm, TPM2_PT_VAR, about);
	return tpm_judge(rc, "asking what it is");
}
