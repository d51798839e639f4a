#include "pki/cert.h"

#include "base/rd.h"
#include "base/text.h"
#include "pki/blob.h"
#include "pki/pubkey.h"
#include "pki/verify.h"

/*
 * Names of certificates, and what the same would be called without one. Those of RSA's signatures
 * are names of algorithms alone: the blob's is ssh-rsa's.
 */
struct cert_name {
	const char *name;
	const char *plain;
	bool of_blob;
};

static const struct cert_name NAMES[] = {
    {"ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519", true},
    {"ecdsa-sha2-nistp256-cert-v01@openssh.com", "ecdsa-sha2-nistp256", true},
    {"ecdsa-sha2-nistp384-cert-v01@openssh.com", "ecdsa-sha2-nistp384", true},
    {"ecdsa-sha2-nistp521-cert-v01@openssh.com", "ecdsa-sha2-nistp521", true},
    {"ssh-rsa-cert-v01@openssh.com", "ssh-rsa", true},
    {"sk-ssh-ed25519-cert-v01@openssh.com", "sk-ssh-ed25519@openssh.com", true},
    {"sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com", true},
    {"rsa-sha2-256-cert-v01@openssh.com", "rsa-sha2-256", false},
    {"rsa-sha2-512-cert-v01@openssh.com", "rsa-sha2-512", false},
};

static const struct cert_name *
name_find(struct slice type)
{
	for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
		if (slice_is(type, NAMES[i].name))
			return &NAMES[i];
	}
	return NULL;
}

bool
cert_type_name(struct slice type)
{
	return name_find(type) != NULL;
}

struct slice
cert_plain_type(struct slice type)
{
	const struct cert_name *name = name_find(type);

	return slice_str(name == NULL ? NULL : name->plain);
}

/*
 * The options that we know. An option's data is itself a sequence of strings: those with a value
 * hold one.
 */
struct option {
	const char *name;
	bool has_value;
	void (*apply)(struct cert *c, struct slice value);
};

static void
set_source_address(struct cert *c, struct slice value)
{
	c->source_address = value;
}

static void
set_force_command(struct cert *c, struct slice value)
{
	(void)value;
	c->forces_command = true;
}

static void
set_verify_required(struct cert *c, struct slice value)
{
	(void)value;
	c->verify_required = true;
}

static void
set_no_touch_required(struct cert *c, struct slice value)
{
	(void)value;
	c->no_touch_required = true;
}

static const struct option CRITICAL[] = {
    {"source-address", true, set_source_address},
    {"force-command", true, set_force_command},
    {"verify-required", false, set_verify_required},
};

/* What else an extension may permit (a terminal, forwarding) is nothing that we do. */
static const struct option EXTENSIONS[] = {
    {"no-touch-required", false, set_no_touch_required},
};

/* Is a before b, byte by byte? */
static bool
comes_before(struct slice a, struct slice b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len == 0 ? 0 : memcmp(a.ptr, b.ptr, len);

	return order != 0 ? order < 0 : a.len < b.len;
}

static enum err
apply_option(struct cert *c, const struct option *option, struct slice data, struct story *story)
{
	struct rd r = rd_of(data);
	struct slice value = option->has_value ? rd_string(&r, CERT_BLOB_MAX) : slice_of(NULL, 0);

	if (rd_done(&r) != ERR_OK || (option->has_value && (value.len == 0 || slice_has(value, 0))))
		return story_fail(
		    story, ERR_FORMAT, "the certificate's option %s is damaged", option->name);
	option->apply(c, value);
	return ERR_OK;
}

static enum err
fail_unknown(struct slice name, struct story *story)
{
	char text[100];

	return story_fail(story, ERR_UNSUPPORTED,
	    "the certificate has a critical option that is not known here: %s",
	    text_escape(name, text, sizeof text));
}

/* PROTOCOL.certkeys: pairs of name and data, in the order of the names, none twice. */
static enum err
read_options(struct cert *c, struct slice section, const struct option *known, size_t n_known,
    bool critical, struct story *story)
{
	struct rd r = rd_of(section);
	struct slice last = {0};

	for (bool first = true; r.left > 0 && !r.failed; first = false) {
		struct slice name = rd_string(&r, CERT_BLOB_MAX);
		struct slice data = rd_string(&r, CERT_BLOB_MAX);
		if (r.failed || name.len == 0 || (!first && !comes_before(last, name)))
			return story_fail(story, ERR_FORMAT,
			    "the certificate's options are damaged or not in their order");
		last = name;
		size_t i = 0;
		while (i < n_known && !slice_is(name, known[i].name))
			i++;
		if (i == n_known && critical)
			return fail_unknown(name, story);
		enum err e = i < n_known ? apply_option(c, &known[i], data, story) : ERR_OK;
		if (e != ERR_OK)
			return e;
	}
	return r.failed ? story_fail(story, ERR_FORMAT, "the certificate's options are damaged")
			: ERR_OK;
}

static enum err
read_principals(struct cert *c, struct slice section, struct story *story)
{
	struct rd r = rd_of(section);

	while (r.left > 0 && !r.failed) {
		struct slice name = rd_string(&r, CERT_BLOB_MAX);
		if (r.failed || name.len == 0 || slice_has(name, 0))
			return story_fail(
			    story, ERR_FORMAT, "the certificate's principals are damaged");
		if (c->n_principals == CERT_PRINCIPALS_MAX)
			return story_fail(story, ERR_LIMIT,
			    "the certificate has more than %d principals", CERT_PRINCIPALS_MAX);
		c->principals[c->n_principals++] = name;
	}
	return r.failed ? story_fail(story, ERR_FORMAT, "the certificate's principals are damaged")
			: ERR_OK;
}

/* The certified key, whose fields stand in the certificate as in its own blob. */
static enum err
read_key(struct rd *r, struct slice plain_type, struct cert *c, struct story *story)
{
	const struct pubkey_type *type = pubkey_type_find(plain_type);
	const uint8_t *fields = r->at;
	struct pubkey key;
	const char *why;

	enum err e = pubkey_read(r, type, &key, &why);
	if (e != ERR_OK)
		return story_fail(story, e, "the certified key can't be used: %s", why);
	e = buf_put_string(&c->key, plain_type);
	return e == ERR_OK ? buf_put(&c->key, fields, (size_t)(r->at - fields)) : e;
}

/*
 * The authority's signature, over everything before it. Whether a FIDO authority's token was
 * touched is not asked: it was its owner's business when the certificate was made.
 */
static enum err
check_authority(struct slice blob, struct slice ca_key, struct slice signature, struct story *story)
{
	const char *why = blob_refusal(ca_key);
	struct slice data = slice_of(blob.ptr, blob.len - 4 - signature.len);
	struct pki_sk sk;

	if (why != NULL)
		return story_fail(
		    story, ERR_UNSUPPORTED, "the certificate's authority can't be used: %s", why);
	if (!pki_algorithm_fits(blob_type(signature), blob_type(ca_key)))
		return story_fail(story, ERR_UNSUPPORTED,
		    "the certificate is signed with an algorithm that is not taken here");
	enum err e = pki_verify(ca_key, blob_type(signature), data, signature, &sk);
	if (e == ERR_OK || e == ERR_NOMEM)
		return e;
	return story_fail(
	    story, ERR_ACCESS, "the certificate's signature is not that of its authority");
}

/* The fields in their order (PROTOCOL.certkeys), with bounds that nobody honest meets. */
struct fields {
	struct slice principals, critical, extensions, signature;
};

static enum err
read_fields(struct rd *r, struct cert *c, struct fields *f, struct story *story)
{
	c->serial = rd_u64(r);
	uint32_t type = rd_u32(r);
	c->key_id = rd_string(r, CERT_KEY_ID_MAX);
	f->principals = rd_string(r, CERT_BLOB_MAX);
	c->valid_after = rd_u64(r);
	c->valid_before = rd_u64(r);
	f->critical = rd_string(r, CERT_BLOB_MAX);
	f->extensions = rd_string(r, CERT_BLOB_MAX);
	(void)rd_string(r, CERT_BLOB_MAX); /* reserved */
	c->ca_key = rd_string(r, BLOB_MAX);
	f->signature = rd_string(r, BLOB_MAX);
	if (rd_done(r) != ERR_OK || slice_has(c->key_id, 0))
		return story_fail(story, ERR_FORMAT, "the certificate is damaged");
	if (type != CERT_USER && type != CERT_HOST)
		return story_fail(
		    story, ERR_UNSUPPORTED, "the certificate is neither a user's nor a host's");
	c->type = (enum cert_type)type;
	return ERR_OK;
}

static enum err
parse(struct slice blob, struct cert *c, struct story *story)
{
	struct rd r = rd_of(blob);
	struct fields f = {0};
	const struct cert_name *name = name_find(rd_string(&r, 64));

	if (blob.len > CERT_BLOB_MAX || name == NULL || !name->of_blob)
		return story_fail(
		    story, ERR_FORMAT, "it is not a certificate, or one of a kind unknown here");
	(void)rd_string(&r, CERT_BLOB_MAX); /* the nonce */
	enum err e = read_key(&r, slice_str(name->plain), c, story);
	if (e == ERR_OK)
		e = read_fields(&r, c, &f, story);
	if (e == ERR_OK)
		e = check_authority(blob, c->ca_key, f.signature, story);
	if (e == ERR_OK)
		e = read_principals(c, f.principals, story);
	if (e == ERR_OK)
		e = read_options(c, f.critical, CRITICAL, ARRAY_LEN(CRITICAL), true, story);
	if (e == ERR_OK)
		e = read_options(c, f.extensions, EXTENSIONS, ARRAY_LEN(EXTENSIONS), false, story);
	return e;
}

enum err
cert_parse(struct slice blob, struct cert *ret_cert, struct story *story)
{
	*ret_cert = (struct cert){0};
	buf_init(&ret_cert->key, BLOB_MAX);
	enum err e = parse(blob, ret_cert, story);
	if (e != ERR_OK)
		cert_fini(ret_cert);
	return e;
}

void
cert_fini(struct cert *c)
{
	buf_fini(&c->key);
	*c = (struct cert){0};
}
