// SPDX-License-Identifier: Apache-2.0
#include "user/source/aws/xml.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "user/util/buf.h"

struct seen {
	struct ds_buf out;	/* "+path " when one begins, "path=text " for a leaf */
	const char *stop_at;	/* the path at which the callbacks say -ECANCELED */
};

static int on_open(void *ctx, const char *path)
{
	struct seen *seen = ctx;

	ds_buf_printf(&seen->out, "+%s ", path);
	return 0;
}

static int on_leaf(void *ctx, const char *path, const char *text, size_t len)
{
	struct seen *seen = ctx;

	assert_int_equal(strlen(text), len);
	ds_buf_printf(&seen->out, "%s=%s ", path, text);
	return seen->stop_at && !strcmp(seen->stop_at, path) ? -ECANCELED : 0;
}

static int read_n(struct seen *seen, const char *xml, size_t len, const char **ret_fault)
{
	struct ds_xml_reader reader = { .open = on_open, .leaf = on_leaf, .ctx = seen };
	char *copy = malloc(len ? len : 1);	/* so that a sanitizer sees a read beyond it */
	int r;

	assert_non_null(copy);
	memcpy(copy, xml, len);
	r = ds_xml_read(copy, len, &reader, ret_fault);
	free(copy);
	return r;
}

static void expect(const char *xml, const char *wanted)
{
	struct seen seen = { 0 };
	const char *fault;

	assert_int_equal(read_n(&seen, xml, strlen(xml), &fault), 0);
	assert_null(fault);
	assert_string_equal(seen.out.data, wanted);
	ds_buf_free(&seen.out);
}

static void expect_fault(const char *xml, size_t len, int code, const char *part)
{
	struct seen seen = { 0 };
	const char *fault;

	assert_int_equal(read_n(&seen, xml, len, &fault), code);
	assert_non_null(fault);
	assert_non_null(strstr(fault, part));
	ds_buf_free(&seen.out);
}

static void refused(const char *xml, int code, const char *part)
{
	expect_fault(xml, strlen(xml), code, part);
}

static void elements_are_told_by_path(void **state)
{
	(void)state;
	expect("<A><B><C>1</C><C>2</C></B><D>3</D></A>",
	       "+/A +/A/B +/A/B/C /A/B/C=1 +/A/B/C /A/B/C=2 +/A/D /A/D=3 ");
	expect("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	       "<a:A xmlns:a=\"https://ec2.amazonaws.com/\" x=\"y\"><a:B/></a:A>\n",
	       "+/A +/A/B /A/B= ");
}

static void only_leaves_have_text(void **state)
{
	(void)state;
	expect("<A>x<B> \n a b\t</B>y</A>", "+/A +/A/B /A/B=a b ");
	expect("<A> \n </A>", "+/A /A= ");
	expect("<A>1<!-- 2 --><![CDATA[<3>]]>4</A>", "+/A /A=1<3>4 ");
	expect("<A>a&amp;b&lt;&gt;&quot;&apos;&#x41;\xc3\xa9</A>", "+/A /A=a&b<>\"'A\xc3\xa9 ");
}

static void callback_can_end_it(void **state)
{
	struct seen seen = { .stop_at = "/A/B" };
	const char *xml = "<A><B>1</B><B>2</B></A>", *fault;

	(void)state;
	assert_int_equal(read_n(&seen, xml, strlen(xml), &fault), -ECANCELED);
	assert_null(fault);
	assert_string_equal(seen.out.data, "+/A +/A/B /A/B=1 ");
	ds_buf_free(&seen.out);
}

static void what_is_no_xml_is_refused(void **state)
{
	static const char *const broken[] = {
		"", " ", "x", "{\"a\":1}", "<A>", "<A><B></A></B>", "<A/><B/>", "<A/>x", "<A", "</A>",
		"<A>&x;</A>", "<A>&#0;</A>", "<A>\x01</A>", "<A>\xff</A>", "<A>\xed\xa0\x80</A>",
		"<A b=1/>", "<A b=\"1\" b=\"2\"/>", "<A>]]></A>",
		"<?xml version=\"1.0\" encoding=\"x-none\"?><A/>",
	};
	static const char nul[] = "<A>x\0y</A>";
	const char *whole = "<A><B>1</B></A>";

	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		refused(broken[i], -EBADMSG, "no well-formed XML");
	expect_fault(nul, sizeof(nul) - 1, -EBADMSG, "no well-formed XML");
	for (size_t len = 0; len < strlen(whole); len++)
		expect_fault(whole, len, -EBADMSG, "no well-formed XML");
}

static void document_types_are_refused(void **state)
{
	(void)state;
	refused("<!DOCTYPE A><A/>", -EBADMSG, "document type");
	refused("<!DOCTYPE A SYSTEM \"file:///etc/passwd\"><A/>", -EBADMSG, "document type");
	refused("<!DOCTYPE A [<!ENTITY a \"b\">]><A>&a;</A>", -EBADMSG, "document type");
	refused("<!DOCTYPE l [<!ENTITY a \"lol\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">"
		"<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\"><!ENTITY d \"&c;&c;&c;&c;&c;&c;&c;&c;\">]>"
		"<l>&d;</l>", -EBADMSG, "document type");
}

static void repeat(struct ds_buf *b, const char *text, unsigned int times)
{
	while (times--)
		ds_buf_puts(b, text);
}

static void depth_is_bounded(void **state)
{
	struct ds_buf b = { 0 };

	(void)state;
	repeat(&b, "<a>", DS_XML_DEPTH_MAX);
	repeat(&b, "</a>", DS_XML_DEPTH_MAX);
	{
		struct seen seen = { 0 };
		const char *fault;

		assert_int_equal(read_n(&seen, b.data, b.len, &fault), 0);
		ds_buf_free(&seen.out);
	}
	ds_buf_clear(&b);
	repeat(&b, "<a>", DS_XML_DEPTH_MAX + 1);
	expect_fault(b.data, b.len, -E2BIG, "nested");
	ds_buf_clear(&b);
	ds_buf_putc(&b, '<');
	repeat(&b, "n", DS_XML_PATH_MAX);
	ds_buf_puts(&b, "/>");
	expect_fault(b.data, b.len, -E2BIG, "nested");
	ds_buf_free(&b);
}

/* One byte less than the path's bound, with its '/' and its NUL, is still good. */
static void longest_path_fits(void **state)
{
	struct seen seen = { 0 };
	struct ds_buf b = { 0 };
	const char *fault;

	(void)state;
	ds_buf_putc(&b, '<');
	repeat(&b, "n", DS_XML_PATH_MAX - 2);
	ds_buf_puts(&b, "/>");
	assert_int_equal(read_n(&seen, b.data, b.len, &fault), 0);
	ds_buf_free(&seen.out);
	b.len -= 2;
	ds_buf_puts(&b, "n/>");
	expect_fault(b.data, b.len, -E2BIG, "nested");
	ds_buf_free(&b);
}

/* What nobody is told is not kept. */
static void text_beside_elements_is_not_kept(void **state)
{
	struct seen seen = { 0 };
	struct ds_buf b = { 0 };
	const char *fault;

	(void)state;
	ds_buf_puts(&b, "<A><B/>");
	repeat(&b, "t", DS_XML_TEXT_MAX + 1);
	ds_buf_puts(&b, "</A>");
	assert_int_equal(read_n(&seen, b.data, b.len, &fault), 0);
	assert_string_equal(seen.out.data, "+/A +/A/B /A/B= ");
	ds_buf_free(&seen.out);
	ds_buf_free(&b);
}

static void texts_are_bounded(void **state)
{
	struct seen seen = { 0 };
	struct ds_buf b = { 0 };
	const char *fault;

	(void)state;
	ds_buf_puts(&b, "<A>");
	repeat(&b, "t", DS_XML_TEXT_MAX);
	ds_buf_puts(&b, "</A>");
	assert_int_equal(read_n(&seen, b.data, b.len, &fault), 0);
	assert_int_equal(seen.out.len, strlen("+/A /A= ") + DS_XML_TEXT_MAX);
	ds_buf_free(&seen.out);
	b.len -= strlen("</A>");
	ds_buf_puts(&b, "t</A>");
	expect_fault(b.data, b.len, -E2BIG, "text");
	ds_buf_free(&b);
}

static void elements_and_bytes_are_bounded(void **state)
{
	struct ds_buf b = { 0 };

	(void)state;
	ds_buf_puts(&b, "<A>");
	repeat(&b, "<b/>", DS_XML_ELEMENTS_MAX);
	expect_fault(b.data, b.len, -E2BIG, "elements");
	repeat(&b, " ", DS_XML_BYTES_MAX);
	expect_fault(b.data, b.len, -E2BIG, "too long");
	ds_buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elements_are_told_by_path),
		cmocka_unit_test(only_leaves_have_text),
		cmocka_unit_test(callback_can_end_it),
		cmocka_unit_test(what_is_no_xml_is_refused),
		cmocka_unit_test(document_types_are_refused),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(longest_path_fits),
		cmocka_unit_test(text_beside_elements_is_not_kept),
		cmocka_unit_test(texts_are_bounded),
		cmocka_unit_test(elements_and_bytes_are_bounded),
	};

	return cmocka_run_group_tests_name("xml", tests, NULL, NULL);
}
