/*
 * What a server's answer means for us: its status as an error, and its words as a story. For those
 * in this folder that make requests of their own.
 */
#ifndef CLIENT_REFUSAL_H
#define CLIENT_REFUSAL_H

#include "client/ask.h"

/*
 * The error that a refusal stands for. Version 3 has but one status for most failures: then the
 * words tell a full disk and a quota from others (as OpenSSH and its kin say them). ERR_OK for
 * SSH_FX_OK.
 */
enum err refusal_error(const struct sftp_reply *reply);

/* Fills in a refusal: "listing: /a: permission denied (the server says "…")". */
void refusal_tell(
    struct ask_answer *a, const char *what, struct slice path, const struct sftp_reply *reply);

/* A failure of ours; why is clean text. */
void refusal_own(
    struct ask_answer *a, const char *what, struct slice path, enum err e, const char *why);

#endif
