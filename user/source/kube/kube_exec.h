/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the plugin for credentials that a kubeconfig names (`aws eks get-token`), as a child on the
 * uv loop, with nothing to read; what it says on standard error is passed on.
 */
#ifndef DS_SOURCE_KUBE_EXEC_H
#define DS_SOURCE_KUBE_EXEC_H

#include <stddef.h>

#include "user/source/kube/kube_config.h"
#include "user/source/kube/kube_credential.h"

struct uv_loop_s;
struct ds_kube_exec;

/*
 * Starts it. done is called once, from the loop: with credentials (borrowed for the call), or with
 * a fault, a sentence without a secret; after 60 s it is killed. 0, or -errno with the sentence in
 * fault: done is not called then.
 */
int ds_kube_exec_start(struct ds_kube_exec **ret_exec, struct uv_loop_s *loop,
		       const struct ds_kube_entry *user, char *fault, size_t size,
		       void (*done)(void *ctx, const char *fault,
				    const struct ds_kube_credential *c),
		       void *ctx);

/* Kills it without calling done; the loop must run once more. NULL is fine. */
void ds_kube_exec_cancel(struct ds_kube_exec *exec);

#endif
