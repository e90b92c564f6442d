/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as JSON lines (events.md, conventions 1.4): the writer, and the scanner of our own flat
 * lines. Pure. Both are driven by the table of keys in event.h.
 */
#ifndef DS_CORE_EVENT_JSON_H
#define DS_CORE_EVENT_JSON_H

#include "user/core/event.h"
#include "user/util/buf.h"

/* What was wrong with a line, and where: for a message that names file, line and fault. */
struct ds_perr {
	size_t offset;			/* byte in the line, from 0 */
	char what[160];			/* plain sentence without a full stop; printable ASCII */
};

/*
 * Writes one line with its newline into buf (cleared first): common keys, then the keys of the
 * event's kind in the order of DS_KEY_LIST. At most DS_EVENT_LINE_MAX bytes: a longer string
 * value is cut and ends in "...". Control characters, and bytes that are not UTF-8, are escaped
 * or replaced by U+FFFD.
 */
void ds_event_write(struct ds_buf *buf, const struct ds_event *ev, uint64_t seq);

/*
 * Reads one line (no newline) of len bytes. The line need not be ours to the letter: any flat JSON
 * object; unknown keys are ignored, a nested value under an unknown key too. Missing
 * "time" is allowed only if default_time_ns is not 0. On success *ret_ev owns its strings.
 * Returns 0; -EINVAL with *perr filled (not JSON, no or unknown event.name, a known key of another
 * type, an unknown word of a closed list, a bad address or time, a required key missing);
 * -ENOMEM, with *perr saying so. level defaults to the kind's; message is looked at only for its
 * form; drainsnoop.seq goes into source_seq. Known keys that the kind does not have are left out.
 */
int ds_event_read(const char *line, size_t len, int64_t default_time_ns,
		  struct ds_event *ret_ev, struct ds_perr *perr);

/* The JSON Schema (2020-12) of all events, made from the tables. */
void ds_event_schema(struct ds_buf *buf);

/* docs/events.md, made from the tables. */
void ds_event_docs(struct ds_buf *buf);

#endif
