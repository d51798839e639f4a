#include "config/files.h"
#include "pki/revoked.h"
#include "ssh/authkeys.h"
#include "ssh/userkey.h"

/* What is in files of keys: could it be used? */

struct line_ctx {
	struct report *report;
	struct place at;
	const char *path;
};

static void
tell_line(void *ctx, size_t line, const char *why)
{
	struct line_ctx *l = ctx;

	report_warning(
	    l->report, l->at, "%s:%zu: %s", SHOWN(slice_str(l->path)), line, SHOWN(slice_str(why)));
}

void
files_look_at_keys(struct report *r, struct place at, const char *path, struct slice content)
{
	struct line_ctx ctx = {r, at, path};
	struct authkeys *keys = NULL;

	enum err e = authkeys_parse(&keys, content, tell_line, &ctx);
	if (e != ERR_OK) {
		report_error(r, at, "%s can't be used: %s", SHOWN(slice_str(path)), err_text(e));
		return;
	}
	if (authkeys_count(keys) == 0)
		report_warning(r, at, "%s holds no usable key: nobody can log in with it",
		    SHOWN(slice_str(path)));
	authkeys_free(keys);
}

/* With a list that can't be understood nobody logs in by key, so each line counts. */
void
files_look_at_revoked_keys(
    struct report *r, struct place at, const char *path, struct slice content)
{
	struct revoked *list = NULL;
	struct story why = {.text = ""};

	enum err e = revoked_parse(&list, content, &why);
	if (e != ERR_OK)
		report_error(r, at, "revoked_keys %s can't be used: %s", SHOWN(slice_str(path)),
		    why.text[0] != '\0' ? why.text : err_text(e));
	revoked_free(list);
}

/* Would it be accepted when it is needed? The very same code says so. */
void
files_look_at_private_key(struct report *r, struct place at, const char *path, struct slice content)
{
	char fingerprint[64];
	struct story why = {.text = ""};

	enum err e = userkey_public(content, "", NULL, fingerprint, &why);
	if (e != ERR_OK)
		report_error(r, at, "%s can't be used: %s", SHOWN(slice_str(path)),
		    why.text[0] != '\0' ? why.text : err_text(e));
}
