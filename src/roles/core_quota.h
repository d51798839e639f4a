/* What sessions have leased of quotas (transfer/quota.h). */
#ifndef ROLES_CORE_QUOTA_H
#define ROLES_CORE_QUOTA_H

#include "roles/core_session.h"

/* At the start and after a reload: counts, and charges again what sessions hold. */
enum err core_quota_use_config(struct core *c) must_check;

/* What it has leased of the folder has become the folder's content. */
void core_quota_published(struct core_session *s, const char *folder, struct quota_amount amount);

/* Its end, however it came: nothing is leased any more. */
void core_quota_session_gone(struct core_session *s);

#endif
