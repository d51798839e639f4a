/* dray: the operator's command. */
#include "base/clock.h"
#include "cli/cli.h"

int
main(int argc, char **argv)
{
	struct cli cli = {.out = stdout, .err = stderr, .now_us = time_now_us()};

	return (int)cli_run(&cli, argc, argv);
}
