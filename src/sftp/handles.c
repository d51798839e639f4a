#include "sftp/handles.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/bug.h"
#include "base/rd.h"

enum { SLOTS_MIN = 16 };

void
sftp_handles_init(struct sftp_handles *h, uint32_t max)
{
	*h = (struct sftp_handles){.max = max};
}

void
sftp_handles_fini(struct sftp_handles *h)
{
	free(h->slots);
	sftp_handles_init(h, h->max);
}

enum err
sftp_handles_prepare(struct sftp_handles *h)
{
	if (h->n_open >= h->max)
		return ERR_LIMIT;
	if (h->n_open < h->n_slots)
		return ERR_OK;
	if (h->n_slots >= h->max)
		return ERR_LIMIT;
	uint32_t n_slots = h->n_slots == 0 ? SLOTS_MIN : h->n_slots * 2;
	if (n_slots > h->max)
		n_slots = h->max;
	struct sftp_slot *slots = reallocarray(h->slots, n_slots, sizeof *slots);
	if (slots == NULL)
		return ERR_NOMEM;
	for (uint32_t i = h->n_slots; i < n_slots; i++)
		slots[i] = (struct sftp_slot){.state = SFTP_SLOT_FREE};
	h->slots = slots;
	h->n_slots = n_slots;
	return ERR_OK;
}

void
sftp_handles_add(struct sftp_handles *h, enum sftp_slot_kind kind, void *object,
    uint8_t ret_handle[SFTP_OUR_HANDLE_LEN])
{
	uint32_t i = h->first_free;

	BUG_ON(h->n_open == h->n_slots);
	while (h->slots[i].state != SFTP_SLOT_FREE)
		i++;
	h->slots[i] = (struct sftp_slot){
	    .state = SFTP_SLOT_OPEN,
	    .kind = kind,
	    .object = object,
	    .generation = ++h->generation,
	};
	h->n_open++;
	h->first_free = i + 1;
	be32_store(ret_handle, i);
	be32_store(ret_handle + 4, h->generation);
}

struct sftp_slot *
sftp_handles_find(struct sftp_handles *h, struct slice handle, enum sftp_slot_kind kind)
{
	struct rd r = rd_of(handle);
	uint32_t i = rd_u32(&r);
	uint32_t generation = rd_u32(&r);

	if (rd_done(&r) != ERR_OK || i >= h->n_slots)
		return NULL;
	struct sftp_slot *slot = &h->slots[i];
	if (slot->state != SFTP_SLOT_OPEN || slot->generation != generation || slot->kind != kind)
		return NULL;
	return slot;
}

uint32_t
sftp_handles_closing(struct sftp_handles *h, struct sftp_slot *slot, uint32_t request_id)
{
	BUG_ON(slot->state != SFTP_SLOT_OPEN || slot->n_jobs > 0);
	slot->state = SFTP_SLOT_CLOSING;
	slot->request_id = request_id;
	h->n_closing++;
	return slot->generation;
}

struct sftp_slot *
sftp_handles_find_closing(struct sftp_handles *h, uint32_t index, uint32_t generation)
{
	if (index >= h->n_slots)
		return NULL;
	struct sftp_slot *slot = &h->slots[index];
	if (slot->state != SFTP_SLOT_CLOSING || slot->generation != generation)
		return NULL;
	return slot;
}

uint32_t
sftp_handles_index(const struct sftp_handles *h, const struct sftp_slot *slot)
{
	return (uint32_t)(slot - h->slots);
}

void
sftp_handles_release(struct sftp_handles *h, struct sftp_slot *slot)
{
	uint32_t index = sftp_handles_index(h, slot);

	BUG_ON(slot->state == SFTP_SLOT_FREE || slot->n_jobs > 0);
	if (slot->state == SFTP_SLOT_CLOSING)
		h->n_closing--;
	h->n_open--;
	if (index < h->first_free)
		h->first_free = index;
	*slot = (struct sftp_slot){.state = SFTP_SLOT_FREE};
}

void
sftp_handles_trim(struct sftp_handles *h)
{
	if (h->n_open > 0)
		return;
	free(h->slots);
	h->slots = NULL;
	h->n_slots = h->first_free = 0;
}
