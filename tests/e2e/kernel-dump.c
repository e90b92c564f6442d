// SPDX-License-Identifier: Apache-2.0
/*
 * Prints what the kernel source delivers, without the core: for tests of the kernel side alone.
 * Commands on standard input, one a line: watch ADDR FLAGS, unwatch ADDR, tap on|off, find, drop,
 * mark TEXT (printed after all that happened before), stall MS (reads nothing so long), quit (also
 * at its end). Option -r BYTES: size of the ring buffer. Prints "kind key=value ..." a line.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/source/kernel/kernel.h"
#include "user/util/log.h"

static void print_value(const struct ds_event *ev, const struct ds_key_info *key)
{
	const void *p = (const char *)ev + key->offset;
	char text[DS_ADDR_STRLEN];

	switch (key->type) {
	case DS_TYPE_STR:
		printf("%s", *(const char *const *)p);
		break;
	case DS_TYPE_BOOL:
		printf("%s", *(const bool *)p ? "true" : "false");
		break;
	case DS_TYPE_U64:
		printf("%" PRIu64, *(const uint64_t *)p);
		break;
	case DS_TYPE_ENUM:
		printf("%s", ds_name(key->names, *(const int *)p));
		break;
	case DS_TYPE_TIME:
		printf("%+.3fs", (double)(*(const int64_t *)p - ev->time_ns) / 1e9);
		break;
	case DS_TYPE_MS:
		printf("%.3f", (double)*(const int64_t *)p / 1e6);
		break;
	case DS_TYPE_ADDR:
		(void)ds_addr_format(p, text);
		printf("%s", text);
		break;
	default:
		printf("%" PRId64, *(const int64_t *)p);
	}
}

static void print_event(void *ctx, struct ds_event *ev)
{
	static const char prefix[] = "drainsnoop.";
	static int64_t first;

	(void)ctx;
	if (!first)
		first = ev->time_ns;
	printf("%9.4f %s", (double)(ev->time_ns - first) / 1e9, ds_kinds[ev->kind].name + sizeof(prefix) - 1);
	for (int i = 0; i < DS_KEY_MAX; i++) {
		const char *name = ds_keys[i].key;

		if (!ds_event_has(ev, (enum ds_key)i))
			continue;
		if (strncmp(name, prefix, sizeof(prefix) - 1) == 0)
			name += sizeof(prefix) - 1;
		printf(" %s=", name);
		print_value(ev, &ds_keys[i]);
	}
	putchar('\n');
}

static void mark(struct ds_kernel *k, const char *text)
{
	while (ds_kernel_consume(k, 10000) > 0)
		;
	ds_kernel_tick(k);
	printf("### %s\n", text);
}

static void command(struct ds_kernel *k, char *line)
{
	struct ds_addr a;
	char *word = strtok(line, " \n"), *one = strtok(NULL, " \n"), *two = strtok(NULL, " \n");
	int r = 0;

	if (!word)
		return;
	if (strcmp(word, "find") == 0)
		r = ds_kernel_find_listeners(k);
	else if (strcmp(word, "drop") == 0)
		r = ds_kernel_drop_privileges(k);
	else if (one && strcmp(word, "stall") == 0)
		(void)usleep((useconds_t)strtoul(one, NULL, 0) * 1000);
	else if (one && strcmp(word, "tap") == 0)
		r = ds_kernel_tap(k, strcmp(one, "on") == 0);
	else if (one && strcmp(word, "mark") == 0)
		mark(k, one);
	else if (!one || ds_addr_parse(one, strlen(one), &a))
		r = -EINVAL;
	else if (strcmp(word, "watch") == 0)
		r = ds_kernel_watch(k, &a, two ? (uint32_t)strtoul(two, NULL, 0) : 0);
	else if (strcmp(word, "unwatch") == 0)
		r = ds_kernel_unwatch(k, &a);
	if (r)
		printf("!! %s: %s\n", word, strerror(-r));
}

int main(int argc, char **argv)
{
	struct ds_kernel_options options = { .netns_fd = -1, .deliver = print_event };
	struct pollfd fds[2] = { { .fd = STDIN_FILENO, .events = POLLIN } };
	struct ds_kernel *k = NULL;
	char line[256];
	int rounds = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	setvbuf(stdin, NULL, _IONBF, 0);
	for (int opt; (opt = getopt(argc, argv, "vr:")) != -1;) {
		if (opt == 'v')
			ds_log_verbose(true);
		else if (opt == 'r')
			options.ring_bytes = (uint32_t)strtoul(optarg, NULL, 0);
		else
			return 2;
	}
	if (ds_kernel_may_trace()) {
		fprintf(stderr, "may not trace\n");
		return 1;
	}
	if (ds_kernel_new(&k, &options))
		return 1;
	printf("tier %s\nattached %s\nmissing %s\n", ds_kernel_tier(k), ds_kernel_attached(k),
	       ds_kernel_missing(k));
	fds[1].fd = ds_kernel_fd(k);
	fds[1].events = POLLIN;
	for (;;) {
		(void)poll(fds, 2, 20);
		(void)ds_kernel_consume(k, 10000);
		if (++rounds % 25 == 0)
			ds_kernel_tick(k);
		if (fds[0].revents) {
			if (!fgets(line, sizeof(line), stdin) || strncmp(line, "quit", 4) == 0)
				break;
			command(k, line);
		}
	}
	ds_kernel_tick(k);
	ds_kernel_free(&k);
	return 0;
}
