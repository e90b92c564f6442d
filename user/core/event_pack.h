/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events that wait, packed: only the values that are there, one behind the other, strings within.
 * An event of the kernel takes some 300 bytes in place of struct ds_event's 1,500. Pure.
 */
#ifndef DS_CORE_EVENT_PACK_H
#define DS_CORE_EVENT_PACK_H

#include "user/core/event.h"

/* How many bytes ds_event_pack() writes for it. */
size_t ds_event_packed_size(const struct ds_event *ev);

/* Packs it, and that it came late, into so many bytes at `to`, aligned for anything. */
void ds_event_pack(const struct ds_event *ev, bool late, void *to);

/* Makes *ret_ev what was packed. Its strings are borrowed from the packed bytes. */
void ds_event_unpack(const void *from, struct ds_event *ret_ev);

#endif
