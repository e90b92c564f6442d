// SPDX-License-Identifier: Apache-2.0
/* correlate.c where a rule inside the pod redirects the balancer's port to a sidecar proxy. */
#include "tests/unit/core_fixture.h"

#define MESH_PORT 15006

static struct ds_event at_mesh_port(struct ds_event ev)
{
	if (ev.kind == DS_EVENT_SOCKET)
		ev.source_port = MESH_PORT;
	else
		ev.destination_port = MESH_PORT;
	return ev;
}

/* Pod 1 listens on the proxy's port too. It goes. */
static void meshed(struct fixture *f)
{
	struct ds_event ev;

	fx_start(f);
	fx_lb(f);
	fx_pod(f, 0, 1);
	fx_listener(f, 10, 1, DS_SOCKET_CHANGE_LISTENING);
	ds_event_init(&ev, DS_EVENT_SOCKET, fx_at(11));
	DS_SET(&ev, SCOPE, scope, DS_SCOPE_POD);
	DS_SET_STR(&ev, NETWORK_TYPE, network_type, "ipv4");
	DS_SET(&ev, SOURCE_PORT, source_port, MESH_PORT);
	DS_SET(&ev, NETNS, netns, fx_netns(1));
	DS_SET(&ev, SOCKET_CHANGE, socket_change, DS_SOCKET_CHANGE_LISTENING);
	ds_core_feed(f->core, &ev);
	fx_target(f, 20, 1, DS_TARGET_STATE_HEALTHY);
	fx_terminating(f, 1000, 1);
}

static void a_redirected_connection_is_told_by_the_balancers_port(void **state)
{
	struct fixture *f = *state;
	const struct fx_packet refusal = { .n = 1, .peer_port = 40001, .hook = DS_HOOK_SEND_RESET,
					   .scope = DS_SCOPE_POD, .flags = "SYN", .seq = 9 };
	struct ds_event ev;

	meshed(f);
	/* Its SYN was seen, and the proxy accepts it. */
	fx_syn_seen(f, 2000, 1, 40000, 7);
	ev = at_mesh_port(fx_socket_event(2001, 1, NULL, 40000, DS_SOCKET_CHANGE_ACCEPTED));
	ds_core_feed(f->core, &ev);
	/* Another is refused at the proxy's port. */
	fx_syn_seen(f, 3000, 1, 40001, 9);
	ev = at_mesh_port(fx_packet_event(3000, &refusal));
	ds_core_feed(f->core, &ev);
	fx_ticks(f, 3500, 16500);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->destination_port, FX_PORT);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->cause, DS_CAUSE_LISTENER_CLOSED);
}

/* Without its SYN too: the balancer can have meant nothing but the one target. */
static void a_redirected_connection_of_before_belongs_to_the_only_target(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev;

	meshed(f);
	ev = at_mesh_port(fx_socket_event(2000, 1, NULL, 40000, DS_SOCKET_CHANGE_CLOSING));
	DS_SET(&ev, REQUEST_OUTSTANDING, request_outstanding, true);
	ds_core_feed(f->core, &ev);
	fx_tick(f, 2500);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->source_port, FX_PORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(a_redirected_connection_is_told_by_the_balancers_port),
		FX_TEST(a_redirected_connection_of_before_belongs_to_the_only_target),
	};

	return cmocka_run_group_tests_name("correlate_redirect", tests, NULL, NULL);
}
