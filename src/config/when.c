#include "config/when.h"

#include <time.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/text.h"

enum { DAY_MINUTES = 24 * 60, EVERY_DAY = 0x7f };

/* A number of exactly n_digits digits. */
static bool
take_digits(struct slice *s, size_t n_digits, uint64_t max, int *ret_value)
{
	uint64_t value;

	if (s->len < n_digits || !text_to_u64(slice_of(s->ptr, n_digits), max, &value))
		return false;
	*s = slice_of(s->ptr + n_digits, s->len - n_digits);
	*ret_value = (int)value;
	return true;
}

static bool
take_char(struct slice *s, const char *any_of)
{
	if (s->len == 0 || s->ptr[0] == '\0' || strchr(any_of, s->ptr[0]) == NULL)
		return false;
	*s = slice_of(s->ptr + 1, s->len - 1);
	return true;
}

/* "2026-12-31" */
static bool
take_date(struct slice *s, struct tm *tm)
{
	int year, month;

	if (!take_digits(s, 4, 9999, &year) || !take_char(s, "-") || year < 1970 ||
	    !take_digits(s, 2, 12, &month) || !take_char(s, "-") || month < 1 ||
	    !take_digits(s, 2, 31, &tm->tm_mday) || tm->tm_mday < 1)
		return false;
	tm->tm_year = year - 1900;
	tm->tm_mon = month - 1;
	return true;
}

/* " 18:00" or "T18:00:30"; nothing is the day's beginning. */
static bool
take_time(struct slice *s, struct tm *tm)
{
	if (s->len == 0)
		return true;
	if (!take_char(s, " T") || !take_digits(s, 2, 23, &tm->tm_hour) || !take_char(s, ":") ||
	    !take_digits(s, 2, 59, &tm->tm_min))
		return false;
	return !take_char(s, ":") || take_digits(s, 2, 59, &tm->tm_sec);
}

bool
when_parse_moment(struct slice text, int64_t *ret_us)
{
	/* Whether summer time holds then is for the calendar to know. */
	struct tm tm = {.tm_isdst = -1};

	if (!take_date(&text, &tm))
		return false;
	bool has_time = text.len > 0;
	if (!take_time(&text, &tm))
		return false;
	bool utc = has_time && take_char(&text, "Z");
	if (text.len > 0)
		return false;
	struct tm made = tm;
	time_t at = utc ? timegm(&made) : mktime(&made);
	/* The calendar goes on counting where a month has no such day. */
	if (at < 0 || made.tm_mday != tm.tm_mday)
		return false;
	*ret_us = (int64_t)at * US_PER_SEC;
	return true;
}

static bool
take_day(struct slice *s, unsigned *ret_day)
{
	static const char *const DAYS[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

	for (unsigned i = 0; i < ARRAY_LEN(DAYS); i++) {
		if (!slice_starts_with(*s, slice_str(DAYS[i])))
			continue;
		*s = slice_of(s->ptr + 3, s->len - 3);
		*ret_day = i;
		return true;
	}
	return false;
}

/* "mon-fri", "sat,sun", "fri-mon,wed" */
static bool
parse_days(struct slice text, uint8_t *ret_days)
{
	*ret_days = 0;
	do {
		unsigned first, last;
		if (!take_day(&text, &first))
			return false;
		last = first;
		if (take_char(&text, "-") && !take_day(&text, &last))
			return false;
		for (unsigned day = first;; day = (day + 1) % 7) {
			*ret_days |= (uint8_t)(1u << day);
			if (day == last)
				break;
		}
	} while (take_char(&text, ","));
	return text.len == 0;
}

/* "06:00"; "24:00" is the end of a day alone. */
static bool
take_clock(struct slice *s, uint16_t *ret_minutes)
{
	int hour, minute;

	if (!take_digits(s, 2, 24, &hour) || !take_char(s, ":") ||
	    !take_digits(s, 2, 59, &minute) || (hour == 24 && minute > 0))
		return false;
	*ret_minutes = (uint16_t)(hour * 60 + minute);
	return true;
}

/* "06:00-22:00", "22:00-06:00" */
static bool
parse_span(struct slice text, struct config_hours *hours)
{
	return take_clock(&text, &hours->from_min) && take_char(&text, "-") &&
	       take_clock(&text, &hours->until_min) && text.len == 0 &&
	       hours->from_min < DAY_MINUTES && hours->from_min != hours->until_min;
}

bool
when_parse_hours(struct slice text, struct config_hours *ret_hours)
{
	struct slice first = slice_take_word(&text), second = slice_take_word(&text);
	bool has_days = first.len > 0 && first.ptr[0] >= 'a';

	*ret_hours = (struct config_hours){.days = EVERY_DAY, .until_min = DAY_MINUTES};
	if (slice_trim(text).len > 0 || (has_days && !parse_days(first, &ret_hours->days)))
		return false;
	if (has_days)
		return second.len == 0 || parse_span(second, ret_hours);
	return second.len == 0 && parse_span(first, ret_hours);
}

bool
when_is_within(const struct config_hours *hours, int64_t at_us)
{
	time_t at = (time_t)(at_us / US_PER_SEC);
	struct tm tm;

	if (localtime_r(&at, &tm) == NULL)
		return false;
	int minute = tm.tm_hour * 60 + tm.tm_min;
	bool today = (hours->days >> tm.tm_wday & 1) != 0;
	bool yesterday = (hours->days >> (tm.tm_wday + 6) % 7 & 1) != 0;
	if (hours->from_min < hours->until_min)
		return today && minute >= hours->from_min && minute < hours->until_min;
	return (today && minute >= hours->from_min) || (yesterday && minute < hours->until_min);
}
