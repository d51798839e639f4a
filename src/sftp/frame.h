/*
 * From bytes to packets: a uint32 length, then that many bytes (draft-ietf-secsh-filexfer-02
 * section 3). A packet that is complete in the bytes given is handed out where it stands; one that
 * is split over several calls is put together in a buffer of at most one packet.
 */
#ifndef SFTP_FRAME_H
#define SFTP_FRAME_H

#include "base/buf.h"

struct sftp_frame {
	struct buf partial; /* the length and the first bytes of a packet that is not complete */
	bool handed_out;    /* partial held the packet that the last call gave */
};

void sftp_frame_init(struct sftp_frame *f);
void sftp_frame_fini(struct sftp_frame *f);

/*
 * Takes bytes from the front of *bytes until a packet is complete: ERR_OK, and *ret_packet (without
 * its length, never empty) is valid until the next call, and as long as the bytes. ERR_AGAIN: all
 * were taken, and no packet is complete. ERR_FORMAT: a length of 0 or past SFTP_PACKET_MAX; the
 * stream is broken for good. ERR_NOMEM.
 */
enum err sftp_frame_next(
    struct sftp_frame *f, struct slice *bytes, struct slice *ret_packet) must_check;

/*
 * Puts back the packet that the last call gave: the next one gives it again. before is what *bytes
 * was at that call.
 */
void sftp_frame_back(struct sftp_frame *f, struct slice *bytes, struct slice before);

/* Gives memory back, when no packet has begun. */
void sftp_frame_trim(struct sftp_frame *f);

#endif
