#include "transfer/quota.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "ledger/holdings.h"
#include "os/file.h"
#include "transfer/gateway.h"
#include "transfer/quota_count.h"

/* Counting takes its time: at most a hundredth of all, and not more often than this. */
#define COUNT_INTERVAL_MIN (2 * US_PER_SEC)

static uint64_t
add(uint64_t a, uint64_t b)
{
	return b > UINT64_MAX - a ? UINT64_MAX : a + b;
}

static uint64_t
subtract(uint64_t a, uint64_t b)
{
	return b > a ? 0 : a - b;
}

struct quota_amount
quota_plus(struct quota_amount a, struct quota_amount b)
{
	return (struct quota_amount){add(a.bytes, b.bytes), add(a.files, b.files)};
}

struct quota_amount
quota_minus(struct quota_amount a, struct quota_amount b)
{
	return (struct quota_amount){subtract(a.bytes, b.bytes), subtract(a.files, b.files)};
}

static bool
number_fits(uint64_t limit, uint64_t used, uint64_t more)
{
	return limit == 0 || more == 0 || (used <= limit && more <= limit - used);
}

bool
quota_fits(const struct config_quota *limit, struct quota_amount used, struct quota_amount more)
{
	return number_fits(limit->bytes, used.bytes, more.bytes) &&
	       number_fits(limit->files, used.files, more.files);
}

static struct quota_pot *
find(const struct quotas *q, const char *name, bool account)
{
	for (size_t i = 0; i < q->n_pots; i++) {
		struct quota_pot *pot = &q->pots[i];
		if (pot->account == account && strcmp(pot->name, name) == 0)
			return pot;
	}
	return NULL;
}

const struct quota_pot *
quota_pot_find(const struct quotas *q, const char *name, bool account)
{
	return find(q, name, account);
}

/*
 * A holding whose file was taken away beside the gateway, or has become smaller. One that is larger
 * may be written to now, and then its growth is leased.
 */
static enum err
check_holding(void *ctx, const struct holding *h)
{
	struct gateway *g = ctx;
	const struct store *store = stores_find(&g->stores, h->folder);
	struct holding now = *h;
	struct stat st;

	enum err e = store == NULL ? ERR_NOENT : file_stat_beneath(store->dir_fd, h->path, &st);
	if (e == ERR_NOENT)
		return ledger_holding_drop(g->ledger, h->folder, h->path);
	if (e != ERR_OK || (uint64_t)st.st_size >= h->size)
		return ERR_OK;
	now.size = (uint64_t)st.st_size;
	return ledger_holding_put(g->ledger, &now);
}

/* A folder that can't be counted keeps the last count, unless there is none, or it is known to be
 * too low. */
static void
count_failed(struct quota_pot *pot, enum err e)
{
	if (e != ERR_LIMIT && pot->is_counted) {
		log_warn(
		    "quota.not-counted", F_STR("folder", pot->name), F_STR("error", err_text(e)));
		return;
	}
	if (!pot->is_uncountable)
		log_error("quota.uncountable", F_STR("folder", pot->name),
		    F_STR("error", e == ERR_LIMIT ? "too many names, or too deep" : err_text(e)));
	pot->is_uncountable = true;
}

static void
count_folder(struct gateway *g, struct quota_pot *pot)
{
	const struct store *store = stores_find(&g->stores, pot->name);

	enum err e = store == NULL ? ERR_NOENT : quota_count(store->dir_fd, &pot->content);
	if (e != ERR_OK) {
		count_failed(pot, e);
		return;
	}
	pot->is_counted = true;
	pot->is_uncountable = false;
}

/* What is there now. */
static enum err
count(struct gateway *g, struct quota_pot *pot, int64_t now_us)
{
	int64_t began_us = time_mono_us();
	enum err e = ERR_OK;

	if (pot->account)
		e = ledger_each_holding(g->ledger, pot->name, check_holding, g);
	else
		count_folder(g, pot);
	int64_t pause_us = 100 * (time_mono_us() - began_us);
	pot->next_count_us =
	    now_us + (pause_us > COUNT_INTERVAL_MIN ? pause_us : COUNT_INTERVAL_MIN);
	return e;
}

enum err
quota_used(struct gateway *g, const struct quota_pot *pot, struct quota_amount *ret_used)
{
	struct quota_amount content = pot->content;

	if (pot->account) {
		enum err e = ledger_usage(g->ledger, pot->name, &content.bytes, &content.files);
		if (e != ERR_OK)
			return e;
	}
	*ret_used = quota_plus(content, pot->leased);
	return ERR_OK;
}

static enum err
look(struct gateway *g, const struct quota_pot *pot, struct quota_amount more, bool *ret_fits)
{
	struct quota_amount used;

	*ret_fits = false;
	if (pot->is_uncountable && (more.bytes > 0 || more.files > 0))
		return ERR_OK;
	enum err e = quota_used(g, pot, &used);
	if (e == ERR_OK)
		*ret_fits = quota_fits(&pot->limit, used, more);
	return e;
}

/* ERR_QUOTA when it doesn't fit, even after another look. */
static enum err
pot_admit(struct gateway *g, struct quota_pot *pot, struct quota_amount more, int64_t now_us,
    struct story *story)
{
	bool fits;

	if (pot == NULL)
		return ERR_OK;
	enum err e = look(g, pot, more, &fits);
	if (e != ERR_OK || fits)
		return e;
	if (now_us >= pot->next_count_us) {
		e = count(g, pot, now_us);
		if (e == ERR_OK)
			e = look(g, pot, more, &fits);
		if (e != ERR_OK || fits)
			return e;
	}
	if (pot->is_uncountable)
		return story_fail(story, ERR_QUOTA,
		    "the folder can't be counted, so that its quota counts as used up: %s",
		    pot->name);
	return story_fail(story, ERR_QUOTA, "the %s's quota is used up: %s",
	    pot->account ? "account" : "folder", pot->name);
}

enum err
quota_admit(struct gateway *g, const char *folder, struct quota_amount more, int64_t now_us,
    struct story *story)
{
	return pot_admit(g, find(&g->quotas, folder, false), more, now_us, story);
}

void
quota_charge(struct gateway *g, const char *folder, const char *account, struct quota_amount more)
{
	struct quota_pot *pots[] = {
	    find(&g->quotas, folder, false), find(&g->quotas, account, true)};

	for (size_t i = 0; i < ARRAY_LEN(pots); i++) {
		if (pots[i] != NULL)
			pots[i]->leased = quota_plus(pots[i]->leased, more);
	}
}

void
quota_release(struct gateway *g, const char *folder, const char *account, struct quota_amount less)
{
	struct quota_pot *pots[] = {
	    find(&g->quotas, folder, false), find(&g->quotas, account, true)};

	for (size_t i = 0; i < ARRAY_LEN(pots); i++) {
		if (pots[i] != NULL)
			pots[i]->leased = quota_minus(pots[i]->leased, less);
	}
}

enum err
quota_lease(struct gateway *g, const char *folder, const char *account, struct quota_amount more,
    int64_t now_us, struct story *story)
{
	enum err e = pot_admit(g, find(&g->quotas, folder, false), more, now_us, story);

	if (e == ERR_OK)
		e = pot_admit(g, find(&g->quotas, account, true), more, now_us, story);
	if (e == ERR_OK)
		quota_charge(g, folder, account, more);
	return e;
}

static uint64_t
shift(uint64_t value, int64_t by)
{
	/* -(by + 1) + 1: the least int64_t has no positive counterpart. */
	return by >= 0 ? add(value, (uint64_t)by) : subtract(value, (uint64_t)(-(by + 1)) + 1);
}

void
quota_content(struct gateway *g, const char *folder, int64_t bytes, int64_t files)
{
	struct quota_pot *pot = find(&g->quotas, folder, false);

	if (pot == NULL)
		return;
	pot->content.bytes = shift(pot->content.bytes, bytes);
	pot->content.files = shift(pot->content.files, files);
}

static bool
is_set(const struct config_quota *quota)
{
	return quota->bytes > 0 || quota->files > 0;
}

static void
add_pot(struct quotas *q, const char *name, bool account, const struct config_quota *limit)
{
	struct quota_pot *pot = &q->pots[q->n_pots];

	if (!is_set(limit))
		return;
	*pot = (struct quota_pot){.account = account, .limit = *limit};
	(void)snprintf(pot->name, sizeof pot->name, "%s", name);
	q->n_pots++;
}

/* Which directory it is about. */
static void
identify(const struct gateway *g, struct quota_pot *pot)
{
	const struct store *store = pot->account ? NULL : stores_find(&g->stores, pot->name);
	struct stat st;

	if (store != NULL && fstat(store->dir_fd, &st) == 0) {
		pot->dev = st.st_dev;
		pot->inode = st.st_ino;
	}
}

/* What was known before: to count millions of names would stop everything for that long. */
static bool
carry_over(struct quota_pot *pot, const struct quota_pot *known)
{
	if (known == NULL || known->dev != pot->dev || known->inode != pot->inode)
		return false;
	pot->content = known->content;
	pot->next_count_us = known->next_count_us;
	pot->is_counted = known->is_counted;
	pot->is_uncountable = known->is_uncountable;
	return true;
}

enum err
quotas_use_config(struct gateway *g, int64_t now_us)
{
	const struct config *c = g->config;
	struct quotas before = g->quotas, *q = &g->quotas;
	enum err e = ERR_OK;

	*q = (struct quotas){.n_pots = 0};
	q->pots = calloc(c->n_folders + c->n_accounts + 1, sizeof *q->pots);
	if (q->pots == NULL) {
		*q = before;
		return ERR_NOMEM;
	}
	for (size_t i = 0; i < c->n_folders; i++)
		add_pot(q, c->folders[i].name, false, &c->folders[i].quota);
	for (size_t i = 0; i < c->n_accounts; i++)
		add_pot(q, c->accounts[i].name, true, &c->accounts[i].quota);
	for (size_t i = 0; i < q->n_pots && e == ERR_OK; i++) {
		struct quota_pot *pot = &q->pots[i];
		identify(g, pot);
		if (!carry_over(pot, find(&before, pot->name, pot->account)))
			e = count(g, pot, now_us);
	}
	quotas_fini(&before);
	return e;
}

void
quotas_fini(struct quotas *q)
{
	free(q->pots);
	*q = (struct quotas){.pots = NULL};
}
