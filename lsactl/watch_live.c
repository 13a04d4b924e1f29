/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lsactl watch on a terminal: the ten rows, once a second, on the alternate
 * screen. Whatever ends it (q, a signal, the end of the terminal), the
 * terminal is as it was before.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "lsactl/watch.h"

#define REFRESH_MS   1000
#define WAIT_SECONDS 3	/* for an answer: a screen that stands still says nothing */
#define LATEST	     64 /* findings that are kept for the screen */

struct live {
	struct ctl *ct;
	struct termios before;
	bool has_keys; /* stdin is a terminal, changed by us */
	int signals;
	sigset_t mask, mask_before;
	size_t width, height, column, line;
	size_t limit; /* of lines: the last one is the foot's */
	FILE *out;    /* the frame */
	json_t *status, *latest;
	long long last, since;
	char error[512];
};

/* ---- one frame: nothing goes beyond width and height */

static void put(struct live *lv, enum colour colour, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void
put(struct live *lv, enum colour colour, const char *format, ...)
{
	char text[1024];
	size_t room = lv->width - 1 - lv->column, len;
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	len = strlen(text);
	if (lv->line >= lv->limit || lv->column >= lv->width - 1)
		return;
	if (len > room) {
		if (room > 3)
			(void)snprintf(text + room - 3, 4, "...");
		len = room;
	}
	(void)fprintf(lv->out, "%s%.*s%s", colour != PLAIN ? paint(lv->ct, colour) : "", (int)len,
		      text, colour != PLAIN ? paint(lv->ct, PLAIN) : "");
	lv->column += len;
}

static void
end_line(struct live *lv)
{
	if (lv->line < lv->limit) {
		(void)fputs("\033[K", lv->out);
		if (lv->line + 1 < lv->height)
			(void)fputs("\r\n", lv->out);
		lv->line++;
	}
	lv->column = 0;
}

/* Words with a hanging indent. */
static void
put_words(struct live *lv, enum colour colour, const char *head, const json_t *list)
{
	const json_t *one;
	size_t i;

	put(lv, BOLD, "%-9s", head);
	json_array_foreach(list, i, one)
	{
		const char *word = json_string_value(one);

		if (lv->column + strlen(word) + 1 >= lv->width && lv->column > 9) {
			end_line(lv);
			put(lv, PLAIN, "%9s", "");
		}
		put(lv, colour, " %s", word);
	}
	end_line(lv);
}

static void
put_head(struct live *lv)
{
	char host[128] = "", clock[32], up[32];
	long long now = (long long)time(NULL);
	size_t at;

	(void)gethostname(host, sizeof(host) - 1);
	put(lv, BOLD, "lsawatch");
	put(lv, PLAIN, "  %s", host);
	if (lv->status != NULL)
		put(lv, DIM, "  watches for %s",
		    show_span(now - get_number(lv->status, "since") / 1000, up));
	at = lv->width > 9 + lv->column ? lv->width - 9 - lv->column : 1;
	put(lv, PLAIN, "%*s%s", (int)at, "", show_time(now, clock) + 11);
	end_line(lv);
}

static void
put_verdict(struct live *lv)
{
	size_t bad = count_verdicts(lv->status, "abnormal");
	size_t blind = count_verdicts(lv->status, "blind");

	if (lv->error[0] != '\0')
		put(lv, RED, "%s", lv->error);
	else if (bad > 0)
		put(lv, RED, "ABNORMAL: %zu of ten", bad);
	else if (blind > 0)
		put(lv, YELLOW, "All that is seen is normal; %zu of ten %s blind", blind,
		    blind == 1 ? "is" : "are");
	else
		put(lv, GREEN, "All ten are normal");
	end_line(lv);
	end_line(lv);
}

/* "kill[989] root: ", which is shorter than watch_actor. */
static void
put_actor(struct live *lv, const json_t *finding)
{
	const json_t *by = json_object_get(finding, "actor"), *uid = json_object_get(by, "uid");
	char name[80], user[64];

	if (by == NULL)
		return;
	put(lv, BOLD, "%s[%lld]%s%s: ", watch_safe(get_text(by, "name"), name, sizeof(name)),
	    get_number(by, "pid"), uid != NULL ? " " : "",
	    uid != NULL ? user_name(json_integer_value(uid), user) : "");
}

static void
put_row(struct live *lv, const json_t *one)
{
	const json_t *last = json_object_get(one, "last");
	const char *verdict = get_text(one, "verdict");
	char text[512], ago[32];

	put(lv, PLAIN, "%-21s", get_text(one, "title"));
	put(lv, verdict_colour(verdict), "%-10s", verdict_word(verdict));
	put(lv, PLAIN, "%5lld  ", get_number(one, "findings"));
	if (last != NULL) {
		put(lv, PLAIN, "%s ago, ", watch_ago(get_number(last, "last"), ago));
		put_actor(lv, last);
		put(lv, PLAIN, "%s", watch_safe(get_text(last, "evidence"), text, sizeof(text)));
	}
	end_line(lv);
}

static void
put_sensors(struct live *lv)
{
	json_t *on = json_array();
	const json_t *one, *blind = json_object_get(lv->status, "blind");
	size_t i;

	json_array_foreach(json_object_get(lv->status, "sensors"), i, one)
	{
		if (json_array_size(json_object_get(one, "shows")) > 0)
			(void)json_array_append_new(
			    on,
			    json_sprintf("%s/%s", get_text(one, "layer"), get_text(one, "name")));
	}
	put_words(lv, PLAIN, "Sensors", on);
	if (json_array_size(blind) > 0)
		put_words(lv, DIM, "Blind", blind);
	json_decref(on);
}

static void
put_finding(struct live *lv, const json_t *one)
{
	const char *severity = get_text(one, "severity");
	char when[32], text[512];

	put(lv, PLAIN, "%s ", watch_time(get_number(one, "first"), when) + 11);
	put(lv, severity_colour(severity), "%-8s", severity);
	put(lv, PLAIN, " %s ", get_text(one, "rule"));
	if (get_number(one, "count") > 1)
		put(lv, PLAIN, "x%lld ", get_number(one, "count"));
	put_actor(lv, one);
	put(lv, PLAIN, "%s", watch_safe(get_text(one, "evidence"), text, sizeof(text)));
	end_line(lv);
}

static void
put_latest(struct live *lv)
{
	size_t n = json_array_size(lv->latest);

	if (n == 0)
		return;
	end_line(lv);
	put(lv, BOLD, "Latest findings above info");
	end_line(lv);
	while (n > 0 && lv->line < lv->limit)
		put_finding(lv, json_array_get(lv->latest, --n));
}

static void
put_foot(struct live *lv)
{
	long long lost = get_number(lv->status, "lost"), untold = get_number(lv->status, "untold");

	while (lv->line < lv->limit)
		end_line(lv);
	lv->limit = lv->height;
	put(lv, DIM, "q quits");
	if (lost > 0)
		put(lv, YELLOW, "   events lost %lld times", lost);
	if (untold > 0)
		put(lv, YELLOW, "   %lld more findings, only counted", untold);
	end_line(lv);
}

static void
put_all(struct live *lv)
{
	const json_t *one;
	size_t i;

	put_head(lv);
	put_verdict(lv);
	put(lv, BOLD, "%-21s%-10s%5s  %s", "PROPERTY", "VERDICT", "FOUND", "LAST EVIDENCE");
	end_line(lv);
	json_array_foreach(json_object_get(lv->status, "rows"), i, one) put_row(lv, one);
	end_line(lv);
	if (lv->status != NULL)
		put_sensors(lv);
	put_latest(lv);
	put_foot(lv);
}

static int
write_all(const char *at, size_t len)
{
	while (len > 0) {
		ssize_t got = write(STDOUT_FILENO, at, len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -1;
		at += got;
		len -= (size_t)got;
	}
	return 0;
}

static int
draw(struct live *lv)
{
	struct winsize size = { 0 };
	char *text = NULL;
	size_t len = 0;
	int bad = -1;

	(void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	lv->width = size.ws_col >= 20 ? size.ws_col : 80;
	lv->height = size.ws_row >= 2 ? size.ws_row : 24;
	lv->limit = lv->height - 1;
	lv->column = lv->line = 0;
	lv->out = open_memstream(&text, &len);
	if (lv->out == NULL)
		return -1;
	(void)fputs("\033[H", lv->out);
	put_all(lv);
	(void)fputs("\033[J", lv->out);
	if (fclose(lv->out) == 0)
		bad = write_all(text, len);
	free(text);
	return bad;
}

/* ---- what is drawn */

/* Looks of ps and the like would push out what matters; lsactl watch findings has them. */
static void
keep_latest(struct live *lv, json_t *more)
{
	json_t *one;
	size_t i;

	json_array_foreach(more, i, one)
	{
		if (strcmp(get_text(one, "severity"), "info") != 0)
			(void)json_array_append(lv->latest, one);
	}
	while (json_array_size(lv->latest) > LATEST)
		(void)json_array_remove(lv->latest, 0);
}

static void
look(struct live *lv)
{
	json_t *is, *more;
	long long since = lv->since;

	lv->error[0] = '\0';
	is = try_call(lv->ct, "watch.Status", NULL, lv->error, sizeof(lv->error));
	if (is == NULL)
		return;
	json_decref(lv->status);
	lv->status = is;
	more = findings_after(lv->ct, lv->last, &lv->since, lv->error, sizeof(lv->error));
	if (more == NULL)
		return;
	if (since != lv->since) {
		(void)json_array_clear(lv->latest);
		lv->last = 0;
	}
	keep_latest(lv, more);
	if (json_array_size(more) > 0)
		lv->last = get_number(json_array_get(more, json_array_size(more) - 1), "number");
	json_decref(more);
}

/* ---- the terminal */

static void
enter(struct live *lv)
{
	static const char screen[] = "\033[?1049h\033[?25l";

	if (lv->has_keys) {
		struct termios raw = lv->before;

		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	}
	(void)write_all(screen, sizeof(screen) - 1);
}

static void
leave(struct live *lv)
{
	static const char screen[] = "\033[?25h\033[?1049l";

	(void)write_all(screen, sizeof(screen) - 1);
	if (lv->has_keys)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &lv->before);
}

/* ^Z: the shell gets its terminal back, and we ours when we go on. */
static void
suspend(struct live *lv)
{
	leave(lv);
	(void)kill(getpid(), SIGSTOP);
	enter(lv);
}

/* Returns the signal that ends us, or 0. */
static int
take_signal(struct live *lv)
{
	struct signalfd_siginfo info;

	if (read(lv->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return 0;
	switch (info.ssi_signo) {
	case SIGWINCH:
	case SIGCONT:
		return 0;
	case SIGTSTP:
		suspend(lv);
		return 0;
	default:
		return (int)info.ssi_signo;
	}
}

/* A key ends it, or the end of the terminal. */
static bool
take_key(struct live *lv)
{
	char keys[64];
	ssize_t got = read(STDIN_FILENO, keys, sizeof(keys));

	if (got <= 0)
		return got == 0 || errno != EINTR;
	for (ssize_t i = 0; i < got; i++) {
		if (keys[i] == 'q' || keys[i] == 'Q')
			return true;
	}
	return false;
}

static long long
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (long long)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Returns the signal that ended it, or 0. */
static int
run(struct live *lv)
{
	long long due = 0;

	for (;;) {
		struct pollfd fds[] = { { .fd = lv->signals, .events = POLLIN },
					{ .fd = lv->has_keys ? STDIN_FILENO : -1,
					  .events = POLLIN } };
		long long now = now_ms();
		int signal;

		if (now >= due) {
			look(lv);
			due = now_ms() + REFRESH_MS;
		}
		if (draw(lv) != 0)
			return 0;
		now = now_ms();
		(void)poll(fds, 2, due > now ? (int)(due - now) : 0);
		signal = fds[0].revents != 0 ? take_signal(lv) : 0;
		if (signal != 0)
			return signal;
		if (fds[1].revents != 0 && take_key(lv))
			return 0;
	}
}

static int
take_signals(struct live *lv)
{
	static const int which[] = { SIGINT,  SIGTERM,	SIGHUP,	 SIGQUIT,
				     SIGPIPE, SIGWINCH, SIGTSTP, SIGCONT };

	(void)sigemptyset(&lv->mask);
	for (size_t i = 0; i < sizeof(which) / sizeof(which[0]); i++)
		(void)sigaddset(&lv->mask, which[i]);
	(void)sigprocmask(SIG_BLOCK, &lv->mask, &lv->mask_before);
	lv->signals = signalfd(-1, &lv->mask, SFD_CLOEXEC | SFD_NONBLOCK);
	return lv->signals < 0 ? -1 : 0;
}

int
watch_live(struct ctl *ct)
{
	struct live lv = { .ct = ct, .latest = json_array(), .signals = -1 };
	int signal = 0, code = EXIT_DONE;

	ct->wait = WAIT_SECONDS;
	look(&lv);
	if (lv.status == NULL) {
		(void)fprintf(stderr, "lsactl: %s\n", lv.error);
		json_decref(lv.latest);
		return EXIT_UNKNOWN;
	}
	lv.has_keys = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &lv.before) == 0;
	if (take_signals(&lv) != 0) {
		(void)fprintf(stderr, "lsactl: signals: %s\n", strerror(errno));
		code = EXIT_UNKNOWN;
	} else {
		enter(&lv);
		signal = run(&lv);
		leave(&lv);
		(void)close(lv.signals);
		(void)sigprocmask(SIG_SETMASK, &lv.mask_before, NULL);
	}
	if (lv.status != NULL && count_verdicts(lv.status, "abnormal") > 0)
		code = EXIT_ABNORMAL;
	json_decref(lv.status);
	json_decref(lv.latest);
	if (signal != 0) {
		(void)raise(signal); /* so that who started us sees what ended us */
		return 128 + signal;
	}
	return code;
}
