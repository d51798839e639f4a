#include "base/text.h"
#include "config/consistency.h"
#include "ipc/messages.h"
#include "vfs/mount.h"

/* Rules between the values of accounts, and of the folders that they see. */

/* Names are compared with all accounts to suggest one: only up to so many. */
enum { SUGGEST_MAX = 1000 };

/* A slot that was set in a file, and not by default. */
static bool
was_set(const struct loader *l, const void *slot)
{
	return snapshot_place(l->snap, slot).line > 0;
}

/* One that was no good has been told of, and is not missed as well. */
static bool
names_a_key(const struct loader *l, const struct config_account *a)
{
	const struct config *c = &l->snap->config;

	return was_set(l, &a->authorized_keys) || was_set(l, &a->keys) ||
	       was_set(l, &a->trusted_user_ca) || was_set(l, &c->trusted_user_ca);
}

/* What an account could log in with must be what `login` asks for. */
static void
check_login(struct loader *l, const struct config_account *a)
{
	const struct place at = snapshot_place(l->snap, &a->name);
	bool by_key = a->login != CONFIG_LOGIN_PASSWORD;
	bool by_password = a->login != CONFIG_LOGIN_KEY;

	if (by_key && !names_a_key(l, a))
		report_error(&l->report, at,
		    "account \"%s\" has no key: it needs \"authorized_keys\", \"keys\" or "
		    "\"trusted_user_ca\"",
		    SHOWN(slice_str(a->name)));
	if (by_password && !was_set(l, &a->password))
		report_error(&l->report, at,
		    "account \"%s\" has no \"password\", and its login asks for one",
		    SHOWN(slice_str(a->name)));
	if (!by_password && a->password != NULL)
		report_error(&l->report, snapshot_place(l->snap, &a->password),
		    "\"password\" is never asked for: set \"login\" to password, or to "
		    "key+password");
	if (!by_key && (a->n_authorized_keys > 0 || a->n_keys > 0))
		report_error(&l->report,
		    snapshot_place(l->snap, a->n_authorized_keys > 0
						? (const void *)&a->authorized_keys
						: (const void *)&a->keys),
		    "a key is never asked for: \"login\" is password (key+password asks for "
		    "both)");
}

/* They travel to the session in one message. */
static void
check_globs(struct loader *l, char *const *globs, size_t n_globs, const void *slot, const char *key)
{
	size_t len = 0;

	for (size_t i = 0; i < n_globs; i++)
		len += globs[i] == NULL ? 0 : strlen(globs[i]) + 1;
	if (len > IPC_PATTERNS_MAX)
		report_error(&l->report, snapshot_place(l->snap, slot),
		    "the patterns of \"%s\" have more than %d bytes together", key,
		    IPC_PATTERNS_MAX);
}

static void
check_mounts(struct loader *l, const struct config_account *a)
{
	struct item *items = load_alloc(l, a->n_mounts + 1, sizeof *items);
	size_t n = 0;

	for (size_t i = 0; i < a->n_mounts && items != NULL; i++) {
		const struct config_mount *m = &a->mounts[i];
		if (m->at != NULL)
			items[n++] = (struct item){m->at, &m->at};
		check_globs(l, m->names, m->n_names, &m->names, "names");
		check_globs(l, m->no_names, m->n_no_names, &m->no_names, "no_names");
	}
	report_twice(l, items, n, "the mount");
	if (a->n_mounts > CONFIG_MOUNTS_MAX)
		report_error(&l->report, snapshot_place(l->snap, &a->name),
		    "account \"%s\" has more than %d mounts", SHOWN(slice_str(a->name)),
		    CONFIG_MOUNTS_MAX);
}

void
consistency_check_account(struct loader *l, const struct config_account *a)
{
	/* An entry whose name was no text has been reported. */
	if (a->name == NULL)
		return;
	check_login(l, a);
	check_mounts(l, a);
}

static bool
may_download(const struct config_account *a, const struct config_folder *f)
{
	for (size_t i = 0; i < a->n_mounts; i++) {
		if (a->mounts[i].folder == f && (a->mounts[i].allow & VFS_DOWNLOAD) != 0)
			return true;
	}
	return false;
}

static const char *
nearest_account(const struct config *c, const char *name)
{
	const char *names[SUGGEST_MAX + 1] = {NULL};
	size_t n = 0;

	for (size_t i = 0; i < c->n_accounts && c->n_accounts <= SUGGEST_MAX; i++) {
		if (c->accounts[i].name != NULL)
			names[n++] = c->accounts[i].name;
	}
	return text_nearest(slice_str(name), names);
}

static void
check_consumer(struct loader *l, const struct config_folder *f, char *const *slot)
{
	const struct config *c = &l->snap->config;
	const struct config_account *a = config_find_account(c, slice_str(*slot));
	struct place at = snapshot_place(l->snap, slot);

	if (a != NULL) {
		if (!may_download(a, f))
			report_error(&l->report, at,
			    "the consumer \"%s\" has no mount of folder \"%s\" that allows "
			    "download: "
			    "no file of it would ever be delivered",
			    SHOWN(slice_str(*slot)), SHOWN(slice_str(f->name)));
		return;
	}
	if (l->incomplete)
		return;
	const char *nearest = nearest_account(c, *slot);
	if (nearest == NULL)
		report_error(&l->report, at, "no account is named \"%s\"", SHOWN(slice_str(*slot)));
	else
		report_error(&l->report, at, "no account is named \"%s\" (did you mean \"%s\"?)",
		    SHOWN(slice_str(*slot)), SHOWN(slice_str(nearest)));
}

void
consistency_check_folder(struct loader *l, const struct config_folder *f)
{
	struct item *items = load_alloc(l, f->n_consumers + 1, sizeof *items);
	size_t n = 0;

	if (f->name == NULL || items == NULL)
		return;
	for (size_t i = 0; i < f->n_consumers; i++) {
		if (f->consumers[i] == NULL)
			continue;
		items[n++] = (struct item){f->consumers[i], &f->consumers[i]};
		check_consumer(l, f, &f->consumers[i]);
	}
	report_twice(l, items, n, "the consumer");
	if (was_set(l, &f->archive) && f->on_delivered != CONFIG_DELIVERED_ARCHIVE)
		report_error(&l->report, snapshot_place(l->snap, &f->archive),
		    "\"archive\" gets no file: set \"on_delivered\" to archive");
}
