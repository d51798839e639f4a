/* Between the files of uploads only (upload.c, upload_end.c, settle.c, publish.c). */
#ifndef VFS_UPLOAD_STATE_H
#define VFS_UPLOAD_STATE_H

#include "vfs/upload.h"

/* The one place that changes the state; a move that isn't in the table is a bug. */
void upload_enter(struct upload *u, enum upload_state next);

/* Its CLOSE came and is being worked on: it is in vfs.closing. */
bool upload_is_closing(const struct upload *u);

/* Gives back what it holds of the quota, and drops what is known of it. */
void upload_release(struct upload *u);

/* Ends it by `end` (upload_release, upload_leave, upload_drop), and answers its client, unless that
 * is gone. */
void upload_answer(struct upload *u, struct sftp_result result, void (*end)(struct upload *));

/* Steps 4 to 6 of vfs/upload.h, for what is RECORDED: some of it, until nothing is left. */
void publish_recorded(struct vfs *v);

#endif
