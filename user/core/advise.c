/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Advice per workload, from what was measured over all its pods (DESIGN section 8): one function a
 * code. What a rollout shows is told when it is over; what other pods show, once it has settled.
 * A line is written when what it says is new. Pure.
 */
#include <stdio.h>
#include <string.h>

#include "user/core/cause.h"
#include "user/core/workload.h"

#define STOP_MARGIN_S 2		/* from SIGTERM to exit, at the least (DESIGN section 8) */
#define TELL_ANYWAY_NS (300 * DS_NS_PER_S)	/* what does not settle is told after this */
#define EVIDENCE_MAX 320
#define PRESTOP_FIELD "spec.template.spec.containers[].lifecycle.preStop.sleep.seconds"

/* ---- the line ---- */

struct advice {
	enum ds_advice code;
	const char *object;	/* NULL = the workload */
	const char *field;
	const char *current;	/* NULL = not known */
	const char *suggested;
	const char *evidence;
	int confidence;		/* at most this */
};

/* By how many pods it is carried, where it is about a length of time. */
static int by_pods(const struct ds_workload *w)
{
	return w->m.pods >= 3 ? DS_CONFIDENCE_HIGH : DS_CONFIDENCE_MEDIUM;
}

static void write_advice(struct ds_core *core, const struct ds_workload *w, const struct advice *a)
{
	bool doubtful = !ds_peers_know_load_balancer(&core->peers) || core->lost_events;
	struct ds_event ev;

	ds_core_start_event(core, &ev, DS_EVENT_ADVICE, core->now_ns);
	DS_SET(&ev, ADVICE, advice, (int)a->code);
	DS_SET_STR(&ev, ADVICE_OBJECT, advice_object, a->object ? a->object : w->key);
	DS_SET_STR(&ev, ADVICE_FIELD, advice_field, a->field);
	DS_SET_STR(&ev, ADVICE_CURRENT, advice_current, a->current);
	DS_SET_STR(&ev, ADVICE_SUGGESTED, advice_suggested, a->suggested);
	DS_SET_STR(&ev, ADVICE_EVIDENCE, advice_evidence, a->evidence);
	DS_SET(&ev, ADVICE_CONFIDENCE, advice_confidence,
	       doubtful ? DS_CONFIDENCE_LOW : a->confidence);
	DS_SET(&ev, ADVICE_PODS, advice_pods, w->m.pods);
	DS_SET(&ev, ADVICE_ROLLOUTS, advice_rollouts, w->m.rollouts);
	ds_core_emit(core, &ev);
}

/* The same for a setting in whole seconds: current -1 = not known, 0 = none. */
static void write_seconds(struct ds_core *core, struct ds_workload *w, enum ds_advice code,
			  const char *field, int64_t current_s, int64_t suggested_s,
			  const char *evidence)
{
	char current[24] = "none", suggested[24];

	w->said[code] = suggested_s;
	if (current_s > 0)
		(void)snprintf(current, sizeof(current), "%lld", (long long)current_s);
	(void)snprintf(suggested, sizeof(suggested), "%lld", (long long)suggested_s);
	write_advice(core, w,
		     &(const struct advice){ .code = code, .field = field,
					     .current = current_s >= 0 ? current : NULL,
					     .suggested = suggested, .evidence = evidence,
					     .confidence = by_pods(w) });
}

/* ---- lengths of time ---- */

static int64_t ceil_s(int64_t ns)
{
	return (ns + DS_NS_PER_S - 1) / DS_NS_PER_S;
}

static double seconds(int64_t ns)
{
	return (double)ns / (double)DS_NS_PER_S;
}

/* value + its margin: at least floor_ns, else percent of it. */
static int64_t with_margin(int64_t value_ns, int64_t floor_ns, int64_t percent)
{
	int64_t share = value_ns / 100 * percent;

	return value_ns + (share > floor_ns ? share : floor_ns);
}

static int64_t prestop_for_s(const struct ds_measured *m, int64_t tail_ns)
{
	return ceil_s(with_margin(tail_ns, DS_NS_PER_S, 10) + m->tail_error_ns);
}

static int64_t needed_prestop_s(const struct ds_measured *m)
{
	return prestop_for_s(m, m->tail_ns);
}

static int64_t needed_grace_s(const struct ds_measured *m, int64_t prestop_s)
{
	return prestop_s + ceil_s(with_margin(m->stop_ns, STOP_MARGIN_S * DS_NS_PER_S, 20));
}

/* Every rollout that counts must have had enough of every address to see one that goes on. */
static bool carries(const struct ds_measured *m, int64_t sleep_s)
{
	int64_t rate = (DS_TRAFFIC_NEEDED * 1000 + sleep_s - 1) / sleep_s;

	return m->rates[DS_ROLLOUTS_NEEDED - 1] >= rate;
}

/* ---- preStop and the grace period ---- */

/* Only where something was lost: a longer hook has its price, and a clean rollout needs none. */
static void raise_prestop(struct ds_core *core, struct ds_workload *w)
{
	/* A longer hook only keeps the connections that an NLB leaves with the pod for longer. */
	bool kept = w->m.begun_ns >= 0 && w->m.begun_ns < w->m.tail_ns;
	int64_t tail_ns = kept ? w->m.begun_ns : w->m.tail_ns;
	int64_t needed = prestop_for_s(&w->m, tail_ns);
	char evidence[EVIDENCE_MAX];

	if (!w->m.drops || !w->m.tail_known || (kept && !tail_ns) || needed <= w->prestop_s ||
	    needed == w->said[DS_ADVICE_RAISE_PRESTOP])
		return;
	(void)snprintf(evidence, sizeof(evidence),
		       "the load balancer %s until %.3f s after deletion was requested (error %.3f s); "
		       "%lld connections lost", kept ? "opened connections" : "sent", seconds(tail_ns),
		       seconds(w->m.tail_error_ns), (long long)w->m.drops);
	write_seconds(core, w, DS_ADVICE_RAISE_PRESTOP, PRESTOP_FIELD, w->prestop_s, needed,
		      evidence);
}

static void lower_prestop(struct ds_core *core, struct ds_workload *w)
{
	int64_t needed = needed_prestop_s(&w->m);
	char evidence[EVIDENCE_MAX];

	if (!w->m.tail_known || needed >= w->prestop_s ||
	    needed == w->said[DS_ADVICE_LOWER_PRESTOP] ||
	    (w->grace_s >= 0 && w->prestop_s >= w->grace_s) || !carries(&w->m, needed))
		return;
	(void)snprintf(evidence, sizeof(evidence),
		       "the load balancer never sent later than %.3f s after deletion was requested "
		       "(error %.3f s); in %d rollouts each of its addresses would have sent %lld times or "
		       "more within %lld s", seconds(w->m.tail_ns), seconds(w->m.tail_error_ns),
		       DS_ROLLOUTS_NEEDED,
		       (long long)(w->m.rates[DS_ROLLOUTS_NEEDED - 1] / 1000 * needed),
		       (long long)needed);
	write_seconds(core, w, DS_ADVICE_LOWER_PRESTOP, PRESTOP_FIELD, w->prestop_s, needed,
		      evidence);
}

static void explain_grace(const struct ds_workload *w, int64_t prestop_s, bool measured,
			  char evidence[EVIDENCE_MAX])
{
	char stop[96] = "how long the application takes to stop was not measured: a lower bound";

	if (measured)
		(void)snprintf(stop, sizeof(stop), "%.3f s from SIGTERM to exit at the slowest",
			       seconds(w->m.stop_ns));
	if (w->hook_cut_ns >= 0)
		(void)snprintf(evidence, EVIDENCE_MAX,
			       "the preStop hook was cut: it asks for %lld s of a grace period of %lld s, and "
			       "SIGTERM came %.3f s after deletion was requested; %s", (long long)w->prestop_s,
			       (long long)w->grace_s, seconds(w->hook_cut_ns), stop);
	else
		(void)snprintf(evidence, EVIDENCE_MAX, "preStop of %lld s; %s", (long long)prestop_s,
			       stop);
}

static void raise_grace(struct ds_core *core, struct ds_workload *w)
{
	int64_t advised = w->said[DS_ADVICE_RAISE_PRESTOP], needed;
	int64_t prestop = advised > w->prestop_s ? advised : w->prestop_s;
	/* An exit by SIGKILL says only that the grace period was too short, not by how much. */
	bool measured = w->m.stop_ns >= 0 && !w->m.killed_pods;
	char evidence[EVIDENCE_MAX];

	/* Without a measure only a hook that is not shorter than the grace period speaks for it. */
	if (prestop < 0 || w->grace_s < 0 || (!measured && advised < 0 && w->hook_cut_ns < 0))
		return;
	needed = measured ? needed_grace_s(&w->m, prestop) : prestop + STOP_MARGIN_S;
	if (needed <= w->grace_s || needed == w->said[DS_ADVICE_RAISE_GRACE])
		return;
	explain_grace(w, prestop, measured, evidence);
	write_seconds(core, w, DS_ADVICE_RAISE_GRACE, "spec.template.spec.terminationGracePeriodSeconds",
		      w->grace_s, needed, evidence);
}

/* ---- other codes that a rollout shows ---- */

/* Says it once. True: it was not said before, and there is something to say. */
static bool say_once(struct ds_workload *w, enum ds_advice code)
{
	if (!w->found[code].cnt || w->said[code] >= 0)
		return false;
	w->said[code] = 0;
	return true;
}

static void fix_sigterm(struct ds_core *core, struct ds_workload *w)
{
	const struct ds_finding *f = &w->found[DS_ADVICE_FIX_SIGTERM];
	char evidence[EVIDENCE_MAX], killed[64] = "";

	if (!say_once(w, DS_ADVICE_FIX_SIGTERM))
		return;
	if (f->most_ns >= 0)
		(void)snprintf(killed, sizeof(killed), "; SIGKILL came %.3f s later",
			       seconds(f->most_ns));
	(void)snprintf(evidence, sizeof(evidence), "%s in %lld of %lld pods%s",
		       w->ignoring_pods ? "PID 1 of a container has no handler for SIGTERM" :
					  "SIGTERM was delivered and the ports stayed open until SIGKILL",
		       (long long)f->cnt, (long long)w->m.pods, killed);
	write_advice(core, w, &(const struct advice){
			     .code = DS_ADVICE_FIX_SIGTERM,
			     .field = "spec.template.spec.containers[].command",
			     .current = w->ignoring_pods ? "SIGTERM is ignored" :
							   "no reaction to SIGTERM",
			     .suggested = "PID 1 handles SIGTERM or forwards it",
			     .evidence = evidence,
			     .confidence = w->ignoring_pods ? DS_CONFIDENCE_HIGH :
							      DS_CONFIDENCE_LOW });
}

static void raise_delay(struct ds_core *core, struct ds_workload *w)
{
	const struct ds_finding *f = &w->found[DS_ADVICE_RAISE_DELAY];
	char evidence[EVIDENCE_MAX], object[200], current[24], suggested[40], since[64] = "";

	if (w->delay_s < 0 || !say_once(w, DS_ADVICE_RAISE_DELAY))
		return;
	if (f->most_ns >= 0)
		(void)snprintf(since, sizeof(since), ", outstanding for up to %.3f s",
			       seconds(f->most_ns));
	(void)snprintf(object, sizeof(object), "TargetGroup/%s", w->group);
	(void)snprintf(current, sizeof(current), "%lld", (long long)w->delay_s);
	(void)snprintf(suggested, sizeof(suggested), "more than %lld", (long long)w->delay_s);
	(void)snprintf(evidence, sizeof(evidence),
		       "the load balancer reset %lld connections with a request to pods of this workload at "
		       "the end of the delay%s; how long they would have taken is not known",
		       (long long)f->cnt, since);
	write_advice(core, w, &(const struct advice){
			     .code = DS_ADVICE_RAISE_DELAY, .object = object,
			     .field = "deregistration_delay.timeout_seconds", .current = current,
			     .suggested = suggested, .evidence = evidence,
			     .confidence = by_pods(w) });
}

/* For as long as the load balancer sends to it, the address must not be another pod's. */
static void raise_address_cooldown(struct ds_core *core, struct ds_workload *w)
{
	const struct ds_finding *f = &w->found[DS_ADVICE_RAISE_ADDRESS_COOLDOWN];
	char evidence[EVIDENCE_MAX], current[64], suggested[24];
	int64_t needed;

	if (f->most_ns < 0 || w->reuse_ns < 0)
		return;
	needed = ceil_s(with_margin(f->most_ns, DS_NS_PER_S, 10));
	if (needed <= w->said[DS_ADVICE_RAISE_ADDRESS_COOLDOWN])
		return;
	w->said[DS_ADVICE_RAISE_ADDRESS_COOLDOWN] = needed;
	(void)snprintf(current, sizeof(current), "reused after %.1f s", seconds(w->reuse_ns));
	(void)snprintf(suggested, sizeof(suggested), "%lld", (long long)needed);
	(void)snprintf(evidence, sizeof(evidence),
		       "the load balancer sent to the address for %.3f s after its release, %lld connections of "
		       "them to the pod that had it by then", seconds(f->most_ns), (long long)f->cnt);
	write_advice(core, w, &(const struct advice){
			     .code = DS_ADVICE_RAISE_ADDRESS_COOLDOWN,
			     .object = "DaemonSet/kube-system/aws-node", .field = "IP_COOLDOWN_PERIOD",
			     .current = current, .suggested = suggested, .evidence = evidence,
			     .confidence = by_pods(w) });
}

/* Connections that no grace period outlasts, or that an NLB leaves in use until the pod ends. */
static void limit_connection_age(struct ds_core *core, struct ds_workload *w)
{
	const struct ds_finding *f = &w->found[DS_ADVICE_LIMIT_CONNECTION_AGE];
	char evidence[EVIDENCE_MAX], current[64];

	if (w->said[DS_ADVICE_LIMIT_CONNECTION_AGE] >= 0 || (!f->cnt && w->kept_ns < 0))
		return;
	w->said[DS_ADVICE_LIMIT_CONNECTION_AGE] = 0;
	if (f->cnt) {
		(void)snprintf(current, sizeof(current), "connections %.1f s old",
			       seconds(f->most_ns));
		(void)snprintf(evidence, sizeof(evidence),
			       "%lld connections, older and quiet for longer than the grace period of %lld s, were cut "
			       "when their pods ended: no grace period outlasts them", (long long)f->cnt,
			       (long long)w->grace_s);
	} else {
		(void)snprintf(current, sizeof(current), "used for %.1f s of the drain",
			       seconds(w->kept_ns));
		(void)snprintf(evidence, sizeof(evidence),
			       "the load balancer leaves connections with a target that drains: they were used until "
			       "%.3f s after deletion was requested, and lost; new ones came until %.3f s. A longer "
			       "preStop keeps them in use for longer", seconds(w->kept_ns),
			       seconds(w->m.begun_ns));
	}
	write_advice(core, w, &(const struct advice){
			     .code = DS_ADVICE_LIMIT_CONNECTION_AGE,
			     .field = "longest life of a connection in the application",
			     .current = current,
			     .suggested = "a limit, or GOAWAY (or a close) on SIGTERM",
			     .evidence = evidence, .confidence = by_pods(w) });
}

/* ---- what pods that stay show ---- */

/* It came to an end, or has gone on for long enough. */
static bool is_settled(const struct ds_core *core, const struct ds_finding *f)
{
	return f->cnt && (core->final || core->now_ns - f->last_ns >= core->settle_ns ||
			  core->now_ns - f->first_ns >= TELL_ANYWAY_NS);
}

/* The longest silence after which a pod closed a connection: its keep-alive timeout. 0 = none. */
static int64_t longest_silence(const struct ds_core *core, const struct ds_workload *w)
{
	int64_t longest = 0;

	for (const struct ds_pod *pod = ds_ledger_first(core->ledger); pod; pod = pod->next)
		if (pod->drops_by[DS_CAUSE_KEEPALIVE_RACE] && pod->idle_close_ns > longest &&
		    ds_workload_has(w, pod))
			longest = pod->idle_close_ns;
	return longest;
}

static void raise_keepalive(struct ds_core *core, struct ds_workload *w)
{
	const struct ds_finding *f = &w->found[DS_ADVICE_RAISE_KEEPALIVE];
	char evidence[EVIDENCE_MAX], current[32], after[96] = "";
	int64_t silence;

	if (!is_settled(core, f) || !say_once(w, DS_ADVICE_RAISE_KEEPALIVE))
		return;
	silence = longest_silence(core, w);
	(void)snprintf(current, sizeof(current), "%.1f s", seconds(silence));
	if (silence)
		(void)snprintf(after, sizeof(after), "; they close what was silent for %.3f s",
			       seconds(silence));
	(void)snprintf(evidence, sizeof(evidence),
		       "%lld requests came on connections that pods had closed while they were not going away%s",
		       (long long)f->cnt, after);
	write_advice(core, w, &(const struct advice){
			     .code = DS_ADVICE_RAISE_KEEPALIVE,
			     .field = "keep-alive timeout of the application",
			     .current = silence ? current : NULL,
			     .suggested = "more than the load balancer's idle timeout",
			     .evidence = evidence,
			     .confidence = silence ? DS_CONFIDENCE_HIGH : DS_CONFIDENCE_MEDIUM });
}

/* What they have for a readiness probe now, as far as it was told. */
static void put_probe(const struct ds_workload *w, const struct ds_finding *f, char *buf,
		      size_t size)
{
	const char *probe = strstr(w->probes, "readiness:");
	const char *what = !w->probes[0] ? "" : probe ? "a probe, " : "no probe, ";

	if (f->most_ns >= 0)
		(void)snprintf(buf, size, "%sready %.1f s before it listens", what,
			       seconds(f->most_ns));
	else
		(void)snprintf(buf, size, "%s",
			       !w->probes[0] ? "" : probe ? "a probe that does not ask the port" : "none");
}

static void add_readiness_probe(struct ds_core *core, struct ds_workload *w)
{
	const struct ds_finding *f = &w->found[DS_ADVICE_ADD_READINESS_PROBE];
	char evidence[EVIDENCE_MAX], current[64], suggested[64];
	bool is_known = f->most_ns >= 0 || (w->probes[0] && !strstr(w->probes, "readiness:"));

	if (!is_settled(core, f) || !say_once(w, DS_ADVICE_ADD_READINESS_PROBE))
		return;
	put_probe(w, f, current, sizeof(current));
	(void)snprintf(suggested, sizeof(suggested), "ready once port %u answers", f->port);
	(void)snprintf(evidence, sizeof(evidence),
		       "%lld connections to port %u were refused: the target was registered, and nothing had "
		       "listened there since the pod's start", (long long)f->cnt, f->port);
	write_advice(core, w, &(const struct advice){
			     .code = DS_ADVICE_ADD_READINESS_PROBE,
			     .field = "spec.template.spec.containers[].readinessProbe",
			     .current = current[0] ? current : NULL, .suggested = suggested,
			     .evidence = evidence,
			     .confidence = is_known ? DS_CONFIDENCE_HIGH : DS_CONFIDENCE_MEDIUM });
}

static void add_readiness_gate(struct ds_core *core, struct ds_workload *w)
{
	const struct ds_finding *f = &w->found[DS_ADVICE_ADD_READINESS_GATE];
	char evidence[EVIDENCE_MAX], lasted[64] = "";

	if (!is_settled(core, f) || !say_once(w, DS_ADVICE_ADD_READINESS_GATE))
		return;
	if (f->most_ns >= 0)
		(void)snprintf(lasted, sizeof(lasted), " for %.3f s", seconds(f->most_ns));
	(void)snprintf(evidence, sizeof(evidence),
		       "%lld pods were ready while no target was healthy%s", (long long)f->cnt, lasted);
	write_advice(core, w, &(const struct advice){
			     .code = DS_ADVICE_ADD_READINESS_GATE,
			     .field = "spec.template.spec.readinessGates",
			     .current = w->gates[0] ? w->gates : NULL,
			     .suggested = "target-health.elbv2.k8s.aws/<TargetGroupBinding>",
			     .evidence = evidence,
			     /* They wait for some, and yet they were ready: for this group's? */
			     .confidence = !strcmp(w->gates, "none") ? DS_CONFIDENCE_HIGH :
								       DS_CONFIDENCE_MEDIUM });
}

/* ---- what comes in, and when it is told ---- */

void ds_advise_judged(struct ds_core *core, struct ds_pod *pod)
{
	struct ds_workload *w = ds_workload_of(core->workloads, pod);

	if (w)	/* else there is no memory: no advice for this one */
		ds_workload_judged(core, w, pod);
}

/* How long it had been said to be ready at that moment; -1 = it was not. */
static int64_t ready_for(const struct ds_pod *pod, int64_t at_ns)
{
	for (int i = pod->phases_cnt - 1; i >= 0; i--)
		if (pod->phases[i].phase <= DS_PHASE_DELETED && pod->phases[i].at_ns <= at_ns)
			return pod->phases[i].phase == DS_PHASE_READY ?
				       at_ns - pod->phases[i].at_ns : -1;
	return -1;
}

static void reset_at_delay(struct ds_core *core, struct ds_workload *w, const struct ds_flow *flow)
{
	const struct ds_target *t = ds_targets_find(core->targets, &flow->key.pod,
						    flow->key.pod_port);
	int64_t since_ns = flow->last_payload_ns ? flow->lost_ns - flow->last_payload_ns : -1;

	if (t) {
		(void)snprintf(w->group, sizeof(w->group), "%s",
			       t->group_name[0] ? t->group_name : t->group);
		w->delay_s = t->delay_s;
	}
	ds_workload_found(w, DS_ADVICE_RAISE_DELAY, flow->lost_ns, since_ns);
}

/* Of the latest pod that was found wanting. */
static void keep_told(char *dst, size_t size, const char *told)
{
	if (told)
		(void)snprintf(dst, size, "%s", told);
}

void ds_advise_decided(struct ds_core *core, const struct ds_flow *flow,
		       const struct ds_decision *d)
{
	int cause = d->kind == DS_DECISION_DROP ? d->cause : -1;
	bool old = d->kind == DS_DECISION_NOT_DROP && d->not_drop == DS_NOT_DROP_LONG_LIVED &&
		   !ds_trigger_is_imposed(flow->pod->trigger);
	struct ds_workload *w;

	if (!old && cause != DS_CAUSE_KEEPALIVE_RACE && cause != DS_CAUSE_NOT_LISTENING_YET &&
	    cause != DS_CAUSE_CLOSED_BY_LOAD_BALANCER && cause != DS_CAUSE_ADDRESS_REUSED)
		return;
	w = ds_workload_of(core->workloads, flow->pod);
	if (!w)
		return;
	if (old)
		ds_workload_found(w, DS_ADVICE_LIMIT_CONNECTION_AGE, flow->lost_ns, flow->age_ns);
	else if (cause == DS_CAUSE_KEEPALIVE_RACE)
		ds_workload_found(w, DS_ADVICE_RAISE_KEEPALIVE, flow->lost_ns, -1);
	else if (cause == DS_CAUSE_CLOSED_BY_LOAD_BALANCER)
		reset_at_delay(core, w, flow);
	else if (cause == DS_CAUSE_ADDRESS_REUSED)
		ds_workload_found(w, DS_ADVICE_RAISE_ADDRESS_COOLDOWN, flow->lost_ns, -1);
	else
		ds_workload_found(w, DS_ADVICE_ADD_READINESS_PROBE, flow->lost_ns,
				  ready_for(flow->pod, flow->lost_ns));
	if (cause == DS_CAUSE_NOT_LISTENING_YET) {
		w->found[DS_ADVICE_ADD_READINESS_PROBE].port = flow->key.pod_port;
		keep_told(w->probes, sizeof(w->probes), flow->pod->probes);
	}
}

void ds_advise_no_healthy_target(struct ds_core *core, const struct ds_pod *pod, int64_t at_ns,
				 int64_t lasted_ns)
{
	struct ds_workload *w = ds_workload_of(core->workloads, pod);

	if (!w)
		return;
	ds_workload_found(w, DS_ADVICE_ADD_READINESS_GATE, at_ns, lasted_ns);
	keep_told(w->gates, sizeof(w->gates), pod->gates);
}

int64_t ds_advise_oversleep(struct ds_core *core, const struct ds_pod *pod, bool *ret_withheld)
{
	const struct ds_workload *w = ds_workload_of(core->workloads, pod);
	int64_t prestop_s = ds_pod_prestop_s(pod), needed;
	struct ds_measured m;

	*ret_withheld = false;
	/* A hook that is cut does not oversleep; what was not wholly seen measured no tail. */
	if (!w || prestop_s <= 0 || (pod->grace_s >= 0 && prestop_s >= pod->grace_s) ||
	    pod->verdict == DS_VERDICT_INCONCLUSIVE || pod->t0_source == DS_T0_SOURCE_SIGTERM)
		return 0;
	*ret_withheld = !w->m.tail_known;
	if (!w->m.tail_known)
		return 0;
	needed = needed_prestop_s(&w->m);
	if (needed >= prestop_s)
		return 0;
	m = w->m;
	ds_workload_add_rate(&m, w->rollout_rate);
	*ret_withheld = !carries(&m, needed);
	return (prestop_s - needed) * DS_NS_PER_S;
}

static bool is_rolling(const struct ds_core *core, const struct ds_workload *w)
{
	for (const struct ds_pod *pod = ds_ledger_first(core->ledger); pod; pod = pod->next)
		if (ds_pod_is_going(pod) && !pod->verdict_written && ds_workload_has(w, pod))
			return true;
	return false;
}

void ds_advise_review(struct ds_core *core)
{
	for (struct ds_workload *w = ds_workloads_first(core->workloads); w; w = w->next) {
		raise_keepalive(core, w);
		add_readiness_probe(core, w);
		add_readiness_gate(core, w);
		if (!w->fresh || is_rolling(core, w))
			continue;
		ds_workload_rolled(w);
		raise_prestop(core, w);
		lower_prestop(core, w);
		raise_grace(core, w);
		fix_sigterm(core, w);
		raise_delay(core, w);
		raise_address_cooldown(core, w);
		limit_connection_age(core, w);
	}
}
