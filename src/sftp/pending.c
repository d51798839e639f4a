#include "sftp/pending.h"

#include <stdlib.h>

#include "base/bug.h"

enum {
	SLOT_BITS = 12,
	SLOT_MASK = (1 << SLOT_BITS) - 1,
	SLOTS_MIN = 64,
	NO_SLOT = SFTP_CLIENT_PENDING_MAX
};
_Static_assert(SFTP_CLIENT_PENDING_MAX == 1 << SLOT_BITS, "an id has room for every slot");

void
sftp_pending_init(struct sftp_pending *p)
{
	*p = (struct sftp_pending){.first_free = NO_SLOT};
}

void
sftp_pending_fini(struct sftp_pending *p)
{
	free(p->slots);
	sftp_pending_init(p);
}

static enum err
pending_grow(struct sftp_pending *p)
{
	uint32_t n_slots = p->n_slots == 0 ? SLOTS_MIN : p->n_slots * 2;

	if (n_slots > SFTP_CLIENT_PENDING_MAX)
		return ERR_NOMEM;
	struct sftp_pending_slot *slots = reallocarray(p->slots, n_slots, sizeof *slots);
	if (slots == NULL)
		return ERR_NOMEM;
	for (uint32_t i = n_slots; i-- > p->n_slots;) {
		slots[i] = (struct sftp_pending_slot){.id = i, .next_free = p->first_free};
		p->first_free = i;
	}
	p->slots = slots;
	p->n_slots = n_slots;
	return ERR_OK;
}

enum err
sftp_pending_add(struct sftp_pending *p, const struct sftp_call *call, uint32_t *ret_id)
{
	BUG_ON(call->fn == NULL);
	if (p->first_free == NO_SLOT) {
		enum err e = pending_grow(p);
		if (e != ERR_OK)
			return e;
	}
	struct sftp_pending_slot *slot = &p->slots[p->first_free];
	p->first_free = slot->next_free;
	p->n_used++;
	slot->call = *call;
	/* The next generation: wraps after 2^20 uses of the slot, long after any late answer. */
	slot->id += UINT32_C(1) << SLOT_BITS;
	*ret_id = slot->id;
	return ERR_OK;
}

bool
sftp_pending_take(struct sftp_pending *p, uint32_t id, struct sftp_call *ret_call)
{
	uint32_t i = id & SLOT_MASK;

	if (i >= p->n_slots || p->slots[i].call.fn == NULL || p->slots[i].id != id)
		return false;
	struct sftp_pending_slot *slot = &p->slots[i];
	if (ret_call != NULL)
		*ret_call = slot->call;
	slot->call.fn = NULL;
	slot->next_free = p->first_free;
	p->first_free = i;
	p->n_used--;
	return true;
}
