/* Certificates of ssh-keygen's, and others that it would not make. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rd.h"
#include "keys_dir.h"
#include "pki/cert.h"
#include "sweep.h"
#include "token.h"

/* ret_blob is initialised here. */
static void
certify(const char *ca, const char *options, const char *name, struct buf *ret_blob)
{
	char file[100];

	if (!material_run(&dir, "rm -f %s-cert.pub; ssh-keygen -q -s %s %s %s.pub 2>/dev/null",
		name, ca, options, name))
		fail_msg("ssh-keygen -s %s %s %s.pub", ca, options, name);
	(void)snprintf(file, sizeof file, "%s-cert.pub", name);
	material_blob(&dir, file, ret_blob);
}

static void
reads_every_kind(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(KINDS); i++) {
		for (size_t ca = 0; ca < ARRAY_LEN(KINDS); ca++) {
			struct buf blob _cleanup_(buf_fini);
			struct pki_key *key = material_key(&dir, KINDS[i].name);
			struct pki_key *ca_key = material_key(&dir, KINDS[ca].name);
			struct story story = {""};
			struct cert c;
			certify(KINDS[ca].name,
			    "-I 'an id' -n hans,greta -z 4711 -V 20260101Z:20270101Z",
			    KINDS[i].name, &blob);
			assert_true(cert_type_name(blob_type(buf_slice(&blob))));
			assert_true(
			    slice_is(cert_plain_type(blob_type(buf_slice(&blob))), KINDS[i].type));
			assert_int_equal(cert_parse(buf_slice(&blob), &c, &story), ERR_OK);
			assert_true(slice_equal(buf_slice(&c.key), pki_key_blob(key)));
			assert_true(slice_equal(c.ca_key, pki_key_blob(ca_key)));
			assert_int_equal(c.type, CERT_USER);
			assert_int_equal(c.serial, 4711);
			assert_true(slice_is(c.key_id, "an id"));
			assert_int_equal(c.n_principals, 2);
			assert_true(slice_is(c.principals[0], "hans"));
			assert_true(slice_is(c.principals[1], "greta"));
			assert_int_equal(c.valid_after, 1767225600);
			assert_int_equal(c.valid_before, 1798761600);
			assert_int_equal(c.source_address.len, 0);
			assert_false(c.forces_command || c.verify_required || c.no_touch_required);
			cert_fini(&c);
			pki_key_free(key);
			pki_key_free(ca_key);
		}
	}
}

static void
reads_options(void **state)
{
	struct buf blob _cleanup_(buf_fini);
	struct buf host _cleanup_(buf_fini);
	struct cert c;

	(void)state;
	certify("ed25519",
	    "-I x -O clear -O source-address=192.0.2.0/24,2001:db8::/32 -O force-command=true",
	    "p256", &blob);
	assert_int_equal(cert_parse(buf_slice(&blob), &c, NULL), ERR_OK);
	assert_true(slice_is(c.source_address, "192.0.2.0/24,2001:db8::/32"));
	assert_true(c.forces_command);
	assert_int_equal(c.n_principals, 0);
	assert_int_equal(c.serial, 0);
	assert_int_equal(c.valid_after, 0);
	assert_true(c.valid_before == UINT64_MAX);
	cert_fini(&c);
	certify("ed25519", "-h -I x -n host.example", "p256", &host);
	assert_int_equal(cert_parse(buf_slice(&host), &c, NULL), ERR_OK);
	assert_int_equal(c.type, CERT_HOST);
	cert_fini(&c);
}

/* ssh-keygen certifies a token's key without the token. */
static void
reads_tokens(void **state)
{
	(void)state;
	for (size_t ec = 0; ec < 2; ec++) {
		struct buf line _cleanup_(buf_fini);
		struct buf blob _cleanup_(buf_fini);
		struct story story = {""};
		struct token t;
		struct cert c;
		token_init(&t, ec == 1, "ssh:");
		buf_init(&line, 4096);
		assert_int_equal(buf_printf(&line, "%s ", t.type), ERR_OK);
		assert_int_equal(blob_to_base64(buf_slice(&t.blob), &line), ERR_OK);
		assert_int_equal(buf_put(&line, "\n", 2), ERR_OK);
		scratch_write(&dir, "sk.pub", (const char *)buf_slice(&line).ptr);
		certify("rsa", "-I x -n hans -O no-touch-required -O verify-required", "sk", &blob);
		assert_int_equal(cert_parse(buf_slice(&blob), &c, &story), ERR_OK);
		assert_true(slice_equal(buf_slice(&c.key), buf_slice(&t.blob)));
		assert_true(c.verify_required && c.no_touch_required);
		cert_fini(&c);
		token_fini(&t);
	}
}

static bool
parses(const uint8_t *bytes, size_t len, void *ctx)
{
	struct cert c;

	(void)ctx;
	if (cert_parse(slice_of(bytes, len), &c, NULL) != ERR_OK) {
		assert_null(c.key.mem);
		return false;
	}
	cert_fini(&c);
	return true;
}

/* What is signed can't be changed: no truncation and no flipped bit is let pass. */
static void
believes_no_damaged_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(KINDS); i++) {
		struct buf blob _cleanup_(buf_fini);
		certify(KINDS[i].name, "-I x -n hans,greta -O source-address=192.0.2.7",
		    KINDS[i].name, &blob);
		uint8_t copy[4096];
		size_t len = buf_len(&blob);
		assert_true(len <= sizeof copy);
		memcpy(copy, buf_slice(&blob).ptr, len);
		assert_true(parses(copy, len, NULL));
		assert_int_equal(sweep_truncations(parses, copy, len, NULL), 0);
		for (size_t bit = 0; bit < len * 8; bit++) {
			copy[bit / 8] ^= (uint8_t)(1u << (bit % 8));
			if (sweep_decode_exact(parses, copy, len, NULL))
				fail_msg(
				    "%s: bit %zu of byte %zu", KINDS[i].name, bit % 8, bit / 8);
			copy[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		}
	}
}

/* Certificates of our own making, well signed whatever they say. Text as the wire has it. */
struct made {
	struct slice principals, critical, extensions;
	uint32_t type;
	struct slice key_id;
	const char *type_name; /* NULL: ssh-ed25519-cert-v01@openssh.com */
	const char *signs_as;  /* NULL: the authority's own algorithm */
	const char *ca;        /* NULL: ed25519 */
};

static void
make(const struct made *m, struct buf *ret)
{
	const char *ca_name = m->ca != NULL ? m->ca : "ed25519";
	struct pki_key *key = material_key(&dir, "ed25519"), *ca = material_key(&dir, ca_name);
	struct buf signature _cleanup_(buf_fini);
	struct rd r = rd_of(pki_key_blob(key));
	const char *algorithm = m->signs_as != NULL ? m->signs_as : pki_key_algorithm(ca, 0);

	buf_init(ret, 1 << 17);
	buf_init(&signature, PKI_SIGNATURE_MAX);
	(void)rd_string(&r, 64);
	struct slice point = rd_string(&r, 64);
	const struct slice head[] = {
	    slice_str(m->type_name != NULL ? m->type_name : "ssh-ed25519-cert-v01@openssh.com"),
	    slice_str("nonce"), point};
	for (size_t i = 0; i < ARRAY_LEN(head); i++)
		assert_int_equal(buf_put_string(ret, head[i]), ERR_OK);
	assert_int_equal(buf_put_u64(ret, 1), ERR_OK);
	assert_int_equal(buf_put_u32(ret, m->type != 0 ? m->type : CERT_USER), ERR_OK);
	assert_int_equal(buf_put_string(ret, m->key_id), ERR_OK);
	assert_int_equal(buf_put_string(ret, m->principals), ERR_OK);
	assert_int_equal(buf_put_u64(ret, 0), ERR_OK);
	assert_int_equal(buf_put_u64(ret, UINT64_MAX), ERR_OK);
	const struct slice tail[] = {
	    m->critical, m->extensions, slice_str("reserved"), pki_key_blob(ca)};
	for (size_t i = 0; i < ARRAY_LEN(tail); i++)
		assert_int_equal(buf_put_string(ret, tail[i]), ERR_OK);
	assert_int_equal(pki_sign(ca, algorithm, buf_slice(ret), &signature), ERR_OK);
	assert_int_equal(buf_put_string(ret, buf_slice(&signature)), ERR_OK);
	pki_key_free(key);
	pki_key_free(ca);
}

#define WIRE(text)                                        \
	{                                                 \
		(const uint8_t *)(text), sizeof(text) - 1 \
	}
#define SOURCE         "\0\0\0\016source-address\0\0\0\015\0\0\0\011192.0.2.7"
#define FORCE          "\0\0\0\015force-command\0\0\0\006\0\0\0\002ls"
#define VERIFY         "\0\0\0\017verify-required\0\0\0\0"
#define NO_TOUCH       "\0\0\0\021no-touch-required\0\0\0\0"
#define PTY            "\0\0\0\012permit-pty\0\0\0\0"
#define UNKNOWN_OPTION "\0\0\0\005zebra\0\0\0\0"

static const struct {
	struct made made;
	enum err e;
	const char *story;
} MADE[] = {
    {{.principals = WIRE("")}, ERR_OK, ""},
    {{.critical = WIRE(FORCE SOURCE VERIFY)}, ERR_OK, ""},
    {{.extensions = WIRE(NO_TOUCH PTY UNKNOWN_OPTION)}, ERR_OK, ""},
    {{.type = CERT_HOST}, ERR_OK, ""},
    {{.ca = "rsa"}, ERR_OK, ""},
    {{.ca = "rsa", .signs_as = "rsa-sha2-256"}, ERR_OK, ""},
    {{.critical = WIRE(UNKNOWN_OPTION)}, ERR_UNSUPPORTED, "not known here: zebra"},
    {{.critical = WIRE(SOURCE UNKNOWN_OPTION)}, ERR_UNSUPPORTED, "not known here: zebra"},
    {{.critical = WIRE(NO_TOUCH)}, ERR_UNSUPPORTED, "no-touch-required"},
    {{.critical = WIRE("\0\0\0\002\033[\0\0\0\0")}, ERR_UNSUPPORTED, "\\x1b["},
    /* Out of their order, twice, cut, or with something else in them. */
    {{.critical = WIRE(SOURCE FORCE)}, ERR_FORMAT, "order"},
    {{.critical = WIRE(SOURCE SOURCE)}, ERR_FORMAT, "order"},
    {{.extensions = WIRE(PTY NO_TOUCH)}, ERR_FORMAT, "order"},
    {{.extensions = WIRE(PTY PTY)}, ERR_FORMAT, "order"},
    {{.critical = WIRE("\0\0\0\016source")}, ERR_FORMAT, "damaged"},
    {{.critical = WIRE("\0\0\0\017verify-required")}, ERR_FORMAT, "damaged"},
    {{.critical = WIRE("\0\0\0\0\0\0\0\0")}, ERR_FORMAT, "damaged"},
    {{.critical = WIRE("\0\0\0\017verify-required\0\0\0\001x")}, ERR_FORMAT, "damaged"},
    {{.critical = WIRE("\0\0\0\016source-address\0\0\0\0")}, ERR_FORMAT, "damaged"},
    {{.critical = WIRE("\0\0\0\016source-address\0\0\0\004\0\0\0\0")}, ERR_FORMAT, "damaged"},
    {{.critical = WIRE("\0\0\0\016source-address\0\0\0\006\0\0\0\002a\0")}, ERR_FORMAT, "damaged"},
    {{.critical = WIRE("\0\0\0\016source-address\0\0\0\006\0\0\0\001ab")}, ERR_FORMAT, "damaged"},
    {{.principals = WIRE("\0\0\0\0")}, ERR_FORMAT, "principals"},
    {{.principals = WIRE("\0\0\0\004hans\0\0\0\005greta\0")}, ERR_FORMAT, "principals"},
    {{.principals = WIRE("\0\0\0\006hans\0x")}, ERR_FORMAT, "principals"},
    {{.principals = WIRE("\0\0\1\0hans")}, ERR_FORMAT, "principals"},
    {{.key_id = WIRE("a\0b")}, ERR_FORMAT, "damaged"},
    {{.type = 3}, ERR_UNSUPPORTED, "neither"},
    {{.type_name = "ssh-ed25519"}, ERR_FORMAT, "not a certificate"},
    {{.type_name = "rsa-sha2-512-cert-v01@openssh.com"}, ERR_FORMAT, "not a certificate"},
    {{.type_name = "ssh-dss-cert-v01@openssh.com"}, ERR_FORMAT, "not a certificate"},
    {{.type_name = "ssh-rsa-cert-v01@openssh.com"}, ERR_FORMAT, "can't be used"},
    {{.type_name = "sk-ssh-ed25519-cert-v01@openssh.com"}, ERR_FORMAT, "damaged"},
};

static void
refuses_what_it_should(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(MADE); i++) {
		struct buf blob _cleanup_(buf_fini);
		struct story story = {""};
		struct cert c;
		make(&MADE[i].made, &blob);
		enum err e = cert_parse(buf_slice(&blob), &c, &story);
		if (e != MADE[i].e || strstr(story.text, MADE[i].story) == NULL)
			fail_msg("case %zu: %s: %s", i, err_name(e), story.text);
		if (e == ERR_OK)
			cert_fini(&c);
	}
}

static void
keeps_its_limits(void **state)
{
	static const struct {
		size_t n_principals, key_id_len;
		enum err e;
	} CASES[] = {
	    {CERT_PRINCIPALS_MAX, CERT_KEY_ID_MAX, ERR_OK}, {CERT_PRINCIPALS_MAX + 1, 1, ERR_LIMIT},
	    {1, CERT_KEY_ID_MAX + 1, ERR_FORMAT},
	    {4000, 1, ERR_FORMAT}, /* longer than any certificate may be */
	};
	char id[CERT_KEY_ID_MAX + 1];

	(void)state;
	memset(id, 'x', sizeof id);
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct buf blob _cleanup_(buf_fini);
		struct buf principals _cleanup_(buf_fini);
		struct cert c;
		buf_init(&principals, 1 << 16);
		for (size_t n = 0; n < CASES[i].n_principals; n++)
			assert_int_equal(buf_put_string(&principals, slice_str("p")), ERR_OK);
		make(&(struct made){.principals = buf_slice(&principals),
			 .key_id = slice_of(id, CASES[i].key_id_len)},
		    &blob);
		assert_int_equal(cert_parse(buf_slice(&blob), &c, NULL), CASES[i].e);
		if (CASES[i].e == ERR_OK)
			cert_fini(&c);
	}
}

/* Signed by the holder of a certificate: it isn't an authority. */
static void
trusts_no_certified_authority(void **state)
{
	struct buf blob _cleanup_(buf_fini);
	struct buf inner _cleanup_(buf_fini);
	struct buf outer _cleanup_(buf_fini);
	struct story story = {""};
	struct cert c;

	(void)state;
	make(&(struct made){0}, &blob);
	certify("ed25519", "-I x", "ed25519", &inner);
	/* All up to the authority's key, then a certificate in its place. */
	struct pki_key *ca = material_key(&dir, "ed25519");
	size_t tail = 4 + pki_key_blob(ca).len + 4 + 4 + 11 + 4 + 64;
	buf_init(&outer, 1 << 16);
	assert_int_equal(buf_put(&outer, buf_slice(&blob).ptr, buf_len(&blob) - tail), ERR_OK);
	assert_int_equal(buf_put_string(&outer, buf_slice(&inner)), ERR_OK);
	struct buf signature _cleanup_(buf_fini);
	buf_init(&signature, PKI_SIGNATURE_MAX);
	assert_int_equal(pki_sign(ca, "ssh-ed25519", buf_slice(&outer), &signature), ERR_OK);
	assert_int_equal(buf_put_string(&outer, buf_slice(&signature)), ERR_OK);
	assert_int_equal(cert_parse(buf_slice(&outer), &c, &story), ERR_UNSUPPORTED);
	assert_non_null(strstr(story.text, "authority can't be used"));
	pki_key_free(ca);
}

static void
knows_names(void **state)
{
	static const struct {
		const char *name, *plain; /* "": not of a certificate */
	} CASES[] = {
	    {"ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519"},
	    {"ssh-rsa-cert-v01@openssh.com", "ssh-rsa"},
	    {"rsa-sha2-256-cert-v01@openssh.com", "rsa-sha2-256"},
	    {"sk-ssh-ed25519-cert-v01@openssh.com", "sk-ssh-ed25519@openssh.com"},
	    {"ssh-dss-cert-v01@openssh.com", ""},
	    {"ssh-ed25519", ""},
	    {"ssh-ed25519-cert-v00@openssh.com", ""},
	    {"", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct slice plain = cert_plain_type(slice_str(CASES[i].name));
		assert_true(slice_is(plain, CASES[i].plain));
		assert_int_equal(cert_type_name(slice_str(CASES[i].name)), plain.len > 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_every_kind),
	    cmocka_unit_test(reads_options),
	    cmocka_unit_test(reads_tokens),
	    cmocka_unit_test(believes_no_damaged_one),
	    cmocka_unit_test(refuses_what_it_should),
	    cmocka_unit_test(keeps_its_limits),
	    cmocka_unit_test(trusts_no_certified_authority),
	    cmocka_unit_test(knows_names),
	};

	return cmocka_run_group_tests_name("pki/cert", tests, keys_up, keys_down);
}
