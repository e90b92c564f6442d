// SPDX-License-Identifier: Apache-2.0
/*
 * The sentence for people on every line ("message"). One small function a kind; numbers and
 * addresses by hand, since every line has one.
 */
#include "user/core/event.h"

#include <string.h>

#include "user/util/text.h"
#include "user/util/utf8.h"

#define PUT(t, literal) ds_text_put((t), (literal), sizeof(literal) - 1)

static void put_str(struct ds_text *t, const char *s)
{
	ds_text_puts(t, s ? s : "");
}

static void put_addr(struct ds_text *t, const struct ds_addr *a)
{
	char text[DS_ADDR_STRLEN];
	size_t len = ds_addr_format(a, text);

	ds_text_put(t, text, len);
}

/* "10.0.0.1:80", "[fd00::1]:80"; "*" for an address that is not known. */
static void put_endpoint(struct ds_text *t, const struct ds_event *ev, enum ds_key addr_key,
			 const struct ds_addr *a, enum ds_key port_key, int64_t port)
{
	bool known = ds_event_has(ev, addr_key) && ds_addr_is_set(a);
	bool v6 = known && !ds_addr_is_v4(a);

	if (v6)
		ds_text_putc(t, '[');
	if (known)
		put_addr(t, a);
	else
		ds_text_putc(t, '*');
	if (v6)
		ds_text_putc(t, ']');
	if (ds_event_has(ev, port_key)) {
		ds_text_putc(t, ':');
		ds_text_int(t, port);
	}
}

static void put_source(struct ds_text *t, const struct ds_event *ev)
{
	put_endpoint(t, ev, DS_KEY_SOURCE_ADDRESS, &ev->source, DS_KEY_SOURCE_PORT,
		     ev->source_port);
}

static void put_destination(struct ds_text *t, const struct ds_event *ev)
{
	put_endpoint(t, ev, DS_KEY_DESTINATION_ADDRESS, &ev->destination, DS_KEY_DESTINATION_PORT,
		     ev->destination_port);
}

/* "namespace/name", or what is known of it. */
static void put_pod(struct ds_text *t, const struct ds_event *ev)
{
	if (ds_event_has(ev, DS_KEY_POD_NAME)) {
		if (ds_event_has(ev, DS_KEY_POD_NAMESPACE)) {
			put_str(t, ev->pod_namespace);
			ds_text_putc(t, '/');
		}
		put_str(t, ev->pod_name);
	} else if (ds_event_has(ev, DS_KEY_POD_UID)) {
		PUT(t, "pod ");
		put_str(t, ev->pod_uid);
	} else if (ds_event_has(ev, DS_KEY_POD_IP)) {
		PUT(t, "pod ");
		put_addr(t, &ev->pod_ip);
	} else {
		PUT(t, "a pod");
	}
}

static void put_seconds(struct ds_text *t, int64_t ns)
{
	ds_text_seconds(t, ns);
	PUT(t, " s");
}

/* "1 connection", "3 connections" */
static void put_count(struct ds_text *t, int64_t n, const char *noun)
{
	ds_text_int(t, n);
	ds_text_putc(t, ' ');
	ds_text_puts(t, noun);
	if (n != 1)
		ds_text_putc(t, 's');
}

static void say_start(struct ds_text *t, const struct ds_event *ev)
{
	PUT(t, "drainsnoop ");
	put_str(t, ev->version);
	PUT(t, " started");
	if (ds_event_has(ev, DS_KEY_KERNEL_RELEASE)) {
		PUT(t, ", kernel ");
		put_str(t, ev->kernel_release);
	}
	if (ds_event_has(ev, DS_KEY_TIER)) {
		PUT(t, ", resets seen by ");
		put_str(t, ev->tier);
	}
	if (ds_event_has(ev, DS_KEY_PROBES_MISSING)) {
		PUT(t, ", without ");
		put_str(t, ev->probes_missing);
	}
}

static void say_packet(struct ds_text *t, const struct ds_event *ev)
{
	ds_text_puts(t, ds_name(DS_NAMES_HOOK, ev->hook));
	PUT(t, ": ");
	put_source(t, ev);
	PUT(t, " > ");
	put_destination(t, ev);
	if (ds_event_has(ev, DS_KEY_TCP_FLAGS)) {
		ds_text_putc(t, ' ');
		put_str(t, ev->tcp_flags);
	}
	if (ds_event_has(ev, DS_KEY_DROP_REASON)) {
		PUT(t, ", ");
		put_str(t, ev->drop_reason);
	} else if (ds_event_has(ev, DS_KEY_RESET_REASON)) {
		PUT(t, ", ");
		put_str(t, ev->reset_reason);
	}
	if (ds_event_has(ev, DS_KEY_ICMP_TYPE)) {
		PUT(t, ", ICMP ");
		ds_text_int(t, ev->icmp_type);
		ds_text_putc(t, '/');
		ds_text_int(t, ev->icmp_code);
	}
}

static void say_socket(struct ds_text *t, const struct ds_event *ev)
{
	put_source(t, ev);
	if (ds_event_has(ev, DS_KEY_DESTINATION_ADDRESS)) {
		PUT(t, " and ");
		put_destination(t, ev);
	}
	PUT(t, ": ");
	ds_text_puts(t, ds_name(DS_NAMES_SOCKET_CHANGE, ev->socket_change));
	if (ds_event_has(ev, DS_KEY_REQUEST_OUTSTANDING) && ev->request_outstanding)
		PUT(t, ", a request outstanding");
}

static void say_process(struct ds_text *t, const struct ds_event *ev)
{
	PUT(t, "process ");
	if (ds_event_has(ev, DS_KEY_PID)) {
		ds_text_int(t, ev->pid);
		ds_text_putc(t, ' ');
	}
	if (ds_event_has(ev, DS_KEY_IS_INIT) && ev->is_init)
		PUT(t, "(PID 1) ");
	ds_text_puts(t, ds_name(DS_NAMES_PROCESS_CHANGE, ev->process_change));
	if (ds_event_has(ev, DS_KEY_EXIT_CODE)) {
		PUT(t, ", exit code ");
		ds_text_int(t, ev->exit_code);
	}
}

static void say_traffic(struct ds_text *t, const struct ds_event *ev)
{
	if (ds_event_has(ev, DS_KEY_POD_NAME)) {
		put_pod(t, ev);
		PUT(t, ": ");
	}
	put_count(t, ev->traffic_accepted, "connection");
	PUT(t, " accepted on port ");
	ds_text_int(t, ev->traffic_port);
	PUT(t, " from ");
	put_addr(t, &ev->source);
}

static void say_route(struct ds_text *t, const struct ds_event *ev)
{
	ds_text_puts(t, ev->route_change == DS_ROUTE_CHANGE_RELEASED ? "released " : "assigned ");
	put_str(t, ev->address);
	if (ds_event_has(ev, DS_KEY_ROUTE_BY)) {
		PUT(t, ", by ");
		ds_text_puts(t, ds_name(DS_NAMES_ROUTE_BY, ev->route_by));
	}
	if (ds_event_has(ev, DS_KEY_IFACE_NAME)) {
		PUT(t, ", interface ");
		put_str(t, ev->iface_name);
	}
}

static void say_pod_state(struct ds_text *t, const struct ds_event *ev)
{
	put_pod(t, ev);
	if (ds_event_has(ev, DS_KEY_PHASE)) {
		ds_text_putc(t, ' ');
		ds_text_puts(t, ds_name(DS_NAMES_PHASE, ev->phase));
	}
	if (ds_event_has(ev, DS_KEY_POD_ADDRESSES)) {
		PUT(t, ", address ");
		put_str(t, ev->pod_addresses);
	}
	if (ds_event_has(ev, DS_KEY_TRIGGER)) {
		PUT(t, ", trigger ");
		ds_text_puts(t, ds_name(DS_NAMES_TRIGGER, ev->trigger));
	}
	if (ds_event_has(ev, DS_KEY_GRACE_PERIOD)) {
		PUT(t, ", grace ");
		ds_text_int(t, ev->grace_period_s);
		PUT(t, " s");
	}
}

static void say_target(struct ds_text *t, const struct ds_event *ev)
{
	PUT(t, "target ");
	put_str(t, ev->target_id);
	if (ds_event_has(ev, DS_KEY_TARGET_PORT)) {
		PUT(t, " port ");
		ds_text_int(t, ev->target_port);
	}
	ds_text_putc(t, ' ');
	ds_text_puts(t, ds_name(DS_NAMES_TARGET_STATE, ev->target_state));
	if (ds_event_has(ev, DS_KEY_TG_NAME)) {
		PUT(t, " in ");
		put_str(t, ev->tg_name);
	}
	if (ds_event_has(ev, DS_KEY_TARGET_SOURCE)) {
		PUT(t, ", says ");
		ds_text_puts(t, ds_name(DS_NAMES_TARGET_SOURCE, ev->target_source));
	}
}

static void say_lb_address(struct ds_text *t, const struct ds_event *ev)
{
	PUT(t, "load balancer ");
	if (ds_event_has(ev, DS_KEY_LB_NAME)) {
		put_str(t, ev->lb_name);
		ds_text_putc(t, ' ');
	}
	PUT(t, "uses ");
	put_str(t, ev->address);
}

static void say_node_address(struct ds_text *t, const struct ds_event *ev)
{
	PUT(t, "the node holds ");
	put_str(t, ev->address);
	if (ds_event_has(ev, DS_KEY_IFACE_NAME)) {
		PUT(t, " on ");
		put_str(t, ev->iface_name);
	}
}

static void say_tap(struct ds_text *t, const struct ds_event *ev)
{
	PUT(t, "tap");
	if (ds_event_has(ev, DS_KEY_TAP_CHANGE)) {
		ds_text_putc(t, ' ');
		ds_text_puts(t, ds_name(DS_NAMES_TAP_CHANGE, ev->tap_change));
	}
}

static void say_tick(struct ds_text *t, const struct ds_event *ev)
{
	ds_text_puts(t,
		     ds_event_has(ev, DS_KEY_FINAL) && ev->final ? "end of the recording" : "tick");
}

static void say_loss(struct ds_text *t, const struct ds_event *ev)
{
	if (ds_event_has(ev, DS_KEY_LOSS_COUNT))
		put_count(t, ev->loss_count, "event");
	else
		PUT(t, "events");
	PUT(t, " lost");
	if (ds_event_has(ev, DS_KEY_LOSS_CLASS)) {
		PUT(t, " (");
		put_str(t, ev->loss_class);
		ds_text_putc(t, ')');
	}
	if (ev->loss_stage >= 0 && ev->loss_stage < DS_LOSS_STAGE_MAX) {
		PUT(t, ": ");
		ds_text_puts(t, ds_names[DS_NAMES_LOSS_STAGE].docs[ev->loss_stage]);
	}
}

static void say_drop(struct ds_text *t, const struct ds_event *ev)
{
	put_pod(t, ev);
	PUT(t, ": connection ");
	put_source(t, ev);
	PUT(t, " > ");
	put_destination(t, ev);
	PUT(t, " lost, ");
	ds_text_puts(t, ds_name(DS_NAMES_CAUSE, ev->cause));
	if (ds_event_has(ev, DS_KEY_OUTCOME)) {
		PUT(t, " (");
		ds_text_puts(t, ds_name(DS_NAMES_OUTCOME, ev->outcome));
		ds_text_putc(t, ')');
	}
	if (ds_event_has(ev, DS_KEY_PHASE)) {
		PUT(t, "; pod ");
		ds_text_puts(t, ds_name(DS_NAMES_PHASE, ev->phase));
	}
	if (ds_event_has(ev, DS_KEY_SINCE_T0)) {
		PUT(t, ", ");
		put_seconds(t, ev->since_t0);
		PUT(t, " after it began to go");
	}
	if (ds_event_has(ev, DS_KEY_RELATION) && ev->relation != DS_RELATION_UNKNOWN) {
		PUT(t, "; ");
		ds_text_puts(t, ds_names[DS_NAMES_RELATION].docs[ev->relation]);
	}
}

static void say_phase(struct ds_text *t, const struct ds_event *ev)
{
	put_pod(t, ev);
	ds_text_putc(t, ' ');
	ds_text_puts(t, ds_name(DS_NAMES_PHASE, ev->phase));
	if (ds_event_has(ev, DS_KEY_CONTAINER)) {
		PUT(t, ", container ");
		put_str(t, ev->container);
	}
	if (ds_event_has(ev, DS_KEY_PHASE_PORT)) {
		PUT(t, ", port ");
		ds_text_int(t, ev->phase_port);
	}
	if (ds_event_has(ev, DS_KEY_SINCE_T0)) {
		PUT(t, ", ");
		put_seconds(t, ev->since_t0);
		PUT(t, " after it began to go");
	}
}

static void say_verdict(struct ds_text *t, const struct ds_event *ev)
{
	put_pod(t, ev);
	PUT(t, ": ");
	ds_text_puts(t, ds_name(DS_NAMES_VERDICT, ev->verdict));
	if (ds_event_has(ev, DS_KEY_VERDICT_REASON)) {
		PUT(t, " (");
		ds_text_puts(t, ds_name(DS_NAMES_VERDICT_REASON, ev->verdict_reason));
		ds_text_putc(t, ')');
	}
	if (ds_event_has(ev, DS_KEY_VERDICT_DROPS)) {
		PUT(t, ", ");
		put_count(t, ev->verdict_drops, "connection");
		PUT(t, " lost");
	}
	if (ds_event_has(ev, DS_KEY_TAIL)) {
		PUT(t, ", last arrival ");
		put_seconds(t, ev->tail);
		PUT(t, " after it began to go");
	}
	if (ds_event_has(ev, DS_KEY_OVERSLEEP)) {
		PUT(t, ", preStop ");
		put_seconds(t, ev->oversleep);
		PUT(t, " longer than was ever needed");
	}
	if (ds_event_has(ev, DS_KEY_ADVICE_WITHHELD)) {
		PUT(t, " (");
		ds_text_puts(t, ds_names[DS_NAMES_WITHHELD].docs[ev->advice_withheld]);
		ds_text_putc(t, ')');
	}
}

static void say_no_target(struct ds_text *t, const struct ds_event *ev)
{
	PUT(t, "no healthy target");
	if (ds_event_has(ev, DS_KEY_TG_NAME)) {
		PUT(t, " in ");
		put_str(t, ev->tg_name);
	}
	if (ds_event_has(ev, DS_KEY_TG_NO_TARGET)) {
		PUT(t, " for ");
		put_seconds(t, ev->tg_no_target);
	}
	if (ds_event_has(ev, DS_KEY_TG_TARGETS)) {
		PUT(t, ", of ");
		put_count(t, ev->tg_targets, "target");
	}
	if (ds_event_has(ev, DS_KEY_TG_READY)) {
		PUT(t, "; ");
		put_count(t, ev->tg_ready, "pod");
		PUT(t, " ready before its target was healthy");
	}
	if (ds_event_has(ev, DS_KEY_TG_LAST_ARRIVAL) && ds_event_has(ev, DS_KEY_NOT_BEFORE)) {
		PUT(t, "; last arrival ");
		put_seconds(t, ev->tg_last_arrival - ev->not_before);
		PUT(t, " after it began");
	}
}

static void say_advice(struct ds_text *t, const struct ds_event *ev)
{
	if (ds_event_has(ev, DS_KEY_ADVICE_OBJECT)) {
		put_str(t, ev->advice_object);
		PUT(t, ": ");
	}
	ds_text_puts(t, ds_name(DS_NAMES_ADVICE, ev->advice));
	if (ds_event_has(ev, DS_KEY_ADVICE_SUGGESTED)) {
		PUT(t, ": ");
		put_str(t, ds_event_has(ev, DS_KEY_ADVICE_FIELD) ? ev->advice_field : "it");
		if (ds_event_has(ev, DS_KEY_ADVICE_CURRENT)) {
			PUT(t, ", now ");
			put_str(t, ev->advice_current);
		}
		PUT(t, ", proposed ");
		put_str(t, ev->advice_suggested);
	}
}

static void say_workload(struct ds_text *t, const struct ds_event *ev)
{
	put_str(t, ev->advice_object);
	PUT(t, ": ");
	put_count(t, ev->advice_pods, "pod");
	PUT(t, " and ");
	put_count(t, ev->advice_rollouts, "rollout");
	PUT(t, " measured before");
}

static void say_health(struct ds_text *t, const struct ds_event *ev)
{
	ds_text_puts(t, ds_name(DS_NAMES_HEALTH, ev->health));
	if (ds_event_has(ev, DS_KEY_LOST_EVENTS)) {
		PUT(t, ", ");
		put_count(t, ev->lost_events, "event");
		PUT(t, " lost");
	}
	if (ds_event_has(ev, DS_KEY_PROBES_MISSING_COUNT) && ev->probes_missing_count) {
		PUT(t, ", ");
		put_count(t, ev->probes_missing_count, "probe");
		PUT(t, " missing");
	}
	if (ds_event_has(ev, DS_KEY_WATCH_LAG) && ev->watch_lag) {
		PUT(t, ", news of the cluster ");
		ds_text_seconds(t, ev->watch_lag);
		PUT(t, " s late");
	}
}

static void say_stop(struct ds_text *t, const struct ds_event *ev)
{
	PUT(t, "end of the run");
	if (ds_event_has(ev, DS_KEY_VERDICT_DROPS)) {
		PUT(t, ", ");
		put_count(t, ev->verdict_drops, "connection");
		PUT(t, " lost to rollouts");
	}
	if (ds_event_has(ev, DS_KEY_LOST_EVENTS) && ev->lost_events) {
		PUT(t, ", ");
		put_count(t, ev->lost_events, "event");
		PUT(t, " not seen");
	}
}

static void (*const say[DS_EVENT_MAX])(struct ds_text *t, const struct ds_event *ev) = {
	[DS_EVENT_START] = say_start,
	[DS_EVENT_PACKET] = say_packet,
	[DS_EVENT_SOCKET] = say_socket,
	[DS_EVENT_PROCESS] = say_process,
	[DS_EVENT_TRAFFIC] = say_traffic,
	[DS_EVENT_ROUTE] = say_route,
	[DS_EVENT_POD_STATE] = say_pod_state,
	[DS_EVENT_TARGET] = say_target,
	[DS_EVENT_LB_ADDRESS] = say_lb_address,
	[DS_EVENT_NODE_ADDRESS] = say_node_address,
	[DS_EVENT_TAP] = say_tap,
	[DS_EVENT_TICK] = say_tick,
	[DS_EVENT_LOSS] = say_loss,
	[DS_EVENT_WORKLOAD] = say_workload,
	[DS_EVENT_DROP] = say_drop,
	[DS_EVENT_PHASE] = say_phase,
	[DS_EVENT_VERDICT] = say_verdict,
	[DS_EVENT_NO_TARGET] = say_no_target,
	[DS_EVENT_ADVICE] = say_advice,
	[DS_EVENT_HEALTH] = say_health,
	[DS_EVENT_STOP] = say_stop,
};

size_t ds_event_message(const struct ds_event *ev, char *buf, size_t size)
{
	struct ds_text t = { .data = buf, .cap = size ? size - 1 : 0 };

	if (size == 0)
		return 0;
	say[ev->kind](&t, ev);
	if (t.cut && t.cap > 3) {
		t.len = ds_utf8_cut(buf, t.len, t.cap - 3);
		memcpy(buf + t.len, "...", 3);
		t.len += 3;
	}
	buf[t.len] = '\0';
	return t.len;
}
