#include "rules/name.h"

#include <stdio.h>

#include "base/text.h"

static bool
has_control(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < 0x20 || s.ptr[i] == 0x7f)
			return true;
	}
	return false;
}

/* Why it can't be a name, or NULL. */
static const char *
name_fault(struct slice name)
{
	if (name.len == 0)
		return "it is empty";
	if (slice_is(name, ".") || slice_is(name, ".."))
		return "it stands for a directory";
	if (slice_has(name, '/'))
		return "it holds a slash";
	if (has_control(name))
		return "it holds a control character";
	return NULL;
}

enum err
name_check(struct slice name, struct story *story)
{
	char shown[128];

	if (name.len > NAME_LEN_MAX)
		return story_fail(story, ERR_NAMETOOLONG,
		    "\"%s...\" can't be a file name: it has %zu bytes, more than %d",
		    text_escape(slice_of(name.ptr, 64), shown, sizeof shown), name.len,
		    NAME_LEN_MAX);
	const char *fault = name_fault(name);
	if (fault == NULL)
		return ERR_OK;
	return story_fail(story, ERR_INVALID, "\"%s\" can't be a file name: %s",
	    text_escape(name, shown, sizeof shown), fault);
}

struct slice
name_extension(struct slice name, struct slice *ret_stem)
{
	for (size_t dot = name.len; dot-- > 1;) {
		if (name.ptr[dot] != '.')
			continue;
		*ret_stem = slice_of(name.ptr, dot);
		return slice_of(name.ptr + dot + 1, name.len - dot - 1);
	}
	*ret_stem = name;
	return slice_of(NULL, 0);
}

/* s cut to at most max bytes, not inside of a UTF-8 sequence. */
static struct slice
cut_text(struct slice s, size_t max)
{
	if (s.len <= max)
		return s;
	while (max > 1 && (s.ptr[max] & 0xc0) == 0x80)
		max--;
	return slice_of(s.ptr, max);
}

void
name_numbered(const char *name, unsigned n, char *dst)
{
	struct slice stem, whole = slice_str(name);
	struct slice ext = name_extension(whole, &stem);
	char number[16];

	int number_len = snprintf(number, sizeof number, ".%u", n);
	size_t room = NAME_LEN_MAX - (size_t)number_len;
	/* An extension that leaves nothing of the stem is none. */
	if (ext.len + 2 > room || ext.ptr == NULL) {
		stem = whole;
		ext = slice_of(NULL, 0);
	}
	stem = cut_text(stem, ext.ptr == NULL ? room : room - ext.len - 1);
	(void)snprintf(dst, NAME_LEN_MAX + 1, "%.*s%s%s%.*s", SLICE_ARG(stem), number,
	    ext.ptr == NULL ? "" : ".", (int)ext.len, ext.ptr == NULL ? "" : (const char *)ext.ptr);
}
