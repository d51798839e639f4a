/* Requests on open files. */
#include "sftp/serve.h"

#include "base/bug.h"
#include "sftp/status.h"

/* Version 3 has no code for it; OpenSSH says FAILURE, too. */
struct sftp_result
serve_no_handle(void)
{
	return serve_status(SSH_FX_FAILURE, "no such handle");
}

struct sftp_slot *
serve_file(struct sftp_server *s, struct slice handle)
{
	return sftp_handles_find(&s->handles, handle, SFTP_SLOT_FILE);
}

struct sftp_result
serve_new_handle(struct sftp_server *s, uint32_t id, enum sftp_slot_kind kind, void *object)
{
	uint8_t handle[SFTP_OUR_HANDLE_LEN];

	sftp_handles_add(&s->handles, kind, object, handle);
	return serve_answer(s, &(struct sftp_response){
				   .type = SSH_FXP_HANDLE,
				   .id = id,
				   .handle = slice_of(handle, sizeof handle),
			       });
}

struct sftp_result
serve_open(struct sftp_server *s, const struct sftp_request *r)
{
	enum err e = sftp_handles_prepare(&s->handles);
	void *file = NULL;

	if (e != ERR_OK)
		return sftp_result_of(e == ERR_LIMIT ? ERR_NOFILES : e);
	struct sftp_result result = s->ops->open(s->fs, r->path, r->pflags, &r->attrs, &file);
	if (result.status != SSH_FX_OK)
		return result;
	return serve_new_handle(s, r->id, SFTP_SLOT_FILE, file);
}

static struct sftp_result
close_file(struct sftp_server *s, struct sftp_slot *slot, uint32_t id)
{
	uint32_t number = sftp_handles_closing(&s->handles, slot, id);
	uint32_t index = sftp_handles_index(&s->handles, slot);
	struct sftp_token token = {.server = s, .request_id = number, .slot = index};
	struct sftp_result result = s->ops->close(slot->object, token);

	/* Pending: the slot is released by sftp_fs_complete, or it was already. */
	if (result.status == SFTP_PENDING)
		return result;
	slot = sftp_handles_find_closing(&s->handles, index, number);
	BUG_ON(slot == NULL);
	sftp_handles_release(&s->handles, slot);
	return result;
}

struct sftp_result
serve_close(struct sftp_server *s, const struct sftp_request *r)
{
	struct sftp_slot *slot = serve_file(s, r->handle);

	if (slot != NULL)
		return close_file(s, slot, r->id);
	slot = sftp_handles_find(&s->handles, r->handle, SFTP_SLOT_DIR);
	if (slot == NULL)
		return serve_no_handle();
	s->ops->closedir(slot->object);
	sftp_handles_release(&s->handles, slot);
	return serve_status(SSH_FX_OK, NULL);
}

/*
 * The hot path of downloads: the file system reads straight into the output, behind the place of
 * the header. A request for more than SFTP_READ_MAX gets a short answer, as every READ may.
 */
struct sftp_result
serve_read(struct sftp_server *s, const struct sftp_request *r)
{
	size_t want = r->length < SFTP_READ_MAX ? r->length : SFTP_READ_MAX, got = 0;
	struct sftp_slot *slot = serve_file(s, r->handle);
	uint8_t *content;

	if (slot == NULL)
		return serve_no_handle();
	/* Behind what a file's offset can be there is nothing; and nothing was asked for. */
	if (r->offset > INT64_MAX - want || want == 0)
		return serve_status(SSH_FX_EOF, NULL);
	enum err e = sftp_data_reserve(&s->output, want, &content);
	if (e != ERR_OK) {
		s->broken = e;
		return sftp_result_of(e);
	}
	struct sftp_result result = s->ops->read(slot->object, r->offset, content, want, &got);
	if (result.status != SSH_FX_OK)
		return result;
	BUG_ON(got > want);
	if (got == 0)
		return serve_status(SSH_FX_EOF, NULL);
	sftp_data_commit(&s->output, r->id, content, got);
	s->stats.n_requests++;
	s->stats.bytes_read += got;
	return serve_status(SERVE_ANSWERED, NULL);
}

/* The data is where the packet is: in the fed bytes, or in the frame's buffer. */
struct sftp_result
serve_write(struct sftp_server *s, const struct sftp_request *r)
{
	struct sftp_slot *slot = serve_file(s, r->handle);

	if (slot == NULL)
		return serve_no_handle();
	if (r->offset > (uint64_t)INT64_MAX - r->data.len)
		return serve_status(SSH_FX_FAILURE, "past the greatest size of a file");
	struct sftp_result result = s->ops->write(slot->object, r->offset, r->data);
	if (result.status == SSH_FX_OK)
		s->stats.bytes_written += r->data.len;
	return result;
}

struct sftp_result
serve_fstat(struct sftp_server *s, const struct sftp_request *r)
{
	struct sftp_response response = {.type = SSH_FXP_ATTRS, .id = r->id};
	struct sftp_slot *slot = serve_file(s, r->handle);

	if (slot == NULL)
		return serve_no_handle();
	struct sftp_result result = s->ops->fstat(slot->object, &response.attrs);
	return result.status == SSH_FX_OK ? serve_answer(s, &response) : result;
}

struct sftp_result
serve_fsetstat(struct sftp_server *s, const struct sftp_request *r)
{
	struct sftp_slot *slot = serve_file(s, r->handle);

	return slot == NULL ? serve_no_handle() : s->ops->fsetstat(slot->object, &r->attrs);
}

struct sftp_result
serve_fsync(struct sftp_server *s, const struct sftp_request *r)
{
	struct sftp_slot *slot = serve_file(s, r->handle);

	return slot == NULL ? serve_no_handle() : s->ops->fsync(slot->object);
}

struct sftp_result
serve_fstatvfs(struct sftp_server *s, const struct sftp_request *r)
{
	struct sftp_slot *slot = serve_file(s, r->handle);
	struct sftp_fs_statvfs st = {0};

	if (slot == NULL)
		return serve_no_handle();
	struct sftp_result result = s->ops->fstatvfs(slot->object, &st);
	return result.status == SSH_FX_OK ? serve_statvfs_body(s, r->id, &st) : result;
}
