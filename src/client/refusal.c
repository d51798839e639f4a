#include "client/refusal.h"

#include <strings.h>

#include "sftp/proto.h"
#include "sftp/story.h"

/* Words of a STATUS that is SSH_FX_FAILURE, anywhere in it, whatever their case. */
static const struct {
	const char *words;
	enum err error;
} WORDS[] = {
    {"no space", ERR_NOSPACE},
    {"disk full", ERR_NOSPACE},
    {"quota", ERR_QUOTA},
    {"file exists", ERR_EXISTS},
    {"already exists", ERR_EXISTS},
    {"not empty", ERR_NOTEMPTY},
    {"is a directory", ERR_ISDIR},
    {"not a directory", ERR_NOTDIR},
    {"read-only", ERR_READONLY},
    {"too many open files", ERR_NOFILES},
    {"name too long", ERR_NAMETOOLONG},
};

static bool
says(struct slice message, const char *words)
{
	size_t len = strlen(words);

	for (size_t i = 0; i + len <= message.len; i++) {
		if (strncasecmp((const char *)message.ptr + i, words, len) == 0)
			return true;
	}
	return false;
}

static enum err
error_by_words(struct slice message)
{
	for (size_t i = 0; i < ARRAY_LEN(WORDS); i++) {
		if (says(message, WORDS[i].words))
			return WORDS[i].error;
	}
	return ERR_IO;
}

enum err
refusal_error(const struct sftp_reply *reply)
{
	static const struct {
		uint32_t status;
		enum err error;
	} CODES[] = {
	    {SSH_FX_OK, ERR_OK},
	    {SSH_FX_EOF, ERR_FORMAT},
	    {SSH_FX_NO_SUCH_FILE, ERR_NOENT},
	    {SSH_FX_PERMISSION_DENIED, ERR_ACCESS},
	    {SSH_FX_BAD_MESSAGE, ERR_INVALID},
	    {SSH_FX_OP_UNSUPPORTED, ERR_UNSUPPORTED},
	};

	for (size_t i = 0; i < ARRAY_LEN(CODES); i++) {
		if (CODES[i].status == reply->status)
			return CODES[i].error;
	}
	return error_by_words(reply->message);
}

void
refusal_tell(
    struct ask_answer *a, const char *what, struct slice path, const struct sftp_reply *reply)
{
	a->error = refusal_error(reply);
	a->status = reply->status;
	a->unsupported = reply->status == SSH_FX_OP_UNSUPPORTED;
	sftp_story_refused(&a->story, what, path, reply);
}

void
refusal_own(struct ask_answer *a, const char *what, struct slice path, enum err e, const char *why)
{
	a->error = e;
	sftp_story_own(&a->story, what, path, why);
}
