/* Any word of a command line as a URL. */
#include <stdlib.h>

#include "base/bug.h"
#include "cli/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1);
	struct story story;
	struct url u;

	BUG_ON(text == NULL);
	if (len > 0)
		memcpy(text, data, len);
	text[len] = '\0';
	if (url_parse(text, &u, &story) == ERR_OK) {
		BUG_ON(!url_is_remote(text) || u.host[0] == '-' || u.host[0] == '\0');
		BUG_ON(strlen(u.host) > URL_HOST_MAX || strlen(u.pattern) > 2 * URL_PATH_MAX);
		BUG_ON(u.user != NULL && (u.user[0] == '-' || u.user[0] == '\0'));
		BUG_ON(!url_same_server(&u, &u));
	}
	url_fini(&u);
	free(text);
	return 0;
}
