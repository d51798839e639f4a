/* drayd: the gateway daemon, and those of its roles that are started of this program. See drayd(8).
 */
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "config/config.h"
#include "os/process.h"
#include "roles/roles.h"

enum { EXIT_USAGE = 2, EXIT_CONFIG = 4, CONFIG_ERRORS_MAX = 64 * 1024 };

static const struct {
	const char *name;
	int (*run)(int core_fd);
} ROLES[] = {
    {"courier", role_courier},
    {"worker", role_worker},
    {"checker", role_checker},
};

static int
run_role(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(ROLES); i++) {
		if (strcmp(name, ROLES[i].name) != 0)
			continue;
		log_set_role(ROLES[i].name);
		log_import();
		/* Past exit handlers: a confined process may not do what libraries do in theirs. */
		_exit(ROLES[i].run(PROCESS_CHANNEL_FD));
	}
	return EXIT_USAGE;
}

static void
usage(FILE *to)
{
	(void)fprintf(to, "usage: drayd [-tV] [-c FILE]\n"
			  "  -c FILE  the configuration (default: /etc/dray/dray.yaml)\n"
			  "  -t       check the configuration and the files it names, and exit\n"
			  "  -V       print the version and exit\n");
}

static int
check_config(const char *path)
{
	struct config *config _cleanup_(config_unrefp) = NULL;
	struct buf errors _cleanup_(buf_fini);

	buf_init(&errors, CONFIG_ERRORS_MAX);
	enum err e = config_load(path, &config, &errors);
	if (e == ERR_OK)
		e = config_check_files(config, &errors);
	(void)fprintf(stderr, "%.*s", SLICE_ARG(buf_slice(&errors)));
	if (e != ERR_OK)
		return EXIT_CONFIG;
	printf("%s: ok\n", path);
	return 0;
}

int
main(int argc, char **argv)
{
	const char *config_path = "/etc/dray/dray.yaml";
	bool check = false;
	int option;

	if (argc == 3 && strcmp(argv[1], "--role") == 0)
		return run_role(argv[2]);
	while ((option = getopt(argc, argv, "c:htV")) != -1) {
		switch (option) {
		case 'c':
			config_path = optarg;
			break;
		case 't':
			check = true;
			break;
		case 'V':
			printf("drayd %s\n", DRAY_VERSION);
			return 0;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (optind != argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	log_set_role("core");
	return check ? check_config(config_path) : role_core(config_path);
}
