/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The XML of AWS replies, by expat: elements and their text, nothing else. A document type is
 * refused (so there are no entities but XML's own five), everything is bounded, and what was read
 * is wiped afterwards, for replies of STS hold secrets. Pure.
 */
#ifndef DS_SOURCE_XML_H
#define DS_SOURCE_XML_H

#include <stddef.h>

#define DS_XML_BYTES_MAX (4U << 20)	/* of a document */
#define DS_XML_DEPTH_MAX 32
#define DS_XML_ELEMENTS_MAX 200000
#define DS_XML_PATH_MAX 512
#define DS_XML_TEXT_MAX 16384		/* of one element */

/*
 * A path is made of the element names from the root on, a '/' before each, without the prefixes of
 * namespaces: "/ErrorResponse/Error/Code". Attributes are left out. What returns not 0 ends the
 * reading. Paths and texts are borrowed for the call.
 */
struct ds_xml_reader {
	/* An element begins; NULL: not asked for. */
	int (*open)(void *ctx, const char *path);
	/*
	 * An element without elements inside ends. text: what stood in it, in UTF-8, without white
	 * space around it, NUL-terminated and without a NUL inside; it may be empty.
	 */
	int (*leaf)(void *ctx, const char *path, const char *text, size_t len);
	void *ctx;
};

/*
 * Reads a whole document. 0; what open or leaf returned; or, with a sentence in *ret_fault
 * (static, without a full stop), -EBADMSG for what is no XML or has a document type, -E2BIG for
 * what is beyond the bounds, -ENOMEM. Leaves were told before a fault was found: what they said
 * counts only if this returns 0.
 */
int ds_xml_read(const char *data, size_t len, const struct ds_xml_reader *reader,
		const char **ret_fault);

#endif
