// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzz target: what plugins for credentials print. What is taken can be used, what is refused says
 * why and leaves nothing.
 *
 * Built from: user/source/kube/kube_credential.c user/source/kube/kube_json.c user/util/wipe.c
 * Packages: json-c
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "user/source/kube/kube_credential.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ds_kube_credential c = { .expires_ns = -7 };
	const char *fault = NULL;

	if (ds_kube_credential_read((const char *)data, size, "client.authentication.k8s.io/v1", &c,
				    &fault)) {
		if (!fault || !fault[0] || c.token || c.certificate || c.expires_ns != -7)
			abort();
		return 0;
	}
	if (fault || (!c.token && !c.key) || !c.key != !c.certificate || c.expires_ns < 0 ||
	    (c.token && !c.token[0]))
		abort();
	ds_kube_credential_clear(&c);
	return 0;
}
