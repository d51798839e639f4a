#include "stdio/options.h"

#include <strings.h>
#include <syslog.h>
#include <unistd.h>

static bool
parse_umask(const char *text, int *ret_umask)
{
	char *end;
	unsigned long value = strtoul(text, &end, 8);

	if (text[0] < '0' || text[0] > '7' || *end != '\0' || value > 0777)
		return false;
	*ret_umask = (int)value;
	return true;
}

/* What is wrong with an option's argument is told in one way. */
static bool
complain(const char *what, const char *argument)
{
	(void)fprintf(stderr, "dray-sftp-server: %s: %s\n", what, argument);
	return false;
}

static bool
take_option(int option, const char *argument, struct stdio_options *o)
{
	switch (option) {
	case 'R':
		o->read_only = true;
		return true;
	case 'd':
		o->start_dir = argument;
		return true;
	case 'e':
		o->report.to_stderr = true;
		return true;
	case 'h':
		o->help = true;
		return true;
	case 'f':
		return report_facility(argument, &o->report.facility) ||
		       complain("unknown log facility", argument);
	case 'l':
		return report_level(argument, &o->report.level) ||
		       complain("unknown log level", argument);
	case 'u':
		return parse_umask(argument, &o->umask) || complain("not an octal umask", argument);
	case 'p':
		o->allowed = argument;
		return true;
	case 'P':
		o->denied = argument;
		return true;
	case 'Q':
		o->query_requests = strcasecmp(argument, "requests") == 0;
		return o->query_requests || complain("nothing to be queried", argument);
	default:
		stdio_options_usage(stderr);
		return false;
	}
}

bool
stdio_options_parse(int argc, char **argv, struct stdio_options *ret_o)
{
	int option;

	*ret_o = (struct stdio_options){
	    .umask = -1,
	    .report = {.facility = LOG_AUTH, .level = LOG_ERR},
	};
	while ((option = getopt(argc, argv, "Rd:ef:hl:P:p:Q:u:")) != -1) {
		if (!take_option(option, optarg, ret_o))
			return false;
	}
	/* Operands are passed over, as OpenSSH's server does: scp -D gives it the host's name. */
	return true;
}

void
stdio_options_usage(FILE *to)
{
	(void)fprintf(to, "usage: dray-sftp-server [-ehR] [-d start_directory] [-f log_facility]\n"
			  "                        [-l log_level] [-P denied_requests]\n"
			  "                        [-p allowed_requests] [-u umask]\n"
			  "       dray-sftp-server -Q requests\n");
}
