// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owns the maps, settings and gates of maps.bpf.h, and the program that reads the kernel's clocks.
 *
 * Its name must sort first: the static linker of libbpf 1.1 gives a map the offset 0 in .maps when
 * it meets the extern before the definition, and such an object cannot be opened.
 */
#define DS_MAPS_HERE
#include "maps.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile __u32 ds_abi_version = DS_ABI_VERSION;
const volatile __u32 ds_routing_netns = 0;
const volatile __u32 ds_wakeup_bytes = 1 << 20;
const volatile __u32 ds_send_reset_args = 0;
const volatile __u32 ds_kfree_skb_args = 0;
const volatile __u32 ds_process_exit_args = 0;
const volatile __u32 ds_mark_victim_args = 0;
const volatile __u32 ds_queue_purge = 0;
const volatile __u32 ds_no_socket = 0;
const volatile __u32 ds_resets_told = 0;
const volatile __u32 ds_tap_icmp = 0;

volatile __u32 ds_gate = 0;
volatile __u32 ds_answers_elsewhere = 0;
volatile __u64 ds_jiffy_ns = 0;
volatile __u32 ds_traffic_changes = 0;
volatile __u64 ds_clock_jiffies = 0, ds_clock_ns = 0;

/*
 * Never attached: run by BPF_PROG_TEST_RUN, twice. A jiffy's length (CONFIG_HZ) is told by nothing
 * that every machine has: no /proc/config.gz here, and sysconf(_SC_CLK_TCK) is another clock.
 */
SEC("?raw_tp/tcp_receive_reset")
int ds_clock(struct bpf_raw_tracepoint_args *ctx)
{
	ds_clock_jiffies = bpf_jiffies64();
	ds_clock_ns = bpf_ktime_get_boot_ns();
	return 0;
}
