/*
 * The numbers and names of SFTP version 3 (draft-ietf-secsh-filexfer-02) and of OpenSSH's
 * extensions to it (PROTOCOL in its source).
 */
#ifndef SFTP_PROTO_H
#define SFTP_PROTO_H

#include <stdint.h>

#define SFTP_VERSION 3

/* Packet types: section 3. */
enum sftp_packet_type {
	SSH_FXP_INIT = 1,
	SSH_FXP_VERSION = 2,
	SSH_FXP_OPEN = 3,
	SSH_FXP_CLOSE = 4,
	SSH_FXP_READ = 5,
	SSH_FXP_WRITE = 6,
	SSH_FXP_LSTAT = 7,
	SSH_FXP_FSTAT = 8,
	SSH_FXP_SETSTAT = 9,
	SSH_FXP_FSETSTAT = 10,
	SSH_FXP_OPENDIR = 11,
	SSH_FXP_READDIR = 12,
	SSH_FXP_REMOVE = 13,
	SSH_FXP_MKDIR = 14,
	SSH_FXP_RMDIR = 15,
	SSH_FXP_REALPATH = 16,
	SSH_FXP_STAT = 17,
	SSH_FXP_RENAME = 18,
	SSH_FXP_READLINK = 19,
	SSH_FXP_SYMLINK = 20,
	SSH_FXP_STATUS = 101,
	SSH_FXP_HANDLE = 102,
	SSH_FXP_DATA = 103,
	SSH_FXP_NAME = 104,
	SSH_FXP_ATTRS = 105,
	SSH_FXP_EXTENDED = 200,
	SSH_FXP_EXTENDED_REPLY = 201
};

/* Status codes: section 7. 6 and 7 are made up by clients and never sent. */
enum sftp_status_code {
	SSH_FX_OK = 0,
	SSH_FX_EOF = 1,
	SSH_FX_NO_SUCH_FILE = 2,
	SSH_FX_PERMISSION_DENIED = 3,
	SSH_FX_FAILURE = 4,
	SSH_FX_BAD_MESSAGE = 5,
	SSH_FX_NO_CONNECTION = 6,
	SSH_FX_CONNECTION_LOST = 7,
	SSH_FX_OP_UNSUPPORTED = 8
};

/* How a file is opened: section 6.3. */
#define SSH_FXF_READ   UINT32_C(0x00000001)
#define SSH_FXF_WRITE  UINT32_C(0x00000002)
#define SSH_FXF_APPEND UINT32_C(0x00000004)
#define SSH_FXF_CREAT  UINT32_C(0x00000008)
#define SSH_FXF_TRUNC  UINT32_C(0x00000010)
#define SSH_FXF_EXCL   UINT32_C(0x00000020)

/* Extensions: what stands in the name of an EXTENDED request and in VERSION. */
#define SFTP_EXT_POSIX_RENAME   "posix-rename@openssh.com"
#define SFTP_EXT_STATVFS        "statvfs@openssh.com"
#define SFTP_EXT_FSTATVFS       "fstatvfs@openssh.com"
#define SFTP_EXT_HARDLINK       "hardlink@openssh.com"
#define SFTP_EXT_FSYNC          "fsync@openssh.com"
#define SFTP_EXT_LSETSTAT       "lsetstat@openssh.com"
#define SFTP_EXT_LIMITS         "limits@openssh.com"
#define SFTP_EXT_EXPAND_PATH    "expand-path@openssh.com"
#define SFTP_EXT_HOME_DIRECTORY "home-directory"
#define SFTP_EXT_USERS_GROUPS   "users-groups-by-id@openssh.com"
#define SFTP_EXT_COPY_DATA      "copy-data"
/*
 * draft-ietf-secsh-filexfer-extensions-00 section 3 offers CHECK_FILE and asks by the two others.
 * Paramiko asks by CHECK_FILE itself, with a handle, and wants that name in the reply, too.
 */
#define SFTP_EXT_CHECK_FILE        "check-file"
#define SFTP_EXT_CHECK_FILE_HANDLE "check-file-handle"
#define SFTP_EXT_CHECK_FILE_NAME   "check-file-name"

/* f_flag of statvfs@openssh.com. */
#define SSH_FXE_STATVFS_ST_RDONLY UINT64_C(0x1)
#define SSH_FXE_STATVFS_ST_NOSUID UINT64_C(0x2)

enum {
	SFTP_HEADER_LEN = 4,  /* a packet's length: section 3 */
	SFTP_HANDLE_MAX = 256 /* bytes of a handle: section 6.2 */
};

#endif
