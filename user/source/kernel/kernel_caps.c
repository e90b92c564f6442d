// SPDX-License-Identifier: Apache-2.0
/*
 * The capabilities of the calling thread.
 */
#include "user/source/kernel/kernel_caps.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int ds_caps_get(struct ds_caps *ret_caps)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	memset(data, 0, sizeof(data));
	if (syscall(SYS_capget, &header, data))
		return -errno;
	ret_caps->effective = data[0].effective | (uint64_t)data[1].effective << 32;
	ret_caps->permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	return 0;
}

static int caps_set(const struct ds_caps *caps)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	memset(data, 0, sizeof(data));	/* nothing is inherited */
	data[0].effective = (uint32_t)caps->effective;
	data[1].effective = (uint32_t)(caps->effective >> 32);
	data[0].permitted = (uint32_t)caps->permitted;
	data[1].permitted = (uint32_t)(caps->permitted >> 32);
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

bool ds_caps_may_trace(void)
{
	struct ds_caps caps;

	if (ds_caps_get(&caps))
		return false;
	return (caps.effective & DS_CAPS_NEEDED) == DS_CAPS_NEEDED ||
	       (caps.effective & DS_CAP_BIT(CAP_SYS_ADMIN));
}

int ds_caps_drop(void)
{
	struct ds_caps caps;
	int r = ds_caps_get(&caps);

	if (r)
		return r;
	caps.permitted &= DS_CAPS_NEEDED;
	caps.effective = 0;
	return caps_set(&caps);
}

int ds_caps_raise(bool on)
{
	struct ds_caps caps;
	int r = ds_caps_get(&caps);

	if (r)
		return r;
	caps.effective = on ? caps.permitted & DS_CAPS_NEEDED : 0;
	return caps_set(&caps);
}
