/*
 * dray sum: the hash of files on a server: by the server itself where it has check-file, else the
 * file is read through, and hashed here.
 */
#include <openssl/evp.h>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/each.h"
#include "cli/json.h"
#include "cli/out.h"
#include "sftp/fetch.h"
#include "sftp/proto.h"
#include "term/tty.h"

static const char *const ALGORITHMS[] = {"sha256", "sha1", "md5"};

/* What a sum needs beside the session. Outlives it: a file that was left half-read ends with the
 * connection. */
struct sum {
	const char *algorithm;
	EVP_MD_CTX *hash;
	struct ask_answer *answer; /* of the file that is read through */
	bool ended;
};

static void
sum_fini(struct sum *s)
{
	EVP_MD_CTX_free(s->hash);
}

static const char *
algorithm_of(const struct options *o)
{
	const char *wanted = o->algorithm == NULL ? ALGORITHMS[0] : o->algorithm;

	for (size_t i = 0; i < ARRAY_LEN(ALGORITHMS); i++) {
		if (strcmp(wanted, ALGORITHMS[i]) == 0)
			return ALGORITHMS[i];
	}
	return NULL;
}

static enum err
take_data(void *ctx, struct slice data)
{
	struct sum *s = ctx;

	return EVP_DigestUpdate(s->hash, data.ptr, data.len) == 1 ? ERR_OK : ERR_NOMEM;
}

static void
take_end(void *ctx, enum sftp_fetch_outcome outcome, enum err sink_error, const struct story *story)
{
	static const enum err ERRORS[] = {
	    [SFTP_FETCH_DONE] = ERR_OK,
	    [SFTP_FETCH_GONE] = ERR_NOENT,
	    [SFTP_FETCH_CHANGED] = ERR_AGAIN,
	    [SFTP_FETCH_REFUSED] = ERR_ACCESS,
	    [SFTP_FETCH_SINK] = ERR_NOMEM,
	};
	struct sum *s = ctx;

	s->ended = true;
	s->answer->error = sink_error != ERR_OK ? sink_error : ERRORS[outcome];
	s->answer->story = *story;
}

/* A line that is lost is session_over's to tell: the fetch is dropped with the client then. */
static bool
wait_for_end(struct remote *remote, const struct sum *s)
{
	bool interrupted = false;

	while (!s->ended && !interrupted && !remote_is_lost(remote)) {
		if (!remote_turn(remote) &&
		    remote_wait(&remote, 1, tty_interrupt_fd(), -1, &interrupted) != ERR_OK)
			break;
	}
	return s->ended;
}

static bool
read_through(struct each *e, const char *path, struct ask_answer *a)
{
	struct sum *s = e->ctx;
	struct sftp_attrs attrs = {.flags = 0};
	struct remote *remote = e->session.remote;

	if (!ask_stat(remote, slice_str(path), &attrs, a))
		return false;
	const struct sftp_fetch_job job = {.path = slice_str(path),
	    .size = attrs.size,
	    .mtime = attrs.mtime,
	    .sink = take_data,
	    .done = take_end,
	    .ctx = s};
	s->answer = a;
	s->ended = false;
	enum err error = sftp_fetch_start(remote_sftp(remote), &job);
	if (error == ERR_OK && !wait_for_end(remote, s))
		error = ERR_CLOSED;
	if (error != ERR_OK) {
		a->error = error;
		story_set(&a->story, "cannot read it through: %s", err_text(error));
	}
	return a->error == ERR_OK;
}

static bool
hash_here(struct each *e, const char *path, struct buf *ret_hash, struct ask_answer *a)
{
	struct sum *s = e->ctx;
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (EVP_DigestInit_ex(s->hash, EVP_get_digestbyname(s->algorithm), NULL) != 1)
		cli_no_memory();
	if (!read_through(e, path, a))
		return false;
	if (EVP_DigestFinal_ex(s->hash, hash, &len) != 1 || buf_put(ret_hash, hash, len) != ERR_OK)
		cli_no_memory();
	return true;
}

static void
print_sum(const struct each *e, const char *path, struct slice hash)
{
	const struct sum *s = e->ctx;
	struct cli *cli = e->session.cli;
	char text[2 * EVP_MAX_MD_SIZE + 1];

	text_hex(hash.ptr, hash.len, text);
	if (cli->json) {
		json_t *o = json_new_object();
		json_put(o, "path", json_new_text(slice_str(path)));
		json_put(o, "algorithm", json_new_text(slice_str(s->algorithm)));
		json_put(o, "hash", json_new_text(slice_str(text)));
		json_print_line(o, cli->out);
		return;
	}
	fprintf(cli->out, "%s  ", text);
	out_text(cli->out, slice_str(path));
	fputc('\n', cli->out);
}

/* A server that doesn't know the algorithm, or the request, lets us read all the same. */
static bool
sum_one(struct each *e, const char *path, struct ask_answer *a)
{
	const struct sum *s = e->ctx;
	struct buf hash _cleanup_(buf_fini);

	buf_init(&hash, EVP_MAX_MD_SIZE);
	bool done =
	    remote_habits(e->session.remote)->check_file &&
	    ask_check_file(e->session.remote, slice_str(path), s->algorithm, 0, 0, &hash, a);
	if (!done && session_is_over(&e->session))
		return false;
	if (!done) {
		buf_clear(&hash);
		done = hash_here(e, path, &hash, a);
	}
	if (done)
		print_sum(e, path, buf_slice(&hash));
	return done;
}

enum cli_exit
cmd_sum(struct cli *cli)
{
	struct sum s _cleanup_(sum_fini) = {.algorithm = algorithm_of(&cli->options)};
	struct each e _cleanup_(each_fini) = {.session = {.cli = cli}};

	if (s.algorithm == NULL)
		return cli_fail(cli, CLI_USAGE, "--algorithm is sha256, sha1 or md5");
	s.hash = EVP_MD_CTX_new();
	if (s.hash == NULL)
		cli_no_memory();
	enum cli_exit code = each_open(&e, cli);
	e.ctx = &s;
	return code == CLI_OK ? each_run(&e, false, sum_one) : code;
}
