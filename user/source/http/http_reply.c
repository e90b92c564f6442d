// SPDX-License-Identifier: Apache-2.0
/*
 * What came of a call: the server's answer, or a sentence that says why there is none. Sentences
 * name the host and never the URL, whose query may hold a token.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "user/source/http/http_call.h"
#include "user/util/timefmt.h"

#define SECONDS_MAX 9	/* digits of Retry-After that are believed */

struct fault {
	CURLcode code;
	int err;
	const char *what;	/* follows the host */
	bool detail;		/* what libcurl says of it is good to know and holds no secret */
};

static const struct fault faults[] = {
	{ CURLE_COULDNT_RESOLVE_HOST, -ENOENT, "the name cannot be resolved", false },
	{ CURLE_COULDNT_RESOLVE_PROXY, -ENOENT, "the name of the proxy cannot be resolved", false },
	{ CURLE_COULDNT_CONNECT, -ECONNREFUSED, "no connection", false },
	{ CURLE_PROXY, -EPROTO, "the proxy did not connect", false },
	{ CURLE_GOT_NOTHING, -ECONNRESET, "the connection was closed without an answer", false },
	{ CURLE_SEND_ERROR, -ECONNRESET, "the connection broke while the request was sent", false },
	{ CURLE_RECV_ERROR, -ECONNRESET, "the connection broke before the answer was whole", false },
	{ CURLE_PARTIAL_FILE, -ECONNRESET, "the answer is shorter than it said", false },
	{ CURLE_WEIRD_SERVER_REPLY, -EPROTO, "what answers does not speak HTTP", false },
	{ CURLE_UNSUPPORTED_PROTOCOL, -EPROTO, "what answers does not speak HTTP", false },
	{ CURLE_HTTP2, -EPROTO, "what answers does not speak HTTP", false },
	{ CURLE_BAD_CONTENT_ENCODING, -EPROTO, "the answer's encoding is broken", false },
	{ CURLE_PEER_FAILED_VERIFICATION, -EKEYREJECTED, "the server is not trusted", true },
	{ CURLE_SSL_CONNECT_ERROR, -EPROTO, "TLS could not be agreed on", true },
	{ CURLE_SSL_CACERT_BADFILE, -ENOKEY, "the file of certificate authorities cannot be used",
	  true },
	{ CURLE_SSL_CERTPROBLEM, -ENOKEY, "the client certificate cannot be used", true },
	{ CURLE_OUT_OF_MEMORY, -ENOMEM, "out of memory", false },
};

static int64_t wall_clock_s(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);	/* cannot fail */
	return ts.tv_sec;
}

/* -1 = not said, or not understood. A date is set against the server's own clock if it told it. */
static int64_t retry_after_ns(const struct ds_http_call *call, int64_t server_s)
{
	size_t digits = strspn(call->retry_after, "0123456789");
	int64_t seconds = 0, date;

	if (!call->retry_after[0])
		return -1;
	if (!call->retry_after[digits]) {
		if (digits > SECONDS_MAX)
			return -1;
		for (size_t i = 0; i < digits; i++)
			seconds = seconds * 10 + (call->retry_after[i] - '0');
		return seconds * DS_NS_PER_S;
	}
	date = curl_getdate(call->retry_after, NULL);
	if (date < 0)
		return -1;
	seconds = date - (server_s > 0 ? server_s : wall_clock_s());
	if (seconds < 0)
		return 0;
	return seconds < 1000000000 ? seconds * DS_NS_PER_S : -1;
}

static int say(struct ds_http_call *call, int err, const char *what, const char *detail)
{
	(void)snprintf(call->fault, sizeof(call->fault), "%s: %s%s%s", call->host, what,
		       detail[0] ? ": " : "", detail);
	return err;
}

static int say_late(struct ds_http_call *call, int64_t wait_ns, const char *what)
{
	(void)snprintf(call->fault, sizeof(call->fault), "%s: %s %.3g s", call->host, what,
		       (double)wait_ns / (double)DS_NS_PER_S);
	return -ETIMEDOUT;
}

static int timed_out(struct ds_http_call *call)
{
	curl_off_t ready = 0;

	/* Until the connection and TLS stand it is zero. */
	(void)curl_easy_getinfo(call->easy, CURLINFO_PRETRANSFER_TIME_T, &ready);
	if (ready == 0 && (call->timeout_ns < 0 || call->connect_ns < call->timeout_ns))
		return say_late(call, call->connect_ns, "no connection within");
	return say_late(call, call->timeout_ns, "no whole answer within");
}

static int not_connected(struct ds_http_call *call, const struct fault *f)
{
	long os_error = 0;

	(void)curl_easy_getinfo(call->easy, CURLINFO_OS_ERRNO, &os_error);
	if (os_error <= 0)
		return say(call, f->err, f->what, "");
	return say(call, (int)-os_error, f->what, strerror((int)os_error));
}

static int say_code(struct ds_http_call *call, CURLcode code)
{
	if (code == CURLE_OPERATION_TIMEDOUT)
		return timed_out(call);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		const struct fault *f = &faults[i];

		if (f->code != code)
			continue;
		if (code == CURLE_COULDNT_CONNECT)
			return not_connected(call, f);
		return say(call, f->err, f->what, f->detail ? call->error : "");
	}
	return say(call, -EIO, "the request failed", curl_easy_strerror(code));
}

/* 0 if the server answered; else call->fault says what was wrong. */
static int judge(struct ds_http_call *call, CURLcode code)
{
	char number[64];

	switch (call->end) {
	case DS_HTTP_END_LONG:
		(void)snprintf(number, sizeof(number), "the answer is longer than %zu bytes",
			       call->body_max);
		return say(call, -EMSGSIZE, number, "");
	case DS_HTTP_END_LONG_HEAD:
		return say(call, -EMSGSIZE, "the headers of the answer are too long", "");
	case DS_HTTP_END_MEMORY:
		return say(call, -ENOMEM, "out of memory", "");
	case DS_HTTP_END_READER:
		return say(call, -ECANCELED, "ended by who reads it", "");
	case DS_HTTP_END_QUIET:
		return say_late(call, call->quiet_ns, "nothing came for");
	case DS_HTTP_END_NONE:
		break;
	}
	return code == CURLE_OK ? 0 : say_code(call, code);
}

void ds_http_call_reply(struct ds_http_call *call, CURLcode code, struct ds_http_reply *ret_reply)
{
	int64_t server_s = call->date[0] ? curl_getdate(call->date, NULL) : 0;
	struct ds_http_reply reply = { 0 };
	long status = 0;

	(void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);	/* of any handle */
	reply.status = (int)status;
	reply.server_ns = server_s > 0 && server_s < INT64_MAX / DS_NS_PER_S ?
				  server_s * DS_NS_PER_S : 0;
	reply.retry_after_ns = retry_after_ns(call, server_s);
	reply.err = judge(call, code);
	if (reply.err) {
		reply.fault = call->fault;
	} else if (!call->stream || status / 100 != 2) {
		reply.len = call->len;
		if (call->body)
			call->body[call->len] = '\0';
		reply.body = call->body ? call->body : "";
	}
	*ret_reply = reply;
}
