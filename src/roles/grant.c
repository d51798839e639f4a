#include "roles/grant.h"

#include "vfs/access.h"
#include "vfs/mount.h"

enum { UPLOAD_RANDOM_LEN = 16 };

bool
grant_covers(const struct config_account *account, struct slice folder, uint32_t rights)
{
	for (size_t i = 0; i < account->n_mounts; i++) {
		const struct config_mount *m = &account->mounts[i];
		if (slice_is(folder, m->folder->name) && (m->allow & rights) == rights)
			return true;
	}
	return false;
}

bool
grant_path_is_clean(struct slice path)
{
	bool more = true;

	while (more) {
		struct slice part;
		path = slice_cut(path, '/', &part);
		more = path.ptr != NULL;
		if (part.len == 0 || slice_is(part, ".") || slice_is(part, ".."))
			return false;
	}
	return true;
}

static bool
is_hex(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '\0' || strchr("0123456789abcdef", s.ptr[i]) == NULL)
			return false;
	}
	return true;
}

bool
grant_is_upload_name(const char *account, struct slice name)
{
	struct slice prefix = slice_str("up."), own = slice_str(account);

	/* From the end: an account's name may have dots in it. */
	if (name.len != prefix.len + own.len + 1 + UPLOAD_RANDOM_LEN ||
	    !slice_starts_with(name, prefix))
		return false;
	name = slice_of(name.ptr + prefix.len, name.len - prefix.len);
	return slice_starts_with(name, own) && name.ptr[own.len] == '.' &&
	       is_hex(slice_of(name.ptr + own.len + 1, UPLOAD_RANDOM_LEN));
}

uint32_t
grant_change_needs(struct slice verb)
{
	static const struct {
		const char *verb;
		uint32_t rights;
	} NEEDS[] = {
	    {"removed", VFS_DELETE},
	    {"renamed", VFS_RENAME},
	    {"made-directory", VFS_MKDIR},
	    {"removed-directory", VFS_RMDIR},
	    {"resized", VFS_UPLOAD | VFS_OVERWRITE},
	    {"written", VFS_UPLOAD},
	    {"linked", VFS_UPLOAD},
	    {"copied", VFS_UPLOAD},
	};

	for (size_t i = 0; i < ARRAY_LEN(NEEDS); i++) {
		if (slice_is(verb, NEEDS[i].verb))
			return NEEDS[i].rights;
	}
	return 0;
}

static bool
is_verb_of_access(struct slice verb)
{
	for (unsigned op = 0; op < ACCESS_N; op++) {
		if (slice_is(verb, access_verb((enum access_op)op)))
			return true;
	}
	return false;
}

bool
grant_may_be_denied(
    const struct config_account *account, struct slice verb, struct slice folder, struct slice path)
{
	return is_verb_of_access(verb) && (folder.len == 0 || grant_covers(account, folder, 0)) &&
	       (path.len == 0 || grant_path_is_clean(path));
}

static bool
same_list(char *const *a, size_t n_a, char *const *b, size_t n_b)
{
	for (size_t i = 0; n_a == n_b && i < n_a; i++) {
		if (strcmp(a[i], b[i]) != 0)
			return false;
	}
	return n_a == n_b;
}

static bool
has_quota(const struct config_quota *q)
{
	return q->bytes > 0 || q->files > 0;
}

bool
grant_is_metered(const struct config_account *account, const struct config_folder *folder)
{
	return has_quota(&account->quota) || has_quota(&folder->quota);
}

/* How files are written there is as good as it was: a session was told of it once. */
static bool
keeps_its_ways(const struct config_folder *had, const struct config_folder *has)
{
	return had->uploads == has->uploads &&
	       (had->durability == has->durability || has->durability == CONFIG_DURABILITY_RELAXED);
}

static bool
mount_is_within(const struct config_account *account, const struct config_mount *had,
    const struct config_account *has)
{
	for (size_t i = 0; i < has->n_mounts; i++) {
		const struct config_mount *m = &has->mounts[i];
		if (strcmp(had->at, m->at) == 0 &&
		    strcmp(had->folder->name, m->folder->name) == 0 &&
		    strcmp(had->folder->path, m->folder->path) == 0)
			return (had->allow & ~m->allow) == 0 &&
			       same_list(had->names, had->n_names, m->names, m->n_names) &&
			       same_list(
				   had->no_names, had->n_no_names, m->no_names, m->n_no_names) &&
			       keeps_its_ways(had->folder, m->folder) &&
			       (grant_is_metered(account, had->folder) ||
				   !grant_is_metered(has, m->folder));
	}
	return false;
}

bool
grant_is_within(const struct config_account *had, const struct config_account *has)
{
	for (size_t i = 0; i < had->n_mounts; i++) {
		if (!mount_is_within(had, &had->mounts[i], has))
			return false;
	}
	return true;
}
