/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the API server is and how it is asked: from kubeconfig files, from within a pod, or as told
 * (--kube-api). Reads files and runs the plugin that a kubeconfig names; secrets are wiped when
 * they are given up and never logged.
 */
#ifndef DS_SOURCE_KUBE_ACCESS_H
#define DS_SOURCE_KUBE_ACCESS_H

#include <stdbool.h>

#include "user/source/http/http.h"

struct uv_loop_s;
struct ds_kube_access;

/* All borrowed; NULL = not given. Without any: in-cluster in a pod, else as kubectl does. */
struct ds_kube_access_options {
	const char *api;	/* URL of the API server (kubectl proxy): no credentials */
	const char *kubeconfig;	/* a file; else those of KUBECONFIG, else ~/.kube/config */
	const char *context;	/* of the kubeconfig */
	int64_t quiet_ns;	/* a watch that sent nothing for so long is dead; 0 = 150 s */
};

/*
 * Chooses and reads all files that stay as they are: certificates, keys. 0, or -errno with one line
 * logged, which names file and line where there is one.
 */
int ds_kube_access_new(struct ds_kube_access **ret_access, struct uv_loop_s *loop,
		       const struct ds_kube_access_options *options);

/* The URL, without a slash at its end. */
const char *ds_kube_access_server(const struct ds_kube_access *a);

/* Borrowed until the next ds_kube_access_prepare. */
const struct ds_http_tls *ds_kube_access_tls(const struct ds_kube_access *a);

/* "Authorization: Bearer ...", or NULL. Borrowed alike. */
const char *ds_kube_access_header(const struct ds_kube_access *a);

/*
 * Makes the credentials ready for a request: reads the token's file anew, runs the plugin where its
 * credentials end within a minute, or if they were not accepted (renew). Calls ready from within or
 * later from the loop, fault NULL or one sentence without a secret; once, unless the access is
 * freed before. One at a time.
 */
void ds_kube_access_prepare(struct ds_kube_access *a, bool renew,
			    void (*ready)(void *ctx, const char *fault), void *ctx);

/* Ends a plugin that runs; the loop must run once more. NULL is fine. */
void ds_kube_access_free(struct ds_kube_access **access);

#endif
