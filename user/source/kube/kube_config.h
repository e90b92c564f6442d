/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What kubeconfig files say: clusters, users and contexts by name. Of several files the first that
 * names a thing counts, as with kubectl. Pure: reads text, no files.
 */
#ifndef DS_SOURCE_KUBE_CONFIG_H
#define DS_SOURCE_KUBE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#define DS_KUBE_CONFIG_MAX 1048576	/* bytes of a file */
#define DS_KUBE_ENTRIES_MAX 512		/* of one kind */
#define DS_KUBE_WORDS_MAX 32		/* arguments, or environment variables, of a plugin */

/* X(ID, "path in the file", whether its value is the path of a file) */
#define DS_KUBE_FIELDS(X) \
	X(NAME, "name", false) \
	X(SERVER, "cluster.server", false) \
	X(CA_FILE, "cluster.certificate-authority", true) \
	X(CA_DATA, "cluster.certificate-authority-data", false) \
	X(SERVER_NAME, "cluster.tls-server-name", false) \
	X(INSECURE, "cluster.insecure-skip-tls-verify", false) \
	X(PROXY, "cluster.proxy-url", false) \
	X(CERT_FILE, "user.client-certificate", true) \
	X(CERT_DATA, "user.client-certificate-data", false) \
	X(KEY_FILE, "user.client-key", true) \
	X(KEY_DATA, "user.client-key-data", false) \
	X(TOKEN, "user.token", false) \
	X(TOKEN_FILE, "user.tokenFile", true) \
	X(USERNAME, "user.username", false) \
	X(AS, "user.as", false) \
	X(AUTH_PROVIDER, "user.auth-provider.name", false) \
	X(EXEC_API, "user.exec.apiVersion", false) \
	X(EXEC_COMMAND, "user.exec.command", false) \
	X(EXEC_HINT, "user.exec.installHint", false) \
	X(CLUSTER, "context.cluster", false) \
	X(USER, "context.user", false)

#define DS_KUBE_FIELD_ENUM_(id, path, file) DS_KUBE_FIELD_##id,
enum ds_kube_field { DS_KUBE_FIELDS(DS_KUBE_FIELD_ENUM_) DS_KUBE_FIELD_MAX };

enum ds_kube_kind { DS_KUBE_CLUSTERS, DS_KUBE_USERS, DS_KUBE_CONTEXTS, DS_KUBE_KIND_MAX };

/* A cluster, a user or a context. Strings are owned; NULL = not given. */
struct ds_kube_entry {
	char *fields[DS_KUBE_FIELD_MAX];	/* paths of files: below the kubeconfig's folder */
	char *args[DS_KUBE_WORDS_MAX];		/* of the plugin */
	char *env_names[DS_KUBE_WORDS_MAX], *env_values[DS_KUBE_WORDS_MAX];
	int args_cnt, env_cnt;
	char *dir;			/* of the file that has it */
};

struct ds_kube_config {
	struct ds_kube_entry *entries[DS_KUBE_KIND_MAX][DS_KUBE_ENTRIES_MAX];
	int cnt[DS_KUBE_KIND_MAX];
	char *current;			/* context; NULL = none */
};

/* Where a file is wrong, and how. */
struct ds_kube_fault {
	size_t line;			/* from 1; 0 = no place in particular */
	char what[256];			/* no secret in it */
};

/*
 * Adds what a file says; dir is the folder that its relative paths start from. 0, or -EINVAL or
 * -ENOMEM with *ret_fault: config holds what came before the fault.
 */
int ds_kube_config_add(struct ds_kube_config *config, const char *text, size_t len,
		       const char *dir, struct ds_kube_fault *ret_fault);

/* The entry of that name, borrowed, or NULL. */
const struct ds_kube_entry *ds_kube_config_find(const struct ds_kube_config *config,
						enum ds_kube_kind kind, const char *name);

/*
 * The cluster and the user (NULL: nobody) of a context, NULL = the current one. 0, or -EINVAL with
 * *ret_fault where there is no such, or where it asks for what drainsnoop cannot do.
 */
int ds_kube_config_choose(const struct ds_kube_config *config, const char *context,
			  const struct ds_kube_entry **ret_cluster,
			  const struct ds_kube_entry **ret_user, struct ds_kube_fault *ret_fault);

/* Frees what it holds, secrets overwritten. */
void ds_kube_config_clear(struct ds_kube_config *config);

#endif
