#include "sftp/longname.h"

#include <inttypes.h>

static char
type_letter(uint32_t mode)
{
	static const struct {
		uint32_t type;
		char letter;
	} LETTERS[] = {
	    {S_IFREG, '-'},
	    {S_IFDIR, 'd'},
	    {S_IFLNK, 'l'},
	    {S_IFIFO, 'p'},
	    {S_IFSOCK, 's'},
	    {S_IFCHR, 'c'},
	    {S_IFBLK, 'b'},
	};

	for (size_t i = 0; i < ARRAY_LEN(LETTERS); i++) {
		if (LETTERS[i].type == (mode & S_IFMT))
			return LETTERS[i].letter;
	}
	return '?';
}

enum { MODE_TEXT_LEN = 10 };

static void
mode_text(const struct sftp_attrs *a, char dst[MODE_TEXT_LEN + 1])
{
	static const char BITS[] = "rwxrwxrwx";
	static const struct {
		uint32_t bit;
		size_t at; /* of the x that it changes */
		char with_x, without_x;
	} SPECIAL[] = {
	    {S_ISUID, 3, 's', 'S'},
	    {S_ISGID, 6, 's', 'S'},
	    {S_ISVTX, 9, 't', 'T'},
	};

	if (!(a->flags & SSH_FILEXFER_ATTR_PERMISSIONS)) {
		memcpy(dst, "??????????", MODE_TEXT_LEN + 1);
		return;
	}
	dst[0] = type_letter(a->permissions);
	for (size_t i = 0; i < 9; i++)
		dst[1 + i] = (a->permissions >> (8 - i)) & 1 ? BITS[i] : '-';
	for (size_t i = 0; i < ARRAY_LEN(SPECIAL); i++) {
		if (a->permissions & SPECIAL[i].bit)
			dst[SPECIAL[i].at] =
			    dst[SPECIAL[i].at] == 'x' ? SPECIAL[i].with_x : SPECIAL[i].without_x;
	}
	dst[MODE_TEXT_LEN] = '\0';
}

enum { WHEN_TEXT_MAX = 24, HALF_A_YEAR = 182 * 24 * 3600 };

/* "Jan  2 15:04", or "Jan  2  2024": twelve characters. */
static void
when_text(const struct sftp_attrs *a, int64_t now, char dst[WHEN_TEXT_MAX])
{
	static const char *const MONTHS[] = {
	    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t at = a->flags & SSH_FILEXFER_ATTR_ACMODTIME ? (time_t)a->mtime : 0;
	struct tm tm;

	if (gmtime_r(&at, &tm) == NULL) {
		memcpy(dst, "?", 2);
		return;
	}
	const char *month = MONTHS[tm.tm_mon];
	if (at > now - HALF_A_YEAR && at < now + HALF_A_YEAR)
		(void)snprintf(dst, WHEN_TEXT_MAX, "%s %2d %02d:%02d", month, tm.tm_mday,
		    tm.tm_hour, tm.tm_min);
	else
		(void)snprintf(
		    dst, WHEN_TEXT_MAX, "%s %2d  %4d", month, tm.tm_mday, tm.tm_year + 1900);
}

enum err
sftp_longname_put(struct buf *b, struct slice name, const struct sftp_attrs *attrs, int64_t now)
{
	bool has_ids = attrs->flags & SSH_FILEXFER_ATTR_UIDGID;
	bool has_size = attrs->flags & SSH_FILEXFER_ATTR_SIZE;
	char mode[MODE_TEXT_LEN + 1], when[WHEN_TEXT_MAX];
	size_t begin = buf_len(b);

	mode_text(attrs, mode);
	when_text(attrs, now, when);
	/* The number of links is in no attribute of version 3;
	 * OpenSSH's line has a place for it. */
	enum err e = buf_printf(b, "%s    1 %-8" PRIu32 " %-8" PRIu32 " %8" PRIu64 " %s ", mode,
	    has_ids ? attrs->uid : 0, has_ids ? attrs->gid : 0, has_size ? attrs->size : 0, when);
	if (e == ERR_OK && buf_put(b, name.ptr, name.len) != ERR_OK) {
		buf_unput(b, buf_len(b) - begin);
		e = ERR_NOMEM;
	}
	return e;
}
