/*
 * Messages filled from the schema table itself, so that a new message or field is tested without
 * anybody remembering to: each field gets a value at one of its bounds.
 */
#ifndef TESTS_IPC_SAMPLE_H
#define TESTS_IPC_SAMPLE_H

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "ipc/codec.h"

enum sample_level { SAMPLE_LEAST, SAMPLE_MIDDLE, SAMPLE_MOST, SAMPLE_LEVELS };

/* A message to send: the struct for ipc_encode, and what it points at. */
struct sample {
	enum ipc_type type;
	enum sample_level level;
	union {
		uint8_t bytes[sizeof(struct ipc_message)];
		struct ipc_message align; /* never read: gives bytes the alignment of every body */
	} body;
	uint8_t *text; /* of IPC_MAX_PACKET bytes; every slice points into it */
	int fd;        /* what every FD field holds */
};

static inline uint64_t
sample_number(const struct sample *s, size_t field)
{
	static const uint64_t LEVELS[SAMPLE_LEVELS] = {0, UINT64_C(0x0123456789abcdef), UINT64_MAX};

	return s->level == SAMPLE_MIDDLE ? LEVELS[s->level] + field : LEVELS[s->level];
}

static inline struct slice
sample_slice(const struct sample *s, const struct ipc_field *f)
{
	size_t len = s->level == SAMPLE_LEAST ? 0 : s->level == SAMPLE_MOST ? f->max : f->max / 2;

	return slice_of(s->text, len);
}

#define SAMPLE_STORE(type, to, value)                   \
	do {                                            \
		type stored_ = (type)(value);           \
		memcpy((to), &stored_, sizeof stored_); \
	} while (0)

static inline void
sample_fill_field(struct sample *s, const struct ipc_field *f, size_t index)
{
	uint8_t *to = s->body.bytes + f->offset;
	struct slice slice = sample_slice(s, f);

	switch (f->kind) {
	case IPC_BOOL:
		SAMPLE_STORE(bool, to, sample_number(s, index) != 0);
		break;
	case IPC_U32:
		SAMPLE_STORE(uint32_t, to, sample_number(s, index));
		break;
	case IPC_U64:
	case IPC_I64:
		SAMPLE_STORE(uint64_t, to, sample_number(s, index));
		break;
	case IPC_STR:
	case IPC_BYTES:
		memcpy(to, &slice, sizeof slice);
		break;
	case IPC_FD:
		SAMPLE_STORE(int, to, s->fd);
		break;
	}
}

static inline void
sample_init(struct sample *s, enum ipc_type type, enum sample_level level)
{
	const struct ipc_schema *schema = ipc_schema(type);

	*s = (struct sample){.type = type, .level = level};
	s->fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	s->text = malloc(IPC_MAX_PACKET);
	if (s->fd < 0 || s->text == NULL)
		abort();
	/* No byte of value 0: STR fields don't hold it. */
	for (size_t i = 0; i < IPC_MAX_PACKET; i++)
		s->text[i] = (uint8_t)(i % 255 + 1);
	for (size_t i = 0; i < schema->n_fields; i++)
		sample_fill_field(s, &schema->fields[i], i);
}

static inline void
sample_fini(struct sample *s)
{
	(void)close(s->fd);
	free(s->text);
}

static inline size_t
sample_count_fds(enum ipc_type type)
{
	const struct ipc_schema *schema = ipc_schema(type);
	size_t n = 0;

	for (size_t i = 0; i < schema->n_fields; i++)
		n += schema->fields[i].kind == IPC_FD ? 1 : 0;
	return n;
}

/* n duplicates of the sample's descriptor, as the kernel would hand them over. */
static inline void
sample_dup_fds(const struct sample *s, int fds[SOCKET_FDS_MAX], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		fds[i] = fcntl(s->fd, F_DUPFD_CLOEXEC, 3);
		if (fds[i] < 0)
			abort();
	}
}

/* True when the received body says what the sample said; descriptors are only asked to be open. */
static inline bool
sample_matches(const struct sample *s, const struct ipc_message *m)
{
	const struct ipc_schema *schema = ipc_schema(s->type);
	const uint8_t *got = (const uint8_t *)&m->listener_limits;
	bool same = m->type == s->type;

	for (size_t i = 0; i < schema->n_fields && same; i++) {
		const struct ipc_field *f = &schema->fields[i];
		const uint8_t *a = s->body.bytes + f->offset, *b = got + f->offset;
		static const size_t SIZES[] = {
		    [IPC_BOOL] = sizeof(bool), [IPC_U32] = 4, [IPC_U64] = 8, [IPC_I64] = 8};
		if (f->kind == IPC_STR || f->kind == IPC_BYTES) {
			struct slice x, y;
			memcpy(&x, a, sizeof x);
			memcpy(&y, b, sizeof y);
			same = slice_equal(x, y);
		} else if (f->kind == IPC_FD) {
			int fd;
			memcpy(&fd, b, sizeof fd);
			same = fd != s->fd && fcntl(fd, F_GETFD) >= 0;
		} else {
			same = memcmp(a, b, SIZES[f->kind]) == 0;
		}
	}
	return same;
}

#endif
