/* The decoders of SFTP requests and responses; what they accept must survive the way back. */
#include "base/bug.h"
#include "sftp/request.h"
#include "sftp/response.h"
#include "sftp/server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
request_there_and_back(const struct sftp_request *r)
{
	struct buf b _cleanup_(buf_fini);
	struct sftp_request again;

	buf_init(&b, SFTP_HEADER_LEN + SFTP_PACKET_MAX);
	if (sftp_request_encode(r, &b) != ERR_OK)
		return;
	struct slice packet = buf_slice(&b);
	packet = slice_of(packet.ptr + SFTP_HEADER_LEN, packet.len - SFTP_HEADER_LEN);
	BUG_ON(sftp_request_decode(packet, &again) != ERR_OK || again.kind != r->kind);
}

static void
response_there_and_back(const struct sftp_response *r)
{
	struct buf b _cleanup_(buf_fini);
	struct sftp_response again;

	buf_init(&b, SFTP_HEADER_LEN + SFTP_PACKET_MAX);
	if (sftp_response_encode(r, &b) != ERR_OK)
		return;
	struct slice packet = buf_slice(&b);
	packet = slice_of(packet.ptr + SFTP_HEADER_LEN, packet.len - SFTP_HEADER_LEN);
	BUG_ON(sftp_response_decode(packet, &again) != ERR_OK || again.type != r->type);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sftp_request request;
	struct sftp_response response;
	struct sftp_limits limits;
	struct sftp_fs_statvfs st;

	if (sftp_request_decode(slice_of(data, len), &request) == ERR_OK)
		request_there_and_back(&request);
	if (sftp_response_decode(slice_of(data, len), &response) != ERR_OK)
		return 0;
	response_there_and_back(&response);
	if (response.type == SSH_FXP_EXTENDED_REPLY) {
		(void)!sftp_limits_get(response.extended, &limits);
		(void)!sftp_statvfs_get(response.extended, &st);
	}
	return 0;
}
