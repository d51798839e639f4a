/*
 * The conversation with drayd over its control socket: one question, rows as they come, and one
 * CTL_DONE that ends the answer.
 */
#ifndef CLI_CONTROL_H
#define CLI_CONTROL_H

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

/*
 * control_ask for a command: at the configured socket, with failures told to the complaints.
 * CLI_OK only for an answer without an error, whose message is in ret_answer.
 */
enum cli_exit control_ask_for(struct cli *cli, const struct config *config,
    const struct control_question *q, struct control_answer *ret_answer) must_check;

#endif
