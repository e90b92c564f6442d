/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a refused SYN costs in user space, stage by stage: its six records (as the kernel side makes
 * them for a terminating pod with the tap on) are decoded, merged, joined and written as one JSON
 * line. No kernel, no I/O: CPU time of this process alone. Beside it a peer: json-c builds and
 * prints the same line.
 *
 *   stages [CONNECTIONS]    default 400000, at 80,000 a second of event time
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "include/ds_record.h"
#include "tests/unit/kept_event.h"
#include "user/core/core.h"
#include "user/core/event_json.h"
#include "user/core/merge.h"
#include "user/source/kernel/kernel_decode.h"
#include "user/util/buf.h"
#include "user/util/timefmt.h"

#define BEGIN_NS (INT64_C(1795342500) * DS_NS_PER_S)
#define EVERY_NS 12500
#define RECORDS 6		/* of a refused SYN */
#define ROUND 800		/* connections between two reads of the ring buffer: 10 ms */
#define TUPLES 65536
#define WAITING_MAX 262144
#define LINES 100000

struct bench {
	struct ds_decoder *decoder;
	struct ds_merge *merge;
	struct ds_core *core;
	struct ds_buf line;
	uint64_t seq, lines, refused, bytes;
	int64_t in_ns, out_ns;		/* spent in decode and merge; in merge, core and line */
	struct ds_event sample;		/* a drop */
};

static int64_t cpu_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * DS_NS_PER_S + ts.tv_nsec;
}

static void emit(void *ctx, const struct ds_event *ev)
{
	struct bench *b = ctx;

	ds_event_write(&b->line, ev, b->lines++);
	b->bytes += b->line.len;
	if (ev->kind == DS_EVENT_DROP && b->sample.kind != DS_EVENT_DROP)
		b->sample = keep_event(ev);
}

static void wish(void *ctx, const struct ds_wish *w)
{
	(void)ctx;
	(void)w;
}

static struct ds_addr addr(const char *text)
{
	struct ds_addr a;

	if (ds_addr_parse(text, strlen(text), &a))
		abort();
	return a;
}

static void feed_pod(struct bench *b, enum ds_phase phase, int64_t at_ns)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_POD_STATE, at_ns);
	DS_SET_STR(&ev, POD_NAMESPACE, pod_namespace, "shop");
	DS_SET_STR(&ev, POD_NAME, pod_name, "web-6d5f9c7b44-x2x7q");
	DS_SET_STR(&ev, POD_UID, pod_uid, "0d5f21a9-4c6e-4a36-9b39-000000000001");
	DS_SET_STR(&ev, DEPLOYMENT, deployment, "web");
	DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, "10.0.3.1");
	DS_SET_STR(&ev, POD_PORTS, pod_ports, "8080");
	DS_SET(&ev, PHASE, phase, phase);
	if (phase == DS_PHASE_TERMINATING) {
		DS_SET(&ev, T0, t0, at_ns);
		DS_SET(&ev, T0_SOURCE, t0_source, DS_T0_SOURCE_DELETION_TIMESTAMP);
	}
	ds_core_feed(b->core, &ev);
}

static void feed_target(struct bench *b, enum ds_target_state state, int64_t at_ns)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_TARGET, at_ns);
	DS_SET_STR(&ev, TG_ARN, tg_arn,
		   "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/shop-web/0123456789abcdef");
	DS_SET_STR(&ev, TG_NAME, tg_name, "shop-web");
	DS_SET_STR(&ev, TARGET_ID, target_id, "10.0.3.1");
	DS_SET(&ev, TARGET_PORT, target_port, 8080);
	DS_SET(&ev, TARGET_STATE, target_state, state);
	DS_SET(&ev, TARGET_SOURCE, target_source, DS_TARGET_SOURCE_CONTROLLER_LOG);
	ds_core_feed(b->core, &ev);
}

static void set_up(struct bench *b)
{
	struct ds_core_options o = { .emit = emit, .wish = wish, .ctx = b };
	struct ds_event ev;

	if (ds_decoder_new(&b->decoder) || ds_core_new(&b->core, &o) ||
	    ds_merge_new(&b->merge, DS_MERGE_LATENESS_NS, WAITING_MAX))
		abort();
	(void)ds_decoder_set_reason(b->decoder, DS_REASON_DROP, 3, "NO_SOCKET");
	(void)ds_decoder_set_reason(b->decoder, DS_REASON_RESET, 3, "NO_SOCKET");
	ds_decoder_set_iface(b->decoder, 2, "ens5", DS_IFACE_UPLINK);
	ds_decoder_set_offset(b->decoder, BEGIN_NS);
	ds_event_init(&ev, DS_EVENT_START, BEGIN_NS);
	DS_SET(&ev, OPT_RATE_LIMIT, opt_rate_limit, 0);
	ds_core_feed(b->core, &ev);
	ds_event_init(&ev, DS_EVENT_LB_ADDRESS, BEGIN_NS);
	DS_SET_STR(&ev, ADDRESS, address, "10.0.0.10");
	ds_core_feed(b->core, &ev);
	feed_pod(b, DS_PHASE_READY, BEGIN_NS);
	feed_target(b, DS_TARGET_STATE_HEALTHY, BEGIN_NS);
	feed_pod(b, DS_PHASE_TERMINATING, BEGIN_NS + DS_NS_PER_S);
	feed_target(b, DS_TARGET_STATE_DRAINING, BEGIN_NS + DS_NS_PER_S);
}

/* The records of connection n, in the order in which the hooks run. */
static void make_records(int64_t n, struct ds_rec_packet r[RECORDS])
{
	static const struct {
		uint8_t hook, scope, flags;
		uint16_t facts;
		bool back;	/* the RST */
	} kinds[RECORDS] = {
		{ DS_REC_HOOK_TAP_RX, DS_REC_SCOPE_ROUTING, 0x02, 0, false },
		{ DS_REC_HOOK_TAP_RX, DS_REC_SCOPE_POD, 0x02, 0, false },
		{ DS_REC_HOOK_SEND_RESET, DS_REC_SCOPE_POD, 0x02, DS_REC_F_RESET_REASON, false },
		{ DS_REC_HOOK_TAP_TX, DS_REC_SCOPE_POD, 0x14, DS_REC_F_TRANSMIT, true },
		{ DS_REC_HOOK_TAP_RX, DS_REC_SCOPE_ROUTING, 0x14, 0, true },
		{ DS_REC_HOOK_KFREE_SKB, DS_REC_SCOPE_POD, 0x02, DS_REC_F_DROP_REASON, false },
	};
	static struct ds_addr lb, pod;
	int64_t at_ns = 2 * DS_NS_PER_S + n * EVERY_NS;

	if (!ds_addr_is_set(&lb)) {
		lb = addr("10.0.0.10");
		pod = addr("10.0.3.1");
	}
	memset(r, 0, RECORDS * sizeof(*r));
	for (int i = 0; i < RECORDS; i++) {
		bool back = kinds[i].back;

		r[i].h = (struct ds_rec_hdr){ .ts_ns = (uint64_t)(at_ns + i * 500),
					      .kind = DS_REC_PACKET, .size = sizeof(*r) };
		memcpy(r[i].saddr, back ? pod.bytes : lb.bytes, 16);
		memcpy(r[i].daddr, back ? lb.bytes : pod.bytes, 16);
		r[i].sport = back ? 8080 : (uint16_t)(n % TUPLES);
		r[i].dport = back ? (uint16_t)(n % TUPLES) : 8080;
		r[i].hook = kinds[i].hook;
		r[i].scope = kinds[i].scope;
		r[i].tcp_flags = kinds[i].flags;
		r[i].flags = kinds[i].facts | DS_REC_F_SEQ;
		r[i].seq = back ? 0 : (uint32_t)n;
		r[i].ack = back ? (uint32_t)n + 1 : 0;
		r[i].drop_reason = r[i].reset_reason = 3;
		r[i].netns = kinds[i].scope == DS_REC_SCOPE_POD ? 4026532001 : 4026531840;
		r[i].ifindex = kinds[i].scope == DS_REC_SCOPE_POD ? 0 : 2;
	}
}

static void feed(void *ctx, const struct ds_event *ev)
{
	struct bench *b = ctx;

	ds_core_feed(b->core, ev);
}

static void run(struct bench *b, int64_t connections)
{
	static struct ds_rec_packet records[ROUND][RECORDS];
	struct ds_event ev;

	for (int64_t n = 0; n < connections; n += ROUND) {
		int64_t t;

		for (int i = 0; i < ROUND; i++)
			make_records(n + i, records[i]);
		t = cpu_ns();
		for (int i = 0; i < ROUND * RECORDS; i++) {
			if (ds_decoder_decode(b->decoder, &records[i / RECORDS][i % RECORDS],
					      sizeof(records[0][0]), &ev) != 1)
				abort();
			ev.rank = DS_RANK_KERNEL;
			ev.source_seq = b->seq++;
			if (ds_merge_push(b->merge, &ev))
				b->refused++;
		}
		b->in_ns += cpu_ns() - t;
		t = cpu_ns();
		ds_merge_release(b->merge, BEGIN_NS + 2 * DS_NS_PER_S + n * EVERY_NS, feed, b);
		b->out_ns += cpu_ns() - t;
	}
}

/* The same line by the packaged library: parsed once, then built anew and printed each time. */
static int64_t json_c_ns(const struct bench *b, const char *line)
{
	struct json_object *sample = json_tokener_parse(line);
	int64_t t = cpu_ns();
	size_t sum = 0;

	for (int i = 0; i < LINES; i++) {
		struct json_object *o = NULL;

		if (json_object_deep_copy(sample, &o, NULL))
			abort();
		sum += strlen(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
		json_object_put(o);
	}
	if (sum < b->line.len)
		abort();
	t = cpu_ns() - t;
	json_object_put(sample);
	return t / LINES;
}

static int64_t line_ns(struct bench *b)
{
	int64_t t = cpu_ns();

	for (int i = 0; i < LINES; i++)
		ds_event_write(&b->line, &b->sample, (uint64_t)i);
	return (cpu_ns() - t) / LINES;
}

static void say(const char *what, double ns, int64_t connections)
{
	printf("%-28s %7.0f ns a connection  %6.0f ns a record\n", what, ns / (double)connections,
	       ns / (double)connections / RECORDS);
}

int main(int argc, char **argv)
{
	static struct bench b;
	int64_t n = argc > 1 ? atoll(argv[1]) : 400000, ours, theirs;

	if (n < ROUND) {
		(void)fprintf(stderr, "usage: stages [CONNECTIONS]   (%d or more)\n", ROUND);
		return 2;
	}
	n -= n % ROUND;
	set_up(&b);
	run(&b, n);
	if (b.refused || b.lines < (uint64_t)n / 2 || b.sample.kind != DS_EVENT_DROP) {
		(void)fprintf(stderr, "stages: %llu lines, %llu events refused\n",
			      (unsigned long long)b.lines, (unsigned long long)b.refused);
		return 1;
	}
	printf("%lld refused SYNs, %d records each; %llu lines of %llu bytes\n", (long long)n, RECORDS,
	       (unsigned long long)b.lines, (unsigned long long)(b.bytes / b.lines));
	say("decode, into the merge stage", (double)b.in_ns, n);
	say("out of it, core, line", (double)b.out_ns, n);
	say("all", (double)(b.in_ns + b.out_ns), n);
	ours = line_ns(&b);
	theirs = json_c_ns(&b, b.line.data);
	printf("the line alone               %7lld ns; json-c %lld ns: %.1f times as much\n",
	       (long long)ours, (long long)theirs, (double)theirs / (double)ours);
	ds_event_clear(&b.sample);
	ds_buf_free(&b.line);
	ds_merge_free(&b.merge);
	ds_core_free(&b.core);
	ds_decoder_free(&b.decoder);
	return 0;
}
