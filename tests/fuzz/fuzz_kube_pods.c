// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzz target: what the API server answers, by way of the splitter, the machine and the reading of
 * pods. The first byte chooses: L, the bytes are a list; else there is one already, and they are a
 * watch. However they are cut into blocks the same events come out, each one of ours to the letter.
 *
 * Built from: user/source/kube/kube_split.c user/source/kube/kube_watch.c
 * Built from: user/source/kube/kube_json.c user/source/kube/kube_known.c
 * Built from: user/source/kube/kube_pod.c user/source/kube/kube_pods.c
 * Built from: user/source/kube/kube_prestop.c user/source/kube/kube_ready.c
 * Built from: user/source/kube/kube_owner.c user/util/percent.c
 * Packages: json-c
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/event_json.h"
#include "user/source/kube/kube_pod.h"
#include "user/source/kube/kube_pods.h"
#include "user/util/hash.h"

#define NOW INT64_C(1795387050000000000)
#define POD(name, uid) \
	"{\"metadata\":{\"name\":\"" name "\",\"uid\":\"" uid \
	"\"},\"status\":{\"podIP\":\"10.0.0.1\"}}"
static const char first[] = "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[" POD(
	"a", "u1") "," POD("b", "u2") "]}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sums {
	struct ds_kube_pods pods; /* first: it is what the hooks get */
	uint64_t hash, events, troubles;
};

static void deliver(void *ctx, struct ds_event *ev)
{
	struct sums *sums = ctx;
	struct ds_buf line = { 0 };
	struct ds_event again;
	struct ds_perr perr;

	if (ev->kind != DS_EVENT_POD_STATE && ev->kind != DS_EVENT_LOSS)
		abort();
	ds_event_canonical(ev);
	ds_event_write(&line, ev, 0);
	if (!line.failed) {
		sums->hash = sums->hash * 31 + ds_siphash13(1, 2, line.data, line.len);
		if (ds_event_read(line.data, line.len - 1, 0, &again, &perr) == -EINVAL)
			abort();
		ds_event_clear(&again);
	}
	sums->events++;
	ds_buf_free(&line);
}

static void trouble(void *ctx, const char *what)
{
	struct sums *sums = ctx;

	sums->troubles += what && what[0];
}

static void answer(struct ds_kube_watch *w, struct sums *sums, const char *data, size_t size,
		   size_t block)
{
	struct ds_kube_end end = { .status = 200, .retry_after_ns = -1 };
	struct ds_kube_request request;
	bool more = true;

	if (ds_kube_watch_next(w, sums->pods.now_ns, &request))
		abort();
	for (size_t at = 0; at < size && more; at += block)
		more = ds_kube_watch_feed(w, data + at, size - at < block ? size - at : block,
					  sums->pods.now_ns);
	sums->pods.now_ns += 1000000000;
	ds_kube_watch_done(w, &end, sums->pods.now_ns);
}

static struct sums run(const uint8_t *data, size_t size, size_t block)
{
	struct sums sums = { .pods = { .deliver = deliver, .node = "n", .now_ns = NOW } };
	struct ds_kube_watch_options o = {
		.path = "/p",
		.selector = "",
		.what = "pods",
		.keep = ds_kube_pod_keep,
		.max = 8,
		.take = ds_kube_pods_take,
		.tell = ds_kube_pods_tell,
		.drop = ds_kube_pods_drop,
		.trouble = trouble,
		.ctx = &sums,
	};
	struct ds_kube_watch *w;

	sums.pods.ctx = &sums;
	if (ds_kube_watch_new(&w, &o))
		abort();
	if (data[0] != 'L')
		answer(w, &sums, first, strlen(first), 65536);
	answer(w, &sums, (const char *)data + 1, size - 1, block);
	answer(w, &sums, first, strlen(first), 65536);
	if (ds_kube_watch_stats(w).objects > 8)
		abort();
	ds_kube_watch_free(&w);
	return sums;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sums whole, parts;

	if (!size)
		return 0;
	whole = run(data, size, 65536);
	parts = run(data, size, 13);
	if (whole.hash != parts.hash || whole.events != parts.events ||
	    whole.troubles != parts.troubles)
		abort();
	return 0;
}
