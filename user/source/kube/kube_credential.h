/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a plugin for credentials prints: an ExecCredential of client.authentication.k8s.io. Pure.
 */
#ifndef DS_SOURCE_KUBE_CREDENTIAL_H
#define DS_SOURCE_KUBE_CREDENTIAL_H

#include <stddef.h>
#include <stdint.h>

struct ds_kube_credential {
	char *token;			/* owned; NULL = not given */
	char *certificate, *key;	/* PEM, owned; both or none */
	int64_t expires_ns;		/* Unix time; 0 = not said */
};

/*
 * Reads what it printed; api is the apiVersion that it was asked for. 0; -EINVAL with *ret_fault
 * (static, no secret in it) where that is nothing that can be used; -ENOMEM alike.
 */
int ds_kube_credential_read(const char *text, size_t len, const char *api,
			    struct ds_kube_credential *ret_credential, const char **ret_fault);

/* Frees, secrets overwritten. */
void ds_kube_credential_clear(struct ds_kube_credential *c);

#endif
