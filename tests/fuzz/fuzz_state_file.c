// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzz target: the state file, as it comes, and with a last line that fits what stands before it,
 * so that what lies behind the checksum is reached too. What is refused says why; of what is taken
 * every line is a restored event, and all of them written again are a state file as well.
 *
 * Built from: user/core/state_file.c
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/event_json.h"
#include "user/core/state_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct taken {
	struct ds_state_text again;
	uint64_t events;
};

static void check(bool good)
{
	if (!good)
		abort();
}

static void take(void *ctx, struct ds_event *ev)
{
	struct taken *taken = ctx;

	check(ds_event_has(ev, DS_KEY_RESTORED) && ev->restored);
	taken->events++;
	ds_state_add(&taken->again, ev);
}

static void check_view(const struct ds_state_view *view)
{
	char why[DS_STATE_WHY_LEN + 1];
	struct taken taken = { .events = 0 }, rebooted = { .events = 0 };
	struct ds_state_view again;

	check(view->header.time_ns >= 0 && view->header.time_ns <= DS_EVENT_TIME_MAX);
	ds_state_begin(&taken.again, &view->header);
	check(!ds_state_each(view, true, take, &taken) && taken.events == view->lines);
	check(!ds_state_end(&taken.again));
	check(!ds_state_parse(taken.again.all.data, taken.again.all.len, &again, why));
	check(again.lines == view->lines && again.header.time_ns == view->header.time_ns);
	ds_state_begin(&rebooted.again, &view->header);
	check(!ds_state_each(view, false, take, &rebooted) && rebooted.events <= taken.events);
	ds_state_text_free(&taken.again);
	ds_state_text_free(&rebooted.again);
}

static void parse(const char *data, size_t size)
{
	char why[DS_STATE_WHY_LEN + 1];
	struct ds_state_view view;
	int r = ds_state_parse(data, size, &view, why);

	check(memchr(why, '\0', sizeof(why)) && (r == 0 || r == -EINVAL) && !why[0] == !r);
	if (!r)
		check_view(&view);
}

static void parse_whole(const char *data, size_t size)
{
	struct ds_state_text t = { 0 };

	ds_buf_put(&t.all, data, size);
	if (size && data[size - 1] != '\n')
		ds_buf_putc(&t.all, '\n');
	for (size_t i = 0; i < t.all.len; i++)
		t.lines += t.all.data[i] == '\n';
	t.lines -= t.lines > 0;		/* the header */
	if (t.all.len && !ds_state_end(&t))
		parse(t.all.data, t.all.len);
	ds_state_text_free(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	parse((const char *)data, size);
	parse_whole((const char *)data, size);
	return 0;
}
