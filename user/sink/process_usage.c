// SPDX-License-Identifier: Apache-2.0
#include "user/sink/process_usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "user/util/cleanup.h"
#include "user/util/clock.h"
#include "user/util/timefmt.h"

#define STAT_TEXT 1024	/* of /proc/self/stat: 52 numbers and a name of at most 64 bytes */

static int64_t ticks_to_ns(uint64_t ticks)
{
	long hz = sysconf(_SC_CLK_TCK);

	return hz > 0 ? (int64_t)((double)ticks * (double)DS_NS_PER_S / (double)hz) : -1;
}

/* proc(5): the name, in parentheses, may hold anything; the third field follows its last one. */
static void read_stat(struct ds_process_usage *usage)
{
	ds_autoclose int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	char text[STAT_TEXT];
	uint64_t user, system, start, bytes;
	int64_t pages;
	const char *fields;
	ssize_t len;

	len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (len <= 0)
		return;
	text[len] = '\0';
	fields = strrchr(text, ')');
	if (!fields ||
	    sscanf(fields + 1,
		   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64
		   " %*d %*d %*d %*d %*d %*d %" SCNu64 " %" SCNu64 " %" SCNd64,
		   &user, &system, &start, &bytes, &pages) != 5)
		return;
	usage->cpu_ns = ticks_to_ns(user + system);
	/* Since the boot, by a clock that goes on while the machine sleeps. */
	usage->start_ns = ds_clock_ns(CLOCK_REALTIME) - ds_clock_ns(CLOCK_BOOTTIME) +
			  ticks_to_ns(start);
	usage->virtual_bytes = (int64_t)bytes;
	usage->resident_bytes = pages * sysconf(_SC_PAGESIZE);
}

static int64_t count_fds(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int64_t cnt = 0;

	if (!folder)
		return -1;
	for (const struct dirent *e = readdir(folder); e; e = readdir(folder))
		cnt += e->d_name[0] != '.';
	(void)closedir(folder);		/* was only read */
	return cnt - 1;			/* the folder's own */
}

void ds_process_usage_read(struct ds_process_usage *usage)
{
	int64_t start_ns = usage->start_ns;
	struct rlimit limit;

	*usage = (struct ds_process_usage){ -1, -1, -1, -1, -1, -1 };
	read_stat(usage);
	if (start_ns > 0)
		usage->start_ns = start_ns;
	usage->open_fds = count_fds();
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
		usage->max_fds = (int64_t)limit.rlim_cur;
}
