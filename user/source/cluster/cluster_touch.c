/* SPDX-License-Identifier: Apache-2.0 */
#include "user/source/cluster/cluster_touch.h"

#include <string.h>

#include "user/source/cluster/cluster_table.h"

void ds_cluster_pod_touch(struct ds_cluster *c, struct ds_cluster_pod_entry *pod)
{
	if (pod->dirty)
		return;
	pod->dirty = true;
	pod->next_dirty = c->dirty;
	c->dirty = pod;
}

void ds_cluster_service_touch(struct ds_cluster *c, struct ds_cluster_service *s)
{
	const char *slash = strchr(s->key, '/');
	char name[DS_KUBE_NAME_LEN + 1];
	struct ds_cluster_namespace *n;

	for (struct ds_tie *t = s->slices.first; t; t = t->next) {
		const struct ds_cluster_object *o = t->of;
		const struct ds_read_slice *slice = o->facts;

		for (int i = 0; o->refs && i < slice->endpoints_cnt; i++)
			if (o->refs[i].pod)
				ds_cluster_pod_touch(c, o->refs[i].pod);
	}
	if (!s->bindings.first)
		return;
	memcpy(name, s->key, (size_t)(slash - s->key));
	name[slash - s->key] = '\0';
	n = ds_cluster_namespace_find(c, name);
	for (struct ds_tie *t = n ? n->pods.first : NULL; t; t = t->next)
		ds_cluster_pod_touch(c, t->of);
}

struct ds_cluster_pod_entry *ds_cluster_next_touched(struct ds_cluster *c)
{
	struct ds_cluster_pod_entry *pod = c->dirty;

	if (pod) {
		c->dirty = pod->next_dirty;
		pod->dirty = false;
	}
	return pod;
}
