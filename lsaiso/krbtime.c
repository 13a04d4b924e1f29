/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Calendar arithmetic in the proleptic Gregorian calendar, years from March. */
#include "der.h"
#include "wipe.h"

#define DAY	    86400
#define SECONDS_MAX INT64_C(253402300799) /* 9999-12-31 23:59:59 */
#define EPOCH_DAYS  719468		  /* 0000-03-01 to 1970-01-01 */

static int64_t
year_days(int64_t year)
{
	return year * 365 + year / 4 - year / 100 + year / 400;
}

/* Days from a first of March to the first of a month, 0 for March. */
static int64_t
month_days(int64_t month)
{
	return (153 * month + 2) / 5;
}

static void
digits(uint8_t *at, int64_t value, size_t n)
{
	for (; n > 0; n--, value /= 10)
		at[n - 1] = (uint8_t)('0' + value % 10);
}

static int64_t
number(const uint8_t *at, size_t n)
{
	int64_t value = 0;

	for (size_t i = 0; i < n; i++)
		value = value * 10 + at[i] - '0';
	return value;
}

/* What is not a time does not come out of the writer the same. */
int64_t
krbtime_read(struct rd text)
{
	uint8_t again[KRBTIME_LEN] = { 0 };
	const uint8_t *t = text.at;
	int64_t year = 0, month = 0, seconds = 0;

	if (text.len != KRBTIME_LEN)
		return -1;
	month = number(t + 4, 2) - 3;
	year = number(t, 4) - (month < 0);
	month += month < 0 ? 12 : 0;
	seconds = (year_days(year) + month_days(month) + number(t + 6, 2) - 1 - EPOCH_DAYS) * DAY +
		  number(t + 8, 2) * 3600 + number(t + 10, 2) * 60 + number(t + 12, 2);
	krbtime_write(seconds, again);
	return memcmp(again, t, KRBTIME_LEN) == 0 ? seconds : -1;
}

void
krbtime_write(int64_t seconds, uint8_t text[KRBTIME_LEN])
{
	int64_t s = seconds < 0 ? 0 : seconds > SECONDS_MAX ? SECONDS_MAX : seconds;
	int64_t days = s / DAY + EPOCH_DAYS, year = days / 366, month = 0;

	s %= DAY;
	while (year_days(year + 1) <= days)
		year++;
	days -= year_days(year);
	while (month < 11 && month_days(month + 1) <= days)
		month++;
	days -= month_days(month);
	digits(text, year + (month > 9), 4);
	digits(text + 4, month > 9 ? month - 9 : month + 3, 2);
	digits(text + 6, days + 1, 2);
	digits(text + 8, s / 3600, 2);
	digits(text + 10, s / 60 % 60, 2);
	digits(text + 12, s % 60, 2);
	text[14] = 'Z';
}
