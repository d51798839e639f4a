/*
 * A main for fuzz targets in ordinary builds: runs the target over every file of the directories
 * and files named on the command line, so that a corpus is a regression test without libFuzzer.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { INPUT_MAX = 1 << 20 };

static int
replay_file(const char *path)
{
	static uint8_t input[INPUT_MAX];
	FILE *f = fopen(path, "rb");

	if (f == NULL) {
		perror(path);
		return 1;
	}
	size_t len = fread(input, 1, sizeof input, f);
	fclose(f);
	/* An exact copy on the heap lets AddressSanitizer see the first byte read past the end. */
	uint8_t *exact = malloc(len == 0 ? 1 : len);
	if (exact == NULL)
		return 1;
	for (size_t i = 0; i < len; i++)
		exact[i] = input[i];
	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
	return 0;
}

static int
replay_dir(const char *path, unsigned *n_files)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char name[4096];
	int failed = 0;

	if (dir == NULL) {
		perror(path);
		return 1;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
		failed |= replay_file(name);
		(*n_files)++;
	}
	closedir(dir);
	return failed;
}

int
main(int argc, char **argv)
{
	unsigned n_files = 0;
	int failed = 0;

	for (int i = 1; i < argc; i++) {
		struct stat st;
		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode)) {
			failed |= replay_dir(argv[i], &n_files);
		} else {
			failed |= replay_file(argv[i]);
			n_files++;
		}
	}
	printf("%u inputs replayed\n", n_files);
	return n_files == 0 ? 1 : failed;
}
