// SPDX-License-Identifier: Apache-2.0
/*
 * Reads the state file whole: nothing of it is told before all of it is known to be good.
 */
#include "user/source/events/state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/util/cleanup.h"
#include "user/util/log.h"
#include "user/util/timefmt.h"

#define FILE_MAX (INT64_C(1) << 30)
#define SET_ASIDE_MAX 1000

void ds_state_boot_id(char id[DS_BOOT_ID_LEN + 1])
{
	ds_autoclose int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, id, DS_BOOT_ID_LEN);

	id[n > 0 ? n : 0] = '\0';
	id[strspn(id, "0123456789abcdef-")] = '\0';
}

/* Another name for it, which no file has. 0 or -errno. */
static int set_aside(const char *path, char *name, size_t size)
{
	for (int i = 1; i <= SET_ASIDE_MAX; i++) {
		if (snprintf(name, size, "%s.damaged-%d", path, i) >= (int)size)
			return -ENAMETOOLONG;
		if (renameat2(AT_FDCWD, path, AT_FDCWD, name, RENAME_NOREPLACE) == 0)
			return 0;
		if (errno == EINVAL && access(name, F_OK) && rename(path, name) == 0)
			return 0; /* a file system that does not know the flag */
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

static void refuse(const char *path, const char *why)
{
	char name[4096];
	int r = set_aside(path, name, sizeof(name));

	if (r)
		(void)ds_log_err(
			r,
			"the state file %s cannot be used (%s) and not be set aside either; "
			"beginning without it",
			path, why);
	else
		ds_log_warn(
			"the state file %s cannot be used (%s); it is kept as %s, beginning without it",
			path, why, name);
}

int ds_state_read(const char *path, struct ds_buf *buf)
{
	ds_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	if (st.st_size > FILE_MAX)
		return -EFBIG;
	if (!ds_buf_reserve(buf, (size_t)st.st_size + 1))
		return -ENOMEM;
	while (buf->cap - buf->len > 1) {
		n = read(fd, buf->data + buf->len, buf->cap - buf->len - 1);
		if (n == 0)
			break;
		if (n > 0)
			buf->len += (size_t)n;
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

int ds_state_load(const char *path, struct ds_state_header *ret_header,
		  void (*fn)(void *ctx, struct ds_event *ev), void *ctx)
{
	ds_cleanup(ds_buf_free) struct ds_buf buf = { 0 };
	char why[DS_STATE_WHY_LEN + 1], boot_id[DS_BOOT_ID_LEN + 1];
	struct ds_state_view view;
	bool same_boot;
	int r = ds_state_read(path, &buf);

	if (r == -ENOENT)
		return 0;
	if (r == -EFBIG) {
		refuse(path, "it is larger than 1 GiB");
		return 0;
	}
	if (r) {
		(void)ds_log_err(r, "read the state file %s, beginning without it", path);
		return 0;
	}
	if (ds_state_parse(buf.data ? buf.data : "", buf.len, &view, why)) {
		refuse(path, why);
		return 0;
	}
	ds_state_boot_id(boot_id);
	same_boot = boot_id[0] && !strcmp(boot_id, view.header.boot_id);
	*ret_header = view.header;
	if (ds_state_each(&view, same_boot, fn, ctx))
		(void)ds_log_err(ENOMEM, "read the state file %s: a part of it is missing", path);
	ds_log_info("%s: %" PRIu64 " events of run %s%s", path, view.lines, view.header.run_id,
		    same_boot ? "" : ", of another boot of this machine");
	return 1;
}
