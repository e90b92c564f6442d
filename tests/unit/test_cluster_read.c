// SPDX-License-Identifier: Apache-2.0
#include "user/source/cluster/cluster_read.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "user/util/timefmt.h"

#define ARN "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef"
#define META "'metadata':{'namespace':'shop','name':'web'}"
#define SPEC(arn, service, port) \
	"'spec':{'targetGroupARN':'" arn "','serviceRef':{'name':'" service "','port':" port "}}"

/* JSON with ' in the place of ". */
static json_object *json_of(const char *text)
{
	char *copy = strdup(text);
	json_object *json;

	for (char *p = copy; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	json = json_tokener_parse(copy);
	if (!json)
		fail_msg("no JSON: %s", copy);
	free(copy);
	return json;
}

static int binding_of(const char *text, struct ds_read_binding **ret)
{
	json_object *json = json_of(text);
	int r = ds_read_binding(json, ret);

	json_object_put(json);
	return r;
}

static void what_a_binding_must_have(void **state)
{
	static const struct {
		const char *text;
		int r;
	} cases[] = {
		{ "{" META "," SPEC(ARN, "web", "80") "}", 0 },
		{ "{" META "," SPEC(ARN, "web", "'http'") "}", 0 },
		{ "{" META "," SPEC(ARN, "web", "0") "}", -EINVAL },
		{ "{" META "," SPEC(ARN, "web", "65536") "}", -EINVAL },
		{ "{" META "," SPEC(ARN, "web", "''") "}", -EINVAL },
		{ "{" META "," SPEC(ARN, "", "80") "}", -EINVAL },
		{ "{" META "," SPEC("", "web", "80") "}", -EINVAL },
		{ "{" META "," SPEC("arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/x/y",
				    "web", "80") "}", -EINVAL },
		{ "{'metadata':{'namespace':'shop'}," SPEC(ARN, "web", "80") "}", -EINVAL },
		{ "{" META "}", -EINVAL },
		{ "{" META ",'spec':[]}", -EINVAL },
		{ "[]", -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ds_read_binding *b = NULL;

		assert_int_equal(binding_of(cases[i].text, &b), cases[i].r);
		assert_int_equal(b != NULL, !cases[i].r);
		ds_read_binding_free(b);
	}
}

static void what_a_binding_tells(void **state)
{
	struct ds_read_binding *b;

	(void)state;
	assert_int_equal(
		binding_of("{'apiVersion':'eks.amazonaws.com/v1','metadata':{'namespace':'shop',"
			   "'name':'web','annotations':{'elbv2.k8s.aws/checkpoint':'',"
			   "'elbv2.k8s.aws/checkpoint-timestamp':'1795387027'}},"
			   "'spec':{'targetGroupARN':'" ARN "','targetType':'instance',"
			   "'ipAddressType':'ipv6','serviceRef':{'name':'web','port':443}}}",
			   &b),
		0);
	assert_true(b->has_checkpoint && b->is_checkpoint_empty);
	assert_true(b->checkpoint_ns == INT64_C(1795387027) * DS_NS_PER_S);
	assert_int_equal(b->type, DS_TARGET_TYPE_INSTANCE);
	assert_int_equal(b->family, 6);
	assert_int_equal(b->port.number, 443);
	assert_string_equal(b->service, "web");
	ds_read_binding_free(b);
	assert_int_equal(binding_of("{" META "," SPEC(ARN, "web", "80") "}", &b), 0);
	assert_false(b->has_checkpoint);
	assert_int_equal(b->type, DS_TARGET_TYPE_IP);
	assert_int_equal(b->family, 0);
	assert_true(b->checkpoint_ns == 0);
	ds_read_binding_free(b);
}

static void endpoints_of_a_slice(void **state)
{
	static const char text[] =
		"{'metadata':{'namespace':'shop','name':'x','labels':{"
		"'kubernetes.io/service-name':'web'}},'addressType':'IPv4','ports':["
		"{'name':'http','port':80},{'port':81,'protocol':'TCP'},"
		"{'name':'dns','port':53,'protocol':'UDP'},{'name':'all'}],'endpoints':["
		"{'addresses':['10.0.0.1','10.0.0.9'],'targetRef':{'kind':'Pod','name':'a','uid':'1'}},"
		"{'addresses':['10.0.0.2'],'conditions':{'ready':false},'nodeName':'n',"
		"'targetRef':{'kind':'Pod','name':'b','uid':'2'}},"
		"{'addresses':['10.0.0.3'],'conditions':{'ready':false,'serving':true,"
		"'terminating':true},'targetRef':{'kind':'Pod','name':'c','uid':'3'}},"
		"{'addresses':['10.0.0.4']},"
		"{'addresses':['10.0.0.5'],'targetRef':{'kind':'Node','name':'d','uid':'4'}},"
		"{'addresses':['10.0.0.6'],'targetRef':{'kind':'Pod','name':'e'}},"
		"{'addresses':[],'targetRef':{'kind':'Pod','name':'f','uid':'6'}},"
		"{'addresses':[1],'targetRef':{'kind':'Pod','name':'g','uid':'7'}},"
		"{'addresses':['10.0.0.x'],'targetRef':{'kind':'Pod','name':'h','uid':'8'}},7,null]}";
	json_object *json = json_of(text);
	struct ds_read_slice *s;

	(void)state;
	assert_int_equal(ds_read_slice(json, &s), 0);
	assert_string_equal(s->service, "web");
	assert_int_equal(s->family, 4);
	assert_int_equal(s->ports_cnt, 2);
	assert_string_equal(s->ports[1].name, "");
	assert_int_equal(s->ports[1].port, 81);
	assert_int_equal(s->endpoints_cnt, 3);
	assert_true(s->endpoints[0].ready && !s->endpoints[0].terminating);
	assert_string_equal(s->endpoints[0].node, "");
	assert_false(s->endpoints[1].ready);
	assert_string_equal(s->endpoints[1].node, "n");
	assert_true(!s->endpoints[2].ready && s->endpoints[2].terminating);
	ds_read_slice_free(s);
	json_object_put(json);
	json = json_of("{" META ",'addressType':'FQDN','endpoints':[{'addresses':['10.0.0.1'],"
		       "'targetRef':{'kind':'Pod','name':'a','uid':'1'}}]}");
	assert_int_equal(ds_read_slice(json, &s), 0);
	assert_int_equal(s->endpoints_cnt, 0);
	ds_read_slice_free(s);
	json_object_put(json);
}

static void only_so_many_endpoints(void **state)
{
	json_object *json = json_of("{" META ",'addressType':'IPv4','endpoints':[]}"), *list;
	struct ds_read_slice *s;

	(void)state;
	assert_true(json_object_object_get_ex(json, "endpoints", &list));
	for (int i = 0; i < DS_READ_ENDPOINTS_MAX + 5; i++)
		json_object_array_add(list, json_of("{'addresses':['10.0.0.1'],'targetRef':{"
						    "'kind':'Pod','name':'a','uid':'1'}}"));
	assert_int_equal(ds_read_slice(json, &s), 0);
	assert_int_equal(s->endpoints_cnt, DS_READ_ENDPOINTS_MAX);
	ds_read_slice_free(s);
	json_object_put(json);
}

static void numbers_of_a_workload(void **state)
{
	static const char text[] =
		"{'metadata':{'namespace':'shop','name':'web-1','annotations':{"
		"'deployment.kubernetes.io/revision':'17'},'ownerReferences':["
		"{'kind':'Deployment','name':'wrong'},"
		"{'kind':'Deployment','name':'web','controller':true}]},"
		"'spec':{'replicas':3,'template':{'metadata':{'labels':{'a':'b','n':1}}}},"
		"'status':{'replicas':2}}";
	json_object *json = json_of(text);
	struct ds_read_workload *w;

	(void)state;
	assert_int_equal(ds_read_workload(json, DS_KUBE_OWNER_REPLICASET, &w), 0);
	assert_true(w->revision == 17 && w->desired == 3 && w->present == 2);
	assert_string_equal(w->owner, "web");
	assert_int_equal(w->labels.cnt, 1);
	ds_read_workload_free(w);
	/* Whose it is matters of a ReplicaSet only. */
	assert_int_equal(ds_read_workload(json, DS_KUBE_OWNER_STATEFULSET, &w), 0);
	assert_string_equal(w->owner, "");
	ds_read_workload_free(w);
	json_object_put(json);
	json = json_of("{" META ",'spec':{'replicas':-1},'status':{'replicas':'2'}}");
	assert_int_equal(ds_read_workload(json, DS_KUBE_OWNER_DAEMONSET, &w), 0);
	assert_true(w->revision == -1 && w->desired == -1 && w->present == -1);
	assert_true(w->updated == 0 && w->template_generation == -1);
	ds_read_workload_free(w);
	json_object_put(json);
}

static void digits(void **state)
{
	(void)state;
	assert_true(ds_read_digits("0", 9) == 0);
	assert_true(ds_read_digits("9", 9) == 9);
	assert_true(ds_read_digits("10", 9) == -1);
	assert_true(ds_read_digits("65535", UINT16_MAX) == 65535);
	assert_true(ds_read_digits("65536", UINT16_MAX) == -1);
	assert_true(ds_read_digits("9223372036854775807", INT64_MAX) == INT64_MAX);
	assert_true(ds_read_digits("9223372036854775808", INT64_MAX) == -1);
	assert_true(ds_read_digits("", 9) == -1);
	assert_true(ds_read_digits("-1", 9) == -1);
	assert_true(ds_read_digits("1x", 9) == -1);
}

/* ---- labels ---- */

static bool matches(const char *selector, const char *labels)
{
	json_object *s = json_of(selector), *l = json_of(labels);
	struct ds_selector sel;
	struct ds_labels have;
	bool r;

	assert_int_equal(ds_selector_read(s, &sel), 0);
	assert_int_equal(ds_labels_read(l, &have), 0);
	r = ds_selector_matches(&sel, &have);
	ds_selector_free(&sel);
	ds_labels_free(&have);
	json_object_put(s);
	json_object_put(l);
	return r;
}

static void selectors(void **state)
{
	struct ds_selector none = { 0 };
	struct ds_labels labels = { 0 };

	(void)state;
	assert_true(matches("{'matchLabels':{'a':'1'}}", "{'a':'1'}"));
	assert_true(matches("{'matchLabels':{'a':'1','c':'3'}}", "{'c':'3','b':'2','a':'1'}"));
	assert_false(matches("{'matchLabels':{'a':'1','c':'3'}}", "{'b':'2','a':'1'}"));
	assert_false(matches("{'matchLabels':{'a':'1'}}", "{'a':'2'}"));
	assert_false(matches("{'matchLabels':{'a':'1'}}", "{'1':'a'}"));
	assert_false(matches("{'matchLabels':{'a':'1'}}", "{}"));
	assert_true(matches("{}", "{}"));
	assert_true(matches("{}", "{'a':'1'}"));
	assert_true(matches("{'matchExpressions':[{'key':'a'}]}", "{'b':'1'}"));
	assert_false(matches("{'matchLabels':{'a':'1'},'matchExpressions':[{}]}", "{'b':'1'}"));
	assert_int_equal(ds_selector_read(NULL, &none), 0);
	assert_false(ds_selector_matches(&none, &labels));
}

static void too_many_labels(void **state)
{
	json_object *json = json_object_new_object();
	struct ds_labels labels;
	char key[16];

	(void)state;
	for (int i = 0; i < DS_LABELS_MAX + 1; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		json_object_object_add(json, key, json_object_new_string("v"));
	}
	assert_int_equal(ds_labels_read(json, &labels), -E2BIG);
	json_object_object_del(json, key);
	assert_int_equal(ds_labels_read(json, &labels), 0);
	assert_int_equal(labels.cnt, DS_LABELS_MAX);
	ds_labels_free(&labels);
	json_object_put(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_binding_must_have),
		cmocka_unit_test(what_a_binding_tells),
		cmocka_unit_test(endpoints_of_a_slice),
		cmocka_unit_test(only_so_many_endpoints),
		cmocka_unit_test(numbers_of_a_workload),
		cmocka_unit_test(digits),
		cmocka_unit_test(selectors),
		cmocka_unit_test(too_many_labels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
