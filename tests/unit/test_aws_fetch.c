// SPDX-License-Identifier: Apache-2.0
/*
 * The sources of AWS credentials, by way of the chain: what each is asked and what it says.
 */
#include "user/source/aws/aws_fetch.h"

#include "tests/unit/aws_fixture.h"

#define HOUR_NS (3600 * DS_NS_PER_S)
#define ROLES "GET /latest/meta-data/iam/security-credentials/ "
#define ROLE_KEYS "GET /latest/meta-data/iam/security-credentials/node-role "
#define REGION "GET /latest/meta-data/placement/region "

static struct answer *token, *roles, *role_keys, *region;	/* of IMDS */

/* An instance in eu-west-3 with a role. */
static void imds(void)
{
	token = answer(0, "PUT /latest/api/token ");
	roles = answer(1, ROLES);
	role_keys = answer(2, ROLE_KEYS);
	region = answer(3, REGION);
	snprintf(token->body, sizeof(token->body), HUSH "-imds==");
	snprintf(roles->body, sizeof(roles->body), "node-role");
	snprintf(region->body, sizeof(region->body), "eu-west-3");
	put_json(role_keys, "KI", HOUR_NS);
	set("AWS_EC2_METADATA_DISABLED", "false");
	set("AWS_EC2_METADATA_SERVICE_ENDPOINT", at("/"));
}

static struct answer *sts(void)
{
	struct answer *a = answer(4, "POST / ");

	put_sts(a, "KW");
	put_file("eyJ." HUSH ".e30=\n");
	set("AWS_ENDPOINT_URL_STS", base);
	set("AWS_ROLE_ARN", ROLE_ARN);
	set("AWS_WEB_IDENTITY_TOKEN_FILE", path);
	return a;
}

static struct answer *container(void)
{
	struct answer *a = answer(5, "GET /c?a=b ");

	put_json(a, "KC", HOUR_NS);
	set("AWS_CONTAINER_CREDENTIALS_FULL_URI", at("/c?a=b"));
	return a;
}

static void environment(const char *key_id, const char *secret)
{
	set("AWS_ACCESS_KEY_ID", key_id);
	set("AWS_SECRET_ACCESS_KEY", secret);
}

/* A chain that remembers nothing. */
static void get_anew(void)
{
	ds_aws_chain_free(&chain);
	get();
}

static void the_first_source_that_is_set_up_is_taken(void **state)
{
	char credentials[80];

	(void)state;
	imds();
	(void)sts();
	(void)container();
	environment("KE", HUSH);
	snprintf(credentials, sizeof(credentials), "%s.credentials", path);
	assert_int_equal(rename(path, credentials), 0);
	put_file("[default]\naws_access_key_id = KF\naws_secret_access_key = " HUSH "\n");
	set("AWS_SHARED_CREDENTIALS_FILE", path);
	set("AWS_WEB_IDENTITY_TOKEN_FILE", credentials);
	get_anew();
	assert_got("environment", "KE");
	assert_int_equal(server.requests, 0);
	assert_int_equal(unsetenv("AWS_ACCESS_KEY_ID"), 0);
	set("AWS_SECRET_ACCESS_KEY", "");	/* as good as not set */
	get_anew();
	assert_got("web identity", "KW");
	assert_int_equal(unsetenv("AWS_WEB_IDENTITY_TOKEN_FILE"), 0);
	get_anew();
	assert_got("shared files", "KF");
	assert_int_equal(unlink(path), 0);
	get_anew();
	assert_got("container", "KC");
	assert_int_equal(unsetenv("AWS_CONTAINER_CREDENTIALS_FULL_URI"), 0);
	get_anew();
	assert_got("IMDS", "KI");
	set("AWS_EC2_METADATA_DISABLED", "TRUE");
	get_anew();
	assert_fault("no AWS credentials (environment: AWS_ACCESS_KEY_ID is not set; web identity: "
		     "AWS_WEB_IDENTITY_TOKEN_FILE is not set");
	assert_fault("; shared files: no profile 'default' in ");
	assert_fault("; container: AWS_CONTAINER_CREDENTIALS_FULL_URI is not set");
	assert_fault("; IMDS: AWS_EC2_METADATA_DISABLED is set)");
	(void)unlink(credentials);
}

static void a_source_that_fails_is_not_passed_by(void **state)
{
	(void)state;
	imds();
	sts()->status = 403;
	get();
	assert_fault("; web identity: ");
	assert_null(strstr(got.fault, "IMDS"));
	assert_int_equal(token->asked, 0);
}

static void of_the_environment(void **state)
{
	(void)state;
	environment("KE", HUSH "/+=");
	get_anew();
	assert_got("environment", "KE");
	assert_string_equal(got.secret, HUSH "/+=");
	assert_string_equal(got.token, "");
	assert_int_equal(got.expires_ns, 0);
	set("AWS_SESSION_TOKEN", HUSH "/token==");
	set("AWS_CREDENTIAL_EXPIRATION", "2099-01-01T00:00:00Z");
	get_anew();
	assert_string_equal(got.token, HUSH "/token==");
	assert_int_equal(got.expires_ns, INT64_C(4070908800) * DS_NS_PER_S);
	set("AWS_CREDENTIAL_EXPIRATION", "2020-01-01T00:00:00Z");
	get_anew();
	assert_fault("expired at 2020-01-01T00:00:00.000000000Z");
	set("AWS_CREDENTIAL_EXPIRATION", "soon");
	get_anew();
	assert_fault("AWS_CREDENTIAL_EXPIRATION is no time");
	assert_int_equal(unsetenv("AWS_CREDENTIAL_EXPIRATION"), 0);
	set("AWS_SESSION_TOKEN", HUSH "\n");
	get_anew();
	assert_fault("environment: has a session token that cannot be one");
	set("AWS_SECRET_ACCESS_KEY", "");
	get_anew();
	assert_fault("AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not");
	environment("", HUSH);
	get_anew();
	assert_fault("AWS_SECRET_ACCESS_KEY is set and AWS_ACCESS_KEY_ID is not");
}

static void what_sts_is_asked(void **state)
{
	struct answer *a = sts();

	(void)state;
	get();
	assert_got("web identity", "KW");
	assert_string_equal(got.secret, HUSH "/s");
	assert_string_equal(got.token, HUSH "/t");
	assert_true(got.expires_ns > 0);
	assert_sent("Content-Type: application/x-www-form-urlencoded");
	assert_sent("\r\n\r\nAction=AssumeRoleWithWebIdentity&Version=2011-06-15"
		    "&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fr"
		    "&RoleSessionName=drainsnoop&WebIdentityToken=eyJ." HUSH ".e30%3D");
	assert_null(strcasestr(server.request.data, "Authorization:"));
	assert_null(strcasestr(server.request.data, "x-amz-security-token"));
	/* the file is read again each time */
	put_file("eyJ.second");
	set("AWS_ROLE_SESSION_NAME", "me");
	ds_aws_chain_refused(chain);
	get();
	assert_got("web identity", "KW");
	assert_int_equal(a->asked, 2);
	assert_sent("&RoleSessionName=me&WebIdentityToken=eyJ.second");
}

static void what_sts_refuses(void **state)
{
	struct answer *a = sts();

	(void)state;
	a->status = 403;
	snprintf(a->body, sizeof(a->body), "<ErrorResponse><Error><Code>AccessDenied</Code><Message>"
		 "Not authorized</Message></Error></ErrorResponse>");
	get_anew();
	assert_fault("web identity: http://127.0.0.1:");
	assert_fault(" answered 403, AccessDenied: Not authorized (see that the trust policy");
	/* one that repeats the token is not believed */
	a->status = 400;
	snprintf(a->body, sizeof(a->body), "<ErrorResponse><Error><Code>Invalid</Code><Message>"
		 "eyJ." HUSH ".e30=</Message></Error></ErrorResponse>");
	get_anew();
	assert_fault(" answered 400 (see that");
	a->status = 200;
	get_anew();
	assert_fault("without SessionToken");
	snprintf(a->body, sizeof(a->body), "{}");
	get_anew();
	assert_fault("cannot be read");
	/* nobody follows where it leads */
	a->status = 302;
	get_anew();
	assert_fault("answered 302");
	assert_int_equal(server.requests, a->asked);
}

static void tokens_that_are_none_are_not_sent(void **state)
{
	struct answer *a = sts();
	char *large = malloc(20002);

	(void)state;
	put_file("");
	get_anew();
	assert_fault("holds no token");
	put_file("a\nb");
	get_anew();
	assert_fault("holds no token");
	memset(large, 'x', 20001);
	large[20001] = '\0';
	put_file(large);
	get_anew();
	assert_fault("File too large");
	large[20000] = '\0';
	put_file(large);
	free(large);
	get_anew();
	assert_got("web identity", "KW");
	assert_int_equal(unlink(path), 0);
	get_anew();
	assert_fault("cannot read the token in ");
	assert_fault("No such file");
	assert_int_equal(unsetenv("AWS_ROLE_ARN"), 0);
	get_anew();
	assert_fault("AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not");
	assert_int_equal(a->asked, 1);
}

static void where_sts_is_told_to_be(void **state)
{
	struct answer *a = sts();

	(void)state;
	set("AWS_ENDPOINT_URL", "http://127.0.0.1:1/");
	get_anew();
	assert_got("web identity", "KW");
	set("AWS_ENDPOINT_URL_STS", "");
	set("AWS_ENDPOINT_URL", base);
	get_anew();
	assert_got("web identity", "KW");
	assert_int_equal(a->asked, 2);
	set("AWS_ENDPOINT_URL", "sts.example.com");
	get_anew();
	assert_fault("the endpoint of STS");
}

static void of_the_shared_files(void **state)
{
	(void)state;
	put_file("[profile p]\nregion = eu-west-2\naws_access_key_id = KF\n"
		 "aws_secret_access_key = " HUSH "\n[profile sso]\nsso_session = s\n"
		 "[profile empty]\nregion = eu-west-2\n[profile bad]\naws_access_key_id = a b\n"
		 "aws_secret_access_key = " HUSH "\n");
	set("AWS_CONFIG_FILE", path);
	get_anew();
	assert_fault("shared files: no profile 'default' in ");
	assert_null(ds_aws_chain_region(chain));
	set("AWS_PROFILE", "p");
	get_anew();
	assert_got("shared files", "KF");
	assert_string_equal(ds_aws_chain_region(chain), "eu-west-2");
	set("AWS_PROFILE", "sso");
	get_anew();
	assert_fault("profile 'sso' signs on by SSO");
	assert_null(strstr(got.fault, "container"));
	set("AWS_PROFILE", "bad");
	get_anew();
	assert_fault("profile 'bad' has an access key id that cannot be one");
	/* one without credentials is passed by, one that is not there is a fault */
	set("AWS_PROFILE", "empty");
	get_anew();
	assert_fault("no credentials for profile 'empty' (of AWS_PROFILE) in ");
	assert_fault("; container: ");
	set("AWS_PROFILE", "gone");
	get_anew();
	assert_fault("no profile 'gone' (of AWS_PROFILE) in ");
	assert_null(strstr(got.fault, "container"));
}

static void files_that_cannot_be_read(void **state)
{
	(void)state;
	put_file("nonsense\n");
	set("AWS_CONFIG_FILE", path);
	set("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
	get_anew();
	assert_fault(": line 1 is neither a section nor a setting; shared files: no profile");
	assert_fault("; container: ");
	set("AWS_SHARED_CREDENTIALS_FILE", folder);
	get_anew();
	assert_fault("Is a directory");
	assert_null(strstr(got.fault, "container"));
	set("AWS_SHARED_CREDENTIALS_FILE", "/dev/null/x");	/* is not there either */
	assert_int_equal(unsetenv("HOME"), 0);
	set("AWS_CONFIG_FILE", "");
	get_anew();
	assert_fault("no profile 'default' in /dev/null/x and ~/.aws/config; container: ");
}

static void files_below_home(void **state)
{
	char name[80];

	(void)state;
	put_file("[default]\naws_access_key_id=KH\naws_secret_access_key=" HUSH "\n");
	snprintf(name, sizeof(name), "%s/.aws", folder);
	assert_int_equal(mkdir(name, 0700), 0);
	snprintf(name, sizeof(name), "%s/.aws/credentials", folder);
	assert_int_equal(rename(path, name), 0);
	get();
	assert_got("shared files", "KH");
	(void)unlink(name);
	snprintf(name, sizeof(name), "%s/.aws", folder);
	assert_int_equal(rmdir(name), 0);
}

static void a_role_of_a_profile(void **state)
{
	char text[512], second[80];

	(void)state;
	(void)sts();
	set("AWS_ROLE_ARN", "");
	set("AWS_WEB_IDENTITY_TOKEN_FILE", "");
	snprintf(second, sizeof(second), "%s.token", path);
	assert_int_equal(rename(path, second), 0);
	snprintf(text, sizeof(text), "[default]\nrole_arn = " ROLE_ARN "\n"
		 "web_identity_token_file = ~/file.token\nrole_session_name = them\n");
	put_file(text);
	set("AWS_CONFIG_FILE", path);
	get();
	assert_got("shared files", "KW");
	assert_sent("&RoleSessionName=them&WebIdentityToken=eyJ." HUSH);
	(void)unlink(second);
}

static void what_a_container_endpoint_is_asked(void **state)
{
	struct answer *a = container();

	(void)state;
	get();
	assert_got("container", "KC");
	assert_sent("GET /c?a=b HTTP/1.1\r\n");
	assert_null(strcasestr(server.request.data, "Authorization:"));
	set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer " HUSH);
	get_anew();
	assert_got("container", "KC");
	assert_sent("\r\nAuthorization: Bearer " HUSH "\r\n");
	/* a file goes before it, and is read again each time */
	put_file(HUSH "-1");
	set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path);
	get_anew();
	assert_sent("\r\nAuthorization: " HUSH "-1\r\n");
	put_file(HUSH "-2");
	ds_aws_chain_refused(chain);
	get();
	assert_sent("\r\nAuthorization: " HUSH "-2\r\n");
	assert_int_equal(a->asked, 4);
}

static void tokens_with_line_breaks_are_not_sent(void **state)
{
	struct answer *a = container();

	(void)state;
	set("AWS_CONTAINER_AUTHORIZATION_TOKEN", HUSH "\r\nHost: x");
	get_anew();
	assert_fault("AWS_CONTAINER_AUTHORIZATION_TOKEN has a line break");
	put_file(HUSH "\n");
	set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path);
	get_anew();
	assert_fault("holds no token");
	assert_int_equal(a->asked, 0);
}

static void hosts_that_are_not_on_the_list_are_not_asked(void **state)
{
	(void)state;
	set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://credentials.example.com/c");
	set("AWS_CONTAINER_AUTHORIZATION_TOKEN", HUSH);
	get_anew();
	assert_fault("container: AWS_CONTAINER_CREDENTIALS_FULL_URI names a host that is not asked");
	set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/c");
	get_anew();
	assert_fault("is no http:// or https:// URL");
	set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "c");
	get_anew();
	assert_fault("does not begin with a slash");
}

static void what_a_container_endpoint_refuses(void **state)
{
	struct answer *a = container();

	(void)state;
	set("AWS_CONTAINER_AUTHORIZATION_TOKEN", HUSH "-token");
	a->status = 403;
	snprintf(a->body, sizeof(a->body), "no association");
	get_anew();
	assert_fault(" answered 403, no association (see that the role is associated");
	snprintf(a->body, sizeof(a->body), "{\"message\":\"" HUSH "-token is bad\"}");
	get_anew();
	assert_fault(" answered 403 (see that");
	a->status = 307;
	get_anew();
	assert_fault(" answered 307 (see that");
	a->status = 200;
	get_anew();
	assert_fault("the container endpoint gave an answer without AccessKeyId");
	snprintf(a->body, sizeof(a->body), "{\"AccessKeyId\":\"" HUSH);
	get_anew();
	assert_fault("not the JSON of credentials");
	put_json(a, "KC", -DS_NS_PER_S);
	get_anew();
	assert_fault("gives credentials that expired at 20");
	assert_int_equal(server.requests, a->asked);
}

static void what_imds_is_asked(void **state)
{
	(void)state;
	imds();
	assert_int_equal(ds_aws_chain_new(&chain, &loop, http), 0);
	assert_null(ds_aws_chain_region(chain));
	get();
	assert_got("IMDS", "KI");
	assert_sent(REGION);
	assert_sent("\r\nX-aws-ec2-metadata-token: " HUSH "-imds==\r\n");
	assert_string_equal(ds_aws_chain_region(chain), "eu-west-3");
	assert_int_equal(server.requests, 4);
	/* the region is asked for once */
	ds_aws_chain_refused(chain);
	get();
	assert_got("IMDS", "KI");
	assert_int_equal(region->asked, 1);
	assert_sent(ROLE_KEYS);
	assert_sent("\r\nX-aws-ec2-metadata-token: " HUSH "-imds==\r\n");
	/* and not where it is known */
	set("AWS_REGION", "eu-west-1");
	get_anew();
	assert_string_equal(ds_aws_chain_region(chain), "eu-west-1");
	assert_int_equal(region->asked, 1);
}

static void imds_without_a_region_is_no_fault(void **state)
{
	(void)state;
	imds();
	region->status = 404;
	get_anew();
	assert_got("IMDS", "KI");
	assert_null(ds_aws_chain_region(chain));
	region->status = 200;
	snprintf(region->body, sizeof(region->body), "EU/../x");
	get_anew();
	assert_got("IMDS", "KI");
	assert_null(ds_aws_chain_region(chain));
}

static void what_imds_refuses(void **state)
{
	(void)state;
	imds();
	role_keys->status = 500;
	get_anew();
	assert_fault(" answered 500");
	role_keys->status = 200;
	snprintf(role_keys->body, sizeof(role_keys->body), "{\"Code\":\"AssumeRoleUnauthorizedAccess\","
		 "\"Message\":\"EC2 cannot\"}");
	get_anew();
	assert_fault("for role node-role it gave AssumeRoleUnauthorizedAccess: EC2 cannot");
	snprintf(roles->body, sizeof(roles->body), "../../user-data");
	get_anew();
	assert_fault("a name of a role that cannot be one");
	roles->status = 404;
	get_anew();
	assert_fault("IMDS: this instance has no role");
	roles->status = 500;
	get_anew();
	assert_fault(" answered 500 (see the instance's metadata options");
	snprintf(token->body, sizeof(token->body), "a b");
	get_anew();
	assert_fault("a token that cannot be one");
	token->status = 403;
	get_anew();
	assert_fault(" answered 403 (it must allow IMDSv2");
	assert_int_equal(roles->asked, 5);
	set("AWS_EC2_METADATA_SERVICE_ENDPOINT", "169.254.169.254");
	get_anew();
	assert_fault("AWS_EC2_METADATA_SERVICE_ENDPOINT is no http:// or https:// URL");
}

static void imds_that_does_not_answer(void **state)
{
	(void)state;
	imds();
	token->silent = true;
	get();
	assert_fault("IMDS: 127.0.0.1:");
	assert_fault("--http-put-response-hop-limit 2");
}

static void which_region_counts(void **state)
{
	(void)state;
	put_file("[default]\nregion = eu-west-2\n");
	set("AWS_CONFIG_FILE", path);
	set("AWS_REGION", "");
	get_anew();
	assert_string_equal(ds_aws_chain_region(chain), "eu-west-2");
	set("AWS_DEFAULT_REGION", "us-east-1");
	get_anew();
	assert_string_equal(ds_aws_chain_region(chain), "us-east-1");
	set("AWS_REGION", "eu-west-1");
	get_anew();
	assert_string_equal(ds_aws_chain_region(chain), "eu-west-1");
	set("AWS_REGION", "x/../y");		/* would become a part of a host's name */
	get_anew();
	assert_string_equal(ds_aws_chain_region(chain), "us-east-1");
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(the_first_source_that_is_set_up_is_taken),
		STORY(a_source_that_fails_is_not_passed_by),
		STORY(of_the_environment),
		STORY(what_sts_is_asked),
		STORY(what_sts_refuses),
		STORY(tokens_that_are_none_are_not_sent),
		STORY(where_sts_is_told_to_be),
		STORY(of_the_shared_files),
		STORY(files_that_cannot_be_read),
		STORY(files_below_home),
		STORY(a_role_of_a_profile),
		STORY(what_a_container_endpoint_is_asked),
		STORY(tokens_with_line_breaks_are_not_sent),
		STORY(hosts_that_are_not_on_the_list_are_not_asked),
		STORY(what_a_container_endpoint_refuses),
		STORY(what_imds_is_asked),
		STORY(imds_without_a_region_is_no_fault),
		STORY(what_imds_refuses),
		STORY(imds_that_does_not_answer),
		STORY(which_region_counts),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
