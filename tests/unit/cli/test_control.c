/* The conversation with drayd, when it goes well and when it doesn't. */
#include "fake_core.h"

#include "cli/control.h"

static const struct ipc_ctl_done DONE = {.error = ERR_OK};
static const struct ipc_ctl_done NOT_FOUND = {
    .error = ERR_NOENT, .message = {(const uint8_t *)"no such \033 route", 15}};
static const struct ipc_ctl_done NO_SUCH_ERROR = {.error = ERR_N};
static const struct ipc_ctl_event EVENT = {.transfer = 1, .at_us = NOW_US};
static const struct ipc_ctl_status QUESTION = {.route = {NULL, 0}};

struct conversation_case {
	const char *name;
	struct fake_message messages[4];
	size_t n_messages;
	bool then_hang;
	enum control_outcome outcome;
	enum err error;
	size_t n_rows;
	const char *message;
};

#define BYTES(text)                                                   \
	{                                                             \
		.bytes = {(const uint8_t *)(text), sizeof(text) - 1 } \
	}
#define MALFORMED "drayd's answer is malformed: is it the same version as this dray?"
#define BROKE_OFF "drayd closed the line before its answer was complete (its log may say why)"

static const struct conversation_case CONVERSATIONS[] = {
    {"no rows", {{IPC_CTL_DONE, &DONE}}, 1, false, CONTROL_ANSWERED, ERR_OK, 0, ""},
    {"rows", {{IPC_CTL_EVENT, &EVENT}, {IPC_CTL_EVENT, &EVENT}, {IPC_CTL_DONE, &DONE}}, 3, false,
	CONTROL_ANSWERED, ERR_OK, 2, ""},
    {"an error of the command", {{IPC_CTL_DONE, &NOT_FOUND}}, 1, false, CONTROL_ANSWERED, ERR_NOENT,
	0, "no such \\x1b route"},
    {"what follows the end is not read", {{IPC_CTL_DONE, &DONE}, {IPC_CTL_EVENT, &EVENT}}, 2, false,
	CONTROL_ANSWERED, ERR_OK, 0, ""},
    {"closed at once", {{0}}, 0, false, CONTROL_BROKEN, ERR_CLOSED, 0, BROKE_OFF},
    {"closed in the middle", {{IPC_CTL_EVENT, &EVENT}}, 1, false, CONTROL_BROKEN, ERR_CLOSED, 1,
	BROKE_OFF},
    {"silence", {{IPC_CTL_EVENT, &EVENT}}, 1, true, CONTROL_BROKEN, ERR_TIMEOUT, 1,
	"drayd runs, but does not answer (its log may say why)"},
    {"an error that there isn't", {{IPC_CTL_DONE, &NO_SUCH_ERROR}}, 1, false, CONTROL_BROKEN,
	ERR_FORMAT, 0, MALFORMED},
    {"an unknown type", {BYTES("\xff\xff")}, 1, true, CONTROL_BROKEN, ERR_FORMAT, 0, MALFORMED},
    {"half a type", {BYTES("\x00")}, 1, true, CONTROL_BROKEN, ERR_FORMAT, 0, MALFORMED},
    {"another role's message", {{IPC_CTL_STATUS, &QUESTION}}, 1, true, CONTROL_BROKEN, ERR_FORMAT,
	0, MALFORMED},
};

static void
count_row(void *ctx, const struct ipc_message *m)
{
	size_t *n = ctx;

	assert_int_equal(m->type, IPC_CTL_EVENT);
	(*n)++;
}

static void
check_conversation(const struct conversation_case *c)
{
	struct fake_script script = {
	    .question = IPC_CTL_STATUS, .n_messages = c->n_messages, .then_hang = c->then_hang};
	struct control_answer answer;
	size_t n_rows = 0;

	memcpy(script.messages, c->messages, sizeof c->messages);
	pid_t pid = fake_start("sock", &script);
	const struct control_question q = {IPC_CTL_STATUS, &QUESTION,
	    c->error == ERR_TIMEOUT ? 100 * US_PER_MS : 20 * US_PER_SEC, count_row, &n_rows};
	enum control_outcome outcome = control_ask("sock", &q, &answer);
	if (outcome != c->outcome || answer.error != c->error || n_rows != c->n_rows)
		fail_msg("%s: outcome %d, error %s, %zu rows", c->name, (int)outcome,
		    err_name(answer.error), n_rows);
	assert_string_equal(answer.message, c->message);
	fake_finish(pid);
}

static void
test_conversations(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CONVERSATIONS); i++)
		check_conversation(&CONVERSATIONS[i]);
}

/* A row that core never sends to dray, though it is core's: not ours to take either. */
static void
test_foreign_row(void **state)
{
	static const struct ipc_courier_bye BYE = {0};
	struct fake_script script = {.question = IPC_CTL_STATUS,
	    .messages = {{IPC_COURIER_BYE, &BYE}},
	    .n_messages = 1,
	    .then_hang = true};
	struct control_answer answer;

	(void)state;
	pid_t pid = fake_start("sock", &script);
	const struct control_question q = {IPC_CTL_STATUS, &QUESTION, 20 * US_PER_SEC, NULL, NULL};
	assert_int_equal(control_ask("sock", &q, &answer), CONTROL_BROKEN);
	assert_int_equal(answer.error, ERR_FORMAT);
	fake_finish(pid);
}

static void
test_nobody_there(void **state)
{
	(void)state;
	write_file("dray.yaml", "home: .\ncontrol: none.sock\n", 0644);
	static const char *const COMMANDS[][4] = {{"status"}, {"transfers"}, {"trace", "1"},
	    {"run", "r"}, {"run", "r", "--wait"}, {"retry", "1"}, {"bans"}};
	for (size_t i = 0; i < ARRAY_LEN(COMMANDS); i++) {
		struct answer a = run_dray(COMMANDS[i]);
		assert_int_equal(a.code, CLI_NO_DAEMON);
		assert_string_equal(a.out, "");
		assert_contains(a.err, "dray: cannot reach drayd: cannot connect to ");
		assert_contains(a.err, "none.sock: No such file or directory: is it running? "
				       "(start it with: drayd -c dray.yaml)\n");
		answer_fini(&a);
	}
}

/*
 * A file with errors is no reason not to talk to a drayd that runs: it is warned of. Only when it
 * can't even be told where drayd listens, the errors are the answer.
 */
static void
test_wrong_config(void **state)
{
	static const struct ipc_ctl_transfer TRANSFER = {.id = 5};
	static const struct {
		const char *args[4];
		enum ipc_type question;
		const struct ipc_ctl_done *done;
		enum cli_exit code;
		const char *complaint; /* after the warning */
	} CASES[] = {
	    {{"status"}, IPC_CTL_STATUS, &DONE, CLI_OK, ""},
	    {{"transfers", "--route", "x"}, IPC_CTL_TRANSFERS, &DONE, CLI_OK, ""},
	    {{"trace", "5"}, IPC_CTL_TRACE, &DONE, CLI_OK, ""},
	    {{"run", "x"}, IPC_CTL_RUN, &DONE, CLI_OK, ""},
	    {{"retry", "0", "--json"}, IPC_CTL_RETRY, &DONE, CLI_OK, ""},
	    {{"run", "x"}, IPC_CTL_RUN, &NOT_FOUND, CLI_NOT_FOUND,
		"dray: there is no route \"x\"\n"},
	};
	static const char WARNING[] =
	    "dray: warning: dray.yaml has errors (dray check lists them); the gateway may run with "
	    "an earlier version of it\n";

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		const struct fake_script script = {.question = CASES[i].question,
		    .messages = {{IPC_CTL_TRANSFER, &TRANSFER}, {IPC_CTL_DONE, CASES[i].done}},
		    .n_messages = 2};
		write_file("dray.yaml", "home: .\ncontrol: here.sock\nrouts: {}\n", 0644);
		pid_t pid = fake_start("here.sock", &script);
		struct answer a = run_dray(CASES[i].args);
		fake_finish(pid);
		assert_int_equal(a.code, CASES[i].code);
		assert_int_equal(strncmp(a.err, WARNING, sizeof WARNING - 1), 0);
		assert_string_equal(a.err + sizeof WARNING - 1, CASES[i].complaint);
		answer_fini(&a);
	}
	write_file("dray.yaml", "home: [\n", 0644);
	struct answer a = DRAY("status");
	assert_int_equal(a.code, CLI_CONFIG);
	assert_null(strstr(a.err, "warning"));
	assert_contains(a.err, "dray.yaml:");
	answer_fini(&a);
}

/* A socket file whose daemon has died, and a path that no socket can have. */
static void
test_dead_socket(void **state)
{
	struct control_answer answer;
	struct story story;
	char path[200];
	int fd;

	(void)state;
	assert_int_equal(socket_listen_unix("dead", &fd, &story), ERR_OK);
	assert_int_equal(close(fd), 0);
	const struct control_question q = {IPC_CTL_STATUS, &QUESTION, US_PER_SEC, NULL, NULL};
	assert_int_equal(control_ask("dead", &q, &answer), CONTROL_UNREACHABLE);
	assert_contains(answer.message, "Connection refused");
	memset(path, 'a', sizeof path - 1);
	path[sizeof path - 1] = '\0';
	assert_int_equal(control_ask(path, &q, &answer), CONTROL_UNREACHABLE);
	assert_int_equal(answer.error, ERR_NAMETOOLONG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_conversations),
	    cmocka_unit_test(test_foreign_row),
	    cmocka_unit_test(test_nobody_there),
	    cmocka_unit_test(test_wrong_config),
	    cmocka_unit_test(test_dead_socket),
	};

	return cmocka_run_group_tests(tests, place_setup, place_teardown);
}
