/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All that handlers (op_NAME.c) use, and nobody else includes. They are called
 * by the dispatcher with a decoded request and an empty reply, and only compute:
 * what they do not get out of the request they get from these.
 */
#ifndef LSAISO_OP_H
#define LSAISO_OP_H

#include "audit.h"
#include "authenticator.h"
#include "blob.h"
#include "host.h"
#include "pending.h"
#include "session.h"
#include "tgs.h"
#include "wipe.h"

/* The whole of a variable part of a reply, to be written to. */
#define ROOM(part) ((struct wr){ (part).at, sizeof((part).at) })

#endif
