/* SPDX-License-Identifier: Apache-2.0 */
/* One JSON object. It holds secrets: json-c's copy of them is overwritten before it is freed. */
#include "user/source/kube/kube_credential.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/event.h"
#include "user/source/kube/kube_json.h"
#include "user/util/wipe.h"
#include "user/util/timefmt.h"

#define DEPTH_MAX 16

static void overwrite(json_object *status, const char *key)
{
	json_object *value = ds_kube_member(status, key, json_type_string);

	if (value)
		explicit_bzero((char *)(uintptr_t)json_object_get_string(value),
			       (size_t)json_object_get_string_len(value));
}

static int copy(json_object *status, const char *key, char **ret_text)
{
	const char *text = ds_kube_text(status, key);

	if (!text[0])
		return 0;
	*ret_text = strdup(text);
	return *ret_text ? 0 : -ENOMEM;
}

static int read_status(json_object *status, struct ds_kube_credential *c, const char **ret_fault)
{
	const char *expires = ds_kube_text(status, "expirationTimestamp");
	int r = copy(status, "token", &c->token);

	r = r ? r : copy(status, "clientCertificateData", &c->certificate);
	r = r ? r : copy(status, "clientKeyData", &c->key);
	*ret_fault = "out of memory";
	if (r)
		return r;
	*ret_fault = "its answer has neither a token nor a certificate with its key";
	if (!c->certificate != !c->key || (!c->token && !c->key))
		return -EINVAL;
	*ret_fault = "its expirationTimestamp is no time";
	if (expires[0] && (ds_time_parse(expires, strlen(expires), &c->expires_ns) ||
			   c->expires_ns < 0 || c->expires_ns > DS_EVENT_TIME_MAX))
		return -EINVAL;
	return 0;
}

static int read_object(json_object *object, const char *api, struct ds_kube_credential *c,
		       const char **ret_fault)
{
	json_object *status = ds_kube_child(object, "status");
	int r = -EINVAL;

	if (strcmp(ds_kube_text(object, "kind"), "ExecCredential") != 0)
		*ret_fault = "its answer is no ExecCredential";
	else if (strcmp(ds_kube_text(object, "apiVersion"), api) != 0)
		*ret_fault = "its answer has another apiVersion than the kubeconfig";
	else
		r = read_status(status, c, ret_fault);
	overwrite(status, "token");
	overwrite(status, "clientKeyData");
	return r;
}

int ds_kube_credential_read(const char *text, size_t len, const char *api,
			    struct ds_kube_credential *ret_credential, const char **ret_fault)
{
	struct ds_kube_credential c = { 0 };
	json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
	json_object *object;
	int r = -EINVAL;

	*ret_fault = "out of memory";
	if (!tokener)
		return -ENOMEM;
	object = json_tokener_parse_ex(tokener, text, (int)len);
	json_tokener_free(tokener);
	*ret_fault = "its answer is no JSON";
	if (object)
		r = read_object(object, api, &c, ret_fault);
	json_object_put(object);
	if (r) {
		ds_kube_credential_clear(&c);
		return r;
	}
	*ret_credential = c;
	*ret_fault = NULL;
	return 0;
}

void ds_kube_credential_clear(struct ds_kube_credential *c)
{
	ds_wipe_string(&c->token);
	ds_wipe_string(&c->certificate);
	ds_wipe_string(&c->key);
	c->expires_ns = 0;
}
