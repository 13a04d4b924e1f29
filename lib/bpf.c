/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE
#include "lib/bpf.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/machine.h"

static char last_words[160];

static void
take_line(const char *line)
{
	if (line[0] == '\0')
		return;
	log_debug("%s", line);
	if (strncmp(line, "libbpf: ", 8) == 0 || strncmp(line, "processed ", 10) == 0 ||
	    strncmp(line, "-- ", 3) == 0)
		return;
	(void)snprintf(last_words, sizeof(last_words), "%s", line);
}

static int __attribute__((format(printf, 2, 0)))
take_words(enum libbpf_print_level level, const char *format, va_list ap)
{
	char *text = NULL, *rest;

	if (level == LIBBPF_DEBUG || vasprintf(&text, format, ap) < 0)
		return 0;
	rest = text;
	while (rest != NULL)
		take_line(strsep(&rest, "\n"));
	free(text);
	return 0;
}

void
bpf_words_begin(void)
{
	last_words[0] = '\0';
	(void)libbpf_set_print(take_words);
}

const char *
bpf_words(void)
{
	return last_words;
}

const char *
bpf_tracing_type(uint32_t type)
{
	switch (type) {
	case BPF_PROG_TYPE_KPROBE:
		return "kprobe or uprobe";
	case BPF_PROG_TYPE_TRACEPOINT:
		return "tracepoint";
	case BPF_PROG_TYPE_PERF_EVENT:
		return "perf event";
	case BPF_PROG_TYPE_RAW_TRACEPOINT:
	case BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE:
		return "raw tracepoint";
	case BPF_PROG_TYPE_TRACING:
		return "tracing";
	case BPF_PROG_TYPE_LSM:
		return "LSM";
	case BPF_PROG_TYPE_EXT:
		return "extension";
	case BPF_PROG_TYPE_STRUCT_OPS:
		return "struct_ops";
	case BPF_PROG_TYPE_SYSCALL:
		return "system call";
	default:
		return NULL;
	}
}

uint32_t
bpf_event_type(const char *pmu)
{
	char path[64], text[16];

	(void)snprintf(path, sizeof(path), "/sys/bus/event_source/devices/%s/type", pmu);
	return machine_line(path, text, sizeof(text)) > 0 ? (uint32_t)strtoul(text, NULL, 10)
							  : UINT32_MAX;
}

uint64_t
bpf_lockdown_reasons(const struct btf *btf, const char *const *names)
{
	int id = btf__find_by_name_kind(btf, "lockdown_reason", BTF_KIND_ENUM);
	const struct btf_type *ty = id < 0 ? NULL : btf__type_by_id(btf, (uint32_t)id);
	const struct btf_enum *en = ty == NULL ? NULL : btf_enum(ty);
	uint64_t bits = 0;

	for (uint32_t i = 0; en != NULL && i < btf_vlen(ty); i++) {
		const char *name = btf__name_by_offset(btf, en[i].name_off);

		for (size_t k = 0; names[k] != NULL; k++) {
			if (strcmp(name + strlen("LOCKDOWN_"), names[k]) == 0 && en[i].val < 64)
				bits |= 1ULL << en[i].val;
		}
	}
	return bits;
}
