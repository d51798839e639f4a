#include "ssh/pattern.h"

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/*
 * One star is enough to remember: when a later one is reached, what the earlier one swallowed needs
 * no second look. So the time is bounded by pattern length times text length, whatever is given.
 */
bool
pattern_match(struct slice pattern, struct slice text)
{
	size_t p = 0, t = 0, star = SIZE_MAX, resume = 0;

	while (t < text.len) {
		if (p < pattern.len && pattern.ptr[p] == '*') {
			star = p++;
			resume = t;
		} else if (p < pattern.len &&
			   (pattern.ptr[p] == '?' || lower(pattern.ptr[p]) == lower(text.ptr[t]))) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = ++resume;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.ptr[p] == '*')
		p++;
	return p == pattern.len;
}

enum pattern_verdict
pattern_list_match(struct slice list, struct slice text)
{
	enum pattern_verdict verdict = PATTERN_NO;

	while (list.len > 0) {
		struct slice pattern;
		list = slice_cut(list, ',', &pattern);
		bool negated = pattern.len > 0 && pattern.ptr[0] == '!';
		if (negated)
			pattern = slice_of(pattern.ptr + 1, pattern.len - 1);
		if (pattern.len == 0 || !pattern_match(pattern, text))
			continue;
		if (negated)
			return PATTERN_EXCLUDED;
		verdict = PATTERN_YES;
	}
	return verdict;
}
