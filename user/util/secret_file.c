// SPDX-License-Identifier: Apache-2.0
#include "user/util/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "user/util/wipe.h"
#include "user/util/cleanup.h"

/* At most size bytes of fd. Their number or -errno. */
static ssize_t read_up_to(int fd, char *text, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = read(fd, text + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

int ds_secret_file_read(const char *path, size_t max, char **ret_text, size_t *ret_len)
{
	/* O_NONBLOCK: the loop must not stand still for a FIFO that nobody writes to. */
	ds_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char *text;
	ssize_t n;

	if (fd < 0)
		return -errno;
	text = ds_wipe_calloc(1, max + 2);	/* a byte more than may be, and a NUL */
	if (!text)
		return -ENOMEM;
	n = read_up_to(fd, text, max + 1);
	if (n > (ssize_t)max)
		n = -EFBIG;
	if (n < 0) {
		ds_wipe_free(text);
		return (int)n;
	}
	*ret_text = text;
	*ret_len = (size_t)n;
	return 0;
}
