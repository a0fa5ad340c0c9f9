#ifndef IO_S3_XML_H
#define IO_S3_XML_H

#include <stddef.h>

#include "base/err.h"

/* Answers of an S3 server, by expat. They are outside bytes: a document type (entities that grow,
 * files of ours) is refused, as is what is deeper than 16 elements or has a text above 64 KiB. */

/** Called at the end of every element: `path` is "ListBucketResult/Contents/Key", without
 * namespaces; `text` what stands in it outside of other elements, surrounding blanks taken away.
 * Not 0: stop. */
typedef int s3_xml_end(void *self, const char *path, const char *text);

/** ERR_DATA: not well-formed, cut short, or beyond the limits; or what `end` returned. */
int s3_xml_read(const char *bytes, size_t n, s3_xml_end *end, void *self, struct err *e);

#endif
