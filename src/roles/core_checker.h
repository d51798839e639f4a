/* Core's side of the checkers: one process for each password, a few at a time. */
#ifndef ROLES_CORE_CHECKER_H
#define ROLES_CORE_CHECKER_H

#include "roles/core_login.h"

/*
 * Is it the password of this hash? The answer goes to core_auth_password_checked, unless it is
 * forgotten before. Copies all that it is given. ERR_NOMEM.
 */
enum err core_check_begin(struct core_session *s, struct slice account, const char *hash,
    struct slice password) must_check;

/* The session is gone: nobody waits for the answer any more. */
void core_check_forget(struct core_check *check);

/* Ends all of them; nobody hears of it. */
void core_checks_drop(struct core *c);

/* This process has ended: its number is nobody's any more. */
void core_checks_forget_pid(struct core *c, pid_t pid);

#endif
