/*
 * Whole sessions of the SFTP server engine over a file system in memory. The first byte of the
 * input turns the knobs, the rest is what the client sends. Whatever it is: the output stays
 * bounded, and is a row of well-formed responses.
 */
#include "base/bug.h"
#include "sftp/frame.h"
#include "sftp/memfs.h"
#include "sftp/response.h"
#include "sftp/server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum {
	KNOB_READ_ONLY = 1,
	KNOB_CLOSE_LATER = 2,
	KNOB_CLOSE_INSIDE = 4,
	KNOB_SHORT_READS = 8,
	KNOB_SMALL_PIECES = 16,
	KNOB_LOW_LIMITS = 32,
	OUTPUT_BOUND = 1024 * 1024
};

static void
take_output(struct sftp_server *server, struct sftp_frame *frame)
{
	struct buf *output = sftp_server_output(server);
	struct slice bytes = buf_slice(output), packet;
	struct sftp_response r;

	BUG_ON(bytes.len > OUTPUT_BOUND);
	while (sftp_frame_next(frame, &bytes, &packet) == ERR_OK)
		BUG_ON(sftp_response_decode(packet, &r) != ERR_OK);
	BUG_ON(bytes.len > 0);
	buf_consume(output, buf_len(output));
}

static void
talk(struct sftp_server *server, struct memfs *fs, struct slice bytes, size_t most)
{
	struct sftp_frame frame;
	enum err e = ERR_OK;
	size_t taken;

	sftp_frame_init(&frame);
	for (size_t round = 0; bytes.len > 0 && e == ERR_OK; round++) {
		size_t len = bytes.len < most ? bytes.len : most;
		e = sftp_server_feed(server, bytes.ptr, len, &taken);
		BUG_ON(taken > len);
		bytes = slice_of(bytes.ptr + taken, bytes.len - taken);
		take_output(server, &frame);
		/* Where requests may not wait in numbers, what waits must end for others to go on.
		 */
		if ((round % 2 == 1 || taken == 0) && fs->n_waiting > 0)
			memfs_complete(fs, round % fs->n_waiting, SSH_FX_OK);
		sftp_server_trim(server);
	}
	/* Copies and hashes come to an end without the client. */
	while (e == ERR_OK && sftp_server_has_work(server)) {
		e = sftp_server_feed(server, NULL, 0, &taken);
		take_output(server, &frame);
	}
	take_output(server, &frame);
	BUG_ON(e == ERR_OK && fs->n_waiting == 0 && !sftp_server_idle(server));
	sftp_frame_fini(&frame);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct memfs fs;
	struct sftp_server *server;

	if (len == 0)
		return 0;
	memfs_init(&fs);
	memfs_add_file(&fs, "/a", "hello", 5);
	memfs_add_dir(&fs, "/d");
	memfs_add_file(&fs, "/d/b", NULL, 1000);
	fs.n_extra = 3;
	if (data[0] & KNOB_CLOSE_LATER)
		fs.close = MEMFS_CLOSE_LATER;
	else if (data[0] & KNOB_CLOSE_INSIDE)
		fs.close = MEMFS_CLOSE_INSIDE;
	if (data[0] & KNOB_SHORT_READS)
		fs.read_most = 3;
	if (sftp_server_new(&server, memfs_ops(), &fs, data[0] & KNOB_READ_ONLY) == ERR_OK) {
		if (data[0] & KNOB_LOW_LIMITS)
			sftp_server_set_limits(server, &(struct sftp_server_limits){2, 1});
		talk(server, &fs, slice_of(data + 1, len - 1),
		    data[0] & KNOB_SMALL_PIECES ? 5 : SIZE_MAX);
		sftp_server_free(server);
	}
	memfs_fini(&fs);
	return 0;
}
