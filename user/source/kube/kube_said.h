/* SPDX-License-Identifier: Apache-2.0 */
/* What the API server says of an error. Pure. */
#ifndef DS_SOURCE_KUBE_SAID_H
#define DS_SOURCE_KUBE_SAID_H

#include <stddef.h>

/*
 * The message of the Status in the body of an answer (NULL: none), cut to what fits; "" where there
 * is none.
 */
void ds_kube_said(const char *body, size_t len, char *buf, size_t size);

#endif
