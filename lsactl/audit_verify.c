/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lsactl audit verify: are the stored records all, and as lsaiso made them? */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lsactl/audit.h"

#define TRIES	 30	    /* until lsass has stored what was made by now */
#define PAUSE_NS 100000000L /* between two of them */

struct verify {
	struct ctl *ct;
	struct audit_files files;
	struct audit_head head;
	bool proved;
	uint8_t pinned[ISO_PUBLIC];
	json_t *is; /* {directory, boots: [...], findings: [...]} */
};

static bool
is_wanted(const struct verify *ve, const char *name)
{
	const char *want = ve->ct->audit.boot;
	char boot[USELOG_BOOT];

	return uselog_named(name, boot) && (want == NULL || strncmp(boot, want, strlen(want)) == 0);
}

static bool
is_running(const struct verify *ve, const char *name)
{
	char boot[USELOG_BOOT];

	return ve->proved && uselog_named(name, boot) && strcmp(boot, ve->head.boot) == 0;
}

/* Records after the head that was proved before: lsaiso has made them by now, or nobody. */
static void
check_beyond(struct verify *ve, json_t *one)
{
	struct audit_head now;
	char error[256];

	if ((uint64_t)get_number(one, "last") <= ve->head.sequence)
		return;
	if (audit_head(ve->ct, ve->pinned, &now, error, sizeof(error)) != 0)
		audit_found(one, "head", "lsaiso proves nothing any more: %s", error);
	else if (memcmp(now.boot_id, ve->head.boot_id, ISO_BOOT_ID) == 0 &&
		 (uint64_t)get_number(one, "last") > now.sequence)
		audit_found(one, "added", "there are records up to %lld, but lsaiso made %llu",
			    get_number(one, "last"), (unsigned long long)now.sequence);
}

/* The running one's file: lsass may be a little behind. */
static json_t *
check_running(struct verify *ve, const char *name)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	json_t *one = audit_check(&ve->files, name, &ve->head);

	for (int i = 0; i < TRIES && (uint64_t)get_number(one, "last") < ve->head.sequence; i++) {
		(void)nanosleep(&pause, NULL);
		json_decref(one);
		one = audit_check(&ve->files, name, &ve->head);
	}
	check_beyond(ve, one);
	return one;
}

static void
check_files(struct verify *ve)
{
	json_t *boots = json_object_get(ve->is, "boots"), *one;
	char boot[USELOG_BOOT], next[USELOG_BOOT];
	bool here = false, again;

	for (int i = 0; i < ve->files.n; i++) {
		const char *name = ve->files.names[i];
		bool running = is_running(ve, name);

		again = false;
		(void)uselog_named(name, boot);
		for (int k = i + 1; k < ve->files.n; k++)
			again |= uselog_named(ve->files.names[k], next) && strcmp(boot, next) == 0;
		here |= running;
		if (!is_wanted(ve, name))
			continue;
		one = running && !again ? check_running(ve, name)
					: audit_check(&ve->files, name, NULL);
		if (again)
			audit_found(one, "changed",
				    "lsass found this file changed, and began another one");
		(void)json_array_append_new(boots, one);
	}
	if (ve->proved && !here && ve->head.sequence > 0 &&
	    (ve->ct->audit.boot == NULL ||
	     strncmp(ve->head.boot, ve->ct->audit.boot, strlen(ve->ct->audit.boot)) == 0))
		audit_found(ve->is, "removed",
			    "there is no file of the running lsaiso, %s, which has made %llu "
			    "records",
			    ve->head.boot, (unsigned long long)ve->head.sequence);
}

/* The head, from lsaiso. What cannot be compared is a finding, too. */
static void
get_head(struct verify *ve)
{
	char warning[PATH_MAX + 256] = "", error[PATH_MAX + 256] = "";

	ve->proved = audit_pin(ve->ct, ve->pinned, warning, error, sizeof(error)) == 0 &&
		     audit_head(ve->ct, ve->pinned, &ve->head, error, sizeof(error)) == 0;
	if (warning[0] != '\0')
		(void)json_object_set_new(ve->is, "warning", json_string(warning));
	if (!ve->proved)
		audit_found(ve->is, "head",
			    "lsaiso does not prove where its log ends: %s. What was cut off, or "
			    "changed with care, is not found",
			    error);
}

/* ---- showing */

static size_t
count(const json_t *is)
{
	size_t n = json_array_size(json_object_get(is, "findings")), i;
	const json_t *one;

	json_array_foreach(json_object_get(is, "boots"), i, one) n += count(one);
	return n;
}

static void
show_findings(const struct ctl *ct, const json_t *of)
{
	const json_t *one;
	size_t i;

	json_array_foreach(json_object_get(of, "findings"), i, one)
	    printf("    %s%s%s: %s\n", paint(ct, RED), get_text(one, "kind"), paint(ct, PLAIN),
		   get_text(one, "text"));
}

static void
show(const struct ctl *ct, const json_t *is)
{
	const json_t *one;
	size_t i, n = count(is);

	if (json_object_get(is, "warning") != NULL)
		(void)printf("%s%s%s\n", paint(ct, YELLOW), get_text(is, "warning"),
			     paint(ct, PLAIN));
	json_array_foreach(json_object_get(is, "boots"), i, one)
	{
		bool running = json_is_true(json_object_get(one, "running"));
		bool good = count(one) == 0;

		(void)printf("%s%s%s: %lld records, chain %s\n", paint(ct, BOLD),
			     get_text(one, "file"), paint(ct, PLAIN), get_number(one, "records"),
			     get_text(one, "chain"));
		if (good)
			(void)printf("    %sfine%s: %s\n", paint(ct, GREEN), paint(ct, PLAIN),
				     running ? "whole, as lsaiso itself proves"
					     : "agrees with itself; compare the chain with the "
					       "last line of this boot in the journal");
		show_findings(ct, one);
	}
	show_findings(ct, is);
	if (n == 0)
		(void)puts("Nothing was removed, changed, reordered or cut off.");
	else
		(void)printf("%zu finding%s.\n", n, n == 1 ? "" : "s");
}

int
cmd_audit_verify(struct ctl *ct, int argc, char **argv)
{
	struct verify ve = { .ct = ct };
	int code = EXIT_FAILED;

	(void)argc;
	(void)argv;
	if (audit_files(ct, &ve.files) != 0 && errno != ENOENT) {
		(void)fprintf(stderr,
			      "lsactl: %s: %s; only root verifies the use log: what others may "
			      "see of it are their own records, and these are no whole chain\n",
			      ve.files.directory, strerror(errno));
		return EXIT_FAILED;
	}
	ve.is = json_pack("{s:s, s:[], s:[]}", "directory", ve.files.directory, "boots",
			  "findings");
	get_head(&ve);
	/* A new file may have been begun meanwhile. */
	audit_files_end(&ve.files);
	if (audit_files(ct, &ve.files) != 0)
		ve.files.n = 0;
	check_files(&ve);
	if (count(ve.is) == 0)
		code = EXIT_DONE;
	if (ct->json)
		print_json(ve.is);
	else
		show(ct, ve.is);
	json_decref(ve.is);
	audit_files_end(&ve.files);
	return code;
}
