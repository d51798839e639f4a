/* Between remote.c and ask.c; nobody else includes this. */
#ifndef CLIENT_REMOTE_INTERNAL_H
#define CLIENT_REMOTE_INTERNAL_H

#include "client/remote.h"

struct remote {
	struct transport *transport;
	struct sftp_client *sftp;
	struct remote_habits habits;
	struct transport_facts facts;
	int64_t timeout_us;
	int64_t round_trip_us;
	int64_t heard_us; /* when bytes came last, or since when an answer is due */
	int interrupt_fd; /* of ask_*; -1: none */

	bool ready, unusable;
	bool lost;
	enum err lost_error;
	struct story lost_story;
};

#endif
