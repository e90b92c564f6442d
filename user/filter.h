/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filter of what is printed. It comes after the core: recordings, verdicts and sums always hold
 * everything. Pure.
 */
#ifndef DS_FILTER_H
#define DS_FILTER_H

#include "user/core/event.h"

#define DS_FILTER_LIST_MAX 64

struct ds_filter {
	const char *namespaces[DS_FILTER_LIST_MAX];
	int namespaces_cnt;
	const char *pods[DS_FILTER_LIST_MAX];	/* names; a trailing * matches a prefix */
	int pods_cnt;
	uint16_t ports[DS_FILTER_LIST_MAX];	/* of the pod */
	int ports_cnt;
	uint32_t kinds;				/* 1 << enum ds_event_kind, 0 = all */
	bool draining_only;
	uint8_t family;				/* 0 = both, 4, 6 */
};

bool ds_filter_passes(const struct ds_filter *f, const struct ds_event *ev);

/* Adds the kinds of "drop,verdict,..." to f->kinds. 0, or -EINVAL for an unknown or empty word. */
int ds_filter_parse_kinds(struct ds_filter *f, const char *list);

/* The words that ds_filter_parse_kinds knows, for messages. Static. */
const char *ds_filter_kind_words(void);

#endif
