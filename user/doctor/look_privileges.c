// SPDX-License-Identifier: Apache-2.0
/* Reads this process's rights, and tries the two things that they are for. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "user/doctor/privileges.h"
#include "user/source/kernel/kernel_caps.h"
#include "user/util/cleanup.h"

#define CAPS_MAX 64
#define NO_COMMAND 0x7fffffff	/* of bpf(): no kernel will ever have so many */
#define MAP_BYTES (8U << 20)	/* about what ring buffer and maps take */

/* The beginning of a file, as text; "" where it cannot be read. */
static void read_text(const char *path, char *buf, size_t size)
{
	ds_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, size - 1);

	buf[n > 0 ? n : 0] = '\0';
}

static int seccomp_mode(void)
{
	static const char key[] = "\nSeccomp:";
	char status[4096], *at;

	read_text("/proc/self/status", status, sizeof(status));
	at = strstr(status, key);
	return at ? atoi(at + sizeof(key) - 1) : -1;
}

/* The machine's own user namespace maps every user to itself. */
static bool is_first_userns(void)
{
	unsigned long inside, outside, count;
	char map[256];

	read_text("/proc/self/uid_map", map, sizeof(map));
	return sscanf(map, "%lu %lu %lu", &inside, &outside, &count) != 3 ||
	       (inside == 0 && outside == 0 && count == 4294967295UL);
}

static uint64_t bounding_set(void)
{
	uint64_t set = 0;

	for (int cap = 0; cap < CAPS_MAX; cap++)
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1)
			set |= UINT64_C(1) << cap;
	return set;
}

static enum ds_lockdown lockdown(void)
{
	char text[128];

	read_text("/sys/kernel/security/lockdown", text, sizeof(text));
	if (strstr(text, "[none]"))
		return DS_LOCKDOWN_NONE;
	if (strstr(text, "[integrity]"))
		return DS_LOCKDOWN_INTEGRITY;
	return strstr(text, "[confidentiality]") ? DS_LOCKDOWN_CONFIDENTIALITY : DS_LOCKDOWN_UNKNOWN;
}

static int bpf_errno(unsigned int command, union bpf_attr *attr)
{
	long fd = syscall(SYS_bpf, command, attr, sizeof(*attr));

	if (fd < 0)
		return errno;
	(void)close((int)fd);	/* nothing was written */
	return 0;
}

void ds_doctor_look_privileges(struct ds_doctor_privileges *p)
{
	union bpf_attr nothing = { 0 };
	/* Of a type that needs CAP_BPF whatever kernel.unprivileged_bpf_disabled says. */
	union bpf_attr map = { .map_type = BPF_MAP_TYPE_LRU_HASH, .key_size = 4,
			       .value_size = 4096, .max_entries = MAP_BYTES / 4096 };
	struct ds_caps caps = { 0 };
	struct rlimit limit;

	(void)ds_caps_get(&caps);	/* cannot fail for this process; none then */
	p->effective = caps.effective;
	p->permitted = caps.permitted;
	p->bounding = bounding_set();
	p->root = geteuid() == 0;
	p->container = getenv("KUBERNETES_SERVICE_HOST") != NULL;
	p->first_userns = is_first_userns();
	p->seccomp = seccomp_mode();
	p->lockdown = lockdown();
	p->memlock_bytes = getrlimit(RLIMIT_MEMLOCK, &limit) || limit.rlim_cur == RLIM_INFINITY ?
			   UINT64_MAX : (uint64_t)limit.rlim_cur;
	p->bpf_errno = bpf_errno(NO_COMMAND, &nothing);
	p->map_errno = bpf_errno(BPF_MAP_CREATE, &map);
}
