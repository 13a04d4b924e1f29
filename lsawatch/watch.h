/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lsawatch, the watch over lsaiso, lsass and lsainit. START HERE. What flows:
 *
 *   sense/      sensors, in layers, say what they see          struct watch_sight
 *   judge/      one file per row of rules.h, or two, decides   struct watch_case
 *   finding.c   groups and limits them, keeps the last ones    struct watch_finding
 *   out/        tells everybody: journal, ECS, OCSF, Prometheus
 *   respond.c   asks lsainit to lock or wipe, where configured
 *   serve.c     answers lsactl watch
 *
 * Beside it: process.c knows who a process is, baseline.c what is usual,
 * installed.c which files are ours; confine.c gives up what the sensors,
 * once open, do not need.
 *
 * One thread, lsass/loop.h. lsainit starts it (lib/control.h); nobody else does.
 * It holds no secret and asks lsaiso nothing.
 */
#ifndef LSAWATCH_WATCH_H
#define LSAWATCH_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/config.h"
#include "lib/control.h"
#include "lsawatch/rules.h"

struct loop;

/* ---- the tables, as enums and rows (tables.c) */

enum watch_row {
#define ROW_ENUM(name, title, normal, signals, technique, technique18, todo) ROW_##name,
	WATCH_ROWS(ROW_ENUM)
#undef ROW_ENUM
	    ROW_END,
	ROW_none = ROW_END /* of rules about the watch itself */
};

enum watch_severity { INFO = 1, LOW, MEDIUM, HIGH, CRITICAL }; /* numbers are OCSF's */

enum watch_rule {
#define RULE_ENUM(name, row, severity, technique, sees, title) RULE_##name,
	WATCH_RULES(RULE_ENUM)
#undef RULE_ENUM
	    RULE_END
};

/* Kinds of sight: what a sensor can show. */
#define WATCH_SEES(SEE)                                                                            \
	SEE(EXEC, "programs that start")                                                           \
	SEE(FORK, "processes and threads that are made")                                           \
	SEE(EXIT, "ends of our processes, with their reason")                                      \
	SEE(CREDS, "changes of user")                                                              \
	SEE(ATTACH, "tracing by ptrace")                                                           \
	SEE(ACCESS, "reading of memory, taking of descriptors")                                    \
	SEE(LIMITS, "changes of resource limits")                                                  \
	SEE(LOOK, "looks as by ps and lsof")                                                       \
	SEE(DENIED, "attempts that were refused")                                                  \
	SEE(SIGNAL, "signals and their senders")                                                   \
	SEE(PERF, "perf events")                                                                   \
	SEE(PROBE, "kprobes and uprobes")                                                          \
	SEE(BPF, "BPF programs that trace")                                                        \
	SEE(KERNEL, "ways into the kernel's memory")                                               \
	SEE(CORE, "core dumps")                                                                    \
	SEE(FILE, "changes of installed files, as they happen")                                    \
	SEE(MOUNT, "mounts over installed files, as they happen")                                  \
	SEE(STATE, "what our processes are: parent, user, confinement")                            \
	SEE(PLACE, "which program and namespaces our processes have")                              \
	SEE(SCAN, "all processes, by looking at each")                                             \
	SEE(USE, "processor time and memory")                                                      \
	SEE(NET, "sockets")                                                                        \
	SEE(HOLD, "descriptors, threads, mappings")                                                \
	SEE(DIGEST, "digests of installed files")

enum watch_see {
#define SEE_ENUM(name, text) SEE_##name,
	WATCH_SEES(SEE_ENUM)
#undef SEE_ENUM
	    SEE_END
};
#define SEES(name) (1u << SEE_##name) /* S(name) of rules.h */

/* Best first. GUARD is what the guard reports through lsainit. */
enum watch_layer {
	LAYER_BPF,
	LAYER_TRACE,
	LAYER_AUDIT,
	LAYER_EVENTS,
	LAYER_SWEEP,
	LAYER_GUARD,
	LAYER_END
};

struct watch_row_text {
	const char *name, *title, *normal, *signals, *technique, *technique18, *todo;
};
struct watch_rule_row {
	const char *name; /* as in rules.h; for people and outputs: watch_rule_name */
	enum watch_row row;
	enum watch_severity severity;
	const char *technique; /* "": see watch_technique */
	uint32_t sees;
	const char *title;
};
extern const struct watch_row_text watch_rows[ROW_END];
extern const struct watch_rule_row watch_rules[RULE_END];
extern const char *const watch_see_texts[SEE_END];     /* for people */
extern const char *const watch_see_names[SEE_END];     /* "EXEC" */
extern const char *const watch_layer_names[LAYER_END]; /* "bpf" "trace" ... */
extern const char *const watch_severity_names[CRITICAL + 1];
/* With dashes: "memory-read". */
#define WATCH_NAME 32
void watch_rule_name(enum watch_rule rule, char name[WATCH_NAME]);
/* The techniques of a rule, those of its row if it has none: in v19.1, and in v18.1. */
const char *watch_technique(enum watch_rule rule);
const char *watch_technique18(enum watch_rule rule);

/* ---- whom we watch */

enum watch_part { PART_INIT, PART_ISO, PART_LSASS, PART_END, PART_NONE = PART_END };

/* The image of a part, open since the start of lsainit: its inode is not given to another. */
struct watch_image {
	int fd; /* -1: none */
	uint64_t dev, ino;
	char path[512]; /* where it was then; "": unknown */
	char name[32];	/* in the manifest: "lsaiso", "lsavmm", "lsass", ... */
};

struct watch_target {
	enum watch_part part;
	pid_t pid;	/* 0: does not run */
	uint64_t start; /* field 22 of /proc/PID/stat: tells it from a later process of that pid */
	int pidfd;	/* -1: none */
	int64_t since;	/* CLOCK_MONOTONIC, milliseconds: we know it since then */
	struct watch_image image;
};

/* ---- what sensors say */

/* How it was tried; texts in tables.c. */
#define WATCH_WAYS(WAY)                                                                            \
	WAY(unknown, "an access")                                                                  \
	WAY(ptrace, "ptrace")                                                                      \
	WAY(vm_readv, "process_vm_readv")                                                          \
	WAY(vm_writev, "process_vm_writev")                                                        \
	WAY(mem, "/proc/PID/mem")                                                                  \
	WAY(pidfd_getfd, "pidfd_getfd")                                                            \
	WAY(fd_reopen, "/proc/PID/fd")                                                             \
	WAY(madvise, "process_madvise")                                                            \
	WAY(move_pages, "move_pages")                                                              \
	WAY(kcmp, "kcmp")                                                                          \
	WAY(look, "reading its /proc folder")                                                      \
	WAY(perf_open, "perf_event_open")                                                          \
	WAY(uprobe, "a uprobe")                                                                    \
	WAY(kprobe, "a kprobe")                                                                    \
	WAY(bpf_load, "loading a BPF program")                                                     \
	WAY(bpf_map, "opening a map of its BPF programs")                                          \
	WAY(bpf_switch, "opening kernel.ftrace_enabled")                                           \
	WAY(kcore, "/proc/kcore")                                                                  \
	WAY(dev_mem, "/dev/mem")                                                                   \
	WAY(module, "loading a module")                                                            \
	WAY(lockdown, "a way into the kernel")                                                     \
	WAY(kill, "a signal")                                                                      \
	WAY(setrlimit, "changing its resource limits")

enum watch_way {
#define WAY_ENUM(name, text) WAY_##name,
	WATCH_WAYS(WAY_ENUM)
#undef WAY_ENUM
	    WAY_END
};
extern const char *const watch_way_texts[WAY_END];

/* Who did it, as far as the sensor knows; process.c finds the rest. */
struct watch_actor {
	pid_t pid;     /* of the process; 0: unknown */
	pid_t thread;  /* 0: unknown */
	uint32_t uid;  /* UINT32_MAX: unknown */
	char comm[16]; /* "": unknown */
	char exe[256]; /* "": unknown */
	pid_t parent;  /* 0: unknown */
	char parent_exe[256];
	uint32_t login;	   /* loginuid; UINT32_MAX: none or unknown */
	char command[256]; /* arguments with blanks; "": unknown */
};

struct watch_sight {
	enum watch_see see;
	enum watch_layer layer;
	enum watch_way way; /* of ACCESS, LOOK, DENIED, PERF, PROBE, BPF, KERNEL */
	struct watch_actor by;
	pid_t
	    target; /* process it is about; 0: none, or all. Of FORK: the new one, by: its parent */
	int number; /* signal, wait status of EXIT, errno of DENIED, prog type of BPF */
	uint32_t mode;	/* PTRACE_MODE_* bits where the sensor has them */
	int allowed;	/* 1, 0, -1: not known */
	uint32_t more;	/* like it by the same actor that the sensor did not tell */
	char name[256]; /* path of EXEC, FILE, MOUNT, KERNEL; what for others; "": none */
};

/* ---- what judges say */

struct watch_finding {
	uint64_t number; /* 1 for the first since the start; the same for all reports of a group */
	char uid[40];	 /* unique on all machines and for ever */
	enum watch_rule rule;
	enum watch_severity severity;
	int64_t first, last;   /* milliseconds since 1970 */
	uint32_t count;	       /* of what was grouped, this one too */
	struct watch_actor by; /* pid 0: unknown or nobody */
	enum watch_part part;  /* whom it is about; PART_NONE: see subject */
	pid_t subject_pid;     /* 0: none */
	char subject_exe[256]; /* "": unknown */
	enum watch_layer layer;
	int allowed;	      /* 1, 0 refused, -1 not known or no question */
	char evidence[384];   /* one sentence: what exactly was seen */
	const char *response; /* "alert", "lock", "wipe": what was done */
};

/* ---- the process */

enum watch_verdict { VERDICT_NORMAL, VERDICT_LEARNING, VERDICT_ABNORMAL, VERDICT_BLIND };

struct watch_row_state {
	uint64_t findings; /* above INFO, since the start */
	int64_t red_until; /* CLOCK_MONOTONIC ms: abnormal till then, or as long as it lasts */
	bool lasts;	   /* a state that holds now */
	bool any;
	struct watch_finding last; /* above INFO, if any */
};

struct lsawatch {
	struct config cf;
	const char *config_path;
	struct loop *lo;
	struct watch *line;	    /* to lsainit; NULL: it ended */
	struct control_table table; /* of lsainit, latest */
	bool told;		    /* table is set */
	bool stopping;		    /* lsainit said so */
	struct watch_target targets[PART_END];
	struct watch_image vm_image; /* level vm: what runs in the machine */
	struct watch_row_state rows[ROW_END];
	uint32_t sees;		    /* bits SEES() of all sensors that are open */
	uint64_t sights[LAYER_END]; /* events that each layer brought */
	uint64_t lost;		    /* times that events were lost */

	struct watch_processes *processes; /* process.c */
	struct watch_findings *findings;   /* finding.c */
	struct watch_sensors *sensors;	   /* sense/sensors.c */
	struct watch_outputs *outputs;	   /* out/out.c */
	struct watch_baseline *baseline;   /* baseline.c */
	struct watch_responder *responder; /* respond.c */
};

int64_t watch_now_ms(void);  /* CLOCK_MONOTONIC */
int64_t watch_time_ms(void); /* since 1970 */

/* The target that is this process; NULL: none. */
struct watch_target *watch_target_of(struct lsawatch *w, pid_t pid);

/* ---- sense/sensors.c */
/*
 * A sensor is opened if its layer is in [watch] layers and it shows something
 * that no better one shows. Opened before capabilities are dropped.
 */
enum watch_health {
	HEALTH_GOOD,
	HEALTH_MENDED, /* it was silenced, and speaks again */
	HEALTH_BAD,
};

struct watch_sensor {
	const char *name;
	enum watch_layer layer;
	uint32_t sees;
	uint64_t keeps; /* capabilities that it needs after it was opened, as bits */
	/* Open. Returns bits of sees that it really shows here, 0: nothing, why has the reason. */
	uint32_t (*open)(struct lsawatch *w, char *why, size_t n);
	void (*targets)(struct lsawatch *w); /* w->targets changed; NULL: does not care */
	void (*rescan)(struct lsawatch *w);  /* look at everything now; NULL: cannot */
	/*
	 * Asked every ten seconds, first after it was opened: has it told of the deed of our
	 * own that came after the last time it was asked? NULL: nobody can silence it unseen.
	 */
	enum watch_health (*health)(struct lsawatch *w, char *why, size_t n);
	bool replaced; /* when silenced for good: a new lsawatch opens what still works */
	void (*close)(struct lsawatch *w);
};
extern const struct watch_sensor *const watch_sensor_list[]; /* best first; NULL ends */

struct watch_sensor_state {
	const struct watch_sensor *sensor;
	uint32_t shows; /* 0: not open, or silenced */
	uint32_t would; /* silenced: what it would show */
	uint32_t bad;	/* how often in a row */
	char why[160];	/* shows nothing: why */
};
int sensors_open(struct lsawatch *w); /* 0, also when nothing could be had; -1: no memory */
void sensors_targets(struct lsawatch *w);
/* Events were lost: tell it, look at everything. */
void sensors_lost(struct lsawatch *w, enum watch_layer layer, const char *what);
const struct watch_sensor_state *sensors_state(const struct lsawatch *w, size_t *n);
/* Something that every sensor with health shows when it is us: we take our own name again. */
void sensors_deed(void);
void sensors_close(struct lsawatch *w);

/* Sensors call this for all that they see; it stays theirs. */
void watch_see(struct lsawatch *w, const struct watch_sight *si);

/* ---- judge/judge.c */
int judges_open(struct lsawatch *w);
void judges_sight(struct lsawatch *w, const struct watch_sight *si);
/* The table of lsainit changed from *before: ends, restarts, guard. */
void judges_table(struct lsawatch *w, const struct control_table *before);
/* A report of the guard. */
void judges_refused(struct lsawatch *w, const struct control_refusal *re);
/* The line to lsainit ended, and nobody said why: find out who did it, for a moment, and tell. */
void judges_orphaned(struct lsawatch *w);
void judges_close(struct lsawatch *w);

/* ---- finding.c */
int findings_open(struct lsawatch *w);
/*
 * Raise a finding. Groups it with what the same actor did to the same part
 * within 10 s (the first is told at once, the number of the rest at the end),
 * limits all to 30 a 10 s, sets the row, tells outputs, responds.
 *
 * severity  at most that of the rule; 0: that of the rule
 * by        NULL: nobody, or not known
 * part      PART_NONE: then subject is the process it is about, or 0
 */
struct watch_case {
	enum watch_rule rule;
	enum watch_severity severity;
	enum watch_layer layer;
	const struct watch_actor *by;
	enum watch_part part;
	pid_t subject;
	int allowed;
};
void finding_raise(struct lsawatch *w, const struct watch_case *ca, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/*
 * A state that lasts (a changed file, a swapped page): raised when it begins,
 * over when holds is false. Call it as often as it is looked at. key tells
 * apart what can hold at once for the same rule and part, e.g. a path; "".
 */
void finding_holds(struct lsawatch *w, const struct watch_case *ca, bool holds, const char *key,
		   const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Whatever lasts of a rule and a part is over: the process has ended. */
void findings_end(struct lsawatch *w, enum watch_rule rule, enum watch_part part);
enum watch_verdict findings_verdict(const struct lsawatch *w, enum watch_row row);
/* The kept findings, oldest first: i from 0; NULL: no more. */
const struct watch_finding *findings_kept(const struct lsawatch *w, size_t i);
uint64_t findings_untold(const struct lsawatch *w);
/* By rule and severity, since the start: counted one by one, not by groups. */
uint64_t findings_count(const struct lsawatch *w, enum watch_rule rule);
void findings_close(struct lsawatch *w);

/* ---- process.c: who a process is, also after it has ended */
int processes_open(struct lsawatch *w);
/* Fill what is missing of by->pid from /proc, or from what was seen of it before. */
void process_complete(struct lsawatch *w, struct watch_actor *by);
/* Remember what an EXEC or FORK event told, so that short-lived actors have a name. */
void process_note(struct lsawatch *w, const struct watch_sight *si);
/* readlink of /proc/PID/exe. 0 or -1. */
int process_exe(pid_t pid, char *path, size_t n);
uint64_t process_start(pid_t pid); /* field 22; 0: gone */
pid_t process_parent(pid_t pid);   /* 0: gone */
/* Read a file of /proc/PID, zero-terminated. Octets, or -1. */
ssize_t process_read(pid_t pid, const char *file, char *text, size_t n);
void processes_close(struct lsawatch *w);

/* ---- baseline.c: what is usual, learned */
enum watch_measure {
	MEASURE_CPU,	  /* permille of one processor, over 2 s */
	MEASURE_RESIDENT, /* octets */
	MEASURE_FDS,
	MEASURE_THREADS,
	MEASURE_END
};
extern const char *const watch_measure_names[MEASURE_END];
int baseline_open(struct lsawatch *w);
/*
 * One value. While learning ([watch] learn_seconds) it widens the band; after
 * that tells whether it is above it, and slowly follows, within the bounds of
 * baseline.c, what stays above for long.
 */
bool baseline_above(struct lsawatch *w, enum watch_part part, enum watch_measure measure,
		    uint64_t value);
bool baseline_learning(const struct lsawatch *w);
struct watch_band {
	uint64_t low, high, now, bound; /* bound: never learned above this */
	uint64_t samples;
};
const struct watch_band *baseline_band(const struct lsawatch *w, enum watch_part part,
				       enum watch_measure measure);
int64_t baseline_since(const struct lsawatch *w); /* seconds since 1970: learning began */
void baseline_forget(struct lsawatch *w);	  /* learn anew */
void baseline_close(struct lsawatch *w);	  /* and keep it in [watch] directory */

/* ---- out/out.c */
enum watch_telling { TELL_NEW, TELL_MORE, TELL_OVER }; /* OCSF activity_id 1, 2, 3 */
int outputs_open(struct lsawatch *w);
void outputs_tell(struct lsawatch *w, const struct watch_finding *fi, enum watch_telling telling);
void outputs_close(struct lsawatch *w);
/* Prometheus text of all there is; to be freed. NULL: no memory. */
char *prometheus_text(const struct lsawatch *w, size_t *len);
/* ECS and OCSF of one finding; a new object. NULL: no memory. */
struct json_t;
struct json_t *ecs_of(const struct lsawatch *w, const struct watch_finding *fi,
		      enum watch_telling telling);
struct json_t *ocsf_of(const struct lsawatch *w, const struct watch_finding *fi,
		       enum watch_telling telling);
/* An ATT&CK Navigator layer of what the rules cover and how often it was seen. */
struct json_t *navigator_of(const struct lsawatch *w);

/* ---- respond.c */
int responder_open(struct lsawatch *w);
/* "alert", or what was asked of lsainit. Only findings of HIGH or more get more than alert. */
const char *respond(struct lsawatch *w, const struct watch_finding *fi);
/* What is configured for a row: "alert", "lock" or "wipe". */
const char *respond_policy(const struct lsawatch *w, enum watch_row row);
void responder_close(struct lsawatch *w);

/* ---- serve.c: lsactl watch */
int serve_open(struct lsawatch *w);

/* ---- confine.c */
/* Give up all but what keeps sensors working; then the system call filter. 0 or -1, said. */
int confine(struct lsawatch *w);

#endif
