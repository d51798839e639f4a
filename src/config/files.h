/* Looks into files that a configuration names, for files.c: what can't be used is reported. */
#ifndef CONFIG_FILES_H
#define CONFIG_FILES_H

#include "config/load.h"

typedef void files_look_fn(
    struct report *r, struct place at, const char *path, struct slice content);

files_look_fn files_look_at_keys, files_look_at_revoked_keys, files_look_at_private_key;

#endif
