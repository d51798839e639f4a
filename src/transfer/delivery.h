/*
 * Deliveries: an account has read a version of a file whole. When all consumers of its folder have
 * (without `consumers`: the first who does), it is delivered, and on_delivered says what becomes of
 * it.
 *
 *	what is durable                      what a crash then leaves to do
 *	delivery rows, and a disposal        the file is taken out of its folder
 *	the file is `dID` in staging         it is removed, or put into the archive; without a
 *	                                     row it was removed, and is swept
 *	it is gone from staging              the disposal's row goes, with an event
 *
 * The file is moved out of the folder before it is looked at for good: a newer version that came
 * under its name in this very instant is put back, and never removed unread. A reader that has the
 * file open keeps it.
 */
#ifndef TRANSFER_DELIVERY_H
#define TRANSFER_DELIVERY_H

#include "ledger/deliveries.h"
#include "transfer/gateway.h"

/*
 * Takes the delivery down; f->transfer and f->born_us are looked up. detail: who, from where, for
 * the event. What is to be done with the file is done after the commit.
 */
enum err delivery_taken(struct gateway *g, struct delivered_file *f, const char *account,
    uint64_t bytes, const char *detail, int64_t now_us) must_check;

/*
 * So many files are disposed of after a commit, and no more. Whether others wait; and: some more of
 * them after the next commit.
 */
bool delivery_is_behind(const struct gateway *g) must_check;
enum err delivery_go_on(struct gateway *g) must_check;

/* Disposes of all files that are still to be disposed of: after a start, and now and then, for
 * those that could not be. Deferred to after the commit. */
enum err delivery_resume(struct gateway *g) must_check;

#endif
