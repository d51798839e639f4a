/* Between upload.c and publish.c only: what changes an upload's state . */
#ifndef VFS_UPLOAD_STATE_H
#define VFS_UPLOAD_STATE_H

#include "vfs/upload.h"

/* The one place that changes the state; a move that isn't in the table is a bug. */
void upload_enter(struct upload *u, enum upload_state next);

#endif
