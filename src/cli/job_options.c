/* What the options of a command line mean to a job. */
#include "base/clock.h"
#include "cli/remote_session.h"

enum { RETRIES = 5, RETRY_DELAY_S = 1 };

static const struct {
	const char *word;
	enum job_proof proof;
} PROOFS[] = {
    {"hash", JOB_PROOF_HASH},
    {"tail", JOB_PROOF_TAIL},
    {"size", JOB_PROOF_SIZE},
};

static enum cli_exit
read_proof(struct cli *cli, enum job_proof *ret_proof)
{
	const char *word = cli->options.proof;

	for (size_t i = 0; i < ARRAY_LEN(PROOFS); i++) {
		if (word == NULL || strcmp(word, PROOFS[i].word) == 0) {
			*ret_proof = PROOFS[i].proof;
			return CLI_OK;
		}
	}
	return cli_fail(cli, CLI_USAGE, "--proof is hash, tail or size");
}

/* Pairs that contradict each other. */
static const enum option_id CONTRARY[][2] = {
    {OPTION_IN_PLACE, OPTION_UPLOAD_TEMP},
    {OPTION_NO_CLOBBER, OPTION_APPEND},
    {OPTION_RESUME, OPTION_APPEND},
    {OPTION_READ_ONCE, OPTION_RESUME},
    {OPTION_READ_ONCE, OPTION_APPEND},
    /* Hashing the source would be opening it again. */
    {OPTION_READ_ONCE, OPTION_VERIFY},
    {OPTION_IPV4, OPTION_IPV6},
};

static enum cli_exit
check_contrary(struct cli *cli)
{
	for (size_t i = 0; i < ARRAY_LEN(CONTRARY); i++) {
		const char *names[2] = {"", ""};
		for (size_t j = 0; j < N_OPTIONS; j++) {
			for (size_t k = 0; k < 2; k++)
				names[k] =
				    OPTIONS[j].id == CONTRARY[i][k] ? OPTIONS[j].name : names[k];
		}
		if (option_given(&cli->options, CONTRARY[i][0]) &&
		    option_given(&cli->options, CONTRARY[i][1]))
			return cli_fail(cli, CLI_USAGE, "--%s and --%s contradict each other",
			    names[0], names[1]);
	}
	return CLI_OK;
}

/* An upload in place has no other partial file than its target. */
static enum job_resume
resume_of(const struct options *o)
{
	bool in_place = option_given(o, OPTION_IN_PLACE);

	if (option_given(o, OPTION_APPEND) || (option_given(o, OPTION_RESUME) && in_place))
		return JOB_RESUME_TARGET;
	return option_given(o, OPTION_RESUME) ? JOB_RESUME_OURS : JOB_RESUME_NONE;
}

static enum job_upload
upload_of(const struct options *o)
{
	if (option_given(o, OPTION_IN_PLACE))
		return JOB_UPLOAD_IN_PLACE;
	return option_given(o, OPTION_UPLOAD_TEMP) ? JOB_UPLOAD_TEMP : JOB_UPLOAD_AUTO;
}

enum cli_exit
session_job_options(struct cli *cli, struct job_options *ret_options)
{
	const struct options *o = &cli->options;
	enum cli_exit code = check_contrary(cli);

	*ret_options = (struct job_options){.recursive = option_given(o, OPTION_RECURSIVE),
	    .preserve = option_given(o, OPTION_PRESERVE),
	    .fsync = option_given(o, OPTION_FSYNC),
	    .verify = option_given(o, OPTION_VERIFY),
	    .read_once = option_given(o, OPTION_READ_ONCE),
	    .follow = true,
	    .no_clobber = option_given(o, OPTION_NO_CLOBBER),
	    .resume = resume_of(o),
	    .upload = upload_of(o),
	    .connections = o->connections == 0 ? 1 : (uint32_t)o->connections,
	    .budget = o->budget,
	    .request_len = (uint32_t)o->request_size,
	    .bytes_per_second = o->rate,
	    .retries = option_given(o, OPTION_RETRIES) ? (uint32_t)o->retries : RETRIES,
	    .retry_delay_us = option_given(o, OPTION_RETRY_DELAY) ? o->retry_delay_us
								  : RETRY_DELAY_S * US_PER_SEC};
	return code == CLI_OK ? read_proof(cli, &ret_options->proof) : code;
}
