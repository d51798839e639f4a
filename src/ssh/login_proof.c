/* What is tried next to log in: keys, then answers, in the order that is wished for. */
#include <fcntl.h>

#include "base/text.h"
#include "os/fd.h"
#include "os/file.h"
#include "pki/blob.h"
#include "ssh/agent.h"
#include "ssh/login_internal.h"

static const char METHODS[] = "publickey,keyboard-interactive,password";

static bool
list_has(struct slice list, struct slice name)
{
	for (struct slice head; list.len > 0;) {
		list = slice_cut(list, ',', &head);
		if (slice_equal(slice_trim(head), name))
			return true;
	}
	return false;
}

void
login_banner(void *ctx, struct slice text)
{
	struct attempt *a = ctx;
	char shown[STORY_MAX];
	struct slice line;

	while (text.len > 0) {
		text = slice_cut(text, '\n', &line);
		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		login_tell(a->l, 0, "%s", text_escape(line, shown, sizeof shown));
	}
}

/* The first line of the file, without its end. */
static enum err
read_passphrase(const char *path, struct buf *ret)
{
	struct buf file _cleanup_(buf_wipe);
	int fd _cleanup_(fd_closep) = -1;
	struct slice line;

	buf_init(&file, 64 * 1024);
	enum err e = file_open_trusted(path, O_RDONLY | O_NOCTTY, 0, &fd);
	if (e == ERR_OK)
		e = file_read_all(fd, &file);
	if (e != ERR_OK)
		return e;
	(void)slice_cut(buf_slice(&file), '\n', &line);
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	e = slice_has(line, 0) ? ERR_FORMAT : buf_put(ret, line.ptr, line.len);
	return e == ERR_OK ? buf_put_u8(ret, 0) : e;
}

static enum err
ask_passphrase(struct login *l, const struct identity *id, struct buf *ret)
{
	char prompt[STORY_MAX], shown[256];

	(void)snprintf(prompt, sizeof prompt, "Enter passphrase for key '%s': ",
	    text_escape(slice_str(id->path), shown, sizeof shown));
	enum err e = login_ask(l, prompt, false, ret);
	if (e == ERR_OK && (buf_len(ret) == 0 || slice_has(buf_slice(ret), 0)))
		e = ERR_CLOSED;
	return e == ERR_OK ? buf_put_u8(ret, 0) : e;
}

static enum err
tell_and_close(struct login *l, const struct identity *id, const char *words)
{
	login_tell(l, id->named ? 0 : 1, "%s", words);
	return ERR_CLOSED;
}

/* Its private half must be that of the public one that was offered. */
static enum err
check_pair(struct login *l, struct identity *id)
{
	struct slice blob = pki_key_blob(id->key);

	if (buf_len(&id->blob) == 0)
		return buf_put(&id->blob, blob.ptr, blob.len);
	if (slice_equal(buf_slice(&id->blob), blob))
		return ERR_OK;
	pki_key_free(id->key);
	id->key = NULL;
	login_tell(l, 0, "%s: the private key isn't that of the public key beside it", id->path);
	return ERR_CLOSED;
}

static enum err
open_with(struct login *l, struct identity *id, bool from_file, struct story *story)
{
	struct buf passphrase _cleanup_(buf_wipe);

	buf_init(&passphrase, LOGIN_SECRET_MAX + 1);
	enum err e = from_file ? read_passphrase(l->passphrase_file, &passphrase)
			       : ask_passphrase(l, id, &passphrase);
	if (e != ERR_OK && from_file)
		login_tell(l, 0, "%s: %s", l->passphrase_file, err_text(e));
	if (e != ERR_OK)
		return ERR_CLOSED;
	e = identity_load(id, (const char *)buf_slice(&passphrase).ptr, story);
	if (e == ERR_ACCESS && story->text[0] == '\0' && from_file)
		login_tell(l, 0, "%s: not the passphrase of %s", l->passphrase_file, id->path);
	return e;
}

enum err
login_open_key(struct login *l, struct identity *id)
{
	struct story story = {""};
	enum err e = ERR_ACCESS;

	if (id->key != NULL)
		return ERR_OK;
	if (id->path == NULL)
		return ERR_CLOSED;
	if (!id->encrypted) {
		e = identity_load(id, NULL, &story);
		return e == ERR_OK ? check_pair(l, id) : tell_and_close(l, id, story.text);
	}
	for (int i = l->passphrase_file != NULL ? -1 : 0; i < LOGIN_TRIES; i++) {
		story = (struct story){""};
		e = open_with(l, id, i < 0, &story);
		if (e == ERR_OK)
			return check_pair(l, id);
		if (story.text[0] != '\0')
			return tell_and_close(l, id, story.text);
		if (e == ERR_CLOSED && i >= 0)
			return e;
	}
	return ERR_CLOSED;
}

static enum err
sign(void *ctx, struct slice data, struct buf *ret_signature)
{
	struct attempt *a = ctx;
	struct identity *id = a->current;
	struct slice name = slice_str(a->algorithm);
	uint32_t flags = slice_is(name, "rsa-sha2-512")   ? AGENT_RSA_SHA2_512
			 : slice_is(name, "rsa-sha2-256") ? AGENT_RSA_SHA2_256
							  : 0;

	if (id->in_agent && id->key == NULL) {
		/* The agent may have the key, the certificate, or both. */
		size_t before = buf_len(ret_signature);
		enum err e = agent_sign(a->l->identities->agent_fd, LOGIN_SIGN_US,
		    buf_slice(buf_len(&id->blob) > 0 ? &id->blob : &id->cert), data, flags,
		    ret_signature);
		if (e == ERR_ACCESS && buf_len(&id->cert) > 0 && buf_len(&id->blob) > 0)
			e = agent_sign(a->l->identities->agent_fd, LOGIN_SIGN_US,
			    buf_slice(&id->cert), data, flags, ret_signature);
		if (e == ERR_OK)
			return ERR_OK;
		buf_unput(ret_signature, buf_len(ret_signature) - before);
		/* After half an answer nobody knows where the next one begins. */
		if (e != ERR_ACCESS)
			fd_closep(&a->l->identities->agent_fd);
		login_tell(a->l, 0, "the agent doesn't sign: %s", err_text(e));
	}
	enum err e = login_open_key(a->l, id);
	return e == ERR_OK ? pki_sign(id->key, a->algorithm, data, ret_signature) : ERR_CLOSED;
}

/* The signature's algorithm that we and the server take, and the name that the request calls it by;
 * the better one first. */
static bool
choose_algorithm(struct attempt *a, struct slice type, struct slice told)
{
	static const char *const RSA[] = {"rsa-sha2-512", "rsa-sha2-256"};
	struct slice ours = slice_str((const char *)buf_slice(&a->l->signatures).ptr);
	bool is_cert = cert_type_name(type);
	struct slice plain = is_cert ? cert_plain_type(type) : type;
	bool is_rsa = slice_is(plain, "ssh-rsa");

	for (size_t i = 0; i < (is_rsa ? ARRAY_LEN(RSA) : 1); i++) {
		char name[80];
		if (is_rsa)
			(void)snprintf(name, sizeof name, "%s%s", RSA[i],
			    is_cert ? "-cert-v01@openssh.com" : "");
		else if (!slice_copy(type, name, sizeof name))
			return false;
		if (!list_has(ours, slice_str(name)) ||
		    (is_rsa && told.len > 0 && !list_has(told, slice_str(RSA[i])) &&
			!list_has(told, slice_str(name))))
			continue;
		(void)snprintf(a->algorithm_name, sizeof a->algorithm_name, "%s", name);
		a->algorithm = is_rsa    ? RSA[i]
			       : is_cert ? (const char *)plain.ptr
					 : a->algorithm_name;
		return true;
	}
	return false;
}

/* True: *ret_proof is this key. */
static bool
try_key(struct attempt *a, struct identity *id, const struct dial_auth_state *state,
    struct dial_proof *ret_proof)
{
	char fingerprint[BLOB_FINGERPRINT_MAX] = "";

	if (buf_len(&id->blob) == 0 && buf_len(&id->cert) == 0 &&
	    login_open_key(a->l, id) != ERR_OK)
		return false;
	struct slice blob = buf_slice(buf_len(&id->cert) > 0 ? &id->cert : &id->blob);
	if (!choose_algorithm(a, blob_type(blob), state->signatures))
		return false;
	if (blob_fingerprint(blob, fingerprint) != ERR_OK)
		fingerprint[0] = '\0';
	login_tell(a->l, 1, "offering %s %s %s", a->algorithm_name, fingerprint,
	    id->path == NULL ? "of the agent" : id->path);
	/* Nobody is asked for a passphrase, and no token to be touched, for a key that isn't
	 * wanted. */
	bool ready = !id->in_agent && !id->encrypted && id->path != NULL;
	if (ready && login_open_key(a->l, id) != ERR_OK)
		return false;
	*ret_proof = (struct dial_proof){
	    .type = DIAL_PUBLICKEY,
	    .algorithm = a->algorithm_name,
	    .blob = blob,
	    .ask_first = id->key == NULL,
	    .sign = sign,
	    .ctx = a,
	};
	a->current = id;
	return true;
}

static bool
next_key(struct attempt *a, const struct dial_auth_state *state, struct dial_proof *ret_proof)
{
	struct identity_set *set = a->l->identities;

	for (size_t i = 0; a->l->c.pubkey == 1 && i < set->n; i++) {
		if (a->tried[i])
			continue;
		a->tried[i] = true;
		if (try_key(a, &set->at[i], state, ret_proof))
			return true;
	}
	return false;
}

static struct login_answer *
answer_find(struct login *l, struct slice prompt)
{
	for (size_t i = 0; i < l->n_answers; i++) {
		if (slice_equal(buf_slice(&l->answers[i].prompt), prompt))
			return &l->answers[i];
	}
	return NULL;
}

static void
answer_remember(struct login *l, struct slice prompt, struct slice answer)
{
	struct login_answer *known = answer_find(l, prompt);

	if (known == NULL && l->n_answers == LOGIN_ANSWERS_MAX)
		return;
	if (known == NULL) {
		known = &l->answers[l->n_answers++];
		buf_init(&known->prompt, DIAL_PROMPT_MAX);
		buf_init(&known->answer, LOGIN_SECRET_MAX);
	}
	buf_wipe(&known->answer);
	buf_clear(&known->prompt);
	if (buf_put(&known->prompt, prompt.ptr, prompt.len) != ERR_OK ||
	    buf_put(&known->answer, answer.ptr, answer.len) != ERR_OK)
		buf_clear(&known->prompt);
}

static enum err
answer(void *ctx, struct slice name, struct slice instruction, struct slice prompt, bool echo,
    struct buf *ret_answer)
{
	struct attempt *a = ctx;
	struct login *l = a->l;
	struct login_answer *known = answer_find(l, prompt);
	char shown[STORY_MAX], text[STORY_MAX + 200];
	size_t before = buf_len(ret_answer);

	/* Once for a connection: what was right then may be a code that is used up. */
	if (known != NULL && l->was_in && a->n_keyboards == 1)
		return buf_put(ret_answer, buf_slice(&known->answer).ptr, buf_len(&known->answer));
	if (name.len > 0)
		login_tell(l, 0, "%s", text_escape(name, shown, sizeof shown));
	if (instruction.len > 0)
		login_banner(a, instruction);
	(void)snprintf(text, sizeof text, "(%s@%s) %s", l->c.user, l->c.host_name,
	    text_escape(prompt, shown, sizeof shown));
	enum err e = login_ask(l, text, echo, ret_answer);
	if (e != ERR_OK) {
		a->gave_up = true;
		return e;
	}
	struct slice all = buf_slice(ret_answer);
	answer_remember(l, prompt, slice_of(all.ptr + before, all.len - before));
	return ERR_OK;
}

static bool
next_keyboard(struct attempt *a, struct dial_proof *ret_proof)
{
	struct login *l = a->l;
	bool can_ask = l->ui.ask != NULL && l->c.batch == 0;

	if (l->c.keyboard == 0 || (!can_ask && l->n_answers == 0) ||
	    a->n_keyboards >= l->c.password_prompts)
		return false;
	a->n_keyboards++;
	*ret_proof = (struct dial_proof){.type = DIAL_KEYBOARD, .answer = answer, .ctx = a};
	return true;
}

static bool
next_password(struct attempt *a, struct dial_proof *ret_proof)
{
	struct login *l = a->l;
	char prompt[STORY_MAX];

	if (l->c.password == 0 || a->n_passwords >= l->c.password_prompts)
		return false;
	a->n_passwords++;
	if (!l->was_in || a->remembered_used || buf_len(&l->password) == 0) {
		(void)snprintf(
		    prompt, sizeof prompt, "%s@%s's password: ", l->c.user, l->c.host_name);
		if (a->n_passwords > 1 && !a->remembered_used)
			login_tell(l, 0, "Permission denied, please try again.");
		buf_wipe(&l->password);
		bool nobody = l->ui.ask == NULL || l->c.batch == 1;
		if (login_ask(l, prompt, false, &l->password) != ERR_OK) {
			a->gave_up = !nobody;
			return false;
		}
	}
	a->remembered_used = a->remembered_used || l->was_in;
	*ret_proof = (struct dial_proof){.type = DIAL_PASSWORD, .secret = buf_slice(&l->password)};
	return true;
}

static bool
next_of(struct attempt *a, struct slice method, const struct dial_auth_state *state,
    struct dial_proof *ret_proof)
{
	if (slice_is(method, "publickey"))
		return next_key(a, state, ret_proof);
	if (slice_is(method, "keyboard-interactive"))
		return next_keyboard(a, ret_proof);
	return slice_is(method, "password") && next_password(a, ret_proof);
}

/* Another proof is wanted besides the last one: all but that are open again (RFC 4252 section
 * 5.1). */
static void
note_partial(struct attempt *a)
{
	for (size_t i = 0; i < a->l->identities->n; i++)
		a->tried[i] = &a->l->identities->at[i] == a->current;
	a->n_passwords = a->n_keyboards = 0;
}

void
login_next(void *ctx, const struct dial_auth_state *state, struct dial_proof *ret_proof)
{
	struct attempt *a = ctx;
	const char *wished = a->l->c.preferred == NULL ? METHODS : a->l->c.preferred;
	struct slice rest = slice_str(wished), method;

	if (state->partial)
		note_partial(a);
	while (rest.len > 0 && !a->gave_up) {
		rest = slice_cut(rest, ',', &method);
		method = slice_trim(method);
		/* Before the server has said what goes, a key is worth a try; a password isn't. */
		if (state->methods.len == 0 && !slice_is(method, "publickey"))
			break;
		if ((state->methods.len == 0 || list_has(state->methods, method)) &&
		    next_of(a, method, state, ret_proof))
			return;
	}
	bool ask = !a->gave_up && !a->asked_none && state->methods.len == 0;
	a->asked_none = true;
	*ret_proof = (struct dial_proof){.type = ask          ? DIAL_ASK
						 : a->gave_up ? DIAL_GIVE_UP
							      : DIAL_NO_PROOF};
}
