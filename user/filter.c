/* SPDX-License-Identifier: Apache-2.0 */
#include "user/filter.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *word;
	enum ds_event_kind kind;
} words[] = {
	{ "drop", DS_EVENT_DROP }, { "phase", DS_EVENT_PHASE }, { "verdict", DS_EVENT_VERDICT },
	{ "advice", DS_EVENT_ADVICE }, { "pod", DS_EVENT_POD_STATE }, { "target", DS_EVENT_TARGET },
	{ "absence", DS_EVENT_NO_TARGET }, { "health", DS_EVENT_HEALTH }, { "stop", DS_EVENT_STOP },
};

const char *ds_filter_kind_words(void)
{
	return "drop, phase, verdict, advice, pod, target, absence, health, stop";
}

int ds_filter_parse_kinds(struct ds_filter *f, const char *list)
{
	while (*list) {
		size_t len = strcspn(list, ","), i;

		for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			if (strlen(words[i].word) == len && !strncmp(words[i].word, list, len))
				break;
		if (i == sizeof(words) / sizeof(words[0]))
			return -EINVAL;
		f->kinds |= UINT32_C(1) << words[i].kind;
		list += len + (list[len] == ',');
	}
	return f->kinds ? 0 : -EINVAL;
}

static bool name_matches(const char *pattern, const char *name)
{
	size_t len = strlen(pattern);

	if (len && pattern[len - 1] == '*')
		return !strncmp(pattern, name, len - 1);
	return !strcmp(pattern, name);
}

static bool any_matches(const char *const *patterns, int cnt, const char *name)
{
	for (int i = 0; i < cnt; i++)
		if (name_matches(patterns[i], name))
			return true;
	return cnt == 0;
}

static bool port_passes(const struct ds_filter *f, const struct ds_event *ev)
{
	if (!f->ports_cnt || ev->kind != DS_EVENT_DROP)
		return true;
	for (int i = 0; i < f->ports_cnt; i++)
		if (f->ports[i] == (ev->direction == DS_DIRECTION_TRANSMIT ? ev->source_port :
									     ev->destination_port))
			return true;
	return false;
}

bool ds_filter_passes(const struct ds_filter *f, const struct ds_event *ev)
{
	/* The first line says what the others are: it always passes. */
	if (ev->kind == DS_EVENT_START)
		return true;
	if (f->kinds && !(f->kinds >> ev->kind & 1))
		return false;
	if (ds_event_has(ev, DS_KEY_POD_NAMESPACE) &&
	    !any_matches(f->namespaces, f->namespaces_cnt, ev->pod_namespace))
		return false;
	if (ds_event_has(ev, DS_KEY_POD_NAME) && !any_matches(f->pods, f->pods_cnt, ev->pod_name))
		return false;
	if (ev->kind != DS_EVENT_DROP)
		return true;
	if (f->draining_only && !ds_event_has(ev, DS_KEY_SINCE_T0))
		return false;
	if (f->family && f->family != (!strcmp(ev->network_type, "ipv4") ? 4 : 6))
		return false;
	return port_passes(f, ev);
}
