/*
 * The conversation with drayd over its control socket: one question, rows as they come, and one
 * CTL_DONE that ends the answer.
 */
#ifndef CLI_CONTROL_H
#define CLI_CONTROL_H

#include <limits.h>

#include "cli/cli.h"
#include "ipc/codec.h"

/* How long drayd may be silent, unless a question says otherwise. */
enum { CONTROL_SILENCE_S = 60 };

/* What came of a question. */
enum control_outcome {
	CONTROL_ANSWERED,    /* CTL_DONE came: error and message are set */
	CONTROL_UNREACHABLE, /* nobody is there, or may not be talked to */
	CONTROL_BROKEN       /* the answer is incomplete, or not one */
};

/* Told of each row; its slices are borrowed until it returns. */
typedef void control_row_fn(void *ctx, const struct ipc_message *row);

struct control_question {
	enum ipc_type type;
	const void *body;   /* struct ipc_<type> */
	int64_t silence_us; /* the longest silence; 0: no limit */
	control_row_fn *row;
	void *ctx;
	/* Words for a failure, both escaped, both NULL for drayd's own alone. */
	const char *missing; /* in place of its words when what is asked about isn't there */
	const char *about;   /* before its words otherwise: "route acme-all" */
};

struct control_answer {
	enum err error;                     /* of the command, or of the conversation */
	uint32_t cause;                     /* of a run, as CTL_DONE has it */
	bool more;                          /* this was one page of several */
	char message[IPC_TEXT_MAX * 4 + 1]; /* for people, escaped */
};

/* Asks the daemon that listens at the socket's path. The answer is set in every outcome. */
enum control_outcome control_ask(const char *socket_path, const struct control_question *q,
    struct control_answer *ret_answer) must_check;

/* drayd as a command finds it: where it listens, and what its configuration file says now. */
struct control_daemon {
	char socket_path[PATH_MAX];
	struct config *config; /* one reference; NULL when the file has errors */
};

/*
 * Reads the configuration file. One that has errors is no reason not to talk to a drayd that runs
 * with an earlier version of it: that is warned of, and only where drayd listens must be known. The
 * caller ends it with control_forget, in every case.
 */
enum cli_exit control_find(struct cli *cli, struct control_daemon *ret_daemon) must_check;
void control_forget(struct control_daemon *daemon);

/*
 * control_ask for a command, with failures told to the complaints. CLI_OK only for an answer
 * without an error, whose message is in ret_answer.
 */
enum cli_exit control_ask_for(struct cli *cli, const struct control_daemon *daemon,
    const struct control_question *q, struct control_answer *ret_answer) must_check;

#endif
