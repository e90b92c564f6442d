// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzz target: what is handed over to an agent. The first byte chooses: O, the bytes are a
 * ConfigMap as the API server sends it; else the text in it. What comes out is of the kinds that a
 * hand-over may tell, each line once, each event one of ours to the letter; the same once more is
 * no news.
 *
 * Built from: user/source/handover/handover_read.c user/source/kube/kube_json.c
 * Packages: json-c
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/event_json.h"
#include "user/core/merge.h"
#include "user/source/cluster/handover_text.h"
#include "user/source/handover/handover_read.h"

#define NOW INT64_C(1795387050000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sums {
	uint64_t events, bad;
};

static void check(bool good)
{
	if (!good)
		abort();
}

static void deliver(void *ctx, struct ds_event *ev)
{
	struct sums *sums = ctx;
	struct ds_buf line = { 0 };
	struct ds_event again;
	struct ds_perr perr;

	check(ev->kind == DS_EVENT_POD_STATE || ev->kind == DS_EVENT_TARGET ||
	      ev->kind == DS_EVENT_LB_ADDRESS);
	check(!ds_event_has(ev, DS_KEY_RESTORED) && ev->time_ns <= NOW);
	check(ev->rank == DS_RANK_EVENTS && ev->source_seq == sums->events);
	sums->events++;
	ds_event_canonical(ev);
	ds_event_write(&line, ev, 0);
	if (!line.failed) {
		check(ds_event_read(line.data, line.len - 1, 0, &again, &perr) != -EINVAL);
		ds_event_clear(&again);
	}
	ds_buf_free(&line);
}

static void fault(void *ctx, size_t line, const char *what)
{
	struct sums *sums = ctx;

	check(line && what[0]);
	sums->bad++;
}

static void feed(struct ds_handover_reader *r, const uint8_t *data, size_t size)
{
	json_object *object;
	char *text;

	if (data[0] != 'O') {
		ds_handover_reader_text(r, (const char *)data + 1, size - 1, NOW);
		return;
	}
	text = malloc(size);
	if (!text)
		return;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	object = json_tokener_parse(text);
	ds_handover_reader_object(r, object, NOW);
	json_object_put(object);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sums sums = { 0 }, once;
	struct ds_handover_read_options o = { .deliver = deliver, .fault = fault, .ctx = &sums,
					      .seed = 42 };
	struct ds_handover_reader *r;
	struct ds_handover_read_stats stats;

	if (!size)
		return 0;
	check(!ds_handover_reader_new(&r, &o));
	feed(r, data, size);
	once = sums;
	feed(r, data, size);
	stats = ds_handover_reader_stats(r);
	check(sums.events == once.events && sums.bad == once.bad);
	check(stats.events == sums.events && stats.bad == sums.bad);
	check(sums.events + sums.bad <= DS_HANDOVER_LINES_MAX);
	ds_handover_reader_free(&r);
	return 0;
}
