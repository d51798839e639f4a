/* An open file of the plain file system, for the operations that need its descriptor. */
#ifndef STDIO_HOSTFS_FILE_H
#define STDIO_HOSTFS_FILE_H

int hostfs_fd(const void *file);

#endif
