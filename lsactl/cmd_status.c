/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include <time.h>

#include "lsactl/lsactl.h"

static void
show_processes(const struct ctl *ct, const json_t *list)
{
	static const char *const heads[] = { "PROCESS", "STATE",    "PID",
					     "SINCE",	"RESTARTS", "LAST EXIT" };
	struct table *ta = table_new(heads, 6);
	char text[32];
	size_t i;
	const json_t *one;

	json_array_foreach(list, i, one)
	{
		bool runs = strcmp(get_text(one, "state"), "running") == 0;

		table_cell(
		    ta, PLAIN,
		    get_text(one, json_object_get(one, "program") != NULL ? "program" : "name"));
		table_cell(ta, runs ? GREEN : RED, get_text(one, "state"));
		(void)snprintf(text, sizeof(text), "%lld", get_number(one, "pid"));
		table_cell(ta, PLAIN, runs ? text : "-");
		table_cell(ta, PLAIN, show_time(get_number(one, "since"), text));
		(void)snprintf(text, sizeof(text), "%lld", get_number(one, "restarts"));
		table_cell(ta, get_number(one, "restarts") > 0 ? YELLOW : PLAIN, text);
		table_cell(ta, PLAIN, get_text(one, "last_exit"));
	}
	table_print(ta, ct);
}

static void
show_level(const struct ctl *ct, const json_t *level)
{
	const json_t *lacks = json_object_get(level, "lacks"), *one;
	const json_t *weaker = json_object_get(level, "weaker");
	size_t i;

	(void)printf("%sIsolation level:%s %s, memory %s\n", paint(ct, BOLD), paint(ct, PLAIN),
		     get_text(level, "name"), get_text(level, "memory"));
	if (json_is_string(json_object_get(level, "image")))
		(void)printf("  image: SHA-256 %s\n", get_text(level, "image"));
	(void)printf("  holds against: %s\n", get_text(level, "holds"));
	(void)printf("  does not give:\n");
	json_array_foreach(lacks, i, one)(void) printf("    - %s\n", json_string_value(one));
	if (json_array_size(weaker) == 0)
		return;
	(void)printf("  %sweaker than the level by configuration:%s\n", paint(ct, YELLOW),
		     paint(ct, PLAIN));
	json_array_foreach(weaker, i, one)(void)
	    printf("    - %s%s%s: %s\n", paint(ct, YELLOW), get_text(one, "setting"),
		   paint(ct, PLAIN), get_text(one, "means"));
}

/* Level hypervisor: what is between us and lsaiso. */
static void
show_link(const struct ctl *ct, const json_t *is)
{
	const json_t *level = json_object_get(is, "level");
	bool proven = json_is_true(json_object_get(level, "host_proven"));
	const json_t *list = json_object_get(is, "processes"), *one;
	char since[32];
	size_t i;

	if (json_object_get(level, "channel") == NULL)
		return;
	(void)printf("%sHost:%s channel %s, ", paint(ct, BOLD), paint(ct, PLAIN),
		     get_text(level, "channel"));
	json_array_foreach(list, i, one)
	{
		if (json_object_get(one, "program") == NULL)
			continue;
		if (get_number(one, "since") == 0)
			(void)printf("%snot connected%s", paint(ct, RED), paint(ct, PLAIN));
		else
			(void)printf("connected since %s",
				     show_time(get_number(one, "since"), since));
		(void)printf(", %lld reconnections", get_number(one, "restarts"));
	}
	(void)printf("; %s%s%s\n", paint(ct, proven ? GREEN : YELLOW),
		     proven ? "its key is the one that is pinned" : "its key is not checked",
		     paint(ct, PLAIN));
}

static void
show_launch(const struct ctl *ct, const json_t *is)
{
	char floor[48] = "no floor is kept";

	(void)printf("%sLaunch:%s ", paint(ct, BOLD), paint(ct, PLAIN));
	if (!json_is_object(is)) {
		(void)printf("%sunchecked%s\n", paint(ct, YELLOW), paint(ct, PLAIN));
		return;
	}
	if (json_object_get(is, "floor") != NULL)
		(void)snprintf(floor, sizeof(floor), "floor %lld", get_number(is, "floor"));
	(void)printf("verified, key %s, security version %lld (%s)\n", get_text(is, "key"),
		     get_number(is, "svn"), floor);
}

static void
show_guard(const struct ctl *ct, const json_t *is)
{
	static const char *const lockdowns[] = { "none", "integrity", "confidentiality" };
	long long yama = get_number(is, "yama"), lockdown = get_number(is, "lockdown");
	const char *state = get_text(is, "state");

	(void)printf("%sGuard:%s ", paint(ct, BOLD), paint(ct, PLAIN));
	if (strcmp(state, "up") == 0) {
		(void)printf("%sup%s, %lld of %lld hooks, %lld refused%s%s\n", paint(ct, GREEN),
			     paint(ct, PLAIN), get_number(is, "hooks"), get_number(is, "hooks_all"),
			     get_number(is, "refused"),
			     json_is_true(json_object_get(is, "locked")) ? ", locked" : "",
			     json_is_true(json_object_get(is, "lockdown_refused"))
				 ? ", ways into the kernel refused"
				 : "");
	} else if (strcmp(state, "off") == 0) {
		(void)printf("%soff%s by configuration\n", paint(ct, YELLOW), paint(ct, PLAIN));
	} else {
		(void)printf("%snone%s: %s\n", paint(ct, YELLOW), paint(ct, PLAIN),
			     get_text(is, "why"));
	}
	if (get_number(is, "armed_before") > 0)
		(void)printf("  %sarmed before it: %lld, first %s%s\n", paint(ct, YELLOW),
			     get_number(is, "armed_before"), get_text(is, "armed_first"),
			     paint(ct, PLAIN));
	if (yama >= 0)
		(void)printf("  Yama ptrace_scope %lld", yama);
	else
		(void)printf("  no Yama seen");
	(void)printf(", kernel lockdown %s\n",
		     lockdown >= 0 && lockdown <= 2 ? lockdowns[lockdown] : "not seen");
}

static void
show_root(const json_t *is)
{
	const json_t *iso = json_object_get(is, "lsaiso"), *seal = json_object_get(is, "seal");
	const char *root = get_text(seal, "root");
	bool far = json_object_get(json_object_get(is, "level"), "channel") != NULL;

	if (!json_is_object(iso))
		return;
	if (far)
		(void)printf("Root key: of the host, %s", get_text(iso, "root_kind"));
	else if (strcmp(get_text(iso, "root_kind"), "kept") != 0)
		(void)printf("Root key: random, new at each start");
	else if (strcmp(root, "tpm") == 0)
		(void)printf("Root key: sealed to the TPM (PCR %s)", get_text(seal, "pcrs"));
	else
		(void)printf("Root key: in a file of root, in the clear");
	(void)printf(", id %s\nPublic key: %s\n", get_text(iso, "root_id"),
		     get_text(iso, "public_key"));
}

static void
show_iso(const json_t *is)
{
	const json_t *iso = json_object_get(is, "lsaiso");

	if (json_is_object(iso)) {
		(void)printf("lsaiso: %lld of %lld sessions, %lld credentials absorbed\n",
			     get_number(iso, "sessions"), get_number(iso, "sessions_max"),
			     get_number(iso, "absorbed"));
		(void)printf("        %lld authenticators made, %lld TGT-class keys withheld, %lld "
			     "service keys released\n",
			     get_number(iso, "sealed"), get_number(iso, "withheld"),
			     get_number(iso, "released"));
		(void)printf("        %lld calls served, %lld refused, %lld pending dropped\n",
			     get_number(iso, "served"), get_number(iso, "refused"),
			     get_number(iso, "dropped"));
	}
}

static void
show_lsass(const json_t *is)
{
	const json_t *ca = json_object_get(is, "caches"), *tgs = json_object_get(is, "tgs");
	const json_t *kcm = json_object_get(is, "kcm"), *kt = json_object_get(is, "keytabs");
	char files[40];

	(void)snprintf(files, sizeof(files), " (%lld of files)", get_number(ca, "kept"));
	(void)printf(
	    "lsass:  %lld users, %lld caches, %lld tickets%s, %lld octets; %lld clients at "
	    "%s\n",
	    get_number(ca, "users"), get_number(ca, "caches"), get_number(ca, "creds"),
	    get_number(ca, "kept") > 0 ? files : "", get_number(ca, "octets"),
	    get_number(kcm, "clients"), get_text(kcm, "socket"));
	(void)printf("        %lld expired tickets purged, %lld evicted, %lld damaged files set "
		     "aside\n",
		     get_number(ca, "purged"), get_number(ca, "evicted"),
		     get_number(ca, "damaged_files"));
	if (get_number(ca, "plain_refused") > 0)
		(void)printf("        %lld tickets of kinit refused ([kcm] plain_logon = refuse)\n",
			     get_number(ca, "plain_refused"));
	if (json_is_true(json_object_get(kt, "kept")))
		(void)printf("        %lld keys kept, whose stand-ins are in keytabs\n",
			     get_number(kt, "keys"));
	(void)printf("KDC:    %lld tickets asked for, %lld fetched, %lld failed, %lld refused, "
		     "%lld merged, %lld answered from memory\n",
		     get_number(tgs, "asked"), get_number(tgs, "exchanged"),
		     get_number(tgs, "failed"), get_number(tgs, "refused"),
		     get_number(tgs, "merged"), get_number(tgs, "from_negative"));
}

static void
show_ntlm(const struct ctl *ct, const json_t *is)
{
	const json_t *nt = json_object_get(is, "ntlm");
	const char *mode = get_text(nt, "mode");
	long long targets = get_number(nt, "targets");

	if (nt == NULL)
		return;
	(void)printf("NTLM:   %s", mode);
	if (strcmp(mode, "off") != 0) {
		if (targets == 0)
			(void)printf(", no list of servers");
		else
			(void)printf(", %lld servers on the list", targets);
		(void)printf(", %lld names; %lld answers, %s%lld not on the list%s, %lld refused",
			     get_number(nt, "hashes"), get_number(nt, "answered"),
			     get_number(nt, "unlisted") > 0 ? paint(ct, YELLOW) : "",
			     get_number(nt, "unlisted"),
			     get_number(nt, "unlisted") > 0 ? paint(ct, PLAIN) : "",
			     get_number(nt, "refused"));
	}
	(void)putchar('\n');
}

static void
show_winbind(const struct ctl *ct, const json_t *is)
{
	const json_t *wb = json_object_get(is, "winbind"), *one;
	const json_t *real = json_object_get(wb, "real");
	const char *error = get_text(real, "error");
	bool answers = json_is_true(json_object_get(real, "answers"));
	size_t i;

	if (!json_is_object(wb))
		return;
	json_array_foreach(json_object_get(wb, "sockets"), i, one)(void)
	    printf("%s%lld clients at %s, version %lld\n", i == 0 ? "Pipe:   " : "        ",
		   get_number(one, "clients"), get_text(one, "socket"), get_number(one, "version"));
	(void)printf("        %lld requests answered, %lld passed on", get_number(wb, "answered"),
		     get_number(wb, "passed"));
	if (real == NULL)
		(void)printf("; no real winbindd\n");
	else
		(void)printf("; the real winbindd at %s %s%s%s%s%s\n", get_text(real, "socket"),
			     paint(ct, answers && error[0] == '\0' ? GREEN : RED),
			     answers ? "answers" : "does not answer", paint(ct, PLAIN),
			     answers && error[0] != '\0' ? ", but: " : "", answers ? error : "");
}

/* The local KDC endpoint. */
static void
show_endpoint(const struct ctl *ct, const json_t *is)
{
	const json_t *kdc = json_object_get(is, "kdc"), *one;
	size_t i;

	if (!json_is_object(kdc))
		return;
	json_array_foreach(json_object_get(kdc, "sockets"), i, one)(void)
	    printf("%s%s", i == 0 ? "KDC at: " : ", ", json_string_value(one));
	(void)printf("; %lld clients\n", get_number(kdc, "clients"));
	(void)printf(
	    "        %lld requests, %lld with stand-ins answered, %lld passed on, %lld "
	    "refused, %s%lld without an answer of a KDC%s\n",
	    get_number(kdc, "requests"), get_number(kdc, "translated"), get_number(kdc, "relayed"),
	    get_number(kdc, "refused"), get_number(kdc, "failed") > 0 ? paint(ct, YELLOW) : "",
	    get_number(kdc, "failed"), get_number(kdc, "failed") > 0 ? paint(ct, PLAIN) : "");
	(void)printf("        %lld wait for a KDC, %lld for their turn", get_number(kdc, "waiting"),
		     get_number(kdc, "queued"));
	if (get_number(kdc, "strangers") > 0)
		(void)printf("; of %lld nobody knows whose they were",
			     get_number(kdc, "strangers"));
	(void)putchar('\n');
	json_array_foreach(json_object_get(kdc, "realms"), i, one)(void)
	    printf("        %s: %s%s%s\n", get_text(one, "name"),
		   json_is_true(json_object_get(one, "found")) ? "" : paint(ct, RED),
		   get_text(one, "text"),
		   json_is_true(json_object_get(one, "found")) ? "" : paint(ct, PLAIN));
}

static void
show_audit(const struct ctl *ct, const json_t *is)
{
	const json_t *au = json_object_get(is, "audit");

	if (au == NULL)
		return;
	(void)printf("Uses:   %lld records of this lsaiso are stored in %s\n",
		     get_number(au, "stored"), get_text(au, "directory"));
	if (get_number(au, "lost") > 0)
		(void)printf("        %s%lld were never collected%s\n", paint(ct, YELLOW),
			     get_number(au, "lost"), paint(ct, PLAIN));
	if (json_object_get(au, "error") != NULL)
		(void)printf("        %sNOTHING IS STORED%s: %s\n", paint(ct, RED),
			     paint(ct, PLAIN), get_text(au, "error"));
}

/* lsaiso-host: who is there, and what came of it. */
static void
show_guest(const struct ctl *ct, const json_t *is)
{
	const json_t *no = json_object_get(is, "turned_away");
	char when[32];

	(void)printf("%sServes:%s a guest, ", paint(ct, BOLD), paint(ct, PLAIN));
	if (!json_is_true(json_object_get(is, "connected")))
		(void)printf("%snot connected%s\n", paint(ct, YELLOW), paint(ct, PLAIN));
	else if (strcmp(get_text(is, "by"), "vsock") == 0)
		(void)printf("connected by vsock as CID %lld since %s\n", get_number(is, "cid"),
			     show_time(get_number(is, "since"), when));
	else
		(void)printf("connected through pid %lld of uid %lld since %s\n",
			     get_number(is, "pid"), get_number(is, "uid"),
			     show_time(get_number(is, "since"), when));
	if (get_text(is, "socket")[0] != '\0')
		(void)printf("  at %s\n", get_text(is, "socket"));
	if (get_number(is, "vsock_port") != 0)
		(void)printf("  at vsock port %lld for CID %lld\n", get_number(is, "vsock_port"),
			     get_number(is, "vsock_cid"));
	if (json_object_get(is, "boot") != NULL)
		(void)printf("  lsaiso works for its boot %s\n", get_text(is, "boot"));
	(void)printf("guest:  %lld calls, %lld connections, welcome %lld times, started anew %lld "
		     "times\n",
		     get_number(is, "calls"), get_number(is, "connections"),
		     get_number(is, "welcomes"), get_number(is, "wipes"));
	(void)printf(
	    "        %lld strangers, turned away: %lld busy, %lld too often, %lld version, "
	    "%lld unknown, %lld no lsaiso\n",
	    get_number(is, "strangers"), get_number(no, "BUSY"), get_number(no, "RATE"),
	    get_number(no, "VERSION"), get_number(no, "TENANT"), get_number(no, "ISO"));
	(void)printf("        %lld frames refused, %lld torn, %lld octets in no frame\n",
		     get_number(is, "refused"), get_number(is, "torn"), get_number(is, "skipped"));
}

int
cmd_status(struct ctl *ct, int argc, char **argv)
{
	json_t *is = call(ct, "Status", NULL);
	const json_t *guest = json_object_get(is, "guest");
	bool whole;

	(void)argc;
	(void)argv;
	if (is == NULL)
		return EXIT_FAILED;
	whole = json_is_object(json_object_get(is, "lsaiso"));
	if (ct->json) {
		print_json(is);
	} else {
		(void)printf("%slsaiso %s%s\n\n", paint(ct, BOLD), get_text(is, "version"),
			     paint(ct, PLAIN));
		show_processes(ct, json_object_get(is, "processes"));
		(void)putchar('\n');
		show_level(ct, json_object_get(is, "level"));
		show_link(ct, is);
		show_launch(ct, json_object_get(is, "launch"));
		show_guard(ct, json_object_get(is, "guard"));
		show_root(is);
		(void)putchar('\n');
		show_iso(is);
		if (guest != NULL)
			show_guest(ct, guest);
		else
			show_lsass(is);
		show_ntlm(ct, is);
		show_winbind(ct, is);
		show_endpoint(ct, is);
		show_audit(ct, is);
	}
	if (!whole)
		(void)fputs(
		    json_object_get(json_object_get(is, "level"), "channel") != NULL
			? "lsactl: the host's lsaiso does not answer; lsainit tries to reach "
			  "it, see its log\n"
			: "lsactl: lsaiso is not running; lsainit tries to start it, see its "
			  "log\n",
		    stderr);
	json_decref(is);
	return whole ? EXIT_DONE : EXIT_FAILED;
}
