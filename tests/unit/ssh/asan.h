/* Whether the test runs under AddressSanitizer, and its leak checker where it does. */
#ifndef TESTS_SSH_ASAN_H
#define TESTS_SSH_ASAN_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TEST_WITH_ASAN
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(TEST_WITH_ASAN)
#define TEST_WITH_ASAN
#endif

#ifdef TEST_WITH_ASAN
#include <sanitizer/lsan_interface.h>
#endif

#endif
