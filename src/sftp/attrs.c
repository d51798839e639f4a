#include "sftp/attrs.h"

#define ATTRS_KNOWN                                                                          \
	(SSH_FILEXFER_ATTR_SIZE | SSH_FILEXFER_ATTR_UIDGID | SSH_FILEXFER_ATTR_PERMISSIONS | \
	    SSH_FILEXFER_ATTR_ACMODTIME)

/* flags, size, uid, gid, permissions, atime, mtime */
enum { ATTRS_LEN_MAX = 4 + 8 + 4 + 4 + 4 + 4 + 4 };

enum err
sftp_attrs_put(struct buf *b, const struct sftp_attrs *a)
{
	uint8_t bytes[ATTRS_LEN_MAX], *p = bytes + 4;
	uint32_t flags = a->flags & ATTRS_KNOWN;

	be32_store(bytes, flags);
	if (flags & SSH_FILEXFER_ATTR_SIZE) {
		be64_store(p, a->size);
		p += 8;
	}
	if (flags & SSH_FILEXFER_ATTR_UIDGID) {
		be32_store(p, a->uid);
		be32_store(p + 4, a->gid);
		p += 8;
	}
	if (flags & SSH_FILEXFER_ATTR_PERMISSIONS) {
		be32_store(p, a->permissions);
		p += 4;
	}
	if (flags & SSH_FILEXFER_ATTR_ACMODTIME) {
		be32_store(p, a->atime);
		be32_store(p + 4, a->mtime);
		p += 8;
	}
	return buf_put(b, bytes, (size_t)(p - bytes));
}

/* Pairs of type and data; each takes 8 bytes at least, so a false count runs out of bytes soon. */
static void
attrs_skip_extended(struct rd *r)
{
	uint32_t n_pairs = rd_u32(r);

	for (uint32_t i = 0; i < n_pairs && !r->failed; i++) {
		(void)rd_string(r, r->left);
		(void)rd_string(r, r->left);
	}
}

void
sftp_attrs_get(struct rd *r, struct sftp_attrs *ret_a)
{
	uint32_t flags = rd_u32(r);

	/* Bits of later versions stand for nothing here, as with every other version 3 peer. */
	*ret_a = (struct sftp_attrs){.flags = flags & ATTRS_KNOWN};
	if (flags & SSH_FILEXFER_ATTR_SIZE)
		ret_a->size = rd_u64(r);
	if (flags & SSH_FILEXFER_ATTR_UIDGID) {
		ret_a->uid = rd_u32(r);
		ret_a->gid = rd_u32(r);
	}
	if (flags & SSH_FILEXFER_ATTR_PERMISSIONS)
		ret_a->permissions = rd_u32(r);
	if (flags & SSH_FILEXFER_ATTR_ACMODTIME) {
		ret_a->atime = rd_u32(r);
		ret_a->mtime = rd_u32(r);
	}
	if (flags & SSH_FILEXFER_ATTR_EXTENDED)
		attrs_skip_extended(r);
	if (r->failed)
		*ret_a = (struct sftp_attrs){0};
}

/* Times on the wire are unsigned 32-bit seconds: what lies outside goes to the nearer end. */
static uint32_t
wire_time(time_t t)
{
	if (t < 0)
		return 0;
	return t > (time_t)UINT32_MAX ? UINT32_MAX : (uint32_t)t;
}

void
sftp_attrs_from_stat(struct sftp_attrs *ret_a, const struct stat *st)
{
	*ret_a = (struct sftp_attrs){
	    .flags = ATTRS_KNOWN,
	    .size = st->st_size < 0 ? 0 : (uint64_t)st->st_size,
	    .uid = st->st_uid,
	    .gid = st->st_gid,
	    .permissions = st->st_mode,
	    .atime = wire_time(st->st_atim.tv_sec),
	    .mtime = wire_time(st->st_mtim.tv_sec),
	};
}
