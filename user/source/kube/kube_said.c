/* SPDX-License-Identifier: Apache-2.0 */
#include "user/source/kube/kube_said.h"

#include <json-c/json.h>
#include <stdio.h>

#include "user/source/kube/kube_json.h"
#include "user/source/kube/kube_split.h"

void ds_kube_said(const char *body, size_t len, char *buf, size_t size)
{
	json_tokener *tokener = body && len && len <= DS_KUBE_KEPT_MAX ?
					json_tokener_new_ex(DS_KUBE_DEPTH_MAX) : NULL;
	json_object *status;

	buf[0] = '\0';
	if (!tokener)
		return;
	status = json_tokener_parse_ex(tokener, body, (int)len);
	(void)snprintf(buf, size, "%s", ds_kube_text(status, "message"));
	json_object_put(status);
	json_tokener_free(tokener);
}
