/* Logins, between core_auth.c (questions and answers) and core_checker.c (passwords). */
#ifndef ROLES_CORE_AUTH_H
#define ROLES_CORE_AUTH_H

#include "roles/core_login.h"

/* The checker's answer about the password that this session asked for: is it that of the hash? */
void core_auth_password_checked(
    struct core_session *s, struct slice account, const char *hash, bool good);

/* Patterns as they travel: each ended by a NUL. False when they have more than IPC_PATTERNS_MAX
 * bytes. */
bool core_auth_pack(char *const *patterns, size_t n_patterns, struct buf *ret_packed);

/* What holds for the whole account and session, as it is to be told; rates as they were told. */
struct ipc_auth_account core_auth_terms(
    const struct config *config, const struct config_account *a, const struct ipc_session_rate *r);

#endif
