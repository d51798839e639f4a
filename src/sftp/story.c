#include "sftp/story.h"

#include "base/text.h"
#include "sftp/status.h"

/* So that path, words and reason fit a story. */
enum { PATH_TEXT_MAX = 200, WORDS_TEXT_MAX = 160 };

void
sftp_story_refused(
    struct story *s, const char *what, struct slice path, const struct sftp_reply *reply)
{
	char path_text[PATH_TEXT_MAX], words[WORDS_TEXT_MAX];
	const char *status = sftp_status_text(reply->status);

	text_escape(path, path_text, sizeof path_text);
	text_escape(reply->message, words, sizeof words);
	if (words[0] == '\0')
		story_set(s, "%s: %s: %s", what, path_text, status);
	else
		story_set(s, "%s: %s: %s (the server says \"%s\")", what, path_text, status, words);
}

void
sftp_story_own(struct story *s, const char *what, struct slice path, const char *why)
{
	char path_text[PATH_TEXT_MAX];

	story_set(s, "%s: %s: %s", what, text_escape(path, path_text, sizeof path_text), why);
}
