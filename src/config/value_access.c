#include "base/text.h"
#include "config/value.h"
#include "config/when.h"
#include "os/netaddr.h"
#include "os/password.h"
#include "ssh/authkeys.h"

/* Values that say who may log in, when, from where, and how fast. */

struct key_fault {
	const char *why;
	char text[REPORT_TEXT_MAX];
};

static void
keep_fault(void *ctx, unused_arg size_t line, const char *why)
{
	struct key_fault *fault = ctx;

	fault->why = text_escape(slice_str(why), fault->text, sizeof fault->text);
}

/* A key that could not be used would be missed only when somebody stands before the door. */
void
value_read_public_key(struct loader *l, const struct value *v, void *dst, unused_arg void *dst_2)
{
	struct key_fault fault = {.why = "it holds no key"};
	struct authkeys *keys = NULL;

	enum err e = authkeys_parse(&keys, v->text, keep_fault, &fault);
	if (e == ERR_NOMEM) {
		l->no_memory = true;
		return;
	}
	size_t n_keys = e == ERR_OK ? authkeys_count(keys) : 0;
	authkeys_free(keys);
	if (n_keys != 1) {
		report_error(&l->report, v->at, "\"%s\" has a key that can't be used: %s",
		    v->key->name, fault.why);
		return;
	}
	char *copy = load_text(l, v->text);
	memcpy(dst, &copy, sizeof copy);
}

/* What stands here may be a password, by mistake: it is never told. */
void
value_read_password_hash(struct loader *l, const struct value *v, void *dst, unused_arg void *dst_2)
{
	const char *refusal = password_hash_refusal(v->text);

	if (refusal != NULL) {
		report_error(&l->report, v->at, "\"%s\": %s", v->key->name, refusal);
		return;
	}
	char *copy = load_text(l, v->text);
	memcpy(dst, &copy, sizeof copy);
}

/* Bits behind the mask are a mistake: which of the two was meant? */
static bool
has_bits_behind(const struct netaddr *base, uint64_t bits)
{
	for (size_t i = (size_t)bits; i < 8 * (size_t)base->len; i++) {
		if ((base->bytes[i / 8] & (0x80u >> (i % 8))) != 0)
			return true;
	}
	return false;
}

void
value_read_network(struct loader *l, const struct value *v, void *dst, unused_arg void *dst_2)
{
	struct netaddr base;
	struct slice head, bits_text = slice_cut(v->text, '/', &head);
	uint64_t bits;

	if (slice_has(v->text, '%') || slice_has(v->text, ',') || !netaddr_parse(head, &base)) {
		value_fail(l, v);
		return;
	}
	bits = 8 * (uint64_t)base.len;
	if (bits_text.ptr != NULL && !text_to_u64(bits_text, bits, &bits)) {
		value_fail(l, v);
		return;
	}
	if (has_bits_behind(&base, bits)) {
		report_error(&l->report, v->at,
		    "\"%s\": %s has bits behind its first %u: it is an address, not a network",
		    v->key->name, SHOWN(head), (unsigned)bits);
		return;
	}
	char *copy = load_text(l, v->text);
	memcpy(dst, &copy, sizeof copy);
}

void
value_read_moment(struct loader *l, const struct value *v, void *dst, unused_arg void *dst_2)
{
	int64_t us;

	if (when_parse_moment(v->text, &us))
		memcpy(dst, &us, sizeof us);
	else
		value_fail(l, v);
}

void
value_read_hours(struct loader *l, const struct value *v, void *dst, unused_arg void *dst_2)
{
	struct config_hours hours;

	if (when_parse_hours(v->text, &hours))
		memcpy(dst, &hours, sizeof hours);
	else
		value_fail(l, v);
}

void
value_read_rate(struct loader *l, const struct value *v, void *dst, unused_arg void *dst_2)
{
	struct slice suffix = slice_str("/s"), size = v->text;
	uint64_t rate;

	if (size.len > suffix.len &&
	    slice_equal(slice_of(size.ptr + size.len - suffix.len, suffix.len), suffix))
		size.len -= suffix.len;
	if (text_to_size(size, &rate))
		memcpy(dst, &rate, sizeof rate);
	else
		value_fail(l, v);
}
