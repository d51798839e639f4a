#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "config/bad.h"
#include "config/config.h"
#include "config/document.h"

/* Bad configurations, and exactly what is said of them. */

/* What most cases stand on; its last line is 16. */
#define GOOD                                                                     \
	"home: /h\n"                                                             \
	"listen: [{address: '[::1]:22', host_keys: hk}]\n"                       \
	"identities: {id: {private_key: k}}\n"                                   \
	"remotes:\n"                                                             \
	"  acme: {address: a.example, user: u, identity: id, known_hosts: kh}\n" \
	"folders:\n"                                                             \
	"  invoices: {path: in}\n"                                               \
	"accounts:\n"                                                            \
	"  erp:\n"                                                               \
	"    authorized_keys: ak\n"                                              \
	"    mounts: [{at: /in, folder: invoices, allow: list}]\n"               \
	"routes:\n"                                                              \
	"  one:\n"                                                               \
	"    from: {remote: acme, path: /, every: 1s}\n"                         \
	"    to: [{folder: invoices}]\n"                                         \
	"    after: leave\n"

#define ROUTE(match)                                     \
	"  two:\n"                                       \
	"    from: {remote: acme, path: /, every: 1s}\n" \
	"    to: [{folder: invoices}]\n"                 \
	"    after: leave\n" match

#define MOUNTS(mounts)              \
	"home: /h\n"                \
	"folders: {f: {path: p}}\n" \
	"accounts:\n"               \
	"  a:\n"                    \
	"    authorized_keys: k\n"  \
	"    mounts:\n" mounts

static const struct bad KEYS[] = {
    {"home: /h\nrout: {}\n",
	"2:1: unknown key \"rout\" in the top level (did you mean \"routes\"?)\n"},
    {"home: /h\nzzz: 1\n", "2:1: unknown key \"zzz\" in the top level\n"},
    {"log: {}\n", "1:1: missing key \"home\" in the top level\n"},
    {"home: /h\nhome: /i\n",
	"2:1: key \"home\" is twice in the top level (first at /etc/dray/dray.yaml:1:1)\n"},
    {"home: /h\nfolders: {}\nfolders: {}\n",
	"3:1: key \"folders\" is twice in the top level (first at /etc/dray/dray.yaml:2:1)\n"},
    {"home: /h\nfolders:\n  a: {pth: x}\n",
	"3:3: missing key \"path\" in folder \"a\"\n"
	"3:7: unknown key \"pth\" in folder \"a\" (did you mean \"path\"?)\n"},
    {"home: /h\nfolders:\n  a: {path: x, path: y}\n",
	"3:16: key \"path\" is twice in folder \"a\" (first at /etc/dray/dray.yaml:3:7)\n"},
    {"home: /h\nfolders:\n  a: {path: x}\n  a: {path: y}\n",
	"4:3: folder \"a\" is defined twice (first at /etc/dray/dray.yaml:3:3)\n"},
    {"home: /h\nfolders:\n  a:\n", "3:5: folder \"a\" must be a mapping of keys to values\n"},
    {"home: /h\n[a, b]: c\n", "2:1: a key must be a word\n"},
    {"home: /h\nfolders: {[a]: {path: x}}\n", "2:11: the name of a folder must be text\n"},
    {"home: /h\nlimits: {max_session: 4}\n",
	"2:10: unknown key \"max_session\" in \"limits\" (did you mean \"max_sessions\"?)\n"},
    {GOOD ROUTE("    match: {nam: x}\n"),
	"21:13: unknown key \"nam\" in \"match\" (did you mean \"name\"?)\n"},
    {GOOD ROUTE("    steps: [{renam: x}]\n"),
	"21:13: a step must have exactly one key\n"
	"21:14: unknown key \"renam\" in a step (did you mean \"rename\"?)\n"},
    {GOOD ROUTE("    steps: [{}]\n"), "21:13: a step must have exactly one key\n"},
    {"home: /h\nlisten: [{address: 1.2.3.4:5}]\n",
	"2:10: missing key \"host_keys\" in an entry of \"listen\"\n"},
    {"home: /h\nroutes: {r: {}}\n", "2:10: missing key \"after\" in route \"r\"\n"
				    "2:10: missing key \"from\" in route \"r\"\n"
				    "2:10: missing key \"to\" in route \"r\"\n"},
    {"home: /h\ninclude: x.yaml\n", "2:10: \"include\" can't be used in a text without a file\n"},
};

static const struct bad UNSUPPORTED[] = {
    {"home: /h\nroutes:\n  r:\n    from: {folder: in, path: /x}\n    to: [{remote: out}]\n"
     "    after: move\n    dedupe: hash\n",
	"4:12: \"folder\" in \"from\" is not supported by this version\n"
	"5:11: \"remote\" in an entry of \"to\" is not supported by this version\n"
	"6:12: \"after: move\" is not supported by this version\n"
	"7:5: \"dedupe\" in route \"r\" is not supported by this version\n"},
    {GOOD ROUTE("    steps: [{decrypt: k}]\n"),
	"21:14: \"decrypt\" in a step is not supported by this version\n"},
    {GOOD ROUTE("    match: {regex: x, control_file: y}\n"),
	"21:13: \"regex\" in \"match\" is not supported by this version\n"
	"21:23: \"control_file\" in \"match\" is not supported by this version\n"},
    {"home: /h\nidentities: {i: {private_key: k}}\nremotes:\n"
     "  r: {address: h, user: u, identity: i, known_hosts: k, profile: slow}\n",
	"4:57: \"profile\" in remote \"r\" is not supported by this version\n"},
};

static const struct bad TYPES[] = {
    {"- home\n", "1:1: the file must be a mapping of keys to values\n"},
    {"home: [x]\n", "1:7: \"home\" must be a path, not a list\n"},
    {"home: {x: y}\n", "1:7: \"home\" must be a path, not a mapping\n"},
    {"home:\n", "1:6: \"home\" has no value\n"},
    {"home: ~\n", "1:7: \"home\" has no value\n"},
    {"home: ''\n", "1:7: \"home\" must not be empty\n"},
    {"home: \"/a\\nb\"\n", "1:7: \"home\" holds a control character\n"},
    {"home: \"/a\\0b\"\n", "1:7: \"home\" holds a control character\n"},
    {"home: /h\nfolders: [a]\n",
	"2:10: \"folders\" must be a mapping of names to entries, not a list\n"},
    {"home: /h\nfolders: a\n",
	"2:10: \"folders\" must be a mapping of names to entries, not a single value\n"},
    {"home: /h\nlisten: {address: x}\n", "2:9: \"listen\" must be a list, not a mapping\n"},
    {"home: /h\nlisten: []\n", "2:9: \"listen\" must not be empty\n"},
    {"home: /h\nlisten: [x]\n",
	"2:10: an entry of \"listen\" must be a mapping of keys to values\n"},
    {"home: /h\nlimits: 4\n", "2:9: \"limits\" must be a mapping of keys to values\n"},
    {"home: /h\nlisten: [{address: 1.2.3.4:5, host_keys: []}]\n",
	"2:42: \"host_keys\" must not be empty\n"},
    {"home: /h\nlisten: [{address: 1.2.3.4:5, host_keys: {}}]\n",
	"2:42: \"host_keys\" must be text or a list of texts, not a mapping\n"},
    {"home: /h\nlisten: [{address: 1.2.3.4:5, host_keys: [[a]]}]\n",
	"2:43: \"host_keys\" must be text or a list of texts, not a list\n"},
    {"home: /h\nlisten: [{address: 1.2.3.4:5, host_keys: [a, '']}]\n",
	"2:46: \"host_keys\" must not be empty\n"},
    {"home: /h\naccounts: {a: {authorized_keys: k, mounts: [], disabled: yes}}\n",
	"2:44: \"mounts\" must not be empty\n"
	"2:58: \"disabled\" must be true or false, not \"yes\"\n"},
    {"home: /h\nlog: {format: xml, level: 'wran'}\n",
	"2:15: unknown word \"xml\" in \"format\": it must be text or json\n"
	"2:27: unknown word \"wran\" in \"level\" (did you mean \"warn\"?)\n"},
};

static const struct bad VALUES[] = {
    {"home: /h\nlimits: {max_sessions: 0, auth_attempts: 101, max_entries: ten, min_free: 1 x}\n",
	"2:24: \"max_sessions\" must be between 1 and 100000, not 0\n"
	"2:42: \"auth_attempts\" must be between 1 and 100, not 101\n"
	"2:60: \"max_entries\" must be a whole number, not \"ten\"\n"
	"2:75: \"min_free\" must be a size such as 4096, 64KiB or 2GiB, not \"1 x\"\n"},
    {"home: /h\nlimits: {login_grace: 30, retry_after: 99ms}\n",
	"2:23: \"login_grace\" must be a duration such as 500ms, 30s or 1h30m, not \"30\"\n"
	"2:40: \"retry_after\" must be between 100ms and 1h, not 99ms\n"},
    {"home: /h\nlimits: {max_sessions: 18446744073709551616}\n",
	"2:24: \"max_sessions\" must be a whole number, not \"18446744073709551616\"\n"},
    {"home: /h\nlimits: {max_sessions: -1}\n",
	"2:24: \"max_sessions\" must be a whole number, not \"-1\"\n"},
    {"home: /h\nroutes: {r: {from: {remote: x, path: in, every: 31d}, to: [{folder: y}],\n"
     "  after: leave, retry_limit: 0}}\n",
	"2:29: no remote is named \"x\"\n"
	"2:38: \"path\" must be an absolute path without \".\", \"..\" and slashes to spare, "
	"not \"in\"\n"
	"2:49: \"every\" must be between 200ms and 30d, not 31d\n"
	"2:69: no folder is named \"y\"\n"
	"3:30: \"retry_limit\" must be between 1 and 1000000, not 0\n"},
    {"home: /h\nlisten:\n"
     "  - {address: '*:22', host_keys: k}\n"
     "  - {address: 1.2.3.4, host_keys: k}\n"
     "  - {address: 1.2.3.4:0, host_keys: k}\n"
     "  - {address: '::1:22', host_keys: k}\n",
	"3:15: \"address\" must be a numeric address and a port such as 0.0.0.0:2222 or "
	"[::]:2222, not \"*:22\"\n"
	"4:15: \"address\" must be a numeric address and a port such as 0.0.0.0:2222 or "
	"[::]:2222, not \"1.2.3.4\"\n"
	"5:15: \"address\" must be a numeric address and a port such as 0.0.0.0:2222 or "
	"[::]:2222, not \"1.2.3.4:0\"\n"
	"6:15: \"address\" must be a numeric address and a port such as 0.0.0.0:2222 or "
	"[::]:2222, not \"::1:22\"\n"},
    {"home: /h\nlisten:\n"
     "  - {address: '1.2.3.4:65536', host_keys: k}\n"
     "  - {address: '[::]:99999', host_keys: k}\n"
     "  - {address: '::99999', host_keys: k}\n"
     "  - {address: ':99999', host_keys: k}\n"
     "  - {address: '1.2.3.4:65535', host_keys: k}\n",
	"3:15: \"address\": port 65536 is above 65535\n"
	"4:15: \"address\": port 99999 is above 65535\n"
	"5:15: \"address\" must be a numeric address and a port such as 0.0.0.0:2222 or "
	"[::]:2222, not \"::99999\"\n"
	"6:15: \"address\" must be a numeric address and a port such as 0.0.0.0:2222 or "
	"[::]:2222, not \":99999\"\n"},
    {"home: /h\nidentities: {id: {private_key: k}}\nremotes:\n"
     "  r: {address: 'h:99999', user: u, identity: id, known_hosts: k}\n",
	"4:16: \"address\": port 99999 is above 65535\n"},
    {"home: /h\nidentities: {id: {private_key: k}}\nremotes:\n"
     "  r: {address: 'h:', user: u, identity: id, known_hosts: k}\n",
	"4:16: \"address\" must be a host such as sftp.example or sftp.example:2222, not "
	"\"h:\"\n"},
    {"home: /h\nfolders:\n  .a: {path: a}\n  -b: {path: b}\n  'c d': {path: c}\n"
     "  '': {path: d}\n  \"e\\e[1m\": {path: e}\n",
	"3:3: \".a\" can't be the name of a folder: it begins with a dot or a dash\n"
	"4:3: \"-b\" can't be the name of a folder: it begins with a dot or a dash\n"
	"5:3: \"c d\" can't be the name of a folder: it may hold only letters, digits, dots, "
	"dashes and underscores\n"
	"6:3: \"\" can't be the name of a folder: it is empty\n"
	"7:3: \"e\\x1b[1m\" can't be the name of a folder: it may hold only letters, digits, "
	"dots, dashes and underscores\n"},
    {"home: /h\nfolders:\n"
     "  abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz1234567890123: {path: a}\n",
	"3:3: \"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz1234567890123\" can't be "
	"the name of a folder: it has more than 64 characters\n"},
};

static const struct bad RULES[] = {
    {GOOD ROUTE("    match: {name: ['*.csv', 'a/b'], exclude: '[a', min_size: 2, max_size: 1}\n"),
	"21:29: \"name\": \"a/b\" isn't a pattern: it holds a slash, and a file name never "
	"does\n"
	"21:46: \"exclude\": \"[a\" isn't a pattern: a \"[\" has no \"]\"\n"
	"21:75: \"max_size\" is below \"min_size\": no file could match\n"},
    {GOOD ROUTE("    steps: [{rename: '{nam}'}, {rename: 'x-{stem}.{ext}'}, {rename: \"ü}\"}]\n"),
	"21:23: \"rename\": unknown part {nam} (did you mean {name}?)\n"
	"21:71: \"rename\": a \"}\" without \"{\" before it (write \"}}\" for the "
	"character)\n"},
    {GOOD ROUTE("    steps:\n    - rename: üü{stem}/{ext}\n    - rename: a{x\n"),
	"22:23: \"rename\": a file name can't hold a slash\n"
	"23:16: \"rename\": a \"{\" without \"}\" behind it (write \"{{\" for the character)\n"},
    /* A text that isn't written as it reads is told where it begins. */
    {GOOD ROUTE("    steps:\n    - rename: \"{name}\\x2f\"\n    - rename: |-\n        {name}}\n"),
	"22:15: \"rename\": a file name can't hold a slash\n"
	"23:15: \"rename\": a \"}\" without \"{\" before it (write \"}}\" for the "
	"character)\n"},
    {"home: /h\nroutes: {r: {from: {remote: acm, path: /, every: 1s}, to: [{folder: f}],\n"
     "  after: delete}}\nremotes: {acme: {address: a, user: u, identity: x, known_hosts: k}}\n"
     "folders: {f: {path: p}}\n",
	"2:29: no remote is named \"acm\" (did you mean \"acme\"?)\n"
	"4:49: no identity is named \"x\"\n"},
    {GOOD ROUTE("  three:\n    from: {remote: acme, path: /, every: 1s}\n    after: delete\n"
		"    to: [{folder: invoices}, {folder: invoices}]\n"),
	"24:39: the folder \"invoices\" is there twice (first at /etc/dray/dray.yaml:24:19)\n"},
    {"home: /h\nlisten:\n  - {address: '1.2.3.4:22', host_keys: k}\n"
     "  - {address: '1.2.3.4:22', host_keys: k}\n",
	"4:15: the address \"1.2.3.4 port 22\" is there twice (first at "
	"/etc/dray/dray.yaml:3:15)\n"},
    {MOUNTS("    - {at: in, folder: f, allow: list}\n"
	    "    - {at: /in/, folder: f, allow: list}\n"
	    "    - {at: /a/../b, folder: f, allow: list}\n"
	    "    - {at: /a//b, folder: f, allow: list}\n"
	    "    - {at: /x, folder: f, allow: list}\n"
	    "    - {at: /x, folder: f, allow: list}\n"),
	"7:12: \"at\" must be an absolute path without \".\", \"..\" and slashes to spare, not "
	"\"in\"\n"
	"8:12: \"at\" must be an absolute path without \".\", \"..\" and slashes to spare, not "
	"\"/in/\"\n"
	"9:12: \"at\" must be an absolute path without \".\", \"..\" and slashes to spare, not "
	"\"/a/../b\"\n"
	"10:12: \"at\" must be an absolute path without \".\", \"..\" and slashes to spare, not "
	"\"/a//b\"\n"
	"12:12: the mount \"/x\" is there twice (first at /etc/dray/dray.yaml:11:12)\n"},
    {MOUNTS("    - {at: /, folder: f, allow: [downlod, list, list]}\n"
	    "    - {at: /b, folder: g, allow: []}\n"),
	"7:34: unknown word \"downlod\" in \"allow\" (did you mean \"download\"?)\n"
	"7:49: \"list\" is twice in \"allow\"\n"
	"8:24: no folder is named \"g\"\n"
	"8:34: \"allow\" must not be empty\n"},
};

static const struct bad AREAS[] = {
    {"home: /h\nfolders:\n  a: {path: x}\n  b: {path: ./x/}\n",
	"4:13: \"path\" of \"b\" (/h/x) is the same as \"path\" of \"a\": it is one directory, "
	"give it one name\n"},
    {"home: /h\nfolders:\n  a: {path: x, staging: x/s}\n  b: {path: y/z, staging: y}\n"
     "  c: {path: w, staging: w}\n",
	"3:25: \"staging\" of \"a\" (/h/x/s) is within \"path\" of \"a\": a folder shows "
	"all that it holds\n"
	"4:13: \"path\" of \"b\" (/h/y/z) is within \"staging\" of \"b\": staging must hold "
	"nothing else\n"
	"5:25: \"staging\" of \"c\" (/h/w) is the same as \"path\" of \"c\": a folder shows "
	"all that it holds\n"},
    {"home: /h\nfolders:\n  a: {path: x, staging: /s}\n  b: {path: y, staging: /s}\n",
	"4:25: \"staging\" of \"b\" (/s) is the same as \"staging\" of \"a\": staging must hold "
	"nothing else\n"},
    {"home: /h/i\nfolders:\n  a: {path: /h, staging: /s}\n",
	"3:13: \"home\" (/h/i) is within \"path\" of \"a\": a folder shows all that it holds\n"},
    {"home: /h\nfolders:\n  a: {path: ., staging: /s}\n",
	"3:13: \"path\" of \"a\" (/h) is the same as \"home\": a folder shows all that it holds\n"},
    {"home: /h\nfolders:\n  a: {path: staging}\n",
	"3:13: \"staging\" of \"a\" (/h/staging/a) is within \"path\" of \"a\": a folder shows "
	"all that it holds\n"},
    {"home: /h\nfolders:\n  a: {path: x, on_delivered: archive, archive: x/old}\n"
     "  b: {path: y, staging: z, on_delivered: archive, archive: z/old}\n"
     "  c: {path: w/c, on_delivered: archive, archive: w}\n",
	"3:48: \"archive\" of \"a\" (/h/x/old) is within \"path\" of \"a\": a folder shows "
	"all that it holds\n"
	"4:60: \"archive\" of \"b\" (/h/z/old) is within \"staging\" of \"b\": staging must "
	"hold nothing else\n"
	"5:13: \"path\" of \"c\" (/h/w/c) is within \"archive\" of \"c\": an archive must "
	"hold nothing else\n"},
    {"home: /h\nfolders:\n  a: {path: x, on_delivered: archive, archive: old}\n"
     "  b: {path: y, on_delivered: archive, archive: old}\n",
	"4:48: \"archive\" of \"b\" (/h/old) is the same as \"archive\" of \"a\": an archive "
	"must hold nothing else\n"},
    /* The default place of an archive that is never used is nobody's. */
    {"home: /h\nfolders:\n  a: {path: archive/a}\n  b: {path: archive/b, on_delivered: archive}\n",
	"4:13: \"archive\" of \"b\" (/h/archive/b) is the same as \"path\" of \"b\": a folder "
	"shows all that it holds\n"},
    {"home: /h\nfolders: {a: {path: ca}}\ntrusted_user_ca: ca/keys\nrevoked_keys: ca/gone\n",
	"3:18: \"trusted_user_ca\" (/h/ca/keys) is within \"path\" of \"a\": a folder shows all "
	"that it holds\n"
	"4:15: \"revoked_keys\" (/h/ca/gone) is within \"path\" of \"a\": a folder shows all that "
	"it holds\n"},
    {"home: /h\nfolders:\n  keys: {path: keys}\nidentities: {i: {private_key: keys/i}}\n",
	"4:31: \"private_key\" of \"i\" (/h/keys/i) is within \"path\" of \"keys\": a folder "
	"shows all that it holds\n"},
};

/* What is no YAML at all, and YAML that goes too far. */
static const struct bad SYNTAX[] = {
    {"", "1:1: the file is empty\n"},
    {"# nothing\n", "1:1: the file is empty\n"},
    {"home: [a\n", "2:1: not YAML: while parsing a flow sequence, did not find expected ',' or "
		   "']' (the list that begins in line 1)\n"},
    {"home: /h\nlog: {format: text\nroutes: {}\n", "3:7: not YAML: while parsing a flow mapping, "
						   "did not find expected ',' or '}' (the mapping "
						   "that begins in line 2)\n"},
    {"home: /h\nfolders:\n  a:\n    path: x\n   b:\n    path: y\n",
	"5:4: not YAML: while parsing a block mapping, did not find expected key (the mapping that "
	"begins in line 3: check the indentation)\n"},
    {"listen:\n  - address: x\n  host_keys: k\n",
	"3:3: not YAML: while parsing a block collection, did not find expected '-' indicator (the "
	"list that begins in line 2: check the indentation)\n"},
    {"home: \"/h\nlog: {}\n",
	"3:1: not YAML: while scanning a quoted scalar, found unexpected end of stream (the text "
	"in quotes that begins in line 1)\n"},
    {"home: /h\nlog\nroutes: {}\n", "3:1: not YAML: while scanning a simple key, could not find "
				    "expected ':' (the key that begins in line 2)\n"},
    {"home: /h\nlog:\n  format: text\n    level: warn\n",
	"4:10: not YAML: a key and its value can't stand here (check the indentation; text that "
	"holds a colon and a space is quoted)\n"},
    {"home: @h\n", "1:7: not YAML: while scanning for the next token, found character that cannot "
		   "start any token\n"},
    {"home: /h\n\tlog: {}\n", "2:1: a tab: YAML is indented with spaces\n"},
    {"home:\n\t/h\n", "2:1: a tab: YAML is indented with spaces\n"},
    {"folders:\n  ü: {}\n  \tb: {}\n", "3:3: a tab: YAML is indented with spaces\n"},
    {"home: /h\nlog: {format: \xff}\n", "2:15: not YAML: invalid leading UTF-8 octet\n"},
    {"home: /h\nlog: \x01\n", "2:6: not YAML: control characters are not allowed\n"},
    {"home: /h\n---\nhome: /i\n", "2:1: a second document in one file\n"},
    {"home: &h /h\n", "1:7: anchors, aliases and tags can't be used here\n"},
    {"home: *h\n", "1:7: anchors, aliases and tags can't be used here\n"},
    {"home: !!str /h\n", "1:7: anchors, aliases and tags can't be used here\n"},
    {"a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
	"1:4: anchors, aliases and tags can't be used here\n"},
};

TABLE_TEST(test_keys, KEYS)
TABLE_TEST(test_unsupported, UNSUPPORTED)
TABLE_TEST(test_types, TYPES)
TABLE_TEST(test_values, VALUES)
TABLE_TEST(test_rules, RULES)
TABLE_TEST(test_areas, AREAS)
TABLE_TEST(test_syntax, SYNTAX)

static void
test_what_the_cases_stand_on_is_good(unused_arg void **state)
{
	static const char *const TEXTS[] = {GOOD, GOOD ROUTE(""),
	    MOUNTS("    - {at: /, folder: f, allow: list}\n"),
	    /* A folder within another, and files that many share, are in order. */
	    "home: /h\nfolders: {a: {path: x}, b: {path: x/y}, c: {path: /h.x}}\n",
	    "home: /h\nidentities: {i: {private_key: k}, j: {private_key: k}}\n"};

	for (size_t i = 0; i < ARRAY_LEN(TEXTS); i++) {
		struct buf errors;
		struct config *c = parse(TEXTS[i], &errors);
		assert_string_equal(errors_text(&errors), "");
		assert_non_null(c);
		config_unref(c);
		buf_fini(&errors);
	}
}

static size_t
count_lines(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\n' ? 1 : 0;
	return n;
}

/* More errors than are told: the first hundred in order, and the number of the others. */
static void
test_many_errors(unused_arg void **state)
{
	struct buf text, errors;

	buf_init(&text, DOCUMENT_LEN_MAX);
	assert_int_equal(buf_printf(&text, "home: /h\nfolders:\n"), ERR_OK);
	for (int i = 0; i < 250; i++)
		assert_int_equal(buf_printf(&text, "  f%d: {path: p%d, x: 1}\n", i, i), ERR_OK);
	struct config *c = parse_text(buf_slice(&text), &errors);
	assert_null(c);
	assert_int_equal(count_lines(errors_text(&errors)), 101);
	assert_non_null(strstr(errors_text(&errors),
	    "/etc/dray/dray.yaml:102:20: unknown key \"x\" in folder \"f99\"\n150 more\n"));
	buf_fini(&errors);
	buf_fini(&text);
}

static void
assert_string_contains(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		assert_string_equal(text, part);
}

/* Repeats piece n times between head and tail; what is said of it. */
static void
check_flood(const char *head, const char *piece, size_t n, const char *tail, const char *expected)
{
	struct buf text, errors;

	buf_init(&text, DOCUMENT_LEN_MAX + 100);
	assert_int_equal(buf_put(&text, head, strlen(head)), ERR_OK);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(buf_put(&text, piece, strlen(piece)), ERR_OK);
	assert_int_equal(buf_put(&text, tail, strlen(tail)), ERR_OK);
	struct config *c = parse_text(buf_slice(&text), &errors);
	if (expected == NULL)
		assert_string_equal(errors_text(&errors), "");
	else
		assert_string_contains(errors_text(&errors), expected);
	config_unref(c);
	buf_fini(&errors);
	buf_fini(&text);
}

static void
test_floods(unused_arg void **state)
{
	check_flood("home: /h\n", "# padding\n", 1000, "", NULL);
	check_flood("home: /h\n", "# padding\n", (DOCUMENT_LEN_MAX - 9) / 10, "", NULL);
	check_flood("home: /h\n", "#234567\n", DOCUMENT_LEN_MAX / 8, "",
	    "/etc/dray/dray.yaml: the file is larger than 4 MiB\n");
	check_flood("home: ", "[", 33, "", "1:38: it is nested too deeply\n");
	check_flood("home: ", "[", 100000, "", "1:38: it is nested too deeply\n");
	check_flood("home: ", "- ", 100000, "", "not YAML: ");
	check_flood(
	    "home: [", "a,", DOCUMENT_NODES_MAX - 4, "]", "\"home\" must be a path, not a list\n");
	check_flood("home: [", "a,", DOCUMENT_NODES_MAX, "]", "the file holds too many values\n");
	check_flood("home: /h\nfolders: {", "a: {},", 40000, "}", "79899 more\n");
	check_flood("home: /h\nlimits: {", "x: 1,", 40000, "}", "39900 more\n");
	check_flood("home: /h\nlog: {", "format: text,", 40000, "}", "39899 more\n");
	check_flood("home: /", "a", 1023, "\n", NULL);
	check_flood("home: /", "a", 1024, "\n", ":1:7: \"home\" has more than 1024 bytes\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_the_cases_stand_on_is_good),
	    cmocka_unit_test(test_keys),
	    cmocka_unit_test(test_unsupported),
	    cmocka_unit_test(test_types),
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_rules),
	    cmocka_unit_test(test_areas),
	    cmocka_unit_test(test_syntax),
	    cmocka_unit_test(test_many_errors),
	    cmocka_unit_test(test_floods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
