#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "os/netaddr.h"

static const struct {
	const char *text, *block; /* NULL: no address */
} ADDRESSES[] = {
    {"192.0.2.7", "192.0.2.7"},
    {"::ffff:192.0.2.7", "192.0.2.7"},
    {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
    {"2001:DB8:1:2::", "2001:db8:1:2::/64"},
    {"fe80::1%eth0", "fe80::/64"},
    {"::1", "::/64"},
    {"0.0.0.0", "0.0.0.0"},
    {"", NULL},
    {"192.0.2", NULL},
    {"192.0.2.07", NULL},
    {"192.0.2.7 ", NULL},
    {"host.example", NULL},
    {"1:2:3", NULL},
    {"2001:db8::1/64", NULL},
    {"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc", NULL},
};

static void
test_blocks(void **state)
{
	char text[NETADDR_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ADDRESSES); i++) {
		struct netaddr address, block, again;
		bool good = netaddr_parse(slice_str(ADDRESSES[i].text), &address);
		assert_int_equal(good, ADDRESSES[i].block != NULL);
		if (!good)
			continue;
		block = netaddr_block(&address);
		netaddr_block_text(&block, text);
		assert_string_equal(text, ADDRESSES[i].block);
		assert_true(netaddr_block_parse(slice_str(text), &again));
		assert_int_equal(netaddr_compare(&block, &again), 0);
	}
	struct netaddr block;
	assert_false(netaddr_block_parse(slice_str("192.0.2.7/64"), &block));
	assert_false(netaddr_block_parse(slice_str("2001:db8::/48"), &block));
	assert_false(netaddr_block_parse(slice_str("2001:db8::/"), &block));
}

static const struct {
	const char *address, *networks;
	bool in;
} NETWORKS[] = {
    {"192.0.2.7", "192.0.2.0/24", true},
    {"192.0.2.7", "192.0.2.7", true},
    {"192.0.2.7", "192.0.2.7/32", true},
    {"192.0.2.7", "0.0.0.0/0", true},
    {"192.0.2.128", "192.0.2.0/25", false},
    {"192.0.2.127", "192.0.2.0/25", true},
    {"192.0.3.1", "192.0.2.0/24", false},
    {"::ffff:192.0.2.7", "192.0.2.0/24", true},
    {"2001:db8::7", "2001:db8::/32", true},
    {"2001:db9::7", "2001:db8::/32", false},
    {"2001:db8::7", "::/0", true},
    {"192.0.2.7", "::/0", false},
    {"::1", "0.0.0.0/0", false},
    {"192.0.2.7", "10.0.0.0/8,192.0.2.0/24", true},
    {"192.0.2.7", "10.0.0.0/8,,192.0.2.7", false},
    {"192.0.2.7", "192.0.2.0/24,!192.0.2.7", false},
    {"192.0.2.7", "!192.0.2.7,192.0.2.0/24", false},
    {"192.0.2.7", "192.0.2.0/24,host.example", false},
    {"192.0.2.7", "192.0.2.0/24,10.0.0.0/33", false},
    {"192.0.2.7", "192.0.2.0/24,10.*", false},
    {"192.0.2.7", "2001:db8::/128,192.0.2.7", true},
    {"192.0.2.7", "::ffff:192.0.2.0/120", false},
    {"192.0.2.7", "", false},
    {"192.0.2.7", "192.0.2.0/33", false},
    {"192.0.2.7", "192.0.2.0/", false},
    {"192.0.2.7", "192.0.2.0/2x", false},
    {"192.0.2.7", "/0", false},
};

static void
test_networks(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(NETWORKS); i++) {
		struct netaddr address;
		assert_true(netaddr_parse(slice_str(NETWORKS[i].address), &address));
		assert_int_equal(
		    netaddr_is_in_list(&address, slice_str(NETWORKS[i].networks)), NETWORKS[i].in);
	}
}

static void
test_sockets(void **state)
{
	struct sockaddr_storage socket = {.ss_family = AF_UNIX};
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)&socket;
	struct netaddr address, expected;

	(void)state;
	assert_false(netaddr_of_socket(&socket, &address));
	in6->sin6_family = AF_INET6;
	assert_int_equal(inet_pton(AF_INET6, "::ffff:198.51.100.1", &in6->sin6_addr), 1);
	assert_true(netaddr_of_socket(&socket, &address));
	assert_true(netaddr_parse(slice_str("198.51.100.1"), &expected));
	assert_int_equal(netaddr_compare(&address, &expected), 0);
	assert_memory_equal(&address, &expected, sizeof address);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_blocks),
	    cmocka_unit_test(test_networks),
	    cmocka_unit_test(test_sockets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
