/* SPDX-License-Identifier: Apache-2.0 */
/* What a pod's preStop hooks do, as far as their specification tells. Pure. */
#ifndef DS_SOURCE_KUBE_PRESTOP_H
#define DS_SOURCE_KUBE_PRESTOP_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * The hook that counts of spec.containers: "none", "sleep:SECONDS" (the sleep action, or a command
 * that sleeps and does nothing else), "exec", "http", or "" where it is of another kind. Of the
 * containers that declare a TCP port, or where none does of all, the one that stays for the
 * shortest time: it is the first that can lose a connection. containers: a list, or NULL; size: of
 * buf, at least 32.
 */
void ds_kube_prestop(json_object *containers, char *buf, size_t size);

/* The container declares a TCP port: it is one that serves. */
bool ds_kube_declares_port(json_object *container);

#endif
