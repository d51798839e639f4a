/* ssh_config(5): any bytes as the file. No file is included and no command run. */
#include <stdlib.h>

#include "ssh/sshconfig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sshconfig_who who = {.original = "h.example", .local_user = "u"};
	struct story story = {""};
	struct sshconfig c;

	sshconfig_init(&c);
	enum err e = sshconfig_text(&c, &who, slice_of(data, len), "file", false, &story);
	if (e != ERR_OK && story.text[0] == '\0')
		abort();
	if (e == ERR_OK && sshconfig_settle(&c, &who, &story) == ERR_OK &&
	    (c.host_name == NULL || c.user == NULL || c.port <= 0 || c.port > UINT16_MAX))
		abort();
	sshconfig_fini(&c);
	return 0;
}
