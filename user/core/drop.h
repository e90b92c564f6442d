/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The drop: a flow's window closes, its case is put to the rules, and one line is written or one
 * counter raised. Folding above the rate limit is here too. Pure.
 */
#ifndef DS_CORE_DROP_H
#define DS_CORE_DROP_H

#include "user/core/flow.h"
#include "user/core/state.h"

/* Closes the flow's window and decides it. Does nothing for a flow that was decided before. */
void ds_drop_decide(struct ds_core *core, struct ds_flow *flow);

/* Writes those that are folded of one pod: also before it is forgotten. */
void ds_drop_unfold(struct ds_core *core, struct ds_pod *pod);

/* Writes the folded drops of the seconds before this moment. */
void ds_drop_flush_folded(struct ds_core *core, int64_t now_ns);

#endif
