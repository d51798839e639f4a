#include "stdio/startdir.h"

#include <limits.h>
#include <pwd.h>
#include <stddef.h>
#include <unistd.h>

#include "base/buf.h"

static enum err
put_token(struct buf *b, char token)
{
	if (token == '%')
		return buf_put_u8(b, '%');
	if (token != 'd' && token != 'u')
		return ERR_INVALID;
	const struct passwd *pw = getpwuid(getuid());
	if (pw == NULL)
		return ERR_NOENT;
	struct slice text = slice_str(token == 'd' ? pw->pw_dir : pw->pw_name);
	return buf_put(b, text.ptr, text.len);
}

static enum err
expand(struct buf *b, const char *pattern)
{
	enum err e = ERR_OK;

	for (const char *p = pattern; e == ERR_OK && *p != '\0'; p++) {
		if (*p == '%')
			e = put_token(b, *++p);
		else
			e = buf_put_u8(b, (uint8_t)*p);
	}
	return e == ERR_OK ? buf_put_u8(b, 0) : e;
}

enum err
startdir_enter(const char *pattern)
{
	struct buf path _cleanup_(buf_fini);

	buf_init(&path, PATH_MAX);
	enum err e = expand(&path, pattern);
	if (e != ERR_OK)
		return e == ERR_NOMEM ? ERR_NAMETOOLONG : e;
	return chdir((const char *)buf_slice(&path).ptr) < 0 ? err_last() : ERR_OK;
}
