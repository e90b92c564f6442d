/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps an event for longer than the call that gave it, by way of event_pack.h.
 */
#ifndef DS_TESTS_UNIT_KEPT_EVENT_H
#define DS_TESTS_UNIT_KEPT_EVENT_H

#include <stdlib.h>

#include "user/core/event_pack.h"

/* The same event, which owns its strings: ds_event_clear frees them. */
static inline struct ds_event keep_event(const struct ds_event *ev)
{
	void *bytes = malloc(ds_event_packed_size(ev));
	struct ds_event kept;

	if (!bytes)
		abort();
	ds_event_pack(ev, ev->late, bytes);
	ds_event_unpack(bytes, &kept);
	kept.text = bytes;
	return kept;
}

#endif
