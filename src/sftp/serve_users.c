/* users-groups-by-id@openssh.com: names for the numbers in attributes. */
#include "base/rd.h"
#include "sftp/serve.h"
#include "sftp/status.h"

enum {
	/* Of users and of groups in one request: each may ask a directory service. */
	IDS_MAX = 1024,
	NAME_MAX_LEN = 256,
	NAMES_MAX = IDS_MAX * (4 + NAME_MAX_LEN)
};

typedef struct sftp_result name_op(void *fs, uint32_t id, struct buf *ret_name);

/* Appends one string that holds a string for each id; op may be NULL: then nobody has a name. */
static struct sftp_result
put_names(struct sftp_server *s, struct slice ids, name_op *op, struct buf *body)
{
	struct buf names _cleanup_(buf_fini), name _cleanup_(buf_fini);
	struct rd r = rd_of(ids);
	enum err e = ERR_OK;

	buf_init(&names, NAMES_MAX);
	buf_init(&name, NAME_MAX_LEN);
	while (r.left > 0 && e == ERR_OK) {
		uint32_t id = rd_u32(&r);
		struct sftp_result result = {.status = SSH_FX_OK};
		buf_clear(&name);
		if (op != NULL)
			result = op(s->fs, id, &name);
		if (result.status != SSH_FX_OK)
			return result;
		e = buf_put_string(&names, buf_slice(&name));
	}
	if (e == ERR_OK)
		e = buf_put_string(body, buf_slice(&names));
	/* Each buffer has its maximum. */
	if (e == ERR_NOMEM)
		return serve_status(SSH_FX_FAILURE, "too many names for one answer");
	return sftp_result_of(e);
}

struct sftp_result
serve_users_groups(struct sftp_server *s, const struct sftp_request *r)
{
	struct buf body _cleanup_(buf_fini);

	/* type and id stand before it */
	buf_init(&body, SFTP_PACKET_MAX - 5);
	if (r->uids.len % 4 != 0 || r->gids.len % 4 != 0)
		return serve_status(SSH_FX_BAD_MESSAGE, NULL);
	if (r->uids.len / 4 > IDS_MAX || r->gids.len / 4 > IDS_MAX)
		return serve_status(SSH_FX_FAILURE, "more than 1024 numbers in one request");
	struct sftp_result result = put_names(s, r->uids, s->ops->user_name, &body);
	if (result.status == SSH_FX_OK)
		result = put_names(s, r->gids, s->ops->group_name, &body);
	return result.status == SSH_FX_OK ? serve_extended(s, r->id, &body) : result;
}
