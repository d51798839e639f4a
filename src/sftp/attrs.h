/* File attributes: ATTRS of draft-ietf-secsh-filexfer-02 section 5. */
#ifndef SFTP_ATTRS_H
#define SFTP_ATTRS_H

#include <stdint.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/rd.h"

#define SSH_FILEXFER_ATTR_SIZE        UINT32_C(0x00000001)
#define SSH_FILEXFER_ATTR_UIDGID      UINT32_C(0x00000002)
#define SSH_FILEXFER_ATTR_PERMISSIONS UINT32_C(0x00000004)
#define SSH_FILEXFER_ATTR_ACMODTIME   UINT32_C(0x00000008)
#define SSH_FILEXFER_ATTR_EXTENDED    UINT32_C(0x80000000)

/* Only the members that flags names are meaningful. Extended pairs are read over and not kept. */
struct sftp_attrs {
	uint32_t flags;
	uint64_t size;
	uint32_t uid, gid;
	uint32_t permissions;  /* with the file type bits of stat(2) where the sender knows it */
	uint32_t atime, mtime; /* seconds since the epoch */
};

enum err sftp_attrs_put(struct buf *b, const struct sftp_attrs *a) must_check;

/* Errors stick to r. */
void sftp_attrs_get(struct rd *r, struct sftp_attrs *ret_a);

void sftp_attrs_from_stat(struct sftp_attrs *ret_a, const struct stat *st);

#endif
