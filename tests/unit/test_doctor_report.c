// SPDX-License-Identifier: Apache-2.0
#include "user/doctor/report.h"

#include <json-c/json.h>

#include "tests/unit/doctor_story.h"

static struct ds_finding findings[DS_CHECK_MAX];

static int set_up(void **state)
{
	(void)state;
	for (int i = 0; i < DS_CHECK_MAX; i++) {
		findings[i] = (struct ds_finding){ .check = (enum ds_check)i };
		ds_finding_say(&findings[i], DS_FOUND_OK, "all is well");
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < DS_CHECK_MAX; i++)
		ds_finding_free(&findings[i]);
	return 0;
}

static const struct ds_doctor_report report = {
	.findings = findings, .checks = UINT32_MAX, .version = "1.2.3", .node = "a", .command = "agent", .width = 80,
};

static void worse_news_are_not_hidden_by_better(void **state)
{
	struct ds_finding *f = &findings[DS_CHECK_CLOCK];

	(void)state;
	ds_finding_say(f, DS_FOUND_FAIL, "it is %d", 7);
	ds_finding_say(f, DS_FOUND_WARN, "or so");
	ds_finding_say(f, DS_FOUND_SKIP, "maybe");
	assert_string_equal(text_of(&f->text), "all is well; it is 7; or so; maybe");
	assert_int_equal(f->found, DS_FOUND_FAIL);
	assert_int_equal(ds_doctor_failures(&report), 1);
	ds_finding_advise(f, "Mend it");
	ds_finding_advise(f, "Mend it");
	assert_string_equal(text_of(&f->advice), "Mend it");
	ds_finding_advise(f, "it");	/* a part of another is not the same */
	ds_finding_advise(f, "Mend");
	ds_finding_advise(f, "Mend");
	ds_finding_advise(f, "Mend it");
	assert_string_equal(text_of(&f->advice), "Mend it; it; Mend");
}

static void the_table(void **state)
{
	struct ds_buf buf = { 0 };

	(void)state;
	ds_doctor_table(&buf, &report);
	assert_non_null(strstr(buf.data, "kernel      ok    all is well.\nprivileges  ok    all"));
	assert_non_null(strstr(buf.data, "\nNothing has to be mended.\n"));
	assert_null(strchr(buf.data, '\033'));
	ds_buf_clear(&buf);
	ds_finding_say(&findings[1], DS_FOUND_FAIL, "it is broken.");
	ds_finding_advise(&findings[1], "Mend it");
	ds_finding_say(&findings[2], DS_FOUND_WARN, "it is late");
	ds_doctor_table(&buf, &report);
	assert_non_null(strstr(buf.data, "privileges  FAIL  all is well; it is broken.\n"
			       "                  Mend it.\nprobes      warn  all"));
	assert_non_null(strstr(buf.data, "\n1 must be mended, 1 is worth a look.\n"));
	ds_buf_free(&buf);
}

static void sentences_are_broken_between_words(void **state)
{
	struct ds_doctor_report narrow = report;
	struct ds_buf buf = { 0 };

	(void)state;
	for (int i = 0; i < 12; i++)
		ds_finding_say(&findings[0], DS_FOUND_OK, "sentence number %d of a dozen", i);
	narrow.width = 1;	/* a terminal that says nonsense */
	ds_doctor_table(&buf, &narrow);
	for (const char *line = buf.data; *line; line += strcspn(line, "\n") + 1)
		assert_true(strcspn(line, "\n") <= 59);	/* 18 before, 40 of it, a full stop */
	assert_non_null(strstr(buf.data, "\n                  "));
	ds_buf_free(&buf);
}

static void what_others_wrote_does_not_reach_the_terminal(void **state)
{
	struct ds_buf buf = { 0 };

	(void)state;
	ds_finding_say(&findings[0], DS_FOUND_OK, "a\033[31mb \xc2\x9b \xff ä\n");
	ds_doctor_table(&buf, &report);
	assert_null(strchr(buf.data, '\033'));
	assert_non_null(strstr(buf.data, "a\\x1b[31mb \\xc2\\x9b \\xff ä\\x0a"));
	ds_buf_free(&buf);
}

static void colours_where_they_are_asked_for(void **state)
{
	struct ds_doctor_report colored = report;
	struct ds_buf buf = { 0 };

	(void)state;
	colored.color = true;
	ds_finding_say(&findings[0], DS_FOUND_FAIL, "no");
	ds_doctor_table(&buf, &colored);
	assert_non_null(strstr(buf.data, "kernel      \033[31mFAIL\033[0m  all is well; no"));
	ds_buf_free(&buf);
}

static const char *text_member(json_object *object, const char *key)
{
	json_object *value = NULL;

	(void)json_object_object_get_ex(object, key, &value);	/* NULL then */
	return value ? json_object_get_string(value) : NULL;
}

static void the_document(void **state)
{
	struct ds_buf buf = { 0 };
	json_object *document, *checks, *check, *facts;

	(void)state;
	ds_finding_say(&findings[3], DS_FOUND_FAIL, "\"quoted\" \xff");
	ds_finding_advise(&findings[3], "Mend it");
	ds_finding_text_fact(&findings[3], "name", "a\nb");
	ds_finding_text_fact(&findings[3], "left out", NULL);
	ds_finding_number_fact(&findings[3], "number", -7);
	ds_finding_bool_fact(&findings[3], "truth", true);
	ds_doctor_json(&buf, &report);
	document = json_tokener_parse(buf.data);
	assert_non_null(document);
	assert_string_equal(text_member(document, "time"), "1970-01-01T00:00:00.000000000Z");
	assert_string_equal(text_member(document, "failed"), "1");
	assert_string_equal(text_member(document, "node"), "a");
	assert_true(json_object_object_get_ex(document, "checks", &checks));
	assert_int_equal(json_object_array_length(checks), DS_CHECK_MAX);
	check = json_object_array_get_idx(checks, 3);
	assert_string_equal(text_member(check, "check"), "data-plane");
	assert_string_equal(text_member(check, "status"), "fail");
	assert_string_equal(text_member(check, "advice"), "Mend it");
	assert_true(json_object_object_get_ex(check, "facts", &facts));
	assert_string_equal(json_object_to_json_string_ext(facts, JSON_C_TO_STRING_PLAIN),
			    "{\"name\":\"a\\nb\",\"number\":-7,\"truth\":true}");
	assert_null(text_member(json_object_array_get_idx(checks, 0), "advice"));
	(void)json_object_put(document);
	ds_buf_free(&buf);
}

static void only_what_was_asked_for(void **state)
{
	struct ds_doctor_report few = report;
	struct ds_buf buf = { 0 };

	(void)state;
	few.checks = UINT32_C(1) << DS_CHECK_CLOCK | UINT32_C(1) << DS_CHECK_METRICS;
	ds_finding_say(&findings[DS_CHECK_AWS], DS_FOUND_FAIL, "no");
	assert_int_equal(ds_doctor_failures(&few), 0);
	ds_doctor_table(&buf, &few);
	assert_string_equal(buf.data, "clock       ok    all is well.\nmetrics     ok    all is well.\n"
			    "Nothing has to be mended.\n");
	ds_buf_clear(&buf);
	ds_doctor_json(&buf, &few);
	assert_non_null(strstr(buf.data, "\"failed\":0,\"warned\":0,\"checks\":[{\"check\":\"clock\","));
	assert_non_null(strstr(buf.data, "},{\"check\":\"metrics\","));
	ds_buf_free(&buf);
}

#define with_findings(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_findings(worse_news_are_not_hidden_by_better),
		with_findings(the_table),
		with_findings(sentences_are_broken_between_words),
		with_findings(what_others_wrote_does_not_reach_the_terminal),
		with_findings(colours_where_they_are_asked_for),
		with_findings(only_what_was_asked_for),
		with_findings(the_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
