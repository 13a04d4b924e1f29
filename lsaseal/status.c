/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What there is, as JSON on standard output; lsactl shows it to people. No secret is opened. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "lsaseal/tpm.h"

static json_t *
hex(const uint8_t *at, size_t n)
{
	char text[2 * FILE_HASH + 1];

	hex_text(at, n < FILE_HASH ? n : FILE_HASH, text);
	return json_string(text);
}

/* State of a file, and of it what all have. */
static json_t *
about_file(const struct seal *se, enum file_kind kind, struct file *fi)
{
	enum seal_exit ex = file_read(se->directory, kind, fi, false);
	json_t *to = json_object();
	uint8_t host[16];

	(void)json_object_set_new(to, "state",
				  json_string(ex == SEAL_OK	   ? "present"
					      : ex == SEAL_MISSING ? "none"
					      : ex == SEAL_DAMAGED ? "damaged"
								   : "unreadable"));
	explicit_bzero(fi->key, sizeof(fi->key));
	if (ex != SEAL_OK)
		return to;
	file_host(host);
	(void)json_object_set_new(to, "created", json_integer((json_int_t)fi->created));
	(void)json_object_set_new(to, "root_id", hex(fi->id, sizeof(fi->id)));
	(void)json_object_set_new(to, "this_host",
				  json_boolean(memcmp(host, fi->host, sizeof(host)) == 0));
	return to;
}

/* The sealed PCRs beside those of now; matches: all are the same, on this TPM. */
static void
add_pcrs(json_t *to, struct tpm *tpm, const struct file *fi)
{
	uint8_t now[FILE_PCRS][FILE_HASH] = { 0 };
	json_t *list = json_array();
	bool same = tpm_pcrs(tpm, fi->pcrs, now) == SEAL_OK, all = same;

	for (unsigned int i = 0; i < FILE_PCRS && same; i++) {
		bool equal = memcmp(now[i], fi->pcr[i], FILE_HASH) == 0;

		if ((fi->pcrs >> i & 1) == 0)
			continue;
		all = all && equal;
		(void)json_array_append_new(list,
					    json_pack("{s:i, s:o, s:o, s:b}", "pcr", (int)i,
						      "sealed", hex(fi->pcr[i], FILE_HASH), "now",
						      hex(now[i], FILE_HASH), "same", equal));
	}
	same = tpm->srk_handle == fi->srk && memcmp(tpm->srk_name, fi->srk_name, FILE_NAME) == 0;
	(void)json_object_set_new(to, "pcr_values", list);
	(void)json_object_set_new(to, "same_tpm", json_boolean(same));
	(void)json_object_set_new(to, "matches", json_boolean(same && all));
}

static json_t *
about_tpm(const struct seal *se, struct tpm *tpm, const struct file *fi, json_t *sealed)
{
	struct tpm_about about;
	json_t *to = json_pack("{s:s, s:b}", "tcti", se->tcti, "present", 0);
	int floor = -1;

	if (tpm_open(tpm, se->tcti, false) != SEAL_OK || tpm_about(tpm, &about) != SEAL_OK)
		return to;
	(void)json_object_set_new(to, "present", json_true());
	(void)json_object_set_new(to, "manufacturer", json_string(about.manufacturer));
	(void)json_object_set_new(to, "model", json_string(about.model));
	(void)json_object_set_new(to, "firmware", json_string(about.firmware));
	(void)json_object_set_new(to, "lockout", json_boolean(about.lockout));
	(void)json_object_set_new(to, "failures", json_integer(about.failures));
	(void)json_object_set_new(to, "owner_password", json_boolean(about.owner_auth));
	if (tpm_start(tpm, fi->pcrs != 0 && fi->srk == 0) != SEAL_OK)
		return to;
	if (fi->pcrs != 0)
		add_pcrs(sealed, tpm, fi);
	if (tpm_floor_read(tpm, &floor) == SEAL_OK)
		(void)json_object_set_new(to, "floor", json_integer(floor));
	return to;
}

enum seal_exit
seal_status(const struct seal *se)
{
	static struct file sealed, other;
	struct tpm tpm = { 0 };
	char pcrs[PCRS_TEXT];
	json_t *is = json_pack("{s:s, s:s, s:s}", "root", se->root, "pcrs", se->pcrs, "directory",
			       se->directory);
	json_t *of_tpm = about_file(se, FILE_TPM, &sealed);

	if (sealed.pcrs != 0) {
		pcrs_text(sealed.pcrs, pcrs);
		(void)json_object_set_new(of_tpm, "pcrs", json_string(pcrs));
	}
	(void)json_object_set_new(is, "tpm", about_tpm(se, &tpm, &sealed, of_tpm));
	tpm_close(&tpm);
	(void)json_object_set_new(is, "sealed", of_tpm);
	(void)json_object_set_new(is, "recovery", about_file(se, FILE_RECOVERY, &other));
	(void)json_object_set_new(is, "file", about_file(se, FILE_KEY, &other));
	if (json_dumpf(is, stdout, JSON_INDENT(2)) != 0 || fputc('\n', stdout) == EOF) {
		json_decref(is);
		return SEAL_FILES;
	}
	json_decref(is);
	return SEAL_OK;
}
