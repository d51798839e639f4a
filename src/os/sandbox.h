/*
 * What a role gives up: new privileges, the file system (Landlock), system calls (seccomp). Each
 * step only takes away, and can't be undone by the process or by what it becomes.
 */
#ifndef OS_SANDBOX_H
#define OS_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"

/* No exec ever gains privileges again, and no other process of this user may read our memory. */
enum err sandbox_no_new_privileges(void) must_check;

/*
 * A directory that was made and removed again: nothing is in it, and the kernel lets nobody make
 * anything in it. Made once, it serves many processes, also when the disk is full by then.
 */
enum err sandbox_empty_dir(int *ret_dir) must_check;

/*
 * From here on no path leads anywhere: the root and the working directory are that directory. The
 * caller closes the descriptor. Directories that are handed over as descriptors later can still be
 * used: that is what an empty Landlock ruleset, which can only be narrowed, could not do.
 * ERR_UNSUPPORTED without the right to chroot, and without user namespaces to lend it.
 */
enum err sandbox_empty_root(int empty_dir) must_check;

/* Would it work? Tries in a child, so before there is anything to lose by a fork. */
bool sandbox_can_empty_root(int empty_dir);

/* Gives up every capability, for root as for anyone. */
enum err sandbox_drop_capabilities(void) must_check;

/* The Landlock version of the running kernel; 0 when it has none. */
int sandbox_landlock_abi(void);

/* What is allowed beneath a directory. */
enum sandbox_access { SANDBOX_READ, SANDBOX_WRITE };

struct sandbox_rule {
	int dir_fd;
	enum sandbox_access access;
};

/*
 * From here on this process reaches, by path, only what lies beneath the rules' directories, and
 * makes and takes no TCP connection (where the kernel's Landlock knows how). Descriptors that are
 * open keep working. No rules: no file system at all. A second call narrows further.
 * ERR_UNSUPPORTED without Landlock in the kernel: nothing is confined then. The process must have
 * called sandbox_no_new_privileges, or be root; else ERR_ACCESS.
 */
enum err sandbox_landlock(const struct sandbox_rule *rules, size_t n_rules) must_check;

/*
 * Leaves the calls that a confined role needs: memory, time, its open descriptors, and files
 * beneath directory descriptors. No exec, no fork, no signal to another process: such a call ends
 * the process (SIGSYS). What libraries ask for out of habit, as a new socket, fails with EACCES.
 */
enum err sandbox_seccomp(void) must_check;

/*
 * The same in two steps, for a process that forks many others: making the filter costs a hundred
 * times what putting it into force does. Memory of the filter lives as long as the process.
 */
struct sandbox_filter;
enum err sandbox_filter_new(struct sandbox_filter **ret_filter) must_check;
/* For the calling process; the one that made the filter is not confined by it. */
enum err sandbox_filter_load(const struct sandbox_filter *filter) must_check;
void sandbox_filter_free(struct sandbox_filter *filter);

#endif
