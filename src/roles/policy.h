/*
 * Who may log in, as decisions without any I/O. The answer is why not, in words for the log and
 * never for the client, or NULL.
 */
#ifndef ROLES_POLICY_H
#define ROLES_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "ipc/messages.h"

/* May anybody be this account now, who comes from this numeric address? */
const char *policy_account(const struct config_account *a, const char *host, int64_t now_us);

/* May it have one more session, when it has so many? */
const char *policy_sessions(const struct config_account *a, uint32_t n_sessions);

/*
 * Does the certificate speak for its holder here and now? Whether its authority is trusted, and for
 * which principals, is another question.
 */
const char *policy_cert(const struct ipc_auth_cert *cert, const char *host, int64_t now_us);

/* Is one of the certificate's principals among these? */
const char *policy_principals(
    const struct ipc_auth_cert *cert, char *const *principals, size_t n_principals);

/*
 * What its signature says of a FIDO key (sk_flags: enum of pki/verify.h), against what is asked of
 * it. key_type: other keys are never asked.
 */
const char *policy_touch(
    struct slice key_type, uint32_t sk_flags, bool no_touch_required, bool verify_required);

/* Is this way to log in (enum ipc_method) one that the account takes? */
const char *policy_method(const struct config_account *a, uint32_t method);

/* When these (bits of enum ipc_method) are proven: accepted, or what is left in *ret_methods. */
enum ipc_verdict policy_verdict(
    const struct config_account *a, uint32_t proven, uint32_t *ret_methods);

#endif
