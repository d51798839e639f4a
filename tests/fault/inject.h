/*
 * Fails chosen system calls of the code under test. The test program is linked so that its calls
 * of these functions come here first (-Wl,--wrap, see meson.build); libraries' own calls do not.
 *
 * The way to use it is torture: fail the first call, then the second, and so on, until a whole run
 * goes by in which nothing fired; after each, look at what must be true whatever happened.
 */
#ifndef TESTS_FAULT_INJECT_H
#define TESTS_FAULT_INJECT_H

#include <stdbool.h>

enum fault_call {
	FAULT_READ,
	FAULT_WRITE,
	FAULT_PREAD,
	FAULT_PWRITE,
	FAULT_FSYNC,
	FAULT_MKDIRAT,
	FAULT_RENAMEAT,
	FAULT_RENAMEAT2,
	FAULT_OPENAT2,
	FAULT_UNLINKAT,
	FAULT_LINKAT,
	FAULT_FTRUNCATE,
	FAULT_COPY_FILE_RANGE,
	FAULT_FSTATAT,
	FAULT_MALLOC,
	FAULT_CALLOC,
	FAULT_CALLS
};

/* As errno_value: the call does half of what it was asked to. For reads and writes. */
enum { FAULT_SHORT = -1 };

/* The nth call from now on (1 is the next), and n_times - 1 after it, fail with errno_value. */
void fault_arm(enum fault_call call, unsigned nth, unsigned n_times, int errno_value);

/* Nothing fails any more. True when something did since fault_arm. */
bool fault_disarm(void);

const char *fault_call_name(enum fault_call call);

#endif
