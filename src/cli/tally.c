#include "cli/tally.h"

#include "sftp/proto.h"

void
tally_fail(struct tally *t, enum err error)
{
	t->n_failed++;
	t->n_missing += error == ERR_NOENT ? 1 : 0;
}

void
tally_answer(struct tally *t, const struct ask_answer *a)
{
	if (a->error == ERR_OK)
		t->n_done++;
	else
		tally_fail(t, a->status == SSH_FX_NO_SUCH_FILE ? ERR_NOENT : a->error);
}

enum cli_exit
tally_exit(const struct tally *t)
{
	if (t->n_failed == 0)
		return CLI_OK;
	if (t->n_done > 0)
		return CLI_PARTLY;
	return t->n_missing == t->n_failed ? CLI_NOT_FOUND : CLI_FAILED;
}
