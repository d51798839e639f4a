#include "os/password.h"

#include <crypt.h>
#include <stdlib.h>
#include <string.h>

/* What crypt(5) calls a hash's kind, and how many characters stand behind its last dollar sign. */
struct kind {
	const char *prefix;
	size_t last_len;
};

static const struct kind KINDS[] = {
    {"$y$", 43},
    {"$gy$", 43},
    {"$7$", 43},
    {"$2b$", 53}, /* bcrypt: salt and hash in one part */
    {"$6$", 86},
    {"$argon2id$", 43},
};

/* What people have in their shadow files, and must not bring along. */
static const char *const WEAK[] = {
    "$1$", "$3$", "$5$", "$2a$", "$2x$", "$2y$", "$md5", "$sha1$", "_"};

static const struct kind *
kind_of(struct slice hash)
{
	for (size_t i = 0; i < ARRAY_LEN(KINDS); i++) {
		if (slice_starts_with(hash, slice_str(KINDS[i].prefix)))
			return &KINDS[i];
	}
	return NULL;
}

static bool
is_weak(struct slice hash)
{
	for (size_t i = 0; i < ARRAY_LEN(WEAK); i++) {
		if (slice_starts_with(hash, slice_str(WEAK[i])))
			return true;
	}
	return false;
}

/* The characters behind the last dollar sign. */
static size_t
last_part_len(struct slice hash)
{
	size_t len = 0;

	while (len < hash.len && hash.ptr[hash.len - 1 - len] != '$')
		len++;
	return len;
}

/* crypt(5): no white space, no colon, semicolon, star, exclamation mark or backslash. */
static bool
is_printable(struct slice hash)
{
	for (size_t i = 0; i < hash.len; i++) {
		if (hash.ptr[i] <= ' ' || hash.ptr[i] > '~' ||
		    strchr(":;*!\\", hash.ptr[i]) != NULL)
			return false;
	}
	return true;
}

const char *
password_hash_refusal(struct slice hash)
{
	char text[PASSWORD_HASH_MAX];
	const struct kind *kind = kind_of(hash);

	if (kind == NULL && is_weak(hash))
		return "this kind of hash is too weak (dray key password makes a good one)";
	if (kind == NULL)
		return "it is no hash as crypt(5) writes it, and a password itself has no place "
		       "here "
		       "(dray key password makes the hash of one)";
	if (!is_printable(hash) || !slice_copy(hash, text, sizeof text) ||
	    last_part_len(hash) != kind->last_len)
		return "the hash is not whole (dray key password makes one)";
	int verdict = crypt_checksalt(text);
	if (verdict != CRYPT_SALT_OK && verdict != CRYPT_SALT_METHOD_LEGACY)
		return "this system's libcrypt can't check this kind of hash "
		       "(dray key password makes one)";
	return NULL;
}

/* Does not tell by its time where the texts differ; their length is no secret. */
static bool
equal_in_constant_time(const char *a, const char *b)
{
	size_t len = strlen(a);
	volatile unsigned char differ = 0;

	if (strlen(b) != len)
		return false;
	for (size_t i = 0; i < len; i++)
		differ |= (unsigned char)((unsigned char)a[i] ^ (unsigned char)b[i]);
	return differ == 0;
}

static void
crypt_data_free(struct crypt_data *data)
{
	if (data == NULL)
		return;
	explicit_bzero(data, sizeof *data);
	free(data);
}

/* The hash of the password, made as the setting says. */
static enum err
run_crypt(const char *password, const char *setting, char ret_hash[PASSWORD_HASH_MAX])
{
	struct crypt_data *data = calloc(1, sizeof *data);

	if (data == NULL)
		return ERR_NOMEM;
	const char *made = crypt_r(password, setting, data);
	/* A failure is a text that begins with a star: no hash does. */
	enum err e = made == NULL || made[0] == '*' || strlen(made) >= PASSWORD_HASH_MAX
			 ? ERR_FORMAT
			 : ERR_OK;
	if (e == ERR_OK)
		memcpy(ret_hash, made, strlen(made) + 1);
	crypt_data_free(data);
	return e;
}

enum err
password_matches(struct slice hash, struct slice password, bool *ret_good)
{
	char setting[PASSWORD_HASH_MAX], made[PASSWORD_HASH_MAX], text[PASSWORD_MAX + 1];

	*ret_good = false;
	if (password_hash_refusal(hash) != NULL || !slice_copy(hash, setting, sizeof setting))
		return ERR_FORMAT;
	bool fits = slice_copy(password, text, sizeof text);
	enum err e = run_crypt(fits ? text : "", setting, made);
	if (e == ERR_OK)
		*ret_good = fits && equal_in_constant_time(made, setting);
	explicit_bzero(text, sizeof text);
	explicit_bzero(made, sizeof made);
	return e;
}

enum err
password_hash(struct slice password, char ret_hash[PASSWORD_HASH_MAX])
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE], text[PASSWORD_MAX + 1];

	if (password.len == 0 || !slice_copy(password, text, sizeof text))
		return ERR_INVALID;
	enum err e = ERR_UNSUPPORTED;
	if (crypt_gensalt_rn("$y$", 0, NULL, 0, setting, sizeof setting) != NULL)
		e = run_crypt(text, setting, ret_hash);
	explicit_bzero(text, sizeof text);
	return e;
}
