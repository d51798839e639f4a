/* Attributes of functions and declarations, under short names. */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

#define must_check        __attribute__((warn_unused_result))
#define printf_like(f, a) __attribute__((format(printf, f, a)))
#define unused_arg        __attribute__((unused))
#define cold_path         __attribute__((cold))
#define never_returns     __attribute__((noreturn))

/* Runs fn(&variable) when the variable leaves its scope: int fd _cleanup_(fd_closep) = -1; */
#define _cleanup_(fn) __attribute__((cleanup(fn)))

#define ARRAY_LEN(a)  (sizeof(a) / sizeof((a)[0]))

#endif
