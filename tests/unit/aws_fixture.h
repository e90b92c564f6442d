/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A credential chain and all that it may ask, on one loop: a server with an answer for each path,
 * files in a folder of its own, an environment that the test sets. What is logged is kept, and no
 * secret may be in it.
 */
#ifndef DS_TESTS_UNIT_AWS_FIXTURE_H
#define DS_TESTS_UNIT_AWS_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/http_server.h"
#include "user/source/aws/aws_credentials.h"
#include "user/source/http/http.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/timefmt.h"

#define WAIT_MS 30000
#define ANSWERS_MAX 8
#define ROLE_ARN "arn:aws:iam::123456789012:role/r"
/* All secrets of these tests have that in them. */
#define HUSH "hush-hush-hush-hush"

/* What is answered to a request that begins so; the first one that fits. */
struct answer {
	const char *begins;
	int status;
	char body[2048];
	unsigned int asked;
	bool silent;		/* no answer at all */
};

static char folder[] = "/tmp/ds-test-aws-XXXXXX", path[64], errors[64], base[64];
static uv_loop_t loop;
static struct http_server server;
static struct ds_http *http;
static struct ds_aws_chain *chain;
static uv_timer_t guard;
static struct answer answers[ANSWERS_MAX];
static char reply[4096];
static int saved_stderr = -1;

/* What the chain gave. */
static struct {
	int times;
	char key_id[64], secret[64], token[64], provider[32];
	int64_t expires_ns;
	char fault[4096];
} got;

static inline void choose(struct http_server *s)
{
	struct answer *a = NULL;

	for (int i = 0; i < ANSWERS_MAX && !a; i++)
		if (answers[i].begins && !strncmp(s->request.data, answers[i].begins,
						  strlen(answers[i].begins)))
			a = &answers[i];
	s->reply = NULL;
	s->close_after = !a || !a->silent;
	if (a)
		a->asked++;
	if (!s->close_after)
		return;
	snprintf(reply, sizeof(reply), "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n"
		 "Location: http://127.0.0.1:%d/elsewhere\r\n\r\n%s", a ? a->status : 404,
		 a ? strlen(a->body) : 0, s->port, a ? a->body : "");
	s->reply = reply;
}

/* Answers begin with the status 200 and an empty body. */
static inline struct answer *answer(int i, const char *begins)
{
	answers[i] = (struct answer){ .begins = begins, .status = 200 };
	return &answers[i];
}

/* Of containers and IMDS: keys of that id that last so long. */
static inline void put_json(struct answer *a, const char *key_id, int64_t lasts_ns)
{
	char until[DS_RFC3339_LEN + 1];

	ds_time_rfc3339(ds_clock_ns(CLOCK_REALTIME) + lasts_ns, until);
	snprintf(a->body, sizeof(a->body), "{\"Code\":\"Success\",\"AccessKeyId\":\"%s\","
		 "\"SecretAccessKey\":\"" HUSH "/s\",\"Token\":\"" HUSH "/t\","
		 "\"Expiration\":\"%s\"}", key_id, until);
}

static inline void put_sts(struct answer *a, const char *key_id)
{
	char until[DS_RFC3339_LEN + 1];

	ds_time_rfc3339(ds_clock_ns(CLOCK_REALTIME) + 3600 * DS_NS_PER_S, until);
	snprintf(a->body, sizeof(a->body), "<AssumeRoleWithWebIdentityResponse xmlns=\"u\">"
		 "<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>%s</AccessKeyId>"
		 "<SecretAccessKey>" HUSH "/s</SecretAccessKey>"
		 "<SessionToken>" HUSH "/t</SessionToken><Expiration>%s</Expiration>"
		 "</Credentials></AssumeRoleWithWebIdentityResult>"
		 "</AssumeRoleWithWebIdentityResponse>", key_id, until);
}

static inline void put_file(const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static inline void set(const char *name, const char *value)
{
	assert_int_equal(setenv(name, value, 1), 0);
}

/* Nothing of the machine's own. */
static inline void clear_environment(void)
{
	extern char **environ;
	char name[128];

	for (char **e = environ; *e;) {
		size_t len = strcspn(*e, "=");

		if (strncmp(*e, "AWS_", 4) != 0 || len >= sizeof(name)) {
			e++;
			continue;
		}
		memcpy(name, *e, len);
		name[len] = '\0';
		assert_int_equal(unsetenv(name), 0);
		e = environ;
	}
	set("HOME", folder);
	set("AWS_EC2_METADATA_DISABLED", "true");
}

static inline void on_guard(uv_timer_t *timer)
{
	(void)timer;
	fail_msg("no answer within %d ms", WAIT_MS);
}

static inline int setup(void **state)
{
	int fd;

	(void)state;
	clear_environment();
	memset(answers, 0, sizeof(answers));
	memset(&got, 0, sizeof(got));
	fd = open(errors, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
		return -1;
	close(fd);
	assert_int_equal(uv_loop_init(&loop), 0);
	http_server_start(&server, &loop);
	server.choose = choose;
	snprintf(base, sizeof(base), "http://127.0.0.1:%d", server.port);
	assert_int_equal(ds_http_new(&http, &loop), 0);
	assert_int_equal(uv_timer_init(&loop, &guard), 0);
	assert_int_equal(uv_timer_start(&guard, on_guard, WAIT_MS, 0), 0);
	uv_unref((uv_handle_t *)&guard);
	return 0;
}

/* What was logged so far. */
static inline const char *logged(void)
{
	static char text[65536];
	int fd = open(errors, O_RDONLY);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, text, sizeof(text) - 1);
	assert_true(n >= 0);
	close(fd);
	text[n] = '\0';
	return text;
}

static inline int teardown(void **state)
{
	(void)state;
	ds_aws_chain_free(&chain);
	assert_null(chain);
	ds_aws_chain_free(&chain);
	ds_http_free(&http);
	http_server_stop(&server);
	uv_close((uv_handle_t *)&guard, NULL);
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(uv_loop_close(&loop), 0);
	(void)dup2(saved_stderr, STDERR_FILENO);
	if (strstr(logged(), "hush"))
		fail_msg("a secret in: %s", logged());
	(void)unlink(path);
	return 0;
}

static inline int group_setup(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/file", folder);
	snprintf(errors, sizeof(errors), "%s/errors", folder);
	saved_stderr = dup(STDERR_FILENO);
	ds_log_verbose(true);
	return saved_stderr < 0 ? -1 : 0;
}

static inline int group_teardown(void **state)
{
	(void)state;
	(void)unlink(errors);
	return rmdir(folder);
}

static inline void on_credentials(void *ctx, const struct ds_aws_credentials *c, const char *fault)
{
	int times = got.times + 1;

	(void)ctx;
	memset(&got, 0, sizeof(got));
	got.times = times;
	assert_true(!c != !fault);
	if (c) {
		snprintf(got.key_id, sizeof(got.key_id), "%s", c->key_id);
		snprintf(got.secret, sizeof(got.secret), "%s", c->secret);
		snprintf(got.token, sizeof(got.token), "%s", c->token ? c->token : "");
		snprintf(got.provider, sizeof(got.provider), "%s", c->provider);
		got.expires_ns = c->expires_ns;
		return;
	}
	snprintf(got.fault, sizeof(got.fault), "%s", fault);
	assert_null(strstr(fault, "hush"));
	assert_null(strchr(fault, '\n'));
}

/*
 * Lets the loop run for a moment: timers of libcurl, the clock. Not UV_RUN_ONCE, which waits once
 * more after a timer that ended what was waited for.
 */
static inline void turn(void)
{
	(void)uv_run(&loop, UV_RUN_NOWAIT);
	(void)usleep(1000);
}

/* Asks, and waits for the answer. The chain is made at the first time. */
static inline void get(void)
{
	int before = got.times;

	if (!chain)
		assert_int_equal(ds_aws_chain_new(&chain, &loop, http), 0);
	ds_aws_chain_get(chain, on_credentials, NULL);
	while (got.times == before)
		turn();
	assert_int_equal(got.times, before + 1);
}

static inline void assert_got(const char *provider, const char *key_id)
{
	assert_string_equal(got.fault, "");
	assert_string_equal(got.provider, provider);
	assert_string_equal(got.key_id, key_id);
}

static inline void assert_fault(const char *part)
{
	assert_string_equal(got.key_id, "");
	if (!strstr(got.fault, part))
		fail_msg("'%s' does not say '%s'", got.fault, part);
}

static inline void assert_sent(const char *part)
{
	if (!strstr(server.request.data, part))
		fail_msg("'%s' was not sent in '%s'", part, server.request.data);
}

/* An URL of the server. */
static inline const char *at(const char *rest)
{
	static char url[128];

	snprintf(url, sizeof(url), "%s%s", base, rest);
	return url;
}

#endif
