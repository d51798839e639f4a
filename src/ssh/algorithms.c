#include "ssh/algorithms.h"

/* The signature algorithms of each type of key. */
struct type_algorithms {
	const char *type;
	const char *algorithms;
};

static const struct type_algorithms BY_TYPE[] = {
    {"ssh-ed25519", "ssh-ed25519"},
    {"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"},
    {"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384"},
    {"ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521"},
    {"ssh-rsa", "rsa-sha2-512,rsa-sha2-256"},
};

bool
algorithms_has(struct slice list, struct slice name)
{
	while (list.len > 0) {
		struct slice word;
		list = slice_cut(list, ',', &word);
		if (slice_equal(word, name))
			return true;
	}
	return false;
}

const char *
algorithms_of_host_key_type(size_t i)
{
	return i < ARRAY_LEN(BY_TYPE) ? BY_TYPE[i].algorithms : NULL;
}

static enum err
put_type(size_t i, bool done[ARRAY_LEN(BY_TYPE)], struct buf *ret_list, size_t start)
{
	if (done[i])
		return ERR_OK;
	done[i] = true;
	return buf_printf(
	    ret_list, "%s%s", buf_len(ret_list) > start ? "," : "", BY_TYPE[i].algorithms);
}

enum err
algorithms_host_keys(struct slice pinned_types, struct buf *ret_list)
{
	bool done[ARRAY_LEN(BY_TYPE)] = {false};
	size_t start = buf_len(ret_list);
	enum err e = ERR_OK;

	while (pinned_types.len > 0 && e == ERR_OK) {
		struct slice type;
		pinned_types = slice_cut(pinned_types, ',', &type);
		for (size_t i = 0; i < ARRAY_LEN(BY_TYPE) && e == ERR_OK; i++) {
			if (slice_is(type, BY_TYPE[i].type))
				e = put_type(i, done, ret_list, start);
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(BY_TYPE) && e == ERR_OK; i++)
		e = put_type(i, done, ret_list, start);
	return e == ERR_OK ? buf_put_u8(ret_list, 0) : e;
}
