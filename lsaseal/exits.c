/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lsaseal/exits.h"

static const struct {
	int code;
	const char *text, *advice;
} rows[] = {
#define ROW(n, name, what, todo) { (n), (what), (todo) },
	SEAL_EXIT_LIST(ROW)
};

const char *
seal_exit_text(int code)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].code == code)
			return rows[i].text;
	}
	return NULL;
}

const char *
seal_exit_advice(int code)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].code == code)
			return rows[i].advice;
	}
	return NULL;
}
