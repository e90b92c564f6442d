/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of targets alone, without a core: what the tests of targets share.
 */
#ifndef DS_TESTS_UNIT_TARGET_STORY_H
#define DS_TESTS_UNIT_TARGET_STORY_H

#include "tests/unit/core_fixture.h"
#include "user/core/target.h"

static struct ds_targets *targets;	/* holds four of them */

static inline int targets_setup(void **state)
{
	(void)state;
	return ds_targets_new(&targets, 4);
}

static inline int targets_teardown(void **state)
{
	(void)state;
	ds_targets_free(&targets);
	assert_null(targets);
	return 0;
}

static inline struct ds_target *update(const struct ds_event *ev)
{
	int previous = -2;

	return ds_targets_update(targets, ev, &previous);
}

static inline struct ds_target *tell(int64_t ms, int n, enum ds_target_state s)
{
	struct ds_event ev = fx_target_event(ms, n, s);

	return update(&ev);
}

#endif
