#include "stdio/requests.h"

#include "base/slice.h"

void
requests_print(FILE *to)
{
	const char *name;

	for (unsigned i = 0; (name = sftp_server_request_name(i)) != NULL; i++)
		(void)fprintf(to, "%s\n", name);
}

static bool
list_has(const char *list, const char *wanted)
{
	struct slice rest = slice_str(list), name;

	while (rest.len > 0) {
		rest = slice_cut(rest, ',', &name);
		if (slice_is(name, wanted))
			return true;
	}
	return false;
}

static bool
is_request(struct slice name)
{
	const char *known;

	for (unsigned i = 0; (known = sftp_server_request_name(i)) != NULL; i++) {
		if (slice_is(name, known))
			return true;
	}
	return false;
}

static bool
list_is_sound(const char *list)
{
	struct slice rest = slice_str(list), name;

	while (rest.len > 0) {
		rest = slice_cut(rest, ',', &name);
		if (!is_request(name)) {
			(void)fprintf(stderr,
			    "dray-sftp-server: no such request: %.*s (-Q requests lists them)\n",
			    SLICE_ARG(name));
			return false;
		}
	}
	return true;
}

bool
requests_restrict(struct sftp_server *server, const char *denied, const char *allowed)
{
	const char *name;

	if (!list_is_sound(denied) || !list_is_sound(allowed))
		return false;
	for (unsigned i = 0; (name = sftp_server_request_name(i)) != NULL; i++) {
		if (list_has(denied, name) || (allowed != NULL && !list_has(allowed, name)))
			sftp_server_refuse(server, i);
	}
	return true;
}
