// SPDX-License-Identifier: Apache-2.0
/*
 * TLS against `openssl s_server`, with an authority, a server and a client that openssl makes for
 * the run; the server's certificate is of a name that no name server knows. Without the program the
 * tests are skipped.
 */
#include "user/source/http/http_call.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/http_fixture.h"

#define NAME "kube.example.com"

extern char **environ;

static char folder[] = "/tmp/ds-test-tls-XXXXXX";
static char ca[64], other[64], cert[64], key[64];
static bool have_openssl;
static pid_t server_pid;

static pid_t start(char *const argv[], int out)
{
	posix_spawn_file_actions_t actions;
	pid_t pid = -1;

	assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
	assert_int_equal(posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0), 0);
	assert_int_equal(posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0), 0);
	if (out >= 0)
		assert_int_equal(posix_spawn_file_actions_adddup2(&actions, out, 1), 0);
	if (posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ))
		pid = -1;
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

static bool run(char *const argv[])
{
	int status = -1;
	pid_t pid = start(argv, -1);

	return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}

/* A certificate FOLDER/NAME.pem with its key NAME.key; issuer NULL: an authority of its own. */
static bool make_certificate(const char *name, const char *issuer, const char *alternative)
{
	char pem[64], own_key[64], by[64], by_key[64], subject[64];
	char *argv[40] = { "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
			   "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", subject,
			   "-out", pem, "-keyout", own_key };
	int n = 16;

	snprintf(pem, sizeof(pem), "%s/%s.pem", folder, name);
	snprintf(own_key, sizeof(own_key), "%s/%s.key", folder, name);
	snprintf(subject, sizeof(subject), "/CN=%s", name);
	if (issuer) {
		snprintf(by, sizeof(by), "%s/%s.pem", folder, issuer);
		snprintf(by_key, sizeof(by_key), "%s/%s.key", folder, issuer);
		argv[n++] = "-CA";
		argv[n++] = by;
		argv[n++] = "-CAkey";
		argv[n++] = by_key;
		argv[n++] = "-addext";
		argv[n++] = "basicConstraints=critical,CA:FALSE";
		argv[n++] = "-addext";
		argv[n++] = (char *)(uintptr_t)alternative;
	}
	argv[n] = NULL;
	return run(argv);
}

static int make_all(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(ca, sizeof(ca), "%s/ca.pem", folder);
	snprintf(other, sizeof(other), "%s/other.pem", folder);
	snprintf(cert, sizeof(cert), "%s/client.pem", folder);
	snprintf(key, sizeof(key), "%s/client.key", folder);
	have_openssl = run((char *[]){ "openssl", "version", NULL });
	if (!have_openssl)
		return 0;
	return make_certificate("ca", NULL, NULL) && make_certificate("other", NULL, NULL) &&
			       make_certificate("server", "ca", "subjectAltName=DNS:" NAME) &&
			       make_certificate("client", "ca", "subjectAltName=DNS:client") ? 0 : -1;
}

static int remove_all(void **state)
{
	(void)state;
	return run((char *[]){ "rm", "-r", folder, NULL }) ? 0 : -1;
}

/* s_server says where it listens: "ACCEPT 127.0.0.1:PORT". */
static void read_port(int fd)
{
	char text[512];
	size_t len = 0;
	int port = 0;

	while (!port && len < sizeof(text) - 1) {
		ssize_t n = read(fd, text + len, sizeof(text) - 1 - len);
		const char *at;

		assert_true(n > 0);
		len += (size_t)n;
		text[len] = '\0';
		at = strstr(text, "ACCEPT 127.0.0.1:");
		if (at && strchr(at, '\n'))
			port = (int)strtol(at + strlen("ACCEPT 127.0.0.1:"), NULL, 10);
	}
	assert_true(port > 0);
	snprintf(url, sizeof(url), "https://127.0.0.1:%d/", port);
	server.port = port;		/* for assert_fault() */
}

static void serve(bool asks_client)
{
	char pem[64], own_key[64];
	char *argv[] = { "openssl", "s_server", "-accept", "127.0.0.1:0", "-www", "-cert", pem,
			 "-key", own_key, "-CAfile", ca, asks_client ? "-Verify" : NULL, "1",
			 "-verify_return_error", NULL };
	int fds[2];

	snprintf(pem, sizeof(pem), "%s/server.pem", folder);
	snprintf(own_key, sizeof(own_key), "%s/server.key", folder);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	server_pid = start(argv, fds[1]);
	close(fds[1]);
	assert_true(server_pid > 0);
	read_port(fds[0]);
	close(fds[0]);
}

static int end(void **state)
{
	if (server_pid > 0) {
		kill(server_pid, SIGKILL);
		waitpid(server_pid, NULL, 0);
	}
	server_pid = 0;
	return teardown(state);
}

static void ask(const struct ds_http_tls *tls)
{
	struct ds_http_request request = { .tls = tls };

	got.times = 0;
	call(&request);
}

static void assert_served(void)
{
	if (got.reply.fault)
		fail_msg("%s", got.fault.data);
	assert_int_equal(got.reply.status, 200);
	assert_non_null(strstr(got.body.data, "Ciphers supported"));
}

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 8192);

	assert_non_null(f);
	assert_non_null(text);
	assert_true(fread(text, 1, 8191, f) > 0);
	fclose(f);
	return text;
}

static void authority_by_file_and_in_memory(void **state)
{
	struct ds_http_tls by_file = { .ca_file = ca, .server_name = NAME };
	struct ds_http_tls by_text = { .server_name = NAME };
	char *pem;

	(void)state;
	if (!have_openssl)
		skip();
	serve(false);
	ask(&by_file);
	assert_served();
	pem = read_file(ca);
	by_text.ca_pem = pem;
	ask(&by_text);
	assert_served();
	free(pem);
}

static void servers_that_are_not_trusted(void **state)
{
	(void)state;
	if (!have_openssl)
		skip();
	serve(false);
	ask(NULL);
	assert_fault(-EKEYREJECTED, "the server is not trusted");
	ask(&(struct ds_http_tls){ .ca_file = other, .server_name = NAME });
	assert_fault(-EKEYREJECTED, "the server is not trusted");
	/* The right authority, and a name that is not the certificate's. */
	ask(&(struct ds_http_tls){ .ca_file = ca });
	assert_fault(-EKEYREJECTED, "the server is not trusted");
	ask(&(struct ds_http_tls){ .ca_file = ca, .server_name = "other.example.com" });
	assert_fault(-EKEYREJECTED, "the server is not trusted");
	ask(&(struct ds_http_tls){ .insecure = true });
	assert_served();
}

static void authorities_that_cannot_be_read(void **state)
{
	(void)state;
	if (!have_openssl)
		skip();
	serve(false);
	ask(&(struct ds_http_tls){ .ca_file = "/nonexistent/ca.pem", .server_name = NAME });
	assert_fault(-ENOKEY, "the file of certificate authorities cannot be used");
	ask(&(struct ds_http_tls){ .ca_file = key, .server_name = NAME });
	assert_fault(-ENOKEY, "the file of certificate authorities cannot be used");
}

static void client_certificates_are_shown(void **state)
{
	struct ds_http_tls tls = { .ca_file = ca, .server_name = NAME };
	char *cert_pem, *key_pem;

	(void)state;
	if (!have_openssl)
		skip();
	serve(true);
	ask(&tls);
	assert_non_null(got.reply.fault);
	tls.cert_file = cert;
	tls.key_file = key;
	ask(&tls);
	assert_served();
	cert_pem = read_file(cert);
	key_pem = read_file(key);
	ask(&(struct ds_http_tls){ .ca_file = ca, .server_name = NAME, .cert_pem = cert_pem,
				   .key_pem = key_pem });
	assert_served();
	tls.key_file = ca;
	ask(&tls);
	assert_fault(-ENOKEY, "the client certificate cannot be used");
	free(cert_pem);
	free(key_pem);
}

/* The name is of the certificate only: the request is to the host of the URL. */
static void plain_requests_keep_their_host(void **state)
{
	char host[64];

	(void)state;
	server.reply = OK "Content-Length: 0\r\n\r\n";
	ask(&(struct ds_http_tls){ .server_name = NAME });
	assert_null(got.reply.fault);
	snprintf(host, sizeof(host), "\r\nHost: 127.0.0.1:%d\r\n", server.port);
	assert_sent(host);
	assert_not_sent(NAME);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, end)
	const struct CMUnitTest tests[] = {
		TEST(authority_by_file_and_in_memory),
		TEST(servers_that_are_not_trusted),
		TEST(authorities_that_cannot_be_read),
		TEST(client_certificates_are_shown),
		TEST(plain_requests_keep_their_host),
	};

	return cmocka_run_group_tests_name("http_tls", tests, make_all, remove_all);
}
