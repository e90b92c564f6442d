/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run that ends, and the next one that begins with its state file.
 */
#ifndef DS_TESTS_UNIT_RESTART_STORY_H
#define DS_TESTS_UNIT_RESTART_STORY_H

#include "tests/unit/core_fixture.h"
#include "user/core/state.h"
#include "user/core/state_file.h"

#define S 1000 /* ms */

static const struct ds_state_header header = {
	.time_ns = FX_BEGIN,
	.run_id = "8f3a61c2",
	.boot_id = "0d5f21a9-4c6e-4a36-9b39-000000000000",
};

static inline void write_state(const struct fixture *f, struct ds_state_text *text)
{
	ds_state_begin(text, &header);
	ds_core_snapshot(f->core, ds_state_add, text);
	assert_int_equal(ds_state_end(text), 0);
}

static inline void feed_restored(void *ctx, struct ds_event *ev)
{
	ds_core_feed(((struct fixture *)ctx)->core, ev);
}

static inline void load(struct fixture *f, const struct ds_state_text *text, bool same_boot)
{
	char why[DS_STATE_WHY_LEN + 1];
	struct ds_state_view view;

	if (ds_state_parse(text->all.data, text->all.len, &view, why))
		fail_msg("%s", why);
	assert_int_equal(ds_state_each(&view, same_boot, feed_restored, f), 0);
}

/* A fresh core that was given the other's state; it begins at `ms`. */
static inline struct fixture *restarted(struct fixture *f, int64_t ms)
{
	struct fixture *g = fx_new_bounded(0, 0);
	struct ds_state_text text = { 0 };
	struct ds_event ev;

	write_state(f, &text);
	ds_event_init(&ev, DS_EVENT_START, fx_at(ms));
	DS_SET_STR(&ev, VERSION, version, "test");
	DS_SET(&ev, OPT_SETTLE, opt_settle, 10 * DS_NS_PER_S);
	ds_core_feed(g->core, &ev);
	load(g, &text, true);
	ds_event_init(&ev, DS_EVENT_LOSS, fx_at(ms));
	DS_SET(&ev, LOSS_STAGE, loss_stage, DS_LOSS_STAGE_RESTART);
	DS_SET(&ev, NOT_BEFORE, not_before, ds_core_known_until(f->core));
	DS_SET(&ev, NOT_AFTER, not_after, fx_at(ms));
	ds_core_feed(g->core, &ev);
	ds_state_text_free(&text);
	return g;
}

/* State, core, state: the same bytes. */
static inline void assert_round(struct fixture *f)
{
	struct fixture *g = fx_new_bounded(0, 0);
	struct ds_state_text first = { 0 }, second = { 0 };

	g->bytes_only = true;
	write_state(f, &first);
	load(g, &first, true);
	write_state(g, &second);
	assert_int_equal(first.lines, second.lines);
	if (first.all.len != second.all.len ||
	    memcmp(first.all.data, second.all.data, first.all.len) != 0)
		fail_msg("first:\n%s\nsecond:\n%s", first.all.data, second.all.data);
	assert_int_equal(ds_state_fingerprint(&first), ds_state_fingerprint(&second));
	ds_state_text_free(&first);
	ds_state_text_free(&second);
	fx_free(g);
}

#endif
