#include "ledger/row.h"
#include "ledger/store.h"

struct output_strings {
	struct slice folder, staging_name, path;
};

static enum err
output_check(const struct transfer_output *out, struct output_strings *ret_s)
{
	enum err e = store_string(out->folder, 0, LEDGER_NAME_MAX, &ret_s->folder);

	if (e == ERR_OK)
		e = store_string(out->staging_name, 1, LEDGER_FILE_NAME_MAX, &ret_s->staging_name);
	if (e == ERR_OK)
		e = store_string(out->path, 1, LEDGER_PATH_MAX, &ret_s->path);
	return e;
}

enum err
row_output_check(const struct transfer_output *out)
{
	struct output_strings s;

	return output_check(out, &s);
}

enum err
ledger_put_output(struct ledger *l, const struct transfer_output *out)
{
	struct run r _cleanup_(run_fini);
	struct output_strings s;

	run_init(&r, l, STATEMENT_OUTPUT_PUT);
	enum err e = output_check(out, &s);
	if (e == ERR_OK)
		e = store_change(l);
	if (e != ERR_OK)
		return e;
	run_u64(&r, 1, out->transfer);
	run_u64(&r, 2, out->n);
	run_text(&r, 3, s.folder);
	run_blob(&r, 4, s.staging_name);
	run_blob(&r, 5, s.path);
	run_blob(&r, 6, store_name_of(s.path));
	return run_change(&r);
}

/* The transfer's first output with a number past last, or ERR_NOENT. */
static enum err
output_next(struct ledger *l, uint64_t transfer, int64_t last, struct transfer_output *ret_out)
{
	struct run r _cleanup_(run_fini);
	bool row;

	run_init(&r, l, STATEMENT_OUTPUT_NEXT);
	run_u64(&r, 1, transfer);
	run_i64(&r, 2, last);
	enum err e = run_step(&r, &row);
	if (e != ERR_OK)
		return e;
	if (!row)
		return ERR_NOENT;
	*ret_out = (struct transfer_output){
	    .transfer = run_get_u64(&r, 0),
	    .n = (uint32_t)run_get_u64(&r, 1),
	};
	run_get_string(&r, 2, ret_out->folder, sizeof ret_out->folder);
	run_get_string(&r, 3, ret_out->staging_name, sizeof ret_out->staging_name);
	run_get_string(&r, 4, ret_out->path, sizeof ret_out->path);
	return run_row_done(&r);
}

enum err
ledger_each_output(struct ledger *l, uint64_t transfer, ledger_output_fn *fn, void *ctx)
{
	struct transfer_output out;
	int64_t last = -1;

	for (;;) {
		enum err e = output_next(l, transfer, last, &out);
		if (e != ERR_OK)
			return e == ERR_NOENT ? ERR_OK : e;
		e = fn(ctx, &out);
		if (e != ERR_OK)
			return e;
		last = out.n;
	}
}

enum err
ledger_find_published(struct ledger *l, const char *folder, const char *path, uint64_t *ret_id)
{
	struct run r _cleanup_(run_fini);
	bool row;

	run_init(&r, l, STATEMENT_OUTPUT_FIND);
	run_text(&r, 1, slice_str(folder));
	run_blob(&r, 2, slice_str(path));
	enum err e = run_step(&r, &row);
	if (e != ERR_OK)
		return e;
	if (!row)
		return ERR_NOENT;
	*ret_id = run_get_u64(&r, 0);
	return run_row_done(&r);
}
