#include "cli/attrs_text.h"

#include <inttypes.h>

#include "cli/out.h"

enum { MODE_MAX = 8 };

static bool
knows(const struct sftp_attrs *a, uint32_t what)
{
	return (a->flags & what) != 0;
}

const char *
attrs_type(const struct sftp_attrs *a)
{
	static const struct {
		mode_t type;
		const char *word;
	} TYPES[] = {{S_IFREG, "file"}, {S_IFDIR, "directory"}, {S_IFLNK, "link"}};

	if (!knows(a, SSH_FILEXFER_ATTR_PERMISSIONS) || (a->permissions & S_IFMT) == 0)
		return "unknown";
	for (size_t i = 0; i < ARRAY_LEN(TYPES); i++) {
		if ((a->permissions & S_IFMT) == TYPES[i].type)
			return TYPES[i].word;
	}
	return "other";
}

static void
mode_text(const struct sftp_attrs *a, char dst[MODE_MAX])
{
	(void)snprintf(dst, MODE_MAX, "%04o", a->permissions & 07777);
}

static json_t *
number(const struct sftp_attrs *a, uint32_t what, uint64_t value)
{
	return knows(a, what) ? json_new_u64(value) : json_null();
}

void
attrs_put_json(json_t *object, const struct sftp_attrs *a)
{
	char mode[MODE_MAX];
	bool has_mode = knows(a, SSH_FILEXFER_ATTR_PERMISSIONS);

	mode_text(a, mode);
	json_put(object, "type", json_new_text(slice_str(attrs_type(a))));
	json_put(object, "size", number(a, SSH_FILEXFER_ATTR_SIZE, a->size));
	json_put(object, "mode", has_mode ? json_new_text(slice_str(mode)) : json_null());
	json_put(object, "uid", number(a, SSH_FILEXFER_ATTR_UIDGID, a->uid));
	json_put(object, "gid", number(a, SSH_FILEXFER_ATTR_UIDGID, a->gid));
	json_put(object, "mtime", number(a, SSH_FILEXFER_ATTR_ACMODTIME, a->mtime));
	json_put(object, "atime", number(a, SSH_FILEXFER_ATTR_ACMODTIME, a->atime));
}

void
attrs_print(FILE *to, const struct sftp_attrs *a)
{
	char mode[MODE_MAX], moment[TIME_TEXT_MAX];

	fprintf(to, "  type   %s\n", attrs_type(a));
	if (knows(a, SSH_FILEXFER_ATTR_SIZE))
		fprintf(to, "  size   %" PRIu64 "\n", a->size);
	mode_text(a, mode);
	if (knows(a, SSH_FILEXFER_ATTR_PERMISSIONS))
		fprintf(to, "  mode   %s\n", mode);
	if (knows(a, SSH_FILEXFER_ATTR_UIDGID))
		fprintf(to, "  owner  %" PRIu32 "\n  group  %" PRIu32 "\n", a->uid, a->gid);
	if (!knows(a, SSH_FILEXFER_ATTR_ACMODTIME))
		return;
	fprintf(to, "  mtime  %s\n", out_moment((int64_t)a->mtime * US_PER_SEC, moment));
	fprintf(to, "  atime  %s\n", out_moment((int64_t)a->atime * US_PER_SEC, moment));
}
