// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzz target: every format of --targets, by way of the splitter and the detection. However the
 * stream is cut into blocks the same comes out; every event is one of ours to the letter.
 *
 * Built from: user/source/targets/targets_split.c user/source/targets/targets_tell.c
 * Built from: user/source/targets/targets_parse.c
 * Built from: user/source/targets/targets_cloudtrail.c user/source/targets/targets_controller.c
 * Built from: user/source/targets/targets_klog.c user/source/targets/targets_health.c
 * Built from: user/source/targets/targets_csv.c
 * Packages: json-c
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/event_json.h"
#include "user/source/targets/targets_parse.h"
#include "user/util/hash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sums {
	uint64_t hash, events, faults;
	bool check;
};

static void deliver(void *ctx, struct ds_event *ev)
{
	struct sums *sums = ctx;
	struct ds_buf line = { 0 };
	struct ds_event again;
	struct ds_perr perr;

	ds_event_write(&line, ev, 0);
	if (!line.failed) {
		sums->hash = sums->hash * 31 + ds_siphash13(1, 2, line.data, line.len);
		if (sums->check) {
			if (ds_event_read(line.data, line.len - 1, 0, &again, &perr) == -EINVAL)
				abort();
			ds_event_clear(&again);
		}
	}
	if (ev->kind != DS_EVENT_TARGET)
		abort();
	sums->events++;
	ds_buf_free(&line);
}

static void fault(void *ctx, uint64_t line, const char *what)
{
	struct sums *sums = ctx;

	if (!line || !what[0])
		abort();
	sums->faults++;
}

static struct sums run(const uint8_t *data, size_t size, size_t block, bool check)
{
	struct sums sums = { .check = check };
	struct ds_targets_parser p = {
		.deliver = deliver, .fault = fault, .ctx = &sums,
		.clock_error_ns = DS_TARGETS_CLOCK_ERROR_NS,
		.latest_ns = INT64_C(1795387045) * 1000000000,
	};

	for (size_t at = 0; at < size; at += block)
		ds_targets_parse_feed(&p, (const char *)data + at,
				      size - at < block ? size - at : block);
	ds_targets_parse_end(&p);
	if (p.events != sums.events || p.bad != sums.faults)
		abort();
	ds_targets_parse_free(&p);
	return sums;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sums whole = run(data, size, 65536, true), parts = run(data, size, 13, false);

	if (whole.hash != parts.hash || whole.faults != parts.faults)
		abort();
	return 0;
}
