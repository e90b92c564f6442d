/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files are read once, as root, before rights are given up; the token's file each time, as whoever
 * keeps it replaces it. Where it cannot be read any more the last token stands.
 */
#include "user/source/kube/kube_access.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/source/kube/kube_config.h"
#include "user/source/kube/kube_exec.h"
#include "user/util/secret_file.h"
#include "user/util/wipe.h"
#include "user/util/base64.h"
#include "user/util/cleanup.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/timefmt.h"

#define SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount/"
#define TOKEN_MAX 65536
#define PEM_MAX 1048576
#define EXPIRES_SOON_NS (60 * DS_NS_PER_S)

struct ds_kube_access {
	struct uv_loop_s *loop;
	struct ds_kube_config config;
	const struct ds_kube_entry *user; /* of config; NULL = nobody, or the service account */
	char *server, *server_name;
	char *ca, *cert, *key; /* PEM */
	bool insecure;
	char *token_file;
	char *header;
	struct ds_http_tls tls;
	struct ds_kube_exec *exec; /* while it runs */
	bool has_exec_credentials;
	int64_t expires_ns; /* 0 = they do not */
	void (*ready)(void *ctx, const char *fault);
	void *ctx;
	char fault[512];
};

static const char *field(const struct ds_kube_entry *entry, enum ds_kube_field f)
{
	return entry ? entry->fields[f] : NULL;
}

/* ---- text and files ---- */

/* The content of a file of text, from malloc. 0 or -errno; logs nothing. */
static int read_text(const char *path, size_t max, char **ret_text)
{
	char *text = NULL, *copy;
	size_t len = 0;
	int r = ds_secret_file_read(path, max, &text, &len);

	if (r)
		return r;
	r = strlen(text) == len ? 0 : -EBADMSG;
	copy = r ? NULL : strdup(text);
	ds_wipe_free(text);
	if (r || !copy)
		return r ? r : -ENOMEM;
	ds_wipe_string(ret_text);
	*ret_text = copy;
	return 0;
}

static int set_token(struct ds_kube_access *a, const char *token)
{
	char *header = NULL;
	size_t len = strcspn(token, " \t\r\n");

	if (token[len + strspn(token + len, " \t\r\n")] || !len)
		return -EBADMSG; /* more than one word is no token */
	if (asprintf(&header, "Authorization: Bearer %.*s", (int)len, token) < 0)
		return -ENOMEM;
	ds_wipe_string(&a->header);
	a->header = header;
	return 0;
}

static int read_token(struct ds_kube_access *a)
{
	char *text = NULL;
	int r = read_text(a->token_file, TOKEN_MAX, &text);

	r = r ? r : set_token(a, text);
	ds_wipe_string(&text);
	return r;
}

static int decode(const char *text, char **ret_pem)
{
	size_t len = strlen(text), pem_len = 0;
	char *pem = malloc(DS_BASE64_ROOM(len) + 1);
	int r = pem ? ds_base64_decode(text, len, pem, &pem_len) : -ENOMEM;

	if (pem)
		pem[r ? 0 : pem_len] = '\0';
	if (!r && strlen(pem) != pem_len)
		r = -EBADMSG;
	if (r) {
		free(pem);
		return r;
	}
	ds_wipe_string(ret_pem);
	*ret_pem = pem;
	return 0;
}

/* A certificate or a key that stands in the kubeconfig, or in a file that it names. */
static int take_pem(const struct ds_kube_entry *entry, enum ds_kube_field data,
		    enum ds_kube_field file, const char *what, char **ret_pem)
{
	int r;

	if (field(entry, data)) {
		r = decode(field(entry, data), ret_pem);
		return r ? ds_log_err(r, "kubeconfig: the %s of '%s' is no base64 of a PEM text",
				      what, field(entry, DS_KUBE_FIELD_NAME)) :
			   0;
	}
	if (!field(entry, file))
		return 0;
	r = read_text(field(entry, file), PEM_MAX, ret_pem);
	return r ? ds_log_err(r, "kubeconfig: read the %s of '%s' from %s", what,
			      field(entry, DS_KUBE_FIELD_NAME), field(entry, file)) :
		   0;
}

static int set_server(struct ds_kube_access *a, const char *url)
{
	size_t len = strlen(url);

	if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)
		return ds_log_err(EINVAL,
				  "the API server's URL '%s' begins with neither https:// "
				  "nor http://",
				  url);
	while (len && url[len - 1] == '/')
		len--;
	a->server = strndup(url, len);
	return a->server ? 0 : ds_log_err(ENOMEM, "remember the API server");
}

/* ---- kubeconfig ---- */

static int add_file(struct ds_kube_access *a, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct ds_kube_fault fault;
	char *dir = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup("");
	char *text = NULL;
	size_t len = 0;
	int r = dir ? ds_secret_file_read(path, DS_KUBE_CONFIG_MAX, &text, &len) : -ENOMEM;

	if (!r) {
		r = ds_kube_config_add(&a->config, text, len, dir, &fault);
		if (r)
			ds_log_warn("%s:%zu: %s", path, fault.line, fault.what);
		r = r ? -EBADMSG : 0; /* said */
	}
	ds_wipe_free(text);
	free(dir);
	return r;
}

/* The files of KUBECONFIG; those that are not there are passed over, as kubectl does. */
static int add_list(struct ds_kube_access *a, const char *list)
{
	int found = 0;

	while (*list) {
		size_t len = strcspn(list, ":");
		ds_autofree char *path = strndup(list, len);
		int r = !path ? -ENOMEM : len ? add_file(a, path) : -ENOENT;

		if (r && r != -ENOENT)
			return r == -EBADMSG ?
				       r :
				       ds_log_err(r, "read the kubeconfig %s", path ? path : "");
		found += !r;
		list += len;
		list += *list == ':';
	}
	return found ? 0 : ds_log_err(ENOENT, "no file of KUBECONFIG is there");
}

static int add_files(struct ds_kube_access *a, const struct ds_kube_access_options *o,
		     const char **ret_where)
{
	const char *list = getenv("KUBECONFIG"), *home = getenv("HOME");
	ds_autofree char *path = NULL;
	int r;

	*ret_where = o->kubeconfig ? o->kubeconfig :
		     list && *list ? "KUBECONFIG" :
				     "~/.kube/config";
	if (!o->kubeconfig && list && *list)
		return add_list(a, list);
	if (!o->kubeconfig && asprintf(&path, "%s/.kube/config", home ? home : "") < 0)
		return ds_log_err(ENOMEM, "read the kubeconfig");
	r = add_file(a, o->kubeconfig ? o->kubeconfig : path);
	return r && r != -EBADMSG ? ds_log_err(r, "read the kubeconfig %s",
					       o->kubeconfig ? o->kubeconfig : path) :
				    r;
}

static int take_user(struct ds_kube_access *a)
{
	const char *token = field(a->user, DS_KUBE_FIELD_TOKEN);
	const char *file = field(a->user, DS_KUBE_FIELD_TOKEN_FILE);
	int r;

	r = take_pem(a->user, DS_KUBE_FIELD_CERT_DATA, DS_KUBE_FIELD_CERT_FILE,
		     "client certificate", &a->cert);
	r = r ? r :
		take_pem(a->user, DS_KUBE_FIELD_KEY_DATA, DS_KUBE_FIELD_KEY_FILE, "client key",
			 &a->key);
	if (r)
		return r;
	if (file) { /* before the token, as kubectl has it */
		a->token_file = strdup(file);
		r = a->token_file ? read_token(a) : -ENOMEM;
		return r ? ds_log_err(r, "read a token from %s", file) : 0;
	}
	if (token && set_token(a, token))
		return ds_log_err(EBADMSG, "kubeconfig: the token of '%s' is more than one word",
				  field(a->user, DS_KUBE_FIELD_NAME));
	return 0;
}

static int by_kubeconfig(struct ds_kube_access *a, const struct ds_kube_access_options *o)
{
	const struct ds_kube_entry *cluster;
	const char *where, *insecure, *name;
	struct ds_kube_fault fault;
	int r = add_files(a, o, &where);

	if (r)
		return r;
	if (ds_kube_config_choose(&a->config, o->context, &cluster, &a->user, &fault)) {
		ds_log_warn("%s: %s", where, fault.what);
		return -EINVAL;
	}
	insecure = field(cluster, DS_KUBE_FIELD_INSECURE);
	name = field(cluster, DS_KUBE_FIELD_SERVER_NAME);
	a->insecure = insecure && !strcmp(insecure, "true");
	if (a->insecure)
		ds_log_warn("%s: the API server's certificate is not checked "
			    "(insecure-skip-tls-verify)",
			    where);
	if (name) {
		a->server_name = strdup(name);
		if (!a->server_name)
			return ds_log_err(ENOMEM, "read the kubeconfig");
	}
	r = set_server(a, field(cluster, DS_KUBE_FIELD_SERVER));
	r = r ? r :
		take_pem(cluster, DS_KUBE_FIELD_CA_DATA, DS_KUBE_FIELD_CA_FILE,
			 "certificate authority", &a->ca);
	return r ? r : take_user(a);
}

/* ---- in a pod ---- */

static int by_service_account(struct ds_kube_access *a, const char *host)
{
	const char *port = getenv("KUBERNETES_SERVICE_PORT");
	bool v6 = strchr(host, ':') && host[0] != '[';
	ds_autofree char *url = NULL;
	int r;

	if (asprintf(&url, "https://%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "",
		     port && *port ? port : "443") < 0)
		return ds_log_err(ENOMEM, "find the API server");
	r = set_server(a, url);
	if (r)
		return r;
	r = read_text(SERVICE_ACCOUNT "ca.crt", PEM_MAX, &a->ca);
	if (r)
		return ds_log_err(r, "read %sca.crt: is automountServiceAccountToken off?",
				  SERVICE_ACCOUNT);
	a->token_file = strdup(SERVICE_ACCOUNT "token");
	r = a->token_file ? read_token(a) : -ENOMEM;
	return r ? ds_log_err(r, "read a token from %stoken", SERVICE_ACCOUNT) : 0;
}

/* ---- the access ---- */

static void set_tls(struct ds_kube_access *a)
{
	a->tls = (struct ds_http_tls){ .ca_pem = a->ca,
				       .cert_pem = a->cert,
				       .key_pem = a->key,
				       .server_name = a->server_name,
				       .insecure = a->insecure };
}

int ds_kube_access_new(struct ds_kube_access **ret_access, struct uv_loop_s *loop,
		       const struct ds_kube_access_options *options)
{
	ds_cleanup(ds_kube_access_free) struct ds_kube_access *a = calloc(1, sizeof(*a));
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	int r;

	if (!a)
		return ds_log_err(ENOMEM, "find the API server");
	a->loop = loop;
	if (options->api)
		r = set_server(a, options->api);
	else if (!options->kubeconfig && !options->context && host && *host)
		r = by_service_account(a, host);
	else
		r = by_kubeconfig(a, options);
	if (r)
		return r;
	set_tls(a);
	*ret_access = DS_TAKE(a);
	return 0;
}

const char *ds_kube_access_server(const struct ds_kube_access *a)
{
	return a->server;
}

const struct ds_http_tls *ds_kube_access_tls(const struct ds_kube_access *a)
{
	return &a->tls;
}

const char *ds_kube_access_header(const struct ds_kube_access *a)
{
	return a->header;
}

/* What the plugin gave; it may give a token, a certificate, or both. */
static int take_credentials(struct ds_kube_access *a, const struct ds_kube_credential *c)
{
	if (c->token && set_token(a, c->token))
		return -EBADMSG;
	if (c->certificate) {
		char *cert = strdup(c->certificate), *key = strdup(c->key);

		if (!cert || !key) {
			free(cert);
			ds_wipe_string(&key);
			return -ENOMEM;
		}
		ds_wipe_string(&a->cert);
		ds_wipe_string(&a->key);
		a->cert = cert;
		a->key = key;
		set_tls(a);
	}
	a->expires_ns = c->expires_ns;
	a->has_exec_credentials = true;
	return 0;
}

static void exec_done(void *ctx, const char *fault, const struct ds_kube_credential *c)
{
	struct ds_kube_access *a = ctx;

	a->exec = NULL;
	if (!fault && take_credentials(a, c))
		fault = "what the plugin gave is no token";
	a->ready(a->ctx, fault);
}

static void run_plugin(struct ds_kube_access *a)
{
	int r = ds_kube_exec_start(&a->exec, a->loop, a->user, a->fault, sizeof(a->fault),
				   exec_done, a);

	if (r)
		a->ready(a->ctx, a->fault);
}

void ds_kube_access_prepare(struct ds_kube_access *a, bool renew,
			    void (*ready)(void *ctx, const char *fault), void *ctx)
{
	int r;

	a->ready = ready;
	a->ctx = ctx;
	if (field(a->user, DS_KUBE_FIELD_EXEC_COMMAND) &&
	    (renew || !a->has_exec_credentials ||
	     (a->expires_ns && ds_clock_ns(CLOCK_REALTIME) > a->expires_ns - EXPIRES_SOON_NS))) {
		run_plugin(a);
		return;
	}
	if (a->token_file) {
		r = read_token(a);
		if (r)
			ds_log_info("%s: no new token (%s), continuing with the last one",
				    a->token_file, strerror(-r));
	}
	ready(ctx, NULL);
}

void ds_kube_access_free(struct ds_kube_access **access)
{
	struct ds_kube_access *a = access ? *access : NULL;

	if (!a)
		return;
	ds_kube_exec_cancel(a->exec);
	ds_kube_config_clear(&a->config);
	free(a->server);
	free(a->server_name);
	free(a->ca);
	free(a->cert);
	ds_wipe_string(&a->key);
	free(a->token_file);
	ds_wipe_string(&a->header);
	free(DS_TAKE(*access));
}
