#include "cli/usage.h"

#include <inttypes.h>

#include "base/text.h"
#include "cli/out.h"

enum { USED_MAX = 80 };

/* "1.5 MiB of 10.0 MiB, 3 of 100 files"; "-" without a quota. */
static const char *
say_used(uint64_t bytes, uint64_t files, uint64_t max_bytes, uint64_t max_files, char dst[USED_MAX])
{
	char used[16], max[16], of_bytes[40] = "", of_files[48] = "";

	if (max_bytes == 0 && max_files == 0)
		return "-";
	if (max_bytes > 0)
		(void)snprintf(of_bytes, sizeof of_bytes, "%s of %s", text_size(bytes, used),
		    text_size(max_bytes, max));
	if (max_files > 0)
		(void)snprintf(of_files, sizeof of_files, "%s%" PRIu64 " of %" PRIu64 " files",
		    max_bytes > 0 ? ", " : "", files, max_files);
	(void)snprintf(dst, USED_MAX, "%s%s", of_bytes, of_files);
	return dst;
}

static void
print_folders(const struct rows *rows, FILE *to)
{
	static const struct table_column COLUMNS[] = {
	    {"FOLDER", false}, {"PRIVATE", true}, {"BYTES", true}, {"QUOTA", false}};
	struct table t _cleanup_(table_fini);
	char used[USED_MAX], size[16];

	table_init(&t, COLUMNS, ARRAY_LEN(COLUMNS));
	ROWS_FOREACH(row, rows, IPC_CTL_FOLDER)
	{
		const struct ipc_ctl_folder *f = &row->m.ctl_folder;
		if (f->n_partials == 0 && f->quota_bytes == 0 && f->quota_files == 0)
			continue;
		table_add_text(&t, f->name);
		table_add_u64(&t, f->n_partials);
		table_add(&t, text_size(f->partial_bytes, size));
		table_add(&t,
		    say_used(f->used_bytes, f->used_files, f->quota_bytes, f->quota_files, used));
	}
	if (table_rows(&t) > 0) {
		fputc('\n', to);
		table_print(&t, to);
	}
}

void
usage_print(const struct rows *rows, FILE *to)
{
	static const struct table_column COLUMNS[] = {{"ACCOUNT", false}, {"QUOTA", false}};
	struct table t _cleanup_(table_fini);
	char used[USED_MAX];

	print_folders(rows, to);
	table_init(&t, COLUMNS, ARRAY_LEN(COLUMNS));
	ROWS_FOREACH(row, rows, IPC_CTL_ACCOUNT)
	{
		const struct ipc_ctl_account *a = &row->m.ctl_account;
		table_add_text(&t, a->name);
		table_add(&t,
		    say_used(a->used_bytes, a->used_files, a->quota_bytes, a->quota_files, used));
	}
	if (table_rows(&t) > 0) {
		fputc('\n', to);
		table_print(&t, to);
	}
}
