#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "config/files.h"
#include "os/fd.h"
#include "os/file.h"
#include "pki/revoked.h"
#include "ssh/authkeys.h"
#include "vfs/mount.h"

/*
 * What the configuration names, looked at where it is, at this moment: as the user who asks. When
 * that is root, also for the owner of `home`, as whom the daemon runs then.
 */

enum { KEY_FILE_MAX = 64 * 1024, KNOWN_HOSTS_MAX = 16 * 1024 * 1024, REMEDY_MAX = 160 };

struct check {
	const struct snapshot *snap;
	uid_t daemon; /* 0: as we are */
	struct report report;
};

/* What must be true of a file, by what it is for. */
struct file_rule {
	const char *noun;
	mode_t forbidden; /* mode bits, with the reason */
	const char *why;
	/* What to do when it isn't there yet, or holds nothing: around the name of its entry, or
	 * the first alone. */
	const char *remedy, *remedy_end;
	size_t len_max;
	files_look_fn *look;
};

/* A file that an entry of the configuration names. */
struct named_file {
	const char *path;
	const char *entry; /* its name; "" when it has none */
	struct place at;
	const struct file_rule *rule;
};

static const char *
remedy(const struct named_file *f, char dst[REMEDY_MAX])
{
	bool has_name = f->rule->remedy_end != NULL;

	(void)snprintf(dst, REMEDY_MAX, "%s%s%s", f->rule->remedy, has_name ? f->entry : "",
	    has_name ? f->rule->remedy_end : "");
	return dst;
}

/* "backup", or the number of a user without name. */
static const char *
user_name(uid_t uid, char dst[64])
{
	char buffer[4096];
	struct passwd entry, *found = NULL;

	if (getpwuid_r(uid, &entry, buffer, sizeof buffer, &found) == 0 && found != NULL)
		return text_escape(slice_str(found->pw_name), dst, 64);
	(void)snprintf(dst, 64, "%u", (unsigned)uid);
	return dst;
}

/* Root reads everything; the daemon doesn't. */
static void
check_owner(struct check *c, const struct named_file *f, const struct stat *st)
{
	char owner[64], daemon[64];

	if (c->daemon == 0 || st->st_uid == c->daemon || (st->st_mode & 044) != 0)
		return;
	report_error(&c->report, f->at,
	    "%s %s belongs to %s, but home to %s, as whom drayd runs (chown %s %s)", f->rule->noun,
	    SHOWN(slice_str(f->path)), user_name(st->st_uid, owner), user_name(c->daemon, daemon),
	    daemon, SHOWN(slice_str(f->path)));
}

static void
check_content(struct check *c, const struct named_file *f, int fd)
{
	struct buf content _cleanup_(buf_wipe);
	char todo[REMEDY_MAX];

	buf_init(&content, f->rule->len_max);
	enum err e = file_read_all(fd, &content);
	if (e != ERR_OK)
		report_error(&c->report, f->at, "%s %s can't be read: %s", f->rule->noun,
		    SHOWN(slice_str(f->path)), e == ERR_NOMEM ? "it is too large" : err_text(e));
	else if (buf_len(&content) == 0 && f->rule->look == NULL)
		report_error(&c->report, f->at, "%s %s is empty (%s)", f->rule->noun,
		    SHOWN(slice_str(f->path)), remedy(f, todo));
	else if (f->rule->look != NULL)
		f->rule->look(&c->report, f->at, f->path, buf_slice(&content));
}

static void
report_unreadable(struct check *c, const struct named_file *f, enum err e)
{
	char todo[REMEDY_MAX];

	if (e == ERR_NOENT)
		report_error(&c->report, f->at, "%s %s can't be read: %s (%s)", f->rule->noun,
		    SHOWN(slice_str(f->path)), err_text(e), remedy(f, todo));
	else
		report_error(&c->report, f->at, "%s %s can't be read: %s", f->rule->noun,
		    SHOWN(slice_str(f->path)), err_text(e));
}

/* slot holds the path, entry is the name of what has it. */
static void
check_file(struct check *c, char *const *slot, const char *entry, const struct file_rule *rule)
{
	struct named_file f = {*slot, entry, snapshot_place(c->snap, slot), rule};
	int fd _cleanup_(fd_closep) = -1;
	struct stat st;

	enum err e = file_open_trusted(f.path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &fd);
	if (e == ERR_OK && fstat(fd, &st) < 0)
		e = err_last();
	if (e != ERR_OK) {
		report_unreadable(c, &f, e);
		return;
	}
	if (!S_ISREG(st.st_mode)) {
		report_error(&c->report, f.at, "%s %s is not a regular file", rule->noun,
		    SHOWN(slice_str(f.path)));
		return;
	}
	if (st.st_mode & rule->forbidden)
		report_error(&c->report, f.at, "%s %s has mode %04o: %s", rule->noun,
		    SHOWN(slice_str(f.path)), (unsigned)(st.st_mode & 07777), rule->why);
	check_owner(c, &f, &st);
	check_content(c, &f, fd);
}

static const struct file_rule HOST_KEY = {"host key", 077, "only its owner may read it (chmod 600)",
    "make one: ssh-keygen -t ed25519 -N '' -f FILE", NULL, KEY_FILE_MAX, files_look_at_private_key};
static const struct file_rule PRIVATE_KEY = {"private key", 077,
    "only its owner may read it (chmod 600)", "make it with: dray key new ", "", KEY_FILE_MAX,
    files_look_at_private_key};
static const struct file_rule KNOWN_HOSTS = {"known_hosts", 022,
    "only its owner may write to it (chmod 644)", "dray host scan ",
    " shows the keys, dray host trust adds them", KNOWN_HOSTS_MAX, NULL};
static const struct file_rule AUTHORIZED_KEYS = {"authorized_keys", 022,
    "only its owner may write to it (chmod 644)", "put the account's public keys there", NULL,
    AUTHKEYS_FILE_MAX, files_look_at_keys};
static const struct file_rule REVOKED_KEYS = {"revoked_keys", 022,
    "only its owner may write to it (chmod 644)", "make an empty one where nothing is revoked",
    NULL, REVOKED_FILE_MAX, files_look_at_revoked_keys};
static const struct file_rule USER_CA = {"trusted_user_ca", 022,
    "only its owner may write to it (chmod 644)", "put the authorities' public keys there", NULL,
    AUTHKEYS_FILE_MAX, files_look_at_keys};

/* The device of path, or of the nearest directory above it that is there. */
static bool
device_of(const char *path, struct stat *ret_st, bool *ret_exists)
{
	char *above = strdup(path);

	if (above == NULL)
		return false;
	bool found = stat(above, ret_st) == 0;
	*ret_exists = found;
	for (char *slash; !found && (slash = strrchr(above, '/')) != NULL;) {
		/* The root keeps its slash. */
		slash[slash == above ? 1 : 0] = '\0';
		found = stat(above, ret_st) == 0;
		if (slash == above)
			break;
	}
	free(above);
	return found;
}

/* Files move from the one to the other by a rename. */
static void
check_beside(struct check *c, const struct config_folder *f, const struct stat *path,
    const char *other, const char *key)
{
	struct place at = snapshot_place(c->snap, &f->path);
	struct stat st;
	bool exists;

	if (!device_of(other, &st, &exists)) {
		report_error(&c->report, at, "folder \"%s\": %s can't be looked at: %s", f->name,
		    SHOWN(slice_str(other)), err_text(err_last()));
		return;
	}
	if (exists && !S_ISDIR(st.st_mode))
		report_error(&c->report, at, "folder \"%s\": %s is not a directory", f->name,
		    SHOWN(slice_str(other)));
	if (path->st_dev != st.st_dev)
		report_error(&c->report, at,
		    "folder \"%s\": its %s %s is on another file system: set \"%s\" to a "
		    "directory beside %s",
		    f->name, key, SHOWN(slice_str(other)), key, SHOWN(slice_str(f->path)));
}

static bool
is_read(const struct config *c, const struct config_folder *f)
{
	for (size_t i = 0; i < c->n_accounts; i++) {
		const struct config_account *a = &c->accounts[i];
		for (size_t j = 0; j < a->n_mounts; j++) {
			if (a->mounts[j].folder == f && (a->mounts[j].allow & VFS_DOWNLOAD) != 0)
				return true;
		}
	}
	return false;
}

static void
check_folder(struct check *c, const struct config *config, const struct config_folder *f)
{
	struct stat path;
	bool exists;
	struct place at = snapshot_place(c->snap, &f->path);

	if (!device_of(f->path, &path, &exists)) {
		report_error(&c->report, at, "folder \"%s\": %s can't be looked at: %s", f->name,
		    SHOWN(slice_str(f->path)), err_text(err_last()));
		return;
	}
	if (exists && !S_ISDIR(path.st_mode))
		report_error(&c->report, at, "folder \"%s\": %s is not a directory", f->name,
		    SHOWN(slice_str(f->path)));
	check_beside(c, f, &path, f->staging, "staging");
	if (f->on_delivered == CONFIG_DELIVERED_ARCHIVE)
		check_beside(c, f, &path, f->archive, "archive");
	if (f->on_delivered != CONFIG_DELIVERED_KEEP && !is_read(config, f))
		report_warning(&c->report, snapshot_place(c->snap, &f->on_delivered),
		    "folder \"%s\": no account may download from it, so nothing is ever delivered",
		    f->name);
}

/*
 * Nothing but its age says that a file of a source is complete. A min_age of 0 that was written
 * down is an answer.
 */
static void
check_route(struct check *c, const struct config_route *r)
{
	if (r->disabled || r->match.min_age_us > 0 ||
	    snapshot_place(c->snap, &r->match.min_age_us).line > 0)
		return;
	report_warning(&c->report, snapshot_place(c->snap, &r->name),
	    "route \"%s\" has no min_age: a file that its source is still writing may be taken "
	    "(min_age: 10s waits until it has rested; min_age: 0s if files appear there whole)",
	    r->name);
}

static void
check_account(struct check *check, const struct config_account *a)
{
	if (a->disabled)
		return;
	for (size_t i = 0; i < a->n_authorized_keys; i++)
		check_file(check, &a->authorized_keys[i], a->name, &AUTHORIZED_KEYS);
	if (a->trusted_user_ca != NULL)
		check_file(check, &a->trusted_user_ca, a->name, &USER_CA);
	/* Not an error: it is a matter of time. */
	if (a->expires_us > 0 && a->expires_us <= time_now_us())
		report_warning(&check->report, snapshot_place(check->snap, &a->expires_us),
		    "account \"%s\" has expired", a->name);
}

static void
check_all(struct check *check, const struct config *c)
{
	for (size_t i = 0; i < c->n_listens; i++) {
		for (size_t j = 0; j < c->listens[i].n_host_keys; j++)
			check_file(check, &c->listens[i].host_keys[j], "", &HOST_KEY);
	}
	for (size_t i = 0; i < c->n_identities; i++)
		check_file(
		    check, &c->identities[i].private_key, c->identities[i].name, &PRIVATE_KEY);
	for (size_t i = 0; i < c->n_remotes; i++)
		check_file(check, &c->remotes[i].known_hosts, c->remotes[i].name, &KNOWN_HOSTS);
	if (c->trusted_user_ca != NULL)
		check_file(check, &c->trusted_user_ca, "", &USER_CA);
	if (c->revoked_keys != NULL)
		check_file(check, &c->revoked_keys, "", &REVOKED_KEYS);
	for (size_t i = 0; i < c->n_accounts; i++)
		check_account(check, &c->accounts[i]);
	for (size_t i = 0; i < c->n_folders; i++)
		check_folder(check, c, &c->folders[i]);
	for (size_t i = 0; i < c->n_routes; i++)
		check_route(check, &c->routes[i]);
}

/* Who the daemon will be, as far as it can be told: the files as its unit has them are home's. */
static uid_t
daemon_user(const struct config *c)
{
	struct stat home;

	return geteuid() == 0 && stat(c->home, &home) == 0 ? home.st_uid : 0;
}

enum err
config_check_files(const struct config *c, struct buf *ret_errors)
{
	struct check *check = calloc(1, sizeof *check);

	if (check == NULL)
		return ERR_NOMEM;
	check->snap = (const struct snapshot *)c;
	check->daemon = daemon_user(c);
	report_init(&check->report);
	check_all(check, c);
	report_write(&check->report, ret_errors);
	enum err e = check->report.n_errors == 0 ? ERR_OK : ERR_INVALID;
	report_fini(&check->report);
	free(check);
	return e;
}
