#include "cli/json.h"

#include "base/bug.h"
#include "base/clock.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/out.h"

enum { KEY_MAX = 64 };

static json_t *
must(json_t *value)
{
	if (value == NULL)
		cli_no_memory();
	return value;
}

json_t *
json_new_object(void)
{
	return must(json_object());
}

json_t *
json_new_array(void)
{
	return must(json_array());
}

json_t *
json_new_text(struct slice s)
{
	char *text _cleanup_(out_freep) = out_safe(s);

	return must(json_string(text));
}

json_t *
json_new_story(struct slice s)
{
	char *text _cleanup_(out_freep) = out_safe_story(s);

	return must(json_string(text));
}

json_t *
json_new_u64(uint64_t v)
{
	/* JSON's numbers end at 2^63 - 1 here. */
	return must(json_integer(v > INT64_MAX ? INT64_MAX : (json_int_t)v));
}

json_t *
json_new_bool(bool v)
{
	return must(json_boolean(v));
}

json_t *
json_new_moment(int64_t at_us)
{
	char text[TIME_TEXT_MAX];

	if (at_us == 0)
		return json_null();
	time_text(at_us, text);
	return must(json_string(text));
}

void
json_put(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) != 0)
		cli_no_memory();
}

void
json_push(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) != 0)
		cli_no_memory();
}

static json_t *
hex_text(struct slice s)
{
	char text[2 * IPC_SHA256_LEN + 1];

	if (s.len == 0)
		return json_null();
	BUG_ON(s.len > IPC_SHA256_LEN);
	text_hex(s.ptr, s.len, text);
	return must(json_string(text));
}

static bool
ends_with(const char *name, const char *end)
{
	size_t name_len = strlen(name), end_len = strlen(end);

	return name_len > end_len && strcmp(name + name_len - end_len, end) == 0;
}

/* The field's name as people call it. */
static void
field_key(const struct ipc_field *f, char dst[KEY_MAX])
{
	const char *name = f->name;

	if (slice_starts_with(slice_str(name), slice_str("n_")))
		name += 2;
	size_t len = strlen(name) - (ends_with(name, "_us") ? 3 : 0);
	BUG_ON(!slice_copy(slice_of(name, len), dst, KEY_MAX));
}

static json_t *
signed_value(const struct ipc_field *f, int64_t v)
{
	/* The one number that isn't in microseconds: a file's time, in seconds, as SFTP has it. */
	if (strcmp(f->name, "mtime") == 0 && v > 0 && v < INT64_MAX / US_PER_SEC)
		return json_new_moment(v * US_PER_SEC);
	return ends_with(f->name, "_us") ? json_new_moment(v) : must(json_integer(v));
}

/* The fields that hold sentences for people, with names that are escaped already. */
static bool
is_story(const struct ipc_field *f)
{
	static const char *const NAMES[] = {"trouble", "detail", "message"};

	for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
		if (strcmp(f->name, NAMES[i]) == 0)
			return true;
	}
	return false;
}

#define LOAD(type, from)                                \
	__extension__({                                 \
		type loaded_;                           \
		memcpy(&loaded_, from, sizeof loaded_); \
		loaded_;                                \
	})

static json_t *
field_value(const struct ipc_field *f, const uint8_t *from)
{
	switch (f->kind) {
	case IPC_BOOL:
		return must(json_boolean(LOAD(bool, from)));
	case IPC_U32:
		return json_new_u64(LOAD(uint32_t, from));
	case IPC_U64:
		return json_new_u64(LOAD(uint64_t, from));
	case IPC_I64:
		return signed_value(f, LOAD(int64_t, from));
	case IPC_STR:
		return is_story(f) ? json_new_story(LOAD(struct slice, from))
				   : json_new_text(LOAD(struct slice, from));
	case IPC_BYTES:
		return hex_text(LOAD(struct slice, from));
	case IPC_FD:
		break;
	}
	BUG("a row has no descriptors");
}

json_t *
json_new_row(const struct ipc_message *m)
{
	const struct ipc_schema *schema = ipc_schema(m->type);
	const uint8_t *body = (const uint8_t *)&m->ctl_done;
	json_t *object = json_new_object();
	char key[KEY_MAX];

	for (size_t i = 0; i < schema->n_fields; i++) {
		const struct ipc_field *f = &schema->fields[i];
		field_key(f, key);
		json_put(object, key, field_value(f, body + f->offset));
	}
	return object;
}

static void
print(json_t *value, FILE *to, size_t flags)
{
	/* A stream that fails is noticed when it is closed, by its error flag. */
	(void)json_dumpf(value, to, flags);
	fputc('\n', to);
	json_decref(value);
}

void
json_print_document(json_t *value, FILE *to)
{
	print(value, to, JSON_INDENT(2));
}

void
json_print_line(json_t *value, FILE *to)
{
	print(value, to, JSON_COMPACT);
}
