#include <stdio.h>

#include "config/value.h"

/* Words that the schema knows, and names that a file gives. */

enum { NAME_TEXT_MAX = 64 };

int
value_find_word(const char *const *words, struct slice word)
{
	for (int i = 0; words[i] != NULL; i++) {
		if (slice_is(word, words[i]))
			return i;
	}
	return -1;
}

/* "a, b or c" */
static void
join_words(const char *const *words, char *dst, size_t dst_len)
{
	size_t len = 0;

	dst[0] = '\0';
	for (size_t i = 0; words[i] != NULL && len < dst_len; i++) {
		const char *before = i == 0 ? "" : words[i + 1] == NULL ? " or " : ", ";
		len += (size_t)snprintf(dst + len, dst_len - len, "%s%s", before, words[i]);
	}
}

/*
 * Of a few words all are told: the nearest one may mean less than what was wanted, as "password"
 * does for "password+key".
 */
static bool
words_are_few(const char *const *words)
{
	size_t n = 0;

	while (words[n] != NULL)
		n++;
	return n <= 3;
}

void
value_unknown_word(struct loader *l, const struct key *key, struct slice word, struct place at)
{
	char all[256];
	const char *nearest = text_nearest(word, key->words);

	if (key->no_words != NULL && value_find_word(key->no_words, word) >= 0) {
		report_error(&l->report, at, "\"%s: %s\" is not supported by this version",
		    key->name, SHOWN(word));
		return;
	}
	if (nearest != NULL && !words_are_few(key->words)) {
		report_error(&l->report, at, "unknown word \"%s\" in \"%s\" (did you mean \"%s\"?)",
		    SHOWN(word), key->name, nearest);
		return;
	}
	join_words(key->words, all, sizeof all);
	report_error(&l->report, at, "unknown word \"%s\" in \"%s\": it must be %s", SHOWN(word),
	    key->name, all);
}

const char *
value_name_fault(struct slice name)
{
	if (name.len == 0)
		return "it is empty";
	if (name.len > NAME_TEXT_MAX)
		return "it has more than 64 characters";
	if (name.ptr[0] == '.' || name.ptr[0] == '-')
		return "it begins with a dot or a dash";
	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.ptr[i];
		bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			    (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
		if (!good)
			return "it may hold only letters, digits, dots, dashes and underscores";
	}
	return NULL;
}
