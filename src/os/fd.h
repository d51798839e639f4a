/* File descriptors that close themselves: int fd _cleanup_(fd_closep) = -1; */
#ifndef OS_FD_H
#define OS_FD_H

#include "base/attr.h"
#include "base/err.h"

/* Closes *fd unless it is negative, and sets it to -1. Keeps errno. */
void fd_closep(int *fd);

/* The descriptor, and -1 in *fd: hands ownership on. */
int fd_take(int *fd);

/* A close-on-exec duplicate. Caller closes. */
enum err fd_dup(int fd, int *ret_fd) must_check;

enum err fd_set_nonblocking(int fd) must_check;

#endif
