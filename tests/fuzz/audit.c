/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records of the audit system: each line of the input is one, its first octet
 * says of what type. Whatever they say, an event keeps within its bounds.
 */
#include <linux/audit.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lsawatch/sense/audit_event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const unsigned int types[] = { AUDIT_SYSCALL, AUDIT_PATH, AUDIT_CWD,
				      AUDIT_OBJ_PID, AUDIT_EOE,	 AUDIT_CONFIG_CHANGE };

static void
check(const struct audit_event *ev)
{
	if (ev == NULL)
		return;
	if (!ev->known || ev->n_paths > AUDIT_EVENT_PATHS || ev->n_pids > AUDIT_EVENT_PIDS ||
	    memchr(ev->comm, '\0', sizeof(ev->comm)) == NULL ||
	    memchr(ev->exe, '\0', sizeof(ev->exe)) == NULL ||
	    memchr(ev->key, '\0', sizeof(ev->key)) == NULL ||
	    memchr(ev->cwd, '\0', sizeof(ev->cwd)) == NULL || ev->pid < 0)
		abort();
	for (size_t i = 0; i < ev->n_paths; i++) {
		if (memchr(ev->paths[i], '\0', sizeof(ev->paths[i])) == NULL)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct audit_events es;

	memset(&es, 0, sizeof(es));
	while (size > 1) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t len = end != NULL ? (size_t)(end - data) : size;

		if (len > 1)
			check(audit_record(&es, types[data[0] % (sizeof(types) / sizeof(types[0]))],
					   (const char *)data + 1, len - 1));
		len += end != NULL;
		data += len;
		size -= len;
	}
	return 0;
}
