/* Rows of the tables as the structs of ledger.h, and back. Private to src/ledger. */
#ifndef LEDGER_ROW_H
#define LEDGER_ROW_H

#include "ledger/ledger.h"
#include "ledger/statement.h"

/* The row that r stands on (TRANSFER_COLUMNS, statement.c). */
enum err row_transfer(struct run *r, struct transfer *ret_t) must_check;

/* Steps to the next such row, or ERR_NOENT. */
enum err row_one_transfer(struct run *r, struct transfer *ret_t) must_check;

/* Whether the output's strings keep the limits: ERR_NAMETOOLONG, ERR_INVALID. */
enum err row_output_check(const struct transfer_output *out) must_check;

#endif
