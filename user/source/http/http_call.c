// SPDX-License-Identifier: Apache-2.0
#include "user/source/http/http_call.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "user/util/wipe.h"
#include "user/util/addr.h"
#include "user/util/cleanup.h"
#include "user/util/timefmt.h"

#define CONNECT_NS (5 * DS_NS_PER_S)
#define TIMEOUT_NS (15 * DS_NS_PER_S)
#define BODY_MAX ((size_t)1 << 20)
#define HEAD_MAX 65536
#define NAME_MAX_BYTES 255

/* Sets an option unless one before it failed. */
#define SET(call, code, option, value) \
	do { \
		if ((code) == CURLE_OK) \
			(code) = curl_easy_setopt((call)->easy, (option), (value)); \
	} while (0)

static void curl_free_p(char **text)
{
	curl_free(*text);
}

static void url_free_p(CURLU **url)
{
	curl_url_cleanup(*url);
}

static bool grow(struct ds_http_call *call, size_t len)
{
	size_t cap = call->cap ? call->cap : 4096;
	char *moved;

	if (len < call->cap)
		return true;
	while (cap <= len)
		cap *= 2;
	moved = ds_wipe_realloc(call->body, cap);
	if (!moved)
		return false;
	call->body = moved;
	call->cap = cap;
	return true;
}

static enum ds_http_end keep(struct ds_http_call *call, const char *data, size_t len)
{
	if (len > call->body_max - call->len)
		return DS_HTTP_END_LONG;
	if (!grow(call, call->len + len))
		return DS_HTTP_END_MEMORY;
	memcpy(call->body + call->len, data, len);
	call->len += len;
	return DS_HTTP_END_NONE;
}

/* Returning other than all of it makes libcurl end the call. */
static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
	struct ds_http_call *call = ctx;
	size_t len = size * count;
	long status = 0;

	if (call->cancelled)
		return 0;
	if (call->quiet_ns)
		call->heard_ms = uv_now(call->quiet.loop);
	(void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);	/* of any handle */
	if (!call->stream || status / 100 != 2)
		call->end = keep(call, data, len);
	else if (!call->stream(call->ctx, data, len))
		call->end = DS_HTTP_END_READER;
	return call->end == DS_HTTP_END_NONE && !call->cancelled ? len : 0;
}

/* Keeps the value of a header if it is the one called name and is not too long for a date. */
static void take_header(char *value, size_t value_max, const char *name, const char *line,
			size_t len)
{
	size_t at = strlen(name);

	if (len <= at || line[at] != ':' || strncasecmp(line, name, at) != 0)
		return;
	for (at++; at < len && (line[at] == ' ' || line[at] == '\t'); at++)
		;
	while (len > at && (unsigned char)line[len - 1] <= ' ')
		len--;
	if (len - at >= value_max || memchr(line + at, '\0', len - at))
		return;
	memcpy(value, line + at, len - at);
	value[len - at] = '\0';
}

static size_t on_header(char *line, size_t size, size_t count, void *ctx)
{
	struct ds_http_call *call = ctx;
	size_t len = size * count;

	call->head_len += len;
	if (call->head_len > HEAD_MAX) {
		call->end = DS_HTTP_END_LONG_HEAD;
		return 0;
	}
	if (len >= 5 && !memcmp(line, "HTTP/", 5))	/* an interim response came before */
		call->retry_after[0] = call->date[0] = '\0';
	take_header(call->retry_after, sizeof(call->retry_after), "Retry-After", line, len);
	take_header(call->date, sizeof(call->date), "Date", line, len);
	return len;
}

/*
 * Addresses at which only this host or the instance's own services are: what is asked there is
 * never asked of a proxy.
 */
static bool is_near(const char *host)
{
	static const char *const near[] = { "169.254.0.0/16", "fe80::/10", "fd00:ec2::/32" };
	size_t len = strlen(host);
	struct ds_prefix prefix;
	struct ds_addr addr;

	if (len > 2 && host[0] == '[') {
		host++;
		len = strcspn(host, "%]");
	}
	if (!strcasecmp(host, "localhost"))
		return true;
	if (ds_addr_parse(host, len, &addr))
		return false;
	if (ds_addr_is_loopback(&addr))
		return true;
	for (size_t i = 0; i < sizeof(near) / sizeof(near[0]); i++)
		if (!ds_prefix_parse(near[i], strlen(near[i]), &prefix) &&
		    ds_prefix_contains(&prefix, &addr))
			return true;
	return false;
}

static bool is_header(const char *line)
{
	return line[0] && line[0] != ':' && strchr(line, ':') && !strpbrk(line, "\r\n");
}

static int add_header(struct ds_http_call *call, const char *line)
{
	struct curl_slist *list;

	if (!is_header(line))
		return -EINVAL;
	list = curl_slist_append(call->headers, line);
	if (!list)
		return -ENOMEM;
	call->headers = list;
	return 0;
}

/* A header whose value may be of any length, and a secret. */
static int add_named(struct ds_http_call *call, const char *name, const char *value)
{
	size_t len = strlen(name) + strlen(value) + 3;
	char *line = ds_wipe_malloc(len);
	int r;

	if (!line)
		return -ENOMEM;
	(void)snprintf(line, len, "%s: %s", name, value);
	r = add_header(call, line);
	ds_wipe_free(line);
	return r;
}

static CURLcode set_blob(struct ds_http_call *call, CURLoption option, const char *pem)
{
	struct curl_blob blob = { .data = (void *)(uintptr_t)pem, .len = strlen(pem),
				  .flags = CURL_BLOB_COPY };

	return curl_easy_setopt(call->easy, option, &blob);
}

static CURLcode set_tls(struct ds_http_call *call, const struct ds_http_tls *tls)
{
	CURLcode code = CURLE_OK;

	if (tls->ca_file || tls->ca_pem) {
		SET(call, code, CURLOPT_CAINFO, tls->ca_file);
		SET(call, code, CURLOPT_CAPATH, NULL);	/* or the system's are trusted too */
	}
	if (!code && tls->ca_pem)
		code = set_blob(call, CURLOPT_CAINFO_BLOB, tls->ca_pem);
	if (tls->cert_file)
		SET(call, code, CURLOPT_SSLCERT, tls->cert_file);
	if (tls->key_file)
		SET(call, code, CURLOPT_SSLKEY, tls->key_file);
	if (!code && tls->cert_pem)
		code = set_blob(call, CURLOPT_SSLCERT_BLOB, tls->cert_pem);
	if (!code && tls->key_pem)
		code = set_blob(call, CURLOPT_SSLKEY_BLOB, tls->key_pem);
	if (tls->insecure) {
		SET(call, code, CURLOPT_SSL_VERIFYPEER, 0L);
		SET(call, code, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	return code;
}

/* What libcurl joins with colons may hold none. */
static bool is_scope(const char *text)
{
	return text && text[0] &&
	       !text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")];
}

static int set_sigv4(struct ds_http_call *call, const struct ds_http_sigv4 *sign)
{
	CURLcode code = CURLE_OK;
	char scope[256];
	int n;

	if (!is_scope(sign->region) || !is_scope(sign->service) || !sign->key_id || !sign->secret)
		return -EINVAL;
	n = snprintf(scope, sizeof(scope), "aws:amz:%s:%s", sign->region, sign->service);
	if (n < 0 || (size_t)n >= sizeof(scope))
		return -EINVAL;
	SET(call, code, CURLOPT_AWS_SIGV4, scope);
	SET(call, code, CURLOPT_USERNAME, sign->key_id);
	SET(call, code, CURLOPT_PASSWORD, sign->secret);
	if (code)
		return code == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EIO;
	return sign->token ? add_named(call, "x-amz-security-token", sign->token) : 0;
}

/* The method and the body. */
static CURLcode set_message(struct ds_http_call *call, const struct ds_http_request *request)
{
	CURLcode code = CURLE_OK;

	if (request->method && !strcmp(request->method, "HEAD"))
		SET(call, code, CURLOPT_NOBODY, 1L);
	if (request->body) {
		SET(call, code, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
		SET(call, code, CURLOPT_COPYPOSTFIELDS, request->body);
	}
	if (request->method)
		SET(call, code, CURLOPT_CUSTOMREQUEST, request->method);
	return code;
}

static long milliseconds(int64_t ns)
{
	int64_t ms = (ns + DS_NS_PER_MS - 1) / DS_NS_PER_MS;

	return ms > INT32_MAX ? INT32_MAX : (long)ms;
}

/* What is the same for all calls, and the waits. */
static CURLcode set_rules(struct ds_http_call *call)
{
	CURLcode code = CURLE_OK;

	SET(call, code, CURLOPT_PRIVATE, (char *)call);
	SET(call, code, CURLOPT_ERRORBUFFER, call->error);
	SET(call, code, CURLOPT_WRITEFUNCTION, on_body);
	SET(call, code, CURLOPT_WRITEDATA, call);
	SET(call, code, CURLOPT_HEADERFUNCTION, on_header);
	SET(call, code, CURLOPT_HEADERDATA, call);
	SET(call, code, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(call, code, CURLOPT_PROTOCOLS_STR, "http,https");
	SET(call, code, CURLOPT_FOLLOWLOCATION, 0L);
	SET(call, code, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(call, code, CURLOPT_NOSIGNAL, 1L);
	/* Otherwise the loop waits for a name server whenever a call ends before its answer. */
	SET(call, code, CURLOPT_QUICK_EXIT, 1L);
	SET(call, code, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(call, code, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(call, code, CURLOPT_TCP_KEEPALIVE, 1L);
	SET(call, code, CURLOPT_USERAGENT, "drainsnoop/" DS_VERSION);
	SET(call, code, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(call->connect_ns));
	if (call->timeout_ns > 0)
		SET(call, code, CURLOPT_TIMEOUT_MS, milliseconds(call->timeout_ns));
	return code;
}

/*
 * The certificate is to be of another name than the URL's: libcurl is given a URL of that name, and
 * the address to connect to beside it.
 */
static int rename_server(struct ds_http_call *call, CURLU *url, const char *host, const char *name)
{
	ds_cleanup(curl_free_p) char *port = NULL, *shown = NULL;
	char to[2 * NAME_MAX_BYTES];
	int n;

	if (curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT))
		return -EINVAL;
	n = snprintf(to, sizeof(to), "::%s:%s", host, port);
	if (n < 0 || (size_t)n >= sizeof(to))
		return -EINVAL;
	call->connect_to = curl_slist_append(NULL, to);
	if (!call->connect_to)
		return -ENOMEM;
	if (curl_url_set(url, CURLUPART_HOST, name, 0) ||
	    curl_easy_setopt(call->easy, CURLOPT_CONNECT_TO, call->connect_to))
		return -EINVAL;
	return add_named(call, "Host", call->host);
}

/* Takes the URL apart: what is no HTTP, or names a user, is refused. */
static int set_url(struct ds_http_call *call, const struct ds_http_request *request)
{
	ds_cleanup(curl_free_p) char *host = NULL, *port = NULL, *user = NULL, *scheme = NULL,
				     *text = NULL;
	ds_cleanup(url_free_p) CURLU *url = curl_url();
	CURLcode code = CURLE_OK;
	int r = 0;

	if (!url)
		return -ENOMEM;
	if (!request->url || strpbrk(request->url, "\r\n \t") ||
	    curl_url_set(url, CURLUPART_URL, request->url, 0) ||
	    curl_url_get(url, CURLUPART_HOST, &host, 0) || strlen(host) > NAME_MAX_BYTES ||
	    curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) ||
	    (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0) ||
	    !curl_url_get(url, CURLUPART_USER, &user, 0))
		return -EINVAL;
	(void)curl_url_get(url, CURLUPART_PORT, &port, 0);	/* NULL: the scheme's */
	(void)snprintf(call->host, sizeof(call->host), "%s%s%s", host, port ? ":" : "",
		       port ? port : "");
	if (is_near(host))
		SET(call, code, CURLOPT_NOPROXY, "*");
	if (request->tls && request->tls->server_name)
		r = rename_server(call, url, host, request->tls->server_name);
	if (r)
		return r;
	if (curl_url_get(url, CURLUPART_URL, &text, 0))
		return -EINVAL;
	SET(call, code, CURLOPT_URL, text);
	return code ? -ENOMEM : 0;
}

static int set_up(struct ds_http_call *call, const struct ds_http_request *request)
{
	CURLcode code = set_rules(call);
	int r = set_url(call, request);

	for (const char *const *h = request->headers; !r && h && *h; h++)
		r = add_header(call, *h);
	if (!r && request->sigv4)
		r = set_sigv4(call, request->sigv4);
	if (!code && request->tls)
		code = set_tls(call, request->tls);
	if (!code)
		code = set_message(call, request);
	SET(call, code, CURLOPT_HTTPHEADER, call->headers);
	if (r || !code)
		return r;
	return code == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EIO;
}

static void call_free_p(struct ds_http_call **call)
{
	if (*call)
		ds_http_call_clear(*call);
	free(*call);
}

int ds_http_call_new(struct ds_http_call **ret_call, const struct ds_http_request *request)
{
	ds_cleanup(call_free_p) struct ds_http_call *call = calloc(1, sizeof(*call));
	int r;

	if (!call)
		return -ENOMEM;
	call->easy = curl_easy_init();
	if (!call->easy)
		return -ENOMEM;
	call->connect_ns = request->connect_ns > 0 ? request->connect_ns : CONNECT_NS;
	call->timeout_ns = request->timeout_ns ? request->timeout_ns : TIMEOUT_NS;
	call->quiet_ns = request->quiet_ns > 0 ? request->quiet_ns : 0;
	call->body_max = request->body_max ? request->body_max : BODY_MAX;
	call->stream = request->stream;
	call->done = request->done;
	call->ctx = request->ctx;
	r = set_up(call, request);
	if (r)
		return r;
	*ret_call = DS_TAKE(call);
	return 0;
}

void ds_http_call_clear(struct ds_http_call *call)
{
	if (call->easy)
		curl_easy_cleanup(call->easy);
	call->easy = NULL;
	curl_slist_free_all(call->headers);
	curl_slist_free_all(call->connect_to);
	call->headers = call->connect_to = NULL;
	ds_wipe_free(call->body);
	call->body = NULL;
}
