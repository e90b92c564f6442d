// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzz target: which container endpoints may be asked without TLS. Whatever is taken, libcurl must
 * find one of the hosts that are allowed in it: two readings of one URL would send a token away.
 *
 * Built from: user/source/aws/aws_container.c user/source/aws/aws_keys.c user/util/wipe.c
 * Packages: libcurl
 */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "user/source/aws/aws_container.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void check_host(const char *host)
{
	unsigned char v4[4], v6[16], pods[16];
	char text[64] = "";

	if (!strcasecmp(host, "localhost"))
		return;
	if (inet_pton(AF_INET, host, v4) == 1) {
		if (v4[0] != 127 && (v4[0] != 169 || v4[1] != 254 || v4[2] != 170 ||
				     (v4[3] != 2 && v4[3] != 23)))
			abort();
		return;
	}
	if (host[0] != '[' || strlen(host) >= sizeof(text))
		abort();
	memcpy(text, host + 1, strlen(host) - 2);
	if (inet_pton(AF_INET6, text, v6) != 1 || inet_pton(AF_INET6, "fd00:ec2::23", pods) != 1)
		abort();
	if (!memcmp(v6, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12)) {	/* an IPv4 address in it */
		(void)inet_ntop(AF_INET, v6 + 12, text, sizeof(text));
		check_host(text);
	} else if (memcmp(v6, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16) != 0 && memcmp(v6, pods, 16) != 0) {
		abort();
	}
}

/* What libcurl makes of it; what it does not take at all is asked of nobody. */
static void check_url(const char *url, bool relative)
{
	CURLU *parsed = curl_url();
	char *scheme = NULL, *host = NULL, *user = NULL;

	if (!parsed)
		abort();
	if (!curl_url_set(parsed, CURLUPART_URL, url, 0) &&
	    !curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) &&
	    !curl_url_get(parsed, CURLUPART_HOST, &host, 0)) {
		if (relative && strcmp(host, "169.254.170.2") != 0)
			abort();
		if (strcasecmp(scheme, "https") != 0) {
			check_host(host);
			if (strcasecmp(scheme, "http") != 0 ||
			    !curl_url_get(parsed, CURLUPART_USER, &user, 0))
				abort();
		}
	}
	curl_free(scheme);
	curl_free(host);
	curl_free(user);
	curl_url_cleanup(parsed);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	char url[DS_AWS_URL_MAX], *uri = malloc(size + 1);
	const char *fault = NULL;

	if (!uri)
		abort();
	memcpy(uri, data, size);
	uri[size] = '\0';
	if (!ds_aws_container_url(NULL, uri, url, &fault))
		check_url(url, false);
	else if (!fault)
		abort();
	fault = NULL;
	if (!ds_aws_container_url(uri, NULL, url, &fault))
		check_url(url, true);
	else if (!fault)
		abort();
	free(uri);
	return 0;
}
