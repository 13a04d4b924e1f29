/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "krbtime.h"

#define DAY	    INT64_C(86400)
#define SECONDS_MAX INT64_C(253402300799) /* 9999-12-31 23:59:59 */

static bool
leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t
month_days(int64_t year, int64_t month)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[month - 1] + (month == 2 && leap(year) ? 1 : 0);
}

/* Days from 1970-01-01 to the first of January of year. */
static int64_t
year_days(int64_t year)
{
	int64_t y = year - 1;

	return (year - 1970) * 365 + (y / 4 - y / 100 + y / 400) -
	       (1969 / 4 - 1969 / 100 + 1969 / 400);
}

static int64_t
number(struct rd text, size_t from, size_t n)
{
	int64_t value = 0;

	for (size_t i = from; i < from + n; i++)
		value = value * 10 + (text.at[i] - '0');
	return value;
}

bool
krbtime_read(struct rd text, int64_t *seconds)
{
	int64_t year, month, day, hour, minute, second, days;

	*seconds = 0;
	if (text.len != KRBTIME_LEN || text.at[KRBTIME_LEN - 1] != 'Z')
		return false;
	for (size_t i = 0; i < KRBTIME_LEN - 1; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return false;
	}
	year = number(text, 0, 4);
	month = number(text, 4, 2);
	day = number(text, 6, 2);
	hour = number(text, 8, 2);
	minute = number(text, 10, 2);
	second = number(text, 12, 2);
	if (year < 1970 || month < 1 || month > 12 || day < 1 || day > month_days(year, month) ||
	    hour > 23 || minute > 59 || second > 60)
		return false;
	days = year_days(year) + day - 1;
	for (int64_t m = 1; m < month; m++)
		days += month_days(year, m);
	*seconds = days * DAY + hour * 3600 + minute * 60 + second;
	return true;
}

static void
digits(uint8_t *at, int64_t value, size_t n)
{
	for (; n > 0; n--, value /= 10)
		at[n - 1] = (uint8_t)('0' + value % 10);
}

void
krbtime_write(int64_t seconds, uint8_t text[KRBTIME_LEN])
{
	int64_t s = seconds < 0 ? 0 : seconds > SECONDS_MAX ? SECONDS_MAX : seconds;
	int64_t days = s / DAY, year = 1970 + days / 366, month = 1;

	s %= DAY;
	while (year_days(year + 1) <= days)
		year++;
	days -= year_days(year);
	while (days >= month_days(year, month)) {
		days -= month_days(year, month);
		month++;
	}
	digits(text, year, 4);
	digits(text + 4, month, 2);
	digits(text + 6, days + 1, 2);
	digits(text + 8, s / 3600, 2);
	digits(text + 10, s / 60 % 60, 2);
	digits(text + 12, s % 60, 2);
	text[14] = 'Z';
}
