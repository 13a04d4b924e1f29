/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sensors, each in a file of its own; sensors.c has the list. */
#ifndef LSAWATCH_SENSE_H
#define LSAWATCH_SENSE_H

#include "lsawatch/watch.h"

extern const struct watch_sensor sense_bpf;
extern const struct watch_sensor sense_trace;
extern const struct watch_sensor sense_files;
extern const struct watch_sensor sense_audit;
extern const struct watch_sensor sense_exits;
extern const struct watch_sensor sense_connector;
extern const struct watch_sensor sense_sweep;

#endif
