#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "config/load.h"
#include "os/fd.h"
#include "os/file.h"
#include "ssh/authkeys.h"
#include "ssh/userkey.h"

/* What the configuration names, looked at where it is: as the user who asks, at this moment. */

enum { KEY_FILE_MAX = 64 * 1024, KNOWN_HOSTS_MAX = 16 * 1024 * 1024 };

struct check {
	const struct snapshot *snap;
	struct report report;
};

/* What must be true of a file, by what it is for. */
struct file_rule {
	const char *noun;
	mode_t forbidden; /* mode bits, with the reason */
	const char *why;
	const char *remedy; /* what to do when it isn't there yet, or holds nothing */
	size_t len_max;
	void (*look)(struct check *c, struct place at, const char *path, struct slice content);
};

static void
check_content(
    struct check *c, struct place at, const char *path, int fd, const struct file_rule *rule)
{
	struct buf content _cleanup_(buf_wipe);

	buf_init(&content, rule->len_max);
	enum err e = file_read_all(fd, &content);
	if (e != ERR_OK)
		report_error(&c->report, at, "%s %s can't be read: %s", rule->noun,
		    SHOWN(slice_str(path)), e == ERR_NOMEM ? "it is too large" : err_text(e));
	else if (buf_len(&content) == 0 && rule->look == NULL)
		report_error(&c->report, at, "%s %s is empty (%s)", rule->noun,
		    SHOWN(slice_str(path)), rule->remedy);
	else if (rule->look != NULL)
		rule->look(c, at, path, buf_slice(&content));
}

static void
check_file(struct check *c, const void *slot, const char *path, const struct file_rule *rule)
{
	struct place at = snapshot_place(c->snap, slot);
	int fd _cleanup_(fd_closep) = -1;
	struct stat st;

	enum err e = file_open_trusted(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &fd);
	if (e == ERR_OK && fstat(fd, &st) < 0)
		e = err_last();
	if (e == ERR_NOENT) {
		report_error(&c->report, at, "%s %s can't be read: %s (%s)", rule->noun,
		    SHOWN(slice_str(path)), err_text(e), rule->remedy);
		return;
	}
	if (e != ERR_OK) {
		report_error(&c->report, at, "%s %s can't be read: %s", rule->noun,
		    SHOWN(slice_str(path)), err_text(e));
		return;
	}
	if (!S_ISREG(st.st_mode)) {
		report_error(&c->report, at, "%s %s is not a regular file", rule->noun,
		    SHOWN(slice_str(path)));
		return;
	}
	if (st.st_mode & rule->forbidden)
		report_error(&c->report, at, "%s %s has mode %04o: %s", rule->noun,
		    SHOWN(slice_str(path)), (unsigned)(st.st_mode & 07777), rule->why);
	check_content(c, at, path, fd, rule);
}

struct line_ctx {
	struct check *check;
	struct place at;
	const char *path;
};

static void
tell_line(void *ctx, size_t line, const char *why)
{
	struct line_ctx *l = ctx;

	report_warning(&l->check->report, l->at, "%s:%zu: %s", SHOWN(slice_str(l->path)), line,
	    SHOWN(slice_str(why)));
}

static void
look_at_authorized_keys(struct check *c, struct place at, const char *path, struct slice content)
{
	struct line_ctx ctx = {c, at, path};
	struct authkeys *keys = NULL;

	enum err e = authkeys_parse(&keys, content, tell_line, &ctx);
	if (e != ERR_OK) {
		report_error(&c->report, at, "authorized_keys %s can't be used: %s",
		    SHOWN(slice_str(path)), err_text(e));
		return;
	}
	if (authkeys_count(keys) == 0)
		report_warning(&c->report, at, "%s holds no usable key: nobody can log in with it",
		    SHOWN(slice_str(path)));
	authkeys_free(keys);
}

/* Would it be accepted when it is needed? The very same code says so. */
static void
look_at_private_key(struct check *c, struct place at, const char *path, struct slice content)
{
	char fingerprint[64];
	struct story why = {.text = ""};

	enum err e = userkey_public(content, "", NULL, fingerprint, &why);
	if (e != ERR_OK)
		report_error(&c->report, at, "%s can't be used: %s", SHOWN(slice_str(path)),
		    why.text[0] != '\0' ? why.text : err_text(e));
}

static const struct file_rule HOST_KEY = {"host key", 077, "only its owner may read it (chmod 600)",
    "make one: ssh-keygen -t ed25519 -N '' -f FILE", KEY_FILE_MAX, look_at_private_key};
static const struct file_rule PRIVATE_KEY = {"private key", 077,
    "only its owner may read it (chmod 600)", "dray key new makes it", KEY_FILE_MAX,
    look_at_private_key};
static const struct file_rule KNOWN_HOSTS = {"known_hosts", 022,
    "only its owner may write to it (chmod 644)", "dray host scan and dray host trust fill it",
    KNOWN_HOSTS_MAX, NULL};
static const struct file_rule AUTHORIZED_KEYS = {"authorized_keys", 022,
    "only its owner may write to it (chmod 644)", "put the account's public keys there",
    AUTHKEYS_FILE_MAX, look_at_authorized_keys};

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

static void
check_folder(struct check *c, const struct config_folder *f)
{
	struct stat path, staging;
	bool path_exists, staging_exists;
	struct place at = snapshot_place(c->snap, &f->path);

	if (!device_of(f->path, &path, &path_exists) ||
	    !device_of(f->staging, &staging, &staging_exists)) {
		report_error(&c->report, at, "folder \"%s\": %s can't be looked at: %s", f->name,
		    SHOWN(slice_str(f->path)), err_text(err_last()));
		return;
	}
	if (path_exists && !S_ISDIR(path.st_mode))
		report_error(&c->report, at, "folder \"%s\": %s is not a directory", f->name,
		    SHOWN(slice_str(f->path)));
	if (staging_exists && !S_ISDIR(staging.st_mode))
		report_error(&c->report, at, "folder \"%s\": %s is not a directory", f->name,
		    SHOWN(slice_str(f->staging)));
	if (path.st_dev != staging.st_dev)
		report_error(&c->report, at,
		    "folder \"%s\": its staging %s is on another file system: set \"staging\" to a "
		    "directory beside %s",
		    f->name, SHOWN(slice_str(f->staging)), SHOWN(slice_str(f->path)));
}

static void
check_all(struct check *check, const struct config *c)
{
	for (size_t i = 0; i < c->n_listens; i++) {
		for (size_t j = 0; j < c->listens[i].n_host_keys; j++)
			check_file(check, &c->listens[i].host_keys[j], c->listens[i].host_keys[j],
			    &HOST_KEY);
	}
	for (size_t i = 0; i < c->n_identities; i++)
		check_file(check, &c->identities[i].private_key, c->identities[i].private_key,
		    &PRIVATE_KEY);
	for (size_t i = 0; i < c->n_remotes; i++)
		check_file(
		    check, &c->remotes[i].known_hosts, c->remotes[i].known_hosts, &KNOWN_HOSTS);
	for (size_t i = 0; i < c->n_accounts; i++) {
		if (!c->accounts[i].disabled)
			check_file(check, &c->accounts[i].authorized_keys,
			    c->accounts[i].authorized_keys, &AUTHORIZED_KEYS);
	}
	for (size_t i = 0; i < c->n_folders; i++)
		check_folder(check, &c->folders[i]);
}

enum err
config_check_files(const struct config *c, struct buf *ret_errors)
{
	struct check *check = calloc(1, sizeof *check);

	if (check == NULL)
		return ERR_NOMEM;
	check->snap = (const struct snapshot *)c;
	report_init(&check->report);
	check_all(check, c);
	report_write(&check->report, ret_errors);
	enum err e = check->report.n_errors == 0 ? ERR_OK : ERR_INVALID;
	report_fini(&check->report);
	free(check);
	return e;
}
