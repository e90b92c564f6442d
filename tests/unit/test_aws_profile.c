// SPDX-License-Identifier: Apache-2.0
#include "user/source/aws/aws_profile.h"

#include <string.h>

#include "tests/unit/unit.h"

static struct ds_aws_profile parse(enum ds_aws_file file, const char *text, const char *name)
{
	struct ds_aws_profile p;

	ds_aws_profile_parse(&p, file, text, strlen(text), name);
	return p;
}

static struct ds_aws_profile config(const char *text)
{
	return parse(DS_AWS_FILE_CONFIG, text, "default");
}

static struct ds_aws_profile credentials(const char *text)
{
	return parse(DS_AWS_FILE_CREDENTIALS, text, "default");
}

/* want NULL: not there. */
static void assert_text(struct ds_aws_text t, const char *want)
{
	if (!want) {
		assert_null(t.text);
		assert_int_equal(t.len, 0);
		return;
	}
	assert_non_null(t.text);
	assert_int_equal(t.len, strlen(want));
	assert_memory_equal(t.text, want, t.len);
}

static void assert_region(struct ds_aws_profile p, const char *want)
{
	assert_text(p.settings[DS_AWS_SETTING_REGION], want);
}

static void every_setting_is_read(void **state)
{
	static const char *const want[DS_AWS_SETTING_MAX] = {
		[DS_AWS_SETTING_KEY_ID] = "AKIA1", [DS_AWS_SETTING_SECRET] = "a/b+c=",
		[DS_AWS_SETTING_TOKEN] = "t==", [DS_AWS_SETTING_REGION] = "eu-west-1",
		[DS_AWS_SETTING_ROLE_ARN] = "arn:aws:iam::123456789012:role/r",
		[DS_AWS_SETTING_TOKEN_FILE] = "/run/token", [DS_AWS_SETTING_SESSION_NAME] = "me",
		[DS_AWS_SETTING_SOURCE_PROFILE] = "base",
		[DS_AWS_SETTING_CREDENTIAL_SOURCE] = "Environment",
		[DS_AWS_SETTING_PROCESS] = "/bin/x --y", [DS_AWS_SETTING_SSO] = "corp",
	};
	struct ds_aws_profile p = config("[default]\n"
					 "aws_access_key_id = AKIA1\n"
					 "aws_secret_access_key=a/b+c=\n"
					 "aws_session_token =t==\n"
					 "REGION= eu-west-1 \t\r\n"
					 "role_arn = arn:aws:iam::123456789012:role/r\n"
					 "web_identity_token_file: /run/token\n"
					 "role_session_name = me\n"
					 "source_profile = base\n"
					 "credential_source = Environment\n"
					 "credential_process = /bin/x --y\n"
					 "sso_session = corp");

	(void)state;
	assert_true(p.found);
	assert_int_equal(p.bad_line, 0);
	for (int i = 0; i < DS_AWS_SETTING_MAX; i++)
		assert_text(p.settings[i], want[i]);
}

static void old_names_stand_for_new_ones(void **state)
{
	struct ds_aws_profile p = credentials("[default]\naws_security_token = old\n");

	(void)state;
	assert_text(p.settings[DS_AWS_SETTING_TOKEN], "old");
	p = config("[default]\nsso_start_url = x\n");
	assert_text(p.settings[DS_AWS_SETTING_SSO], "x");
}

static void a_profile_is_found_by_its_name_in_either_file(void **state)
{
	static const char text[] = "[profile a]\nregion = ra\n[b]\nregion = rb\n"
				   "[ profile \t \"my c\" ]\nregion = rc\n[profiled]\nregion = rd\n"
				   "[sso-session e]\nregion = re\n[profile 'f'] # f\nregion = rf\n"
				   "[default]\nregion = r0\n";

	(void)state;
	assert_region(parse(DS_AWS_FILE_CONFIG, text, "a"), "ra");
	assert_region(parse(DS_AWS_FILE_CONFIG, text, "my c"), "rc");
	assert_region(parse(DS_AWS_FILE_CONFIG, text, "f"), "rf");
	assert_region(parse(DS_AWS_FILE_CONFIG, text, "default"), "r0");
	/* "[b]" is no profile there, and "[profile a]" none here */
	assert_false(parse(DS_AWS_FILE_CONFIG, text, "b").found);
	assert_false(parse(DS_AWS_FILE_CONFIG, text, "d").found);
	assert_false(parse(DS_AWS_FILE_CONFIG, text, "profiled").found);
	assert_false(parse(DS_AWS_FILE_CONFIG, text, "e").found);
	assert_region(parse(DS_AWS_FILE_CREDENTIALS, text, "b"), "rb");
	assert_false(parse(DS_AWS_FILE_CREDENTIALS, text, "a").found);
	assert_region(parse(DS_AWS_FILE_CREDENTIALS, text, "default"), "r0");
}

static void profile_default_goes_before_default(void **state)
{
	struct ds_aws_profile p;

	(void)state;
	assert_region(config("[default]\nregion = a\n[profile default]\nregion = b\n"), "b");
	assert_region(config("[profile default]\nregion = b\n[default]\nregion = a\n"), "b");
	/* wholly, not setting by setting */
	p = config("[default]\nrole_arn = x\n[profile default]\nregion = b\n");
	assert_text(p.settings[DS_AWS_SETTING_ROLE_ARN], NULL);
}

static void of_two_settings_the_later_counts(void **state)
{
	(void)state;
	assert_region(config("[default]\nregion = a\nregion = b\n"), "b");
	assert_region(config("[default]\nregion = a\n[profile x]\nregion = c\n[default]\n"
			     "region = b\n"), "b");
	assert_region(config("[default]\nregion = a\n[default]\n"), "a");
	assert_region(config("[default]\nregion = a\nregion =\n"), NULL);
}

static void comments_and_blank_lines_are_left_out(void **state)
{
	struct ds_aws_profile p = config("# region = x\n\n  ; [default]\n[default] ; here\n"
					 "region = a # not b\n"
					 "aws_secret_access_key = x#y;z\n"
					 "role_session_name = # nothing\n");

	(void)state;
	assert_region(p, "a");
	assert_text(p.settings[DS_AWS_SETTING_SECRET], "x#y;z");
	assert_text(p.settings[DS_AWS_SETTING_SESSION_NAME], NULL);
	assert_int_equal(p.bad_line, 0);
}

static void what_is_indented_deeper_belongs_to_the_setting_before_it(void **state)
{
	struct ds_aws_profile p = config("[default]\nregion = a\ns3 =\n  region = b\n"
					 "  nonsense\n\trole_arn = c\n");

	(void)state;
	assert_region(p, "a");
	assert_text(p.settings[DS_AWS_SETTING_ROLE_ARN], NULL);
	assert_int_equal(p.bad_line, 0);
	/* a section whose settings are all indented */
	p = config("[default]\n  region = a\n  role_arn = b\n");
	assert_region(p, "a");
	assert_text(p.settings[DS_AWS_SETTING_ROLE_ARN], "b");
	p = config("[default]\n  region = a\nregion = b\n");
	assert_region(p, "b");
}

static void the_first_line_that_is_nothing_is_told(void **state)
{
	struct ds_aws_profile p = config("[default]\nregion = a\nnonsense\n\n= b\n");

	(void)state;
	assert_int_equal(p.bad_line, 3);
	assert_region(p, "a");
	p = config("region = a\n[default\nregion = b\n");
	assert_int_equal(p.bad_line, 2);
	assert_false(p.found);
	assert_region(p, NULL);
	/* a broken header ends the section before it */
	p = config("[default]\nregion = a\n[profile x\nregion = b\n");
	assert_region(p, "a");
	assert_int_equal(config("[default]\n= b").bad_line, 2);
}

static void odd_ends_of_lines_and_files(void **state)
{
	struct ds_aws_profile p;

	(void)state;
	assert_region(config("\xef\xbb\xbf[default]\r\nregion = a\r\n"), "a");
	assert_region(config("[default]\nregion = a"), "a");
	assert_false(config("").found);
	assert_false(config("[").found);
	assert_false(config("[]").found);
	assert_int_equal(config("[]").bad_line, 0);
	assert_false(config("[default").found);
	assert_false(config("[profile ]").found);
	ds_aws_profile_parse(&p, DS_AWS_FILE_CONFIG, NULL, 0, "default");
	assert_false(p.found);
	/* a NUL is a character as any other */
	ds_aws_profile_parse(&p, DS_AWS_FILE_CONFIG, "[default]\nregion = a\0b\n", 23, "default");
	assert_int_equal(p.settings[DS_AWS_SETTING_REGION].len, 3);
}

static struct ds_aws_way way(const char *in_config, const char *in_credentials)
{
	struct ds_aws_profile a = config(in_config), b = credentials(in_credentials);
	struct ds_aws_way w;

	ds_aws_profile_way(&a, &b, &w);
	return w;
}

#define KEYS(id) "aws_access_key_id = " id "\naws_secret_access_key = s" id "\n"
#define ROLE "role_arn = r\nweb_identity_token_file = f\n"
#define D "[default]\n"

static void keys_of_the_credentials_file_go_before_those_of_config(void **state)
{
	struct ds_aws_way w = way(D KEYS("c") "aws_session_token = t\n", D KEYS("k"));

	(void)state;
	assert_int_equal(w.kind, DS_AWS_WAY_KEYS);
	assert_text(w.key_id, "k");
	assert_text(w.secret, "sk");
	assert_text(w.token, NULL);	/* the other file's is none of these */
	w = way(D KEYS("c") "aws_session_token = t\n", D "region = a\n");
	assert_int_equal(w.kind, DS_AWS_WAY_KEYS);
	assert_text(w.key_id, "c");
	assert_text(w.token, "t");
}

static void half_of_the_keys_is_a_fault(void **state)
{
	struct ds_aws_way w = way(D KEYS("c"), D "aws_access_key_id = k\n");

	(void)state;
	assert_int_equal(w.kind, DS_AWS_WAY_FAULT);
	assert_non_null(strstr(w.why, "without aws_secret_access_key"));
	w = way(D "aws_secret_access_key = k\n", "");
	assert_int_equal(w.kind, DS_AWS_WAY_FAULT);
	assert_non_null(strstr(w.why, "without aws_access_key_id"));
}

static void a_role_by_web_identity_goes_before_keys(void **state)
{
	struct ds_aws_way w = way(D ROLE "role_session_name = n\n", D KEYS("k"));

	(void)state;
	assert_int_equal(w.kind, DS_AWS_WAY_WEB_IDENTITY);
	assert_text(w.role_arn, "r");
	assert_text(w.token_file, "f");
	assert_text(w.session_name, "n");
	/* of either file, and the credentials file's counts */
	w = way(D "role_arn = r\n", D "web_identity_token_file = f\n");
	assert_int_equal(w.kind, DS_AWS_WAY_WEB_IDENTITY);
	w = way(D ROLE, D "role_arn = r2\n");
	assert_text(w.role_arn, "r2");
	assert_text(w.session_name, NULL);
}

static void what_is_not_supported_is_told_and_not_passed_by(void **state)
{
	static const struct {
		const char *config, *credentials, *why;
	} cases[] = {
		{ D "role_arn = r\nsource_profile = b\n", D KEYS("k"), "from other credentials" },
		{ D "role_arn = r\ncredential_source = Environment\n", "", "from other credentials" },
		{ D ROLE "source_profile = b\n", "", "from other credentials" },
		{ D "role_arn = r\n", "", "without web_identity_token_file" },
		{ D "web_identity_token_file = f\n", D KEYS("k"), "without role_arn" },
		{ D "sso_session = s\n", D KEYS("k"), "SSO" },
		{ D "sso_start_url = s\n", "", "SSO" },
		{ D "credential_process = p\n" KEYS("c"), "", "credential_process" },
		{ "", D "credential_process = p\n", "credential_process" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ds_aws_way w = way(cases[i].config, cases[i].credentials);

		assert_int_equal(w.kind, DS_AWS_WAY_FAULT);
		assert_non_null(strstr(w.why, cases[i].why));
	}
	/* but keys of the credentials file go before a process */
	assert_int_equal(way(D "credential_process = p\n", D KEYS("k")).kind, DS_AWS_WAY_KEYS);
}

static void a_profile_without_credentials_is_no_way(void **state)
{
	(void)state;
	assert_int_equal(way("", "").kind, DS_AWS_WAY_NONE);
	assert_int_equal(way(D "region = a\n", "[other]\n" KEYS("k")).kind, DS_AWS_WAY_NONE);
	assert_int_equal(way(D "source_profile = a\n", "").kind, DS_AWS_WAY_NONE);
	assert_int_equal(way(D "aws_session_token = a\n", "").kind, DS_AWS_WAY_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_setting_is_read),
		cmocka_unit_test(old_names_stand_for_new_ones),
		cmocka_unit_test(a_profile_is_found_by_its_name_in_either_file),
		cmocka_unit_test(profile_default_goes_before_default),
		cmocka_unit_test(of_two_settings_the_later_counts),
		cmocka_unit_test(comments_and_blank_lines_are_left_out),
		cmocka_unit_test(what_is_indented_deeper_belongs_to_the_setting_before_it),
		cmocka_unit_test(the_first_line_that_is_nothing_is_told),
		cmocka_unit_test(odd_ends_of_lines_and_files),
		cmocka_unit_test(keys_of_the_credentials_file_go_before_those_of_config),
		cmocka_unit_test(half_of_the_keys_is_a_fault),
		cmocka_unit_test(a_role_by_web_identity_goes_before_keys),
		cmocka_unit_test(what_is_not_supported_is_told_and_not_passed_by),
		cmocka_unit_test(a_profile_without_credentials_is_no_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
