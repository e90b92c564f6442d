// SPDX-License-Identifier: Apache-2.0
/*
 * The whole document is given to expat at once; the first fault ends it, and whatever expat still
 * calls after that is ignored.
 */
#include "user/source/aws/xml.h"

#include <errno.h>
#include <expat.h>
#include <stdbool.h>
#include <string.h>

#include "user/util/wipe.h"

struct walk {
	const struct ds_xml_reader *reader;
	XML_Parser parser;
	int result;		/* the first thing that was wrong */
	const char *fault;
	unsigned int depth, elements;
	bool leaf;		/* the innermost element that is open has none inside so far */
	size_t path_len, text_len;
	char path[DS_XML_PATH_MAX];
	char text[DS_XML_TEXT_MAX + 1];
};

static void stop(struct walk *w, int result, const char *fault)
{
	if (w->result)
		return;
	w->result = result;
	w->fault = fault;
	(void)XML_StopParser(w->parser, XML_FALSE);	/* fails only if it was stopped already */
}

static void begin(void *ctx, const XML_Char *name, const XML_Char **attributes)
{
	struct walk *w = ctx;
	const char *colon = strchr(name, ':'), *local = colon ? colon + 1 : name;
	size_t len = strlen(local);
	int r;

	(void)attributes;
	if (w->result)
		return;		/* expat may finish what it has begun */
	if (++w->depth > DS_XML_DEPTH_MAX || len + 2 > sizeof(w->path) - w->path_len) {
		stop(w, -E2BIG, "the XML is nested too deeply");
		return;
	}
	if (++w->elements > DS_XML_ELEMENTS_MAX) {
		stop(w, -E2BIG, "the XML has too many elements");
		return;
	}
	w->path[w->path_len++] = '/';
	memcpy(w->path + w->path_len, local, len + 1);
	w->path_len += len;
	w->text_len = 0;
	w->leaf = true;
	r = w->reader->open ? w->reader->open(w->reader->ctx, w->path) : 0;
	if (r)
		stop(w, r, NULL);
}

static void text(void *ctx, const XML_Char *data, int len)
{
	struct walk *w = ctx;

	if (w->result || !w->leaf)
		return;
	if ((size_t)len > DS_XML_TEXT_MAX - w->text_len) {
		stop(w, -E2BIG, "the XML has a text that is too long");
		return;
	}
	memcpy(w->text + w->text_len, data, (size_t)len);
	w->text_len += (size_t)len;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int tell_leaf(struct walk *w)
{
	char *from = w->text;
	size_t len = w->text_len;

	while (len && is_space(from[len - 1]))
		len--;
	from[len] = '\0';
	for (; is_space(*from); from++)
		len--;
	return w->reader->leaf(w->reader->ctx, w->path, from, len);
}

static void end(void *ctx, const XML_Char *name)
{
	struct walk *w = ctx;
	int r;

	(void)name;		/* expat has checked that it is the one that is open */
	if (w->result)
		return;
	r = w->leaf ? tell_leaf(w) : 0;
	if (r) {
		stop(w, r, NULL);
		return;
	}
	w->leaf = false;
	w->depth--;
	while (w->path[--w->path_len] != '/')
		;
	w->path[w->path_len] = '\0';
}

static void document_type(void *ctx, const XML_Char *name, const XML_Char *system_id,
			  const XML_Char *public_id, int has_internal)
{
	(void)name;
	(void)system_id;
	(void)public_id;
	(void)has_internal;
	stop(ctx, -EBADMSG, "the XML declares a document type, which is refused");
}

static void parse(struct walk *w, const char *data, size_t len)
{
	XML_SetUserData(w->parser, w);
	XML_SetElementHandler(w->parser, begin, end);
	XML_SetCharacterDataHandler(w->parser, text);
	XML_SetStartDoctypeDeclHandler(w->parser, document_type);
	if (XML_Parse(w->parser, data, (int)len, XML_TRUE) == XML_STATUS_OK || w->result)
		return;
	if (XML_GetErrorCode(w->parser) == XML_ERROR_NO_MEMORY) {
		w->result = -ENOMEM;
		w->fault = "out of memory";
	} else {
		w->result = -EBADMSG;
		w->fault = "what came is no well-formed XML";
	}
}

int ds_xml_read(const char *data, size_t len, const struct ds_xml_reader *reader,
		const char **ret_fault)
{
	static const XML_Memory_Handling_Suite memory = { ds_wipe_malloc, ds_wipe_realloc,
							  ds_wipe_free };
	struct walk *w;
	int result;

	*ret_fault = NULL;
	if (len > DS_XML_BYTES_MAX) {
		*ret_fault = "the XML is too long";
		return -E2BIG;
	}
	w = ds_wipe_calloc(1, sizeof(*w));
	if (w) {
		w->reader = reader;
		w->parser = XML_ParserCreate_MM(NULL, &memory, NULL);
	}
	if (!w || !w->parser) {
		ds_wipe_free(w);
		*ret_fault = "out of memory";
		return -ENOMEM;
	}
	parse(w, data, len);
	result = w->result;
	*ret_fault = w->fault;
	XML_ParserFree(w->parser);
	ds_wipe_free(w);
	return result;
}
