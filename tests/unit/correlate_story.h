/* SPDX-License-Identifier: Apache-2.0 */
/* The two stories with which the tests of correlate begin, and questions about them. */
#ifndef DS_TESTS_CORRELATE_STORY_H
#define DS_TESTS_CORRELATE_STORY_H

#include "tests/unit/core_fixture.h"
#include "user/core/flow.h"
#include "user/core/state.h"

/* The load balancer, pod 1 with a listener, terminating since 1 s, its listener closed at 2 s. */
static inline void refusing(struct fixture *f)
{
	fx_serving(f);
	fx_address(f, DS_EVENT_NODE_ADDRESS, FX_NODE);
	fx_terminating(f, 1000, 1);
	fx_listener(f, 2000, 1, DS_SOCKET_CHANGE_LISTENER_CLOSED);
}

/* The same with the address released at 2 s and no listener event. */
static inline void released(struct fixture *f)
{
	fx_serving(f);
	fx_terminating(f, 1000, 1);
	fx_released(f, 2000, 1);
}

static inline struct ds_pod *pod_of(struct fixture *f, int n)
{
	return ds_ledger_find(f->core->ledger, fx_uid(n));
}

static inline int drops(struct fixture *f)
{
	return fx_count(f, DS_EVENT_DROP);
}

static inline uint32_t apart(struct fixture *f, int not_drop)
{
	return f->core->not_drops[not_drop];
}

#endif
