/* One directory with a key of each kind, for all tests of a program: the set-up of its group. */
#ifndef TESTS_PKI_KEYS_DIR_H
#define TESTS_PKI_KEYS_DIR_H

#include "material.h"

static struct scratch dir;

static int
keys_up(void **state)
{
	(void)state;
	material_keys(&dir);
	return 0;
}

static int
keys_down(void **state)
{
	(void)state;
	scratch_fini(&dir);
	return 0;
}

#endif
