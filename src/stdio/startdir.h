/* Where the stdio server begins: -d. */
#ifndef STDIO_STARTDIR_H
#define STDIO_STARTDIR_H

#include "base/attr.h"
#include "base/err.h"

/*
 * Goes to the directory, in which %d stands for the user's home, %u for the user's name and %% for
 * %. ERR_INVALID: another % is in it; ERR_NOENT: the user has no entry, or it isn't there.
 */
enum err startdir_enter(const char *pattern) must_check;

#endif
