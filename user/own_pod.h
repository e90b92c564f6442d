/* SPDX-License-Identifier: Apache-2.0 */
/* Who this process is in the cluster, as the downward API and the service account say. */
#ifndef DS_OWN_POD_H
#define DS_OWN_POD_H

#include <stdbool.h>
#include <stddef.h>

#include "user/core/event.h"

/*
 * The namespace in which drainsnoop lives: what the option says, else POD_NAMESPACE of the
 * environment, else the service account's, else "drainsnoop". Into buf.
 */
void ds_own_namespace(const char *option, char *buf, size_t size);

/* Whether the event is about this very pod (POD_NAME and POD_NAMESPACE). */
bool ds_own_pod_is(const struct ds_event *ev);

#endif
