// SPDX-License-Identifier: Apache-2.0
/*
 * Which programs this kernel takes: the attach plan and its execution. By what BTF says and what
 * attaches, never by version.
 */
#include "user/source/kernel/kernel_attach.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "drainsnoop.skel.h"
#include "include/ds_record.h"
#include "user/source/kernel/kernel_btf.h"
#include "user/util/buf.h"
#include "user/util/cleanup.h"
#include "user/util/log.h"

#define BTF_PATH "/sys/kernel/btf/vmlinux"
#define RING_BYTES_DEFAULT (UINT32_C(4) << 20)
/* How long the two readings of the clocks are apart: enough to tell 250 Hz from 300. */
#define CLOCK_GAP_NS INT64_C(80000000)

/* A TWIN stands in for the program of the same raw tracepoint before it: bpf/nested.bpf.h. */
enum mechanism { RAW_TP, TWIN, TAP, FENTRY, KPROBE, ITER, HELPER };

/* How the answers to packets are seen, best first. */
enum tier { TIER_RAW_TP, TIER_FENTRY, TIER_KPROBE, TIER_KFREE_SKB, TIER_TAP, TIER_MAX };
static const char *const tier_names[TIER_MAX] = { "raw_tp", "fentry", "kprobe", "kfree_skb", "tap" };

enum {
	P_SEND_RESET, P_SEND_RESET_TWIN, P_RECEIVE_RESET, P_RECEIVE_RESET_TWIN,
	P_SET_STATE, P_SET_STATE_TWIN, P_DESTROY_SOCK, P_KFREE_SKB, P_KFREE_SKB_TWIN, P_ICMP_SEND,
	P_SIGNAL_GENERATE, P_PROCESS_EXIT, P_MARK_VICTIM, P_TAP_RX, P_TAP_TX, P_FIND_LISTENERS,
	P_V4_FENTRY, P_V6_FENTRY, P_V4_KPROBE, P_V6_KPROBE, P_CLOCK, P_MAX
};

/* The plan, in the order in which programs are attached. */
static const struct {
	const char *program;	/* in the object */
	const char *name;	/* as it is told */
	enum mechanism how;
} plan[P_MAX] = {
	[P_SEND_RESET] = { "send_reset", "tcp_send_reset", RAW_TP },
	[P_SEND_RESET_TWIN] = { "send_reset_twin", "tcp_send_reset", TWIN },
	[P_RECEIVE_RESET] = { "receive_reset", "tcp_receive_reset", RAW_TP },
	[P_RECEIVE_RESET_TWIN] = { "receive_reset_twin", "tcp_receive_reset", TWIN },
	[P_SET_STATE] = { "set_state", "inet_sock_set_state", RAW_TP },
	[P_SET_STATE_TWIN] = { "set_state_twin", "inet_sock_set_state", TWIN },
	[P_DESTROY_SOCK] = { "destroy_sock", "tcp_destroy_sock", RAW_TP },
	[P_KFREE_SKB] = { "kfree_skb", "kfree_skb", RAW_TP },
	[P_KFREE_SKB_TWIN] = { "kfree_skb_twin", "kfree_skb", TWIN },
	[P_ICMP_SEND] = { "icmp_send", "icmp_send", RAW_TP },
	[P_SIGNAL_GENERATE] = { "signal_generate", "signal_generate", RAW_TP },
	[P_PROCESS_EXIT] = { "process_exit", "sched_process_exit", RAW_TP },
	[P_MARK_VICTIM] = { "mark_victim", "mark_victim", RAW_TP },
	[P_TAP_RX] = { "tap_rx", "netif_receive_skb", TAP },
	[P_TAP_TX] = { "tap_tx", "net_dev_queue", TAP },
	[P_FIND_LISTENERS] = { "find_listeners", "iter:tcp", ITER },
	[P_V4_FENTRY] = { "v4_reset_fe", "fentry:tcp_v4_send_reset", FENTRY },
	[P_V6_FENTRY] = { "v6_reset_fe", "fentry:tcp_v6_send_reset", FENTRY },
	[P_V4_KPROBE] = { "v4_reset_kp", "kprobe:tcp_v4_send_reset", KPROBE },
	[P_V6_KPROBE] = { "v6_reset_kp", "kprobe:tcp_v6_send_reset", KPROBE },
	[P_CLOCK] = { "ds_clock", "clock", HELPER },
};

/* CONFIG_HZ of x86-64 and arm64 (kernel/Kconfig.hz). */
static const int hz_choices[] = { 100, 250, 300, 1000 };

enum state { UNWANTED, WANTED, ATTACHED, MISSING };

struct ds_attach {
	struct drainsnoop_bpf *skel;
	struct bpf_link *links[P_MAX];
	enum state states[P_MAX];
	int args[P_MAX];		/* of the raw tracepoints, -ENOENT where there is none */
	uint32_t queue_purge, no_socket;
	uint32_t routing_netns;
	uint32_t ring_bytes;
	enum tier tier;
	struct ds_buf attached;
	struct ds_buf missing;
};

static int print_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	char line[1024];
	size_t len;

	if (level == LIBBPF_DEBUG || !ds_log_is_verbose())
		return 0;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	len = (size_t)vsnprintf(line, sizeof(line), format, args);
#pragma GCC diagnostic pop
	if (len >= sizeof(line))
		len = sizeof(line) - 1;
	while (len && line[len - 1] == '\n')
		line[--len] = 0;
	ds_log_info("%s", line);
	return 0;
}

struct namer {
	struct ds_attach *a;
	struct ds_decoder *decoder;
	enum ds_reason_list list;
	const char *prefix;
};

static void name_reason(void *ctx, const char *name, int64_t value)
{
	const struct namer *n = ctx;
	size_t len = strlen(n->prefix);

	if (strcmp(name, "SKB_DROP_REASON_QUEUE_PURGE") == 0)
		n->a->queue_purge = (uint32_t)value;
	if (strcmp(name, "SKB_DROP_REASON_NO_SOCKET") == 0)
		n->a->no_socket = (uint32_t)value;
	if (strncmp(name, n->prefix, len) == 0)
		(void)ds_decoder_set_reason(n->decoder, n->list, value,
					    name + len); /* nameless then */
}

/* Reads BTF: which tracepoints there are, with how many arguments, and the names of reasons. */
static int read_btf(struct ds_attach *a, struct ds_decoder *decoder)
{
	struct namer drop = { a, decoder, DS_REASON_DROP, "SKB_DROP_REASON_" };
	struct namer reset = { a, decoder, DS_REASON_RESET, "SK_RST_REASON_" };
	struct btf *btf = btf__load_vmlinux_btf();
	int r = (int)libbpf_get_error(btf);

	if (r)
		return ds_log_err(r, "read " BTF_PATH " (a kernel with CONFIG_DEBUG_INFO_BTF is needed)");
	for (int i = 0; i < P_MAX; i++)
		a->args[i] = plan[i].how == RAW_TP || plan[i].how == TWIN || plan[i].how == TAP ?
			ds_btf_raw_tp_args(btf, plan[i].name) : 0;
	/* Neither enum is there before 5.17 and 6.10: then there are no reasons. */
	(void)ds_btf_each_value(btf, "skb_drop_reason", name_reason, &drop);
	(void)ds_btf_each_value(btf, "sk_rst_reason", name_reason, &reset);
	btf__free(btf);
	return 0;
}

/* The tracepoint is silent where there is no full socket: before 6.10, which gave it a reason. */
static bool is_blind(const struct ds_attach *a)
{
	return a->args[P_SEND_RESET] < 3;
}

static struct bpf_program *program(const struct ds_attach *a, int i)
{
	return bpf_object__find_program_by_name(a->skel->obj, plan[i].program);
}

/* Opens the object anew and sets it up; which programs load is what `states` says is WANTED. */
static int open_object(struct ds_attach *a)
{
	drainsnoop_bpf__destroy(a->skel);
	a->skel = drainsnoop_bpf__open();
	if (!a->skel)
		return -errno;
	if (a->skel->rodata->ds_abi_version != DS_ABI_VERSION)
		return -EPROTO;
	a->skel->rodata->ds_routing_netns = a->routing_netns;
	a->skel->rodata->ds_wakeup_bytes = a->ring_bytes / 4;
	a->skel->rodata->ds_send_reset_args = (uint32_t)a->args[P_SEND_RESET];
	a->skel->rodata->ds_kfree_skb_args = (uint32_t)a->args[P_KFREE_SKB];
	a->skel->rodata->ds_process_exit_args = (uint32_t)a->args[P_PROCESS_EXIT];
	a->skel->rodata->ds_mark_victim_args =
		a->args[P_MARK_VICTIM] > 0 ? (uint32_t)a->args[P_MARK_VICTIM] : 0;
	a->skel->rodata->ds_queue_purge = a->queue_purge;
	/* Only the fourth argument, the socket, tells a full queue from a missing listener. */
	if (!is_blind(a) && a->args[P_KFREE_SKB] > 3)
		a->skel->rodata->ds_no_socket = a->no_socket;
	a->skel->rodata->ds_resets_told = !is_blind(a);
	a->skel->rodata->ds_tap_icmp = a->args[P_ICMP_SEND] < 0;
	for (int i = 0; i < P_MAX; i++)
		bpf_program__set_autoload(program(a, i), a->states[i] == WANTED);
	return bpf_map__set_max_entries(a->skel->maps.ds_rb, a->ring_bytes);
}

static int load(struct ds_attach *a)
{
	int r = open_object(a);

	return r ? r : drainsnoop_bpf__load(a->skel);
}

/* Loads the wanted programs one by one, each alone, and gives up those that do not load. */
static void weed_out(struct ds_attach *a)
{
	enum state wanted[P_MAX];

	memcpy(wanted, a->states, sizeof(wanted));
	for (int i = 0; i < P_MAX; i++) {
		if (wanted[i] != WANTED)
			continue;
		for (int j = 0; j < P_MAX; j++)
			a->states[j] = j == i ? WANTED : UNWANTED;
		if (load(a))
			wanted[i] = MISSING;
	}
	memcpy(a->states, wanted, sizeof(wanted));
}

static void want(struct ds_attach *a, enum mechanism how, enum state state)
{
	for (int i = 0; i < P_MAX; i++)
		if (plan[i].how == how)
			a->states[i] = state;
}

/*
 * Loads what this kernel takes. fentry and kprobe only where the tracepoint is blind, and there the
 * better one that loads; a refusal of one program refuses the object, so then each is tried alone.
 */
static int load_best(struct ds_attach *a)
{
	int r;

	for (int i = 0; i < P_MAX; i++)
		a->states[i] = a->args[i] < 0 ? MISSING : WANTED;
	want(a, KPROBE, UNWANTED);
	if (!is_blind(a))
		want(a, FENTRY, UNWANTED);
	r = load(a);
	if (r && is_blind(a)) {
		want(a, FENTRY, MISSING);
		want(a, KPROBE, WANTED);
		r = load(a);
	}
	if (r == -EPROTO)
		return ds_log_err(0, "the BPF object has another record layout: build anew"), r;
	if (r) {
		weed_out(a);
		r = load(a);
	}
	if (r)
		return ds_log_err(r, "load the BPF programs%s", r == -EPERM ?
				  " (locked memory, a seccomp filter or kernel lockdown may forbid it)" : "");
	return 0;
}

static int attach_one(struct ds_attach *a, int i)
{
	a->links[i] = bpf_program__attach(program(a, i));
	if (!a->links[i])
		return -errno;
	return 0;
}

static void detach_one(struct ds_attach *a, int i)
{
	(void)bpf_link__destroy(a->links[i]);	/* closes the link: nothing to do if that fails */
	a->links[i] = NULL;
}

/* Attaches both programs of a pair, or none. */
static bool attach_pair(struct ds_attach *a, int first, int second)
{
	if (a->states[first] != WANTED || a->states[second] != WANTED)
		return false;
	a->states[first] = attach_one(a, first) ? MISSING : ATTACHED;
	a->states[second] = attach_one(a, second) ? MISSING : ATTACHED;
	if (a->states[first] == ATTACHED && a->states[second] == ATTACHED)
		return true;
	detach_one(a, first);
	detach_one(a, second);
	a->states[first] = a->states[second] = MISSING;
	return false;
}

/* fentry and kprobe: before the tracepoints, so that no answer is told twice. */
static void attach_answers(struct ds_attach *a)
{
	if (!is_blind(a)) {
		a->tier = TIER_RAW_TP;
	} else if (attach_pair(a, P_V4_FENTRY, P_V6_FENTRY)) {
		a->tier = TIER_FENTRY;
	} else {
		/* Loaded, yet not attached: the kprobes were not loaded with it. */
		if (a->states[P_V4_KPROBE] == UNWANTED) {
			want(a, FENTRY, MISSING);
			want(a, KPROBE, WANTED);
			if (load(a)) {
				want(a, KPROBE, MISSING);
				if (load(a))
					ds_log_warn("the BPF programs loaded once and not again");
			}
		}
		if (attach_pair(a, P_V4_KPROBE, P_V6_KPROBE))
			a->tier = TIER_KPROBE;
		else
			a->tier = a->args[P_KFREE_SKB] > 2 ? TIER_KFREE_SKB : TIER_TAP;
	}
	a->skel->bss->ds_answers_elsewhere = a->tier == TIER_FENTRY || a->tier == TIER_KPROBE;
}

static void attach_all(struct ds_attach *a)
{
	attach_answers(a);
	for (int i = 0; i < P_MAX; i++) {
		if (a->states[i] != WANTED)
			continue;
		switch (plan[i].how) {
		case RAW_TP:
		case TWIN:
		case ITER:
			a->states[i] = attach_one(a, i) ? MISSING : ATTACHED;
			break;
		case TAP:	/* tried only: attached when it is needed */
			a->states[i] = attach_one(a, i) ? MISSING : ATTACHED;
			detach_one(a, i);
			break;
		default:
			break;
		}
	}
}

static bool is_told(int i)
{
	return plan[i].how != HELPER && plan[i].how != TWIN;
}

static int by_name(const void *x, const void *y)
{
	return strcmp(plan[*(const int *)x].name, plan[*(const int *)y].name);
}

static int write_names(struct ds_attach *a)
{
	int order[P_MAX];

	for (int i = 0; i < P_MAX; i++)
		order[i] = i;
	qsort(order, P_MAX, sizeof(order[0]), by_name);
	for (int i = 0; i < P_MAX; i++) {
		int p = order[i];
		struct ds_buf *to = a->states[p] == ATTACHED ? &a->attached : &a->missing;

		if (!is_told(p) || (a->states[p] != ATTACHED && a->states[p] != MISSING))
			continue;
		if (to->len)
			ds_buf_putc(to, ',');
		ds_buf_puts(to, plan[p].name);
	}
	return a->attached.failed || a->missing.failed ? -ENOMEM : 0;
}

/* One reading of jiffies and boot clock by the kernel side. 0 or -errno. */
static int read_clock(struct ds_attach *a, uint64_t *ret_jiffies, uint64_t *ret_ns)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int r = bpf_prog_test_run_opts(bpf_program__fd(program(a, P_CLOCK)), &opts);

	if (r)
		return r;
	*ret_jiffies = a->skel->bss->ds_clock_jiffies;
	*ret_ns = a->skel->bss->ds_clock_ns;
	return 0;
}

/*
 * Finds CONFIG_HZ from two readings: nothing tells it on every machine. Without it times of
 * payloads are absent, and whether an answer is due is told by sequence numbers alone.
 */
static int find_jiffy(struct ds_attach *a)
{
	uint64_t jiffies, ns, jiffies_then, then;
	double hz, best = 0;
	int r = read_clock(a, &jiffies_then, &then);

	if (r)
		return r;
	do {
		struct timespec pause = { .tv_nsec = 10000000 };

		(void)nanosleep(&pause, NULL);	/* cut short by a signal: read again */
		r = read_clock(a, &jiffies, &ns);
		if (r)
			return r;
	} while ((int64_t)(ns - then) < CLOCK_GAP_NS);
	hz = (double)(jiffies - jiffies_then) * 1e9 / (double)(ns - then);
	for (size_t i = 0; i < sizeof(hz_choices) / sizeof(hz_choices[0]); i++) {
		double choice = hz_choices[i];

		if (!best || (choice > hz ? choice / hz : hz / choice) <
				     (best > hz ? best / hz : hz / best))
			best = choice;
	}
	a->skel->bss->ds_jiffy_ns = (uint64_t)(1e9 / best);
	ds_log_info("jiffies: %.1f a second measured, %.0f taken", hz, best);
	return 0;
}

int ds_attach_new(struct ds_attach **ret_a, uint32_t routing_netns, uint32_t ring_bytes,
		  struct ds_decoder *decoder)
{
	ds_cleanup(ds_attach_free) struct ds_attach *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return ds_log_err(-ENOMEM, "kernel source");
	/* libbpf 1.x raises RLIMIT_MEMLOCK itself where the kernel counts BPF memory by it. */
	(void)libbpf_set_print(print_libbpf);
	a->routing_netns = routing_netns;
	a->ring_bytes = ring_bytes ? ring_bytes : RING_BYTES_DEFAULT;
	r = read_btf(a, decoder);
	if (r)
		return r;
	r = load_best(a);
	if (r)
		return r;
	attach_all(a);
	r = write_names(a);
	if (r)
		return ds_log_err(r, "kernel source");
	if (!ds_attach_count(a, true))
		return ds_log_err(-ENOENT, "attach: this kernel has none of the tracepoints needed");
	r = find_jiffy(a);
	if (r)
		ds_log_warn("the kernel's jiffies cannot be read (%s), continuing without times of payloads",
			    strerror(-r));
	*ret_a = DS_TAKE(a);
	return 0;
}

void ds_attach_free(struct ds_attach **a)
{
	if (!*a)
		return;
	for (int i = 0; i < P_MAX; i++)
		detach_one(*a, i);
	drainsnoop_bpf__destroy((*a)->skel);
	ds_buf_free(&(*a)->attached);
	ds_buf_free(&(*a)->missing);
	free(*a);
	*a = NULL;
}

struct drainsnoop_bpf *ds_attach_skeleton(const struct ds_attach *a)
{
	return a->skel;
}

int ds_attach_tap(struct ds_attach *a, bool on)
{
	int r;

	if (a->states[P_TAP_RX] != ATTACHED || a->states[P_TAP_TX] != ATTACHED)
		return -ENOENT;
	for (int i = P_TAP_RX; i <= P_TAP_TX; i++) {
		detach_one(a, i);
		if (!on)
			continue;
		r = attach_one(a, i);
		if (r) {
			detach_one(a, P_TAP_RX);
			return r;
		}
	}
	return 0;
}

int ds_attach_iter_fd(const struct ds_attach *a)
{
	return a->links[P_FIND_LISTENERS] ? bpf_link__fd(a->links[P_FIND_LISTENERS]) : -ENOENT;
}

const char *ds_attach_names(const struct ds_attach *a, bool attached)
{
	const struct ds_buf *b = attached ? &a->attached : &a->missing;

	return b->data ? b->data : "";
}

int ds_attach_count(const struct ds_attach *a, bool attached)
{
	int count = 0;

	for (int i = 0; i < P_MAX; i++)
		count += is_told(i) && a->states[i] == (attached ? ATTACHED : MISSING);
	return count;
}

const char *ds_attach_tier(const struct ds_attach *a)
{
	return tier_names[a->tier];
}
