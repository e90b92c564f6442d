// SPDX-License-Identifier: Apache-2.0
/*
 * What the running kernel's BTF says about tracepoints and enumerations.
 */
#include "user/source/kernel/kernel_btf.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>

int ds_btf_raw_tp_args(const struct btf *btf, const char *tracepoint)
{
	const struct btf_type *t;
	char name[128];
	int id;

	/* typedef void (*btf_trace_NAME)(void *, ARGS...), include/trace/bpf_probe.h */
	if (snprintf(name, sizeof(name), "btf_trace_%s", tracepoint) >= (int)sizeof(name))
		return -ENOENT;
	id = btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF);
	if (id < 0)
		return -ENOENT;
	t = btf__type_by_id(btf, (uint32_t)id);
	t = t ? btf__type_by_id(btf, t->type) : NULL;
	if (!t || !btf_is_ptr(t))
		return -ENOENT;
	t = btf__type_by_id(btf, t->type);
	if (!t || !btf_is_func_proto(t) || btf_vlen(t) < 1)
		return -ENOENT;
	return btf_vlen(t) - 1;
}

int ds_btf_each_value(const struct btf *btf, const char *enum_name,
		      void (*fn)(void *ctx, const char *name, int64_t value), void *ctx)
{
	const struct btf_type *t;
	int id = btf__find_by_name_kind(btf, enum_name, BTF_KIND_ENUM);
	const char *name;

	if (id < 0)
		id = btf__find_by_name_kind(btf, enum_name, BTF_KIND_ENUM64);
	t = id < 0 ? NULL : btf__type_by_id(btf, (uint32_t)id);
	if (!t)
		return -ENOENT;
	for (int i = 0; i < btf_vlen(t); i++) {
		if (btf_is_enum64(t)) {
			name = btf__name_by_offset(btf, btf_enum64(t)[i].name_off);
			if (name)
				fn(ctx, name, (int64_t)btf_enum64_value(btf_enum64(t) + i));
		} else {
			name = btf__name_by_offset(btf, btf_enum(t)[i].name_off);
			if (name)
				fn(ctx, name, btf_enum(t)[i].val);
		}
	}
	return 0;
}
