/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ownership by scope: a local tagged ds_cleanup(fn) is given to fn(&local) when it leaves its
 * scope; DS_TAKE hands it on instead.
 */
#ifndef DS_UTIL_CLEANUP_H
#define DS_UTIL_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

#define ds_cleanup(fn) __attribute__((cleanup(fn)))

#define DS_TAKE(p) \
	({ __typeof__(p) taken_ = (p); (p) = NULL; taken_; })

static inline void ds_free_p(void *pp)
{
	free(*(void **)pp);
}

static inline void ds_close_p(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);	/* read side, or already checked by the writer */
}

#define ds_autofree ds_cleanup(ds_free_p)
#define ds_autoclose ds_cleanup(ds_close_p)

#endif
