/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The form of a state file: a header line, the events of a snapshot as JSON lines, a trailer line
 * with the number of events and a checksum of all bytes before it. Made and read back here. Pure.
 */
#ifndef DS_CORE_STATE_FILE_H
#define DS_CORE_STATE_FILE_H

#include "user/core/event.h"
#include "user/util/buf.h"

#define DS_STATE_VERSION 1
#define DS_BOOT_ID_LEN 36 /* of /proc/sys/kernel/random/boot_id */
#define DS_STATE_WHY_LEN 200

struct ds_state_header {
	int64_t time_ns; /* up to here everything is in it */
	char run_id[DS_RUN_ID_LEN + 1];
	char boot_id[DS_BOOT_ID_LEN + 1];
};

/* ---- making one ---- */

/* Zeroed at first; ds_state_text_free at last. */
struct ds_state_text {
	struct ds_buf all;
	struct ds_buf line;
	struct ds_state_header header;
	size_t body; /* where the events begin */
	uint64_t lines;
};

void ds_state_begin(struct ds_state_text *t, const struct ds_state_header *header);

/* ctx is the struct ds_state_text: for ds_core_snapshot. */
void ds_state_add(void *ctx, const struct ds_event *ev);

/* Writes the trailer. 0, or -ENOMEM: then it is not to be used. */
int ds_state_end(struct ds_state_text *t);

/* A number for the events alone: two texts with the same one say the same. After ds_state_end. */
uint64_t ds_state_fingerprint(const struct ds_state_text *t);

void ds_state_text_free(struct ds_state_text *t);

/* ---- reading one ---- */

struct ds_state_view {
	struct ds_state_header header;
	const char *body; /* borrowed of the data */
	size_t body_len;
	uint64_t lines;
};

/*
 * Checks all of it: form, version, checksum, and that each line is a restored event. 0 with
 * *ret_view; else -EINVAL with a plain phrase in why, and nothing of it may be used.
 */
int ds_state_parse(const char *data, size_t len, struct ds_state_view *ret_view,
		   char why[DS_STATE_WHY_LEN + 1]);

/*
 * Gives each event of a parsed state, in order. same_boot false: the machine was started anew, so
 * network namespaces and open listeners are left out. 0, or -ENOMEM when some could not be given.
 */
int ds_state_each(const struct ds_state_view *view, bool same_boot,
		  void (*fn)(void *ctx, struct ds_event *ev), void *ctx);

#endif
