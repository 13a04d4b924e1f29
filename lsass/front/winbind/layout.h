/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where things are in the structs of winbindd's pipe (Samba's
 * nsswitch/winbind_struct_protocol.h), by version of the interface: offsets
 * and numbers, as a compiler gives them for x86-64. Integers are the
 * machine's, names fields of WB_NAME octets with a NUL.
 */
#ifndef LSASS_FRONT_WINBIND_LAYOUT_H
#define LSASS_FRONT_WINBIND_LAYOUT_H

#include <stdint.h>
#include <string.h>

#define WB_NAME	    256u
#define WB_VERSIONS 4u /* 30..33 */

/* Of a request, in all versions. */
#define WB_Q_LENGTH 0u /* of the struct */
#define WB_Q_CMD    4u
#define WB_Q_FLAGS  20u
#define WB_Q_DOMAIN 24u /* domain_name */
/* In its data: PAM_AUTH, PAM_LOGOFF, then CCACHE_NTLMAUTH and CCACHE_SAVE. */
#define WB_AUTH_USER	    0u
#define WB_AUTH_PASS	    256u
#define WB_AUTH_MEMBER	    512u /* require_membership_of_sid */
#define WB_AUTH_UID	    1792u
#define WB_LOGOFF_CCNAME    256u
#define WB_LOGOFF_UID	    512u
#define WB_CCACHE_UID	    0u
#define WB_CCACHE_USER	    4u
#define WB_CCACHE_INITIAL   260u
#define WB_CCACHE_CHALLENGE 264u
#define WB_SAVE_PASS	    260u

/* Of a response, in all versions. */
#define WB_RESPONSE	 4008u
#define WB_R_LENGTH	 0u /* of all, what follows included */
#define WB_R_RESULT	 4u
#define WB_R_DATA	 8u
#define WB_R_SAMBA	 9u   /* INFO: after the separator, a name */
#define WB_R_SID	 520u /* DOMAIN_INFO, after two names; then octets for yes and no */
#define WB_R_ACTIVE	 777u
#define WB_R_PRIMARY	 778u
#define WB_R_KEY	 8u /* CCACHE_NTLMAUTH */
#define WB_R_BLOB_LEN	 24u
#define WB_R_NEW_SPNEGO	 28u
#define WB_R_NT_STATUS	 8u /* PAM_AUTH */
#define WB_R_NT_STRING	 12u
#define WB_R_ERROR	 268u
#define WB_R_PAM	 524u
#define WB_R_CCNAME	 552u
#define WB_R_LOGOFF_TIME 856u /* info3: 64 bits, seconds since 1970 */
#define WB_R_KICKOFF	 864u
#define WB_R_MUST_CHANGE 888u
#define WB_R_DOM_SID	 928u /* names */
#define WB_R_USER	 1184u
#define WB_R_LOGON_DOM	 2976u

#define WB_NULL_SID "S-1-0-0" /* nobody (MS-DTYP 2.4.2.4): no SID is known here */

enum wb_result { WB_ERROR = 0, WB_PENDING = 1, WB_OK = 2 };

/* WB_Q_FLAGS of PAM_AUTH */
#define WB_PAM_KRB5   0x1000u /* a credential cache is wanted, of WB_AUTH_UID */
#define WB_PAM_CACHED 0x4000u /* credentials are to be kept for NTLM */

/* What we do something about; the rest is OTHER. */
enum wb_command {
	WB_INTERFACE_VERSION,
	WB_PING,
	WB_INFO,
	WB_NETBIOS_NAME,
	WB_DOMAIN_NAME,
	WB_DOMAIN_INFO,
	WB_PAM_AUTH,
	WB_PAM_LOGOFF,
	WB_CCACHE_NTLMAUTH,
	WB_CCACHE_SAVE,
	WB_OTHER,
};

struct layout {
	uint32_t version;
	uint16_t size;		  /* of a request without its extra data */
	uint16_t data;		  /* offset of the union */
	uint16_t extra_len;	  /* offset */
	uint8_t number[WB_OTHER]; /* of each command */
};

/* NULL: that version is not known. */
const struct layout *wb_layout(uint32_t version);
enum wb_command wb_command(const struct layout *la, uint32_t number);

static inline uint32_t
wb_get_u32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static inline void
wb_set_u32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

#endif
