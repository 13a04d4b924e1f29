/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * 31 added client_name to the request, 32 traceid, and took INIT_CONNECTION
 * out of the commands, 33 SHOW_SEQUENCE: what came after them moved up.
 */
#include "lsass/front/winbind/layout.h"

#include <stddef.h>

#define NUMBERS(netbios, auth, save)                                                               \
	{                                                                                          \
		[WB_INTERFACE_VERSION] = 0, [WB_PAM_AUTH] = 13, [WB_PAM_LOGOFF] = 16,              \
		[WB_PING] = 32, [WB_INFO] = 33, [WB_DOMAIN_NAME] = 34, [WB_DOMAIN_INFO] = 35,      \
		[WB_NETBIOS_NAME] = (netbios), [WB_CCACHE_NTLMAUTH] = (auth),                      \
		[WB_CCACHE_SAVE] = (save),                                                         \
	}

/* clang-format off */
static const struct layout layouts[WB_VERSIONS] = {
	{ 30, 2096, 280, 2088, NUMBERS(43, 57, 58) }, /* Samba 4.9 */
	{ 31, 2128, 312, 2120, NUMBERS(43, 57, 58) }, /* 4.10 to 4.16 */
	{ 32, 2136, 320, 2128, NUMBERS(43, 56, 57) }, /* 4.17 to 4.21 */
	{ 33, 2136, 320, 2128, NUMBERS(42, 55, 56) }, /* 4.22 to 4.25 */
};
/* clang-format on */

const struct layout *
wb_layout(uint32_t version)
{
	for (size_t i = 0; i < WB_VERSIONS; i++) {
		if (layouts[i].version == version)
			return &layouts[i];
	}
	return NULL;
}

enum wb_command
wb_command(const struct layout *la, uint32_t number)
{
	unsigned int i = 0;

	while (i < WB_OTHER && la->number[i] != number)
		i++;
	return (enum wb_command)i;
}
