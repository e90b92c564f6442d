/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugin is over when it has ended and its output too; a child that it leaves behind could keep
 * that open, so the whole group is killed at the end of its time.
 */
#include "user/source/kube/kube_exec.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "user/util/wipe.h"
#include "user/util/cleanup.h"

#define OUTPUT_MAX 262144
#define TIME_MS 60000
#define API_DEFAULT "client.authentication.k8s.io/v1"
#define INFO "KUBERNETES_EXEC_INFO"

struct ds_kube_exec {
	uv_process_t process;
	uv_pipe_t out;
	uv_timer_t timer;
	int handles; /* that are not closed yet */
	bool started, ended, out_ended, finished;
	char *name, *api;
	int64_t status;
	int signal;
	char *text; /* OUTPUT_MAX bytes, wiped */
	size_t len;
	const char *wrong; /* why it was killed */
	void (*done)(void *ctx, const char *fault, const struct ds_kube_credential *c);
	void *ctx;
};

static void on_closed(uv_handle_t *handle)
{
	struct ds_kube_exec *x = handle->data;

	if (--x->handles > 0)
		return;
	ds_wipe_free(x->text);
	free(x->name);
	free(x->api);
	free(x);
}

static void kill_group(const struct ds_kube_exec *x)
{
	if (x->started && x->process.pid > 0)
		(void)kill(-x->process.pid, SIGKILL); /* it may be over by now */
}

static void close_all(struct ds_kube_exec *x)
{
	uv_handle_t *handles[] = { (uv_handle_t *)&x->process, (uv_handle_t *)&x->out,
				   (uv_handle_t *)&x->timer };

	x->finished = true;
	for (size_t i = 0; i < sizeof(handles) / sizeof(handles[0]); i++)
		if (!uv_is_closing(handles[i]))
			uv_close(handles[i], on_closed);
}

static void finish(struct ds_kube_exec *x)
{
	struct ds_kube_credential c = { 0 };
	const char *fault = x->wrong;
	char text[512];

	if (x->finished)
		return;
	if (!fault && (x->status || x->signal)) {
		(void)snprintf(text, sizeof(text), "the plugin %s ended with %s %d", x->name,
			       x->signal ? "signal" : "status",
			       x->signal ? x->signal : (int)x->status);
	} else {
		if (!fault)
			(void)ds_kube_credential_read(x->text, x->len, x->api, &c, &fault);
		(void)snprintf(text, sizeof(text), "the plugin %s gives nothing: %s", x->name,
			       fault ? fault : "");
	}
	close_all(x);
	x->done(x->ctx, c.token || c.key ? NULL : text, &c);
	ds_kube_credential_clear(&c);
}

static void give_up(struct ds_kube_exec *x, const char *why)
{
	if (!x->wrong)
		x->wrong = why;
	kill_group(x);
	finish(x);
}

static void on_exit_of(uv_process_t *process, int64_t status, int signal)
{
	struct ds_kube_exec *x = process->data;

	x->ended = true;
	x->status = status;
	x->signal = signal;
	if (x->out_ended)
		finish(x);
}

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct ds_kube_exec *x = handle->data;

	(void)suggested;
	*buf = uv_buf_init(x->text + x->len, (unsigned int)(OUTPUT_MAX - x->len));
}

static void on_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct ds_kube_exec *x = stream->data;

	(void)buf;
	if (n > 0)
		x->len += (size_t)n;
	if (n == UV_ENOBUFS || (n > 0 && x->len == OUTPUT_MAX)) {
		give_up(x, "it prints too much");
	} else if (n < 0) {
		x->out_ended = true;
		(void)uv_read_stop(stream);
		if (x->ended)
			finish(x);
	}
}

static void on_timeout(uv_timer_t *timer)
{
	give_up(timer->data, "it did not end within 60 s");
}

/* ---- starting ---- */

/* The same environment, with what the kubeconfig adds and what plugins are told. Owned. */
static char **environment(const struct ds_kube_entry *user, const char *api)
{
	size_t cnt = 0, n = 0;
	char **env;

	while (environ[cnt])
		cnt++;
	env = calloc(cnt + (size_t)user->env_cnt + 2, sizeof(*env));
	if (!env)
		return NULL;
	if (asprintf(&env[n++],
		     INFO "={\"apiVersion\":\"%s\",\"kind\":\"ExecCredential\","
			  "\"spec\":{\"interactive\":false}}",
		     api) < 0)
		env[--n] = NULL;
	for (int i = 0; i < user->env_cnt; i++)
		if (user->env_values[i] &&
		    asprintf(&env[n++], "%s=%s", user->env_names[i], user->env_values[i]) < 0)
			env[--n] = NULL;
	/* The first of a name counts. */
	for (size_t i = 0; i < cnt; i++) {
		size_t len = strcspn(environ[i], "="), k = 0;

		while (k < n && (strncmp(env[k], environ[i], len) != 0 || env[k][len] != '='))
			k++;
		if (k == n && (env[n] = strdup(environ[i])))
			n++;
	}
	return env;
}

static void free_environment(char **env)
{
	for (size_t i = 0; env && env[i]; i++)
		ds_wipe_string(&env[i]);
	free(env);
}

/* A path with a folder in it begins in the kubeconfig's; a bare name is looked up in PATH. */
static char *program_of(const struct ds_kube_entry *user)
{
	const char *command = user->fields[DS_KUBE_FIELD_EXEC_COMMAND];
	char *path = NULL;

	if (command[0] == '/' || !strchr(command, '/') || !user->dir[0])
		return strdup(command);
	return asprintf(&path, "%s/%s", user->dir, command) < 0 ? NULL : path;
}

static int spawn(struct ds_kube_exec *x, uv_loop_t *loop, const struct ds_kube_entry *user)
{
	uv_stdio_container_t stdio[3] = {
		{ .flags = UV_IGNORE },
		{ .flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
		  .data.stream = (uv_stream_t *)&x->out },
		{ .flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO },
	};
	char *args[DS_KUBE_WORDS_MAX + 2] = { x->name };
	char **env = environment(user, x->api);
	uv_process_options_t options = {
		.file = x->name,
		.args = args,
		.env = env,
		.exit_cb = on_exit_of,
		.stdio = stdio,
		.stdio_count = 3,
		.flags = UV_PROCESS_DETACHED, /* a group of its own: killed as a whole */
	};
	int r;

	for (int i = 0; i < user->args_cnt; i++)
		args[i + 1] = user->args[i];
	r = env ? uv_spawn(loop, &x->process, &options) : UV_ENOMEM;
	free_environment(env);
	return r;
}

int ds_kube_exec_start(struct ds_kube_exec **ret_exec, struct uv_loop_s *loop,
		       const struct ds_kube_entry *user, char *fault, size_t size,
		       void (*done)(void *ctx, const char *fault,
				    const struct ds_kube_credential *c),
		       void *ctx)
{
	const char *api = user->fields[DS_KUBE_FIELD_EXEC_API];
	const char *hint = user->fields[DS_KUBE_FIELD_EXEC_HINT];
	struct ds_kube_exec *x = calloc(1, sizeof(*x));
	int r;

	(void)snprintf(fault, size, "out of memory");
	if (!x)
		return -ENOMEM;
	x->done = done;
	x->ctx = ctx;
	x->name = program_of(user);
	x->api = strdup(api ? api : API_DEFAULT);
	x->text = ds_wipe_calloc(1, OUTPUT_MAX);
	x->process.data = x->out.data = x->timer.data = x;
	(void)uv_pipe_init(loop, &x->out, 0);
	(void)uv_timer_init(loop, &x->timer);
	x->handles = 2;
	r = x->name && x->api && x->text ? spawn(x, loop, user) : UV_ENOMEM;
	/* libuv sets the handle up even where it cannot start. */
	x->handles += x->process.type == UV_PROCESS;
	if (r) {
		(void)snprintf(fault, size, "the plugin %s cannot be run: %s%s%s",
			       x->name ? x->name : "", uv_strerror(r), hint ? ". " : "",
			       hint ? hint : "");
		x->finished = true;
		uv_close((uv_handle_t *)&x->out, on_closed);
		uv_close((uv_handle_t *)&x->timer, on_closed);
		if (x->handles == 3)
			uv_close((uv_handle_t *)&x->process, on_closed);
		return r;
	}
	x->started = true;
	(void)uv_read_start((uv_stream_t *)&x->out, give_room, on_output);
	(void)uv_timer_start(&x->timer, on_timeout, TIME_MS, 0);
	*ret_exec = x;
	return 0;
}

void ds_kube_exec_cancel(struct ds_kube_exec *x)
{
	if (!x || x->finished)
		return;
	kill_group(x);
	close_all(x);
}
