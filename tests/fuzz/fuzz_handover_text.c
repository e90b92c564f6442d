// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzz target: the text of a ConfigMap that somebody else wrote, as a new leader takes it over.
 * What it makes of it is bounded, is made of events of ours to the letter, and is taken over again
 * as it is (a few times over where lines had no room for all that was told); the same events put
 * once more change nothing.
 *
 * Built from: user/source/cluster/handover_text.c user/source/cluster/handover_name.c
 */
#include <stdlib.h>
#include <string.h>

#include "user/core/event_json.h"
#include "user/source/cluster/handover_text.h"
#include "user/util/timefmt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ds_handover_text *loaded(const char *text, size_t len, struct ds_buf *ret_rendered)
{
	struct ds_handover_text *t;

	if (ds_handover_text_new(&t))
		abort();
	(void)ds_handover_text_load(t, "n", text, len);
	ds_handover_text_render(t, "n", ret_rendered);
	if (ret_rendered->len > DS_HANDOVER_TEXT_MAX ||
	    ds_handover_text_stats(t).lines > DS_HANDOVER_LINES_MAX ||
	    ds_handover_text_stats(t).bytes != ret_rendered->len)
		abort();
	return t;
}

/* Puts what each line says; each must be one. */
static void put_all(struct ds_handover_text *t, const struct ds_buf *rendered)
{
	for (size_t at = 0; at < rendered->len;) {
		const char *line = rendered->data + at;
		size_t len = (size_t)((const char *)memchr(line, '\n', rendered->len - at) - line);
		struct ds_event ev;
		struct ds_perr perr;

		if (ds_event_read(line, len, 0, &ev, &perr))
			abort();
		ds_handover_text_put(t, "n", &ev);
		ds_event_clear(&ev);
		at += len + 1;
	}
}

static bool is_same(const struct ds_buf *a, const struct ds_buf *b)
{
	return a->len == b->len && (!a->len || memcmp(a->data, b->data, a->len) == 0);
}

/*
 * Shorter values make another message, and that may take the room of other values: a line gets what
 * it keeps after as many rounds as the writer knows limits, at most.
 */
#define ROUNDS_MAX 7

static struct ds_handover_text *settled(const uint8_t *data, size_t size, struct ds_buf *ret_text)
{
	struct ds_handover_text *t = loaded((const char *)data, size, ret_text);
	struct ds_buf again = { 0 };

	for (int i = 0; i < ROUNDS_MAX && ret_text->len; i++) {
		if (!memmem(ret_text->data, ret_text->len, "...", 3))
			break;
		ds_handover_text_free(&t);
		t = loaded(ret_text->data, ret_text->len, &again);
		if (is_same(ret_text, &again))
			break;
		ds_buf_clear(ret_text);
		ds_buf_put(ret_text, again.data, again.len);
	}
	ds_buf_free(&again);
	return t;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ds_buf first = { 0 }, again = { 0 };
	struct ds_handover_text *t = settled(data, size, &first), *u;

	u = loaded(first.data ? first.data : "", first.len, &again);
	if (!is_same(&first, &again))
		abort();
	if (ds_handover_text_stats(u).bad || ds_handover_text_next(u, INT64_MAX))
		abort();
	put_all(u, &first);
	ds_handover_text_render(u, "n", &again);
	if (!is_same(&first, &again))
		abort();
	ds_handover_text_tick(t, DS_EVENT_TIME_MAX);
	ds_handover_text_body(t, "ns", "n", "u", "1", DS_EVENT_TIME_MAX, &again);
	if (!again.len)
		abort();
	ds_handover_text_free(&t);
	ds_handover_text_free(&u);
	ds_buf_free(&first);
	ds_buf_free(&again);
	return 0;
}
