/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all formats share: a parser's state, stamps, and telling of targets as
 * drainsnoop.target.state events. Pure.
 *
 * Every event carries bounds (not_before, not_after) by the clock of who said it, and
 * clock.error_ms, by how much that clock may be off. Its time is the upper bound. Stamps are
 * floors: one of whole seconds means the second that follows it.
 */
#ifndef DS_SOURCE_TARGETS_TELL_H
#define DS_SOURCE_TARGETS_TELL_H

#include <json-c/json.h>

#include "user/core/event.h"
#include "user/source/targets/targets_split.h"

#define DS_TARGETS_CLOCK_ERROR_NS INT64_C(50000000)	/* of a host that keeps time by NTP */
#define DS_TARGETS_CALLS_MAX 64
#define DS_TARGETS_A_CALL_MAX 1000	/* targets of one: AWS takes no more */
#define DS_TARGETS_LAST_MAX 16384

struct ds_targets_last;

/* A call that the controller has begun and not ended. */
struct ds_targets_call {
	char arn[DS_EVENT_LINE_MAX / 8];
	bool deregisters;
	uint64_t owner;		/* version 1: the ingress (its hash), else 0 */
	int64_t begun_ns;
	json_object *targets;	/* owned */
};

struct ds_targets_parser {
	/* An event; rank and source_seq are the caller's. Its strings are borrowed for the call. */
	void (*deliver)(void *ctx, struct ds_event *ev);
	/* What is wrong, and from what line on. */
	void (*fault)(void *ctx, uint64_t line, const char *what);
	void *ctx;
	int64_t clock_error_ns;
	int64_t now_ns;		/* stands in for a time that was not given; 0 = a fault */
	int64_t latest_ns;	/* no line was written later; 0 = not known */
	/* sums */
	uint64_t items, events, skipped, bad;
	/* the rest is its own: zero at first */
	struct ds_targets_split split;
	struct ds_targets_call calls[DS_TARGETS_CALLS_MAX];
	unsigned next_call;
	struct ds_targets_last *last;	/* when each target was last read as registered */
	size_t last_cnt;
	int64_t stamp_lo_ns, stamp_hi_ns;	/* a line of its own with a time, 0 = none */
	char stamp_group[DS_EVENT_LINE_MAX / 8];
	uint64_t line;		/* of the item at hand */
	bool klog;		/* version 1 of the controller writes here */
	struct ds_buf partial[2];	/* of standard output and error: parts of a line */
};

/* One target as a source names it. */
struct ds_targets_told {
	const char *group;	/* ARN or name; "" or NULL = not told */
	const char *id;
	int64_t port;		/* 0 = not told: whichever the group has */
	int state;
	const char *reason;
	int source;
	int64_t lo_ns, hi_ns;	/* lo_ns 0 = no bound */
};

void ds_targets_tell(struct ds_targets_parser *p, const struct ds_targets_told *told);

/*
 * The same for a reading of a state, in [lo, hi]: a drain is bounded by the last reading of that
 * target that said otherwise, which may have been out of date by DS_ELB_LAG_NS.
 */
void ds_targets_tell_reading(struct ds_targets_parser *p, const struct ds_targets_told *told);

/* The item is wrong. */
void ds_targets_bad(struct ds_targets_parser *p, const char *what);

/*
 * A stamp as text: RFC 3339, "YYYY-MM-DD hh:mm:ss" (UTC), or seconds since the epoch; [lo, hi) is
 * what it may mean. 0 or -EINVAL.
 */
int ds_targets_stamp(const char *text, size_t len, int64_t *ret_lo_ns, int64_t *ret_hi_ns);

/* A string member of an object, or NULL. */
const char *ds_targets_string(json_object *object, const char *key);

/*
 * Calls tell for each target of a list, or of {"items": [...]}, whose keys are in any case ("Id",
 * "id"). told->id and ->port are filled in. Returns how many, -EINVAL where it is no list.
 */
int ds_targets_each(struct ds_targets_parser *p, json_object *targets,
		    struct ds_targets_told *told);

/* Frees what it remembers of targets. */
void ds_targets_tell_free(struct ds_targets_parser *p);

#endif
