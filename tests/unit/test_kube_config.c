// SPDX-License-Identifier: Apache-2.0
#include "user/source/kube/kube_config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

#define FIELD(entry, id) ((entry)->fields[DS_KUBE_FIELD_##id])

static struct ds_kube_config config;
static struct ds_kube_fault fault;
static const struct ds_kube_entry *cluster, *user;

static int fresh(void **state)
{
	(void)state;
	ds_kube_config_clear(&config);
	cluster = user = NULL;
	return 0;
}

static int add(const char *text, const char *dir)
{
	return ds_kube_config_add(&config, text, strlen(text), dir, &fault);
}

static void assert_wrong(const char *text, size_t line, const char *what)
{
	(void)fresh(NULL);
	assert_int_equal(add(text, ""), -EINVAL);
	assert_string_equal(fault.what, what);
	assert_int_equal(fault.line, line);
}

static const char eks[] =
	"apiVersion: v1\n"
	"clusters:\n"
	"- cluster:\n"
	"    certificate-authority-data: TEVU\n"
	"    server: https://ABC.gr7.eu-central-1.eks.amazonaws.com\n"
	"  name: prod\n"
	"- name: dev\n"
	"  cluster: {server: 'https://[fd00::1]:6443', certificate-authority: ca.pem,\n"
	"    insecure-skip-tls-verify: true, tls-server-name: kubernetes, unknown: [1, {a: b}]}\n"
	"contexts:\n"
	"- context:\n"
	"    cluster: prod\n"
	"    user: prod\n"
	"    namespace: shop\n"
	"  name: prod\n"
	"- context: {cluster: dev, user: dev}\n"
	"  name: dev\n"
	"current-context: prod\n"
	"kind: Config\n"
	"preferences: {}\n"
	"users:\n"
	"- name: prod\n"
	"  user:\n"
	"    exec:\n"
	"      apiVersion: client.authentication.k8s.io/v1beta1\n"
	"      args:\n"
	"      - --region\n"
	"      - eu-central-1\n"
	"      - eks\n"
	"      - get-token\n"
	"      command: aws\n"
	"      env:\n"
	"      - name: AWS_PROFILE\n"
	"        value: prod\n"
	"      - name: EMPTY\n"
	"        value: ''\n"
	"      interactiveMode: IfAvailable\n"
	"      provideClusterInfo: false\n"
	"- name: dev\n"
	"  user: {client-certificate: /abs/c.pem, client-key: keys/k.pem, tokenFile: t}\n";

static void what_aws_eks_update_kubeconfig_writes(void **state)
{
	(void)state;
	assert_int_equal(add(eks, "/srv/kube"), 0);
	assert_int_equal(ds_kube_config_choose(&config, NULL, &cluster, &user, &fault), 0);
	assert_string_equal(FIELD(cluster, SERVER),
			    "https://ABC.gr7.eu-central-1.eks.amazonaws.com");
	assert_string_equal(FIELD(cluster, CA_DATA), "TEVU");
	assert_null(FIELD(cluster, CA_FILE));
	assert_string_equal(FIELD(user, EXEC_COMMAND), "aws");
	assert_string_equal(FIELD(user, EXEC_API), "client.authentication.k8s.io/v1beta1");
	assert_int_equal(user->args_cnt, 4);
	assert_string_equal(user->args[0], "--region");
	assert_string_equal(user->args[3], "get-token");
	assert_int_equal(user->env_cnt, 2);
	assert_string_equal(user->env_names[0], "AWS_PROFILE");
	assert_string_equal(user->env_values[0], "prod");
	assert_string_equal(user->env_values[1], "");
	assert_string_equal(user->dir, "/srv/kube");
}

static void a_context_by_name_and_files_beside_the_kubeconfig(void **state)
{
	(void)state;
	assert_int_equal(add(eks, "/srv/kube"), 0);
	assert_int_equal(ds_kube_config_choose(&config, "dev", &cluster, &user, &fault), 0);
	assert_string_equal(FIELD(cluster, SERVER), "https://[fd00::1]:6443");
	assert_string_equal(FIELD(cluster, CA_FILE), "/srv/kube/ca.pem");
	assert_string_equal(FIELD(cluster, INSECURE), "true");
	assert_string_equal(FIELD(cluster, SERVER_NAME), "kubernetes");
	assert_string_equal(FIELD(user, CERT_FILE), "/abs/c.pem");
	assert_string_equal(FIELD(user, KEY_FILE), "/srv/kube/keys/k.pem");
	assert_string_equal(FIELD(user, TOKEN_FILE), "/srv/kube/t");
	(void)fresh(NULL);
	assert_int_equal(add(eks, ""), 0); /* in the present folder */
	assert_int_equal(ds_kube_config_choose(&config, "dev", &cluster, &user, &fault), 0);
	assert_string_equal(FIELD(user, KEY_FILE), "keys/k.pem");
}

static void json_is_yaml(void **state)
{
	(void)state;
	assert_int_equal(
		add("{\"current-context\":\"a\",\"clusters\":[{\"name\":\"a\",\"cluster\":{\"server\":\"http://k.example.com\"}}],"
		    "\"contexts\":[{\"name\":\"a\",\"context\":{\"cluster\":\"a\",\"user\":\"\"}}],\"users\":null}",
		    ""),
		0);
	assert_int_equal(ds_kube_config_choose(&config, NULL, &cluster, &user, &fault), 0);
	assert_string_equal(FIELD(cluster, SERVER), "http://k.example.com");
	assert_null(user);
}

/* As kubectl merges the files of KUBECONFIG. */
static void of_several_files_the_first_that_names_a_thing_counts(void **state)
{
	(void)state;
	assert_int_equal(
		add("clusters: [{name: a, cluster: {server: https://first.example.com}}]\n",
		    "/one"),
		0);
	assert_int_equal(
		add("current-context: c\nclusters: [{name: a, cluster: {server: https://second.example.com}}, "
		    "{name: b, cluster: {server: https://b.example.com}}]\nusers: [{name: u, user: {tokenFile: t}}]",
		    "/two"),
		0);
	assert_int_equal(
		add("current-context: d\ncontexts: [{name: c, context: {cluster: a, user: u}}]",
		    "/three"),
		0);
	assert_int_equal(ds_kube_config_choose(&config, NULL, &cluster, &user, &fault), 0);
	assert_string_equal(FIELD(cluster, SERVER), "https://first.example.com");
	assert_string_equal(FIELD(user, TOKEN_FILE), "/two/t");
	assert_string_equal(config.current, "c");
	assert_int_equal(config.cnt[DS_KUBE_CLUSTERS], 2);
}

static void faults_have_their_line(void **state)
{
	(void)state;
	assert_wrong("clusters:\n- name: a\n  cluster: {server: x\n", 4,
		     "not YAML: did not find expected ',' or '}'");
	assert_wrong("a: b: c\n", 1, "not YAML: mapping values are not allowed in this context");
	assert_wrong("just words\n", 1, "this is no kubeconfig: a map was expected");
	assert_wrong("- a\n", 1, "this is no kubeconfig: a map was expected");
	assert_wrong("clusters:\n- cluster: {server: x}\n\nkind: y\n", 4,
		     "an entry without a name in clusters");
	assert_wrong("users:\n- &x {name: a}\n- *x\n", 3, "an alias (*name): write the value out");
	assert_wrong("{[a]: b}", 1, "a key that is no text");
	assert_wrong("a: \"x\\0y\"", 1, "a value with a NUL, or longer than 256 KiB");
	assert_wrong("a: [[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]", 1, "nested too deep");
	assert_int_equal(add("", ""), 0); /* nothing is nothing wrong */
	assert_int_equal(add("clusters: []\nusers:\ncontexts: {}\ncurrent-context: ''\n", ""), 0);
	assert_null(config.current);
}

static void too_many_of_a_thing(void **state)
{
	char text[4096] = "users:\n- name: a\n  user:\n    exec:\n      args:\n";
	char name[64];

	(void)state;
	for (int i = 0; i <= DS_KUBE_WORDS_MAX; i++)
		strcat(text, "      - x\n");
	assert_wrong(text, 6 + DS_KUBE_WORDS_MAX, "too many user.exec.args");
	(void)fresh(NULL);
	for (int i = 0; i < DS_KUBE_ENTRIES_MAX; i++) {
		(void)snprintf(name, sizeof(name), "users: [{name: u%d}]", i);
		assert_int_equal(add(name, ""), 0);
	}
	assert_int_equal(add("users: [{name: u7}]", ""), 0); /* known already */
	assert_int_equal(add("users: [{name: more}]", ""), -EINVAL);
	assert_string_equal(fault.what, "too many users");
}

static void assert_no_choice(const char *text, const char *context, const char *what)
{
	(void)fresh(NULL);
	assert_int_equal(add(text, ""), 0);
	assert_int_equal(ds_kube_config_choose(&config, context, &cluster, &user, &fault), -EINVAL);
	assert_string_equal(fault.what, what);
	assert_true(!cluster && !user);
}

#define CONTEXT "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n"
#define CLUSTER "clusters: [{name: k, cluster: {server: https://k.example.com}}]\n"

static void what_is_missing_is_named(void **state)
{
	(void)state;
	assert_no_choice("", NULL, "no current-context: give one with --context");
	assert_no_choice(CONTEXT, "x", "there is no context 'x'");
	assert_no_choice("contexts: [{name: c, context: {user: u}}]", "c",
			 "the context 'c' names no cluster");
	assert_no_choice(CONTEXT, NULL, "there is no cluster 'k'");
	assert_no_choice(CONTEXT "clusters: [{name: k, cluster: {}}]", NULL,
			 "the cluster 'k' has no server");
	assert_no_choice(CONTEXT CLUSTER, NULL, "there is no user 'u'");
	assert_no_choice(CONTEXT "clusters: [{name: k, cluster: {server: x, proxy-url: y}}]", NULL,
			 "the cluster 'k' has a proxy-url: not supported, set HTTPS_PROXY");
	assert_no_choice(
		CONTEXT CLUSTER "users: [{name: u, user: {auth-provider: {name: gcp}}}]", NULL,
		"its user has the auth-provider 'gcp', which kubectl gave up too: use an exec plugin");
	assert_no_choice(
		CONTEXT CLUSTER "users: [{name: u, user: {username: me, password: secret}}]", NULL,
		"its user 'u' has a name and a password, which the API server takes no more: use a token or a "
		"certificate");
	assert_no_choice(
		CONTEXT CLUSTER "users: [{name: u, user: {token: t, as: other}}]", NULL,
		"its user 'u' acts as 'other': not supported, use credentials of that one");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, fresh)
	const struct CMUnitTest tests[] = {
		TEST(what_aws_eks_update_kubeconfig_writes),
		TEST(a_context_by_name_and_files_beside_the_kubeconfig),
		TEST(json_is_yaml),
		TEST(of_several_files_the_first_that_names_a_thing_counts),
		TEST(faults_have_their_line),
		TEST(too_many_of_a_thing),
		TEST(what_is_missing_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
