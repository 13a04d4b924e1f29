/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What this kernel offers beside the guard. Read, never guessed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/machine.h"
#include "lsainit/guard/guard.h"

int
offer_bpf_lsm(char *text, size_t n)
{
	if (machine_line("/sys/kernel/security/lsm", text, n) < 0)
		return -1;
	return machine_has_word(text, "bpf");
}

int
offer_yama(void)
{
	char text[16];

	return machine_line("/proc/sys/kernel/yama/ptrace_scope", text, sizeof(text)) > 0
		   ? (int)strtol(text, NULL, 10)
		   : -1;
}

int
offer_lockdown(void)
{
	char text[64];

	if (machine_line("/sys/kernel/security/lockdown", text, sizeof(text)) < 0)
		return -1;
	if (strstr(text, "[confidentiality]") != NULL)
		return 2;
	return strstr(text, "[integrity]") != NULL ? 1 : 0;
}
