// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzz target: the agents' own pods, as they come, change and go, and pods that end beside them.
 * Each line is a letter and a text: "a" an agent's pod as the API server tells it, "A" the same, and
 * it is gone; "e" a pod has ended, NODE UID; "+" time passes. A pod is judged once, when it is due.
 *
 * Built from: user/source/handover/vanished.c user/source/kube/kube_json.c
 * Built from: user/source/kube/kube_owner.c user/source/kube/kube_pod.c
 * Built from: user/source/kube/kube_prestop.c user/source/kube/kube_ready.c
 * Packages: json-c
 */
#include <stdlib.h>
#include <string.h>

#include "user/source/handover/vanished.h"
#include "user/source/kube/kube_json.h"
#include "user/util/timefmt.h"

#define NOW INT64_C(1795387050000000000)
#define AGENTS_MAX 16
#define UID_LEN 63

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct agent {
	char uid[UID_LEN + 1];
	void *object;
};

struct run {
	struct ds_vanished *vanished;
	struct agent agents[AGENTS_MAX];
	int64_t now_ns;
	size_t ended, judged;
};

static void check(bool good)
{
	if (!good)
		abort();
}

static void judge(void *ctx, const char *node, const char *uid)
{
	struct run *run = ctx;

	check(node[0] && uid[0] && ++run->judged <= run->ended);
}

static struct agent *agent_of(struct run *run, const char *uid)
{
	struct agent *free_one = NULL;

	for (struct agent *a = run->agents; a < run->agents + AGENTS_MAX; a++) {
		if (a->object && !strcmp(a->uid, uid))
			return a;
		if (!a->object)
			free_one = a;
	}
	return free_one;
}

static void drop(struct run *run, struct agent *a)
{
	ds_vanished_drop(run->vanished, a->object);
	a->object = NULL;
}

/* As a watch does it: told under its UID. */
static void take_agent(struct run *run, json_object *json, bool is_gone)
{
	const char *uid = ds_kube_text(ds_kube_child(json, "metadata"), "uid");
	struct agent *a = uid[0] && strlen(uid) <= UID_LEN ? agent_of(run, uid) : NULL;
	void *object = a ? ds_vanished_take(run->vanished, a->object, json) : NULL;

	if (!object)
		return;
	strcpy(a->uid, uid);
	a->object = object;
	ds_vanished_tell(run->vanished, object, is_gone ? DS_KUBE_DELETED : DS_KUBE_IS);
	if (is_gone)
		drop(run, a);
}

static void take_pod(struct run *run, char *text)
{
	char *space = strchr(text, ' ');

	if (!space)
		return;
	*space = '\0';
	run->ended++;
	ds_vanished_ended(run->vanished, text, space + 1, 0, run->now_ns);
}

static void take_line(struct run *run, char *line)
{
	json_object *json = line[0] == 'a' || line[0] == 'A' ? json_tokener_parse(line + 1) : NULL;

	if (json)
		take_agent(run, json, line[0] == 'A');
	else if (line[0] == 'e')
		take_pod(run, line + 1);
	else if (line[0] == '+')
		ds_vanished_tick(run->vanished, run->now_ns);
	json_object_put(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run run = { .now_ns = NOW };
	const struct ds_vanished_options o = { .judge = judge, .ctx = &run };
	char *copy = malloc(size + 1), *rest = copy, *line;

	check(copy && !ds_vanished_new(&run.vanished, &o));
	memcpy(copy, data, size);
	copy[size] = '\0';
	for (; (line = strsep(&rest, "\n")); run.now_ns += DS_VANISHED_DUE_NS / 2)
		take_line(&run, line);
	ds_vanished_tick(run.vanished, run.now_ns + DS_VANISHED_DUE_NS);
	for (struct agent *a = run.agents; a < run.agents + AGENTS_MAX; a++)
		if (a->object)
			drop(&run, a);
	ds_vanished_free(&run.vanished);
	free(copy);
	return 0;
}
