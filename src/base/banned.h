/*
 * Functions that nobody calls here, because each has a bounded or checked sibling. Included before
 * every source file by the build; scripts/check-banned looks for those that a macro can't poison.
 */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The C library may define some of them as macros of its own. */
#undef strcpy
#undef strcat
#undef strncpy
#undef strncat
#undef sprintf
#undef vsprintf
#undef stpcpy
#undef strtok

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf gets stpcpy
#pragma GCC poison strtok atoi atol atoll mktemp tmpnam tempnam
#pragma GCC poison gmtime localtime ctime asctime

#endif
