#include "io/s3_xml.h"

#include <expat.h>
#include <limits.h>
#include <string.h>

#include "base/str.h"

enum { MAX_DEPTH = 16, MAX_PATH_BYTES = 1024, MAX_TEXT = 1 << 16 };

struct reading {
    XML_Parser parser;
    s3_xml_end *end;
    void *self;
    struct str path, text;
    size_t parent[MAX_DEPTH]; /* length of the path above each open element */
    int depth;
    int rc;          /* of `end` */
    const char *why; /* stopped by a limit */
};

static void stop(struct reading *r, const char *why)
{
    r->why = why;
    XML_StopParser(r->parser, XML_FALSE);
}

static void XMLCALL on_start(void *self, const XML_Char *name, const XML_Char **attribute)
{
    struct reading *r = self;
    const char *colon = strrchr(name, ':'), *local = colon ? colon + 1 : name;
    (void)attribute;
    if (!*local) {
        stop(r, "an element has no name");
        return;
    }
    if (r->depth == MAX_DEPTH || r->path.n + strlen(name) > MAX_PATH_BYTES) {
        stop(r, "elements are nested too deeply");
        return;
    }
    r->parent[r->depth++] = r->path.n;
    if (r->path.n)
        str_addc(&r->path, '/');
    str_addz(&r->path, local);
    str_clear(&r->text);
}

static void XMLCALL on_text(void *self, const XML_Char *bytes, int n)
{
    struct reading *r = self;
    if (r->text.n + (size_t)n > MAX_TEXT)
        stop(r, "a text is longer than 64 KiB");
    else
        str_add(&r->text, bytes, (size_t)n);
}

static void XMLCALL on_end(void *self, const XML_Char *name)
{
    struct reading *r = self;
    const char *text = str_text(&r->text);
    (void)name;
    if (r->why) /* expat tells the end of an empty element that it was stopped at */
        return;
    text += strspn(text, " \t\r\n");
    while (r->text.n && strchr(" \t\r\n", r->text.text[r->text.n - 1]))
        str_cut(&r->text, r->text.n - 1);
    if ((r->rc = r->end(r->self, str_text(&r->path), r->text.n ? text : "")))
        XML_StopParser(r->parser, XML_FALSE);
    str_clear(&r->text);
    str_cut(&r->path, r->parent[--r->depth]);
}

static void XMLCALL on_doctype(void *self, const XML_Char *name, const XML_Char *system,
                               const XML_Char *public, int internal)
{
    (void)name, (void)system, (void)public, (void)internal;
    stop(self, "it declares a document type");
}

int s3_xml_read(const char *bytes, size_t n, s3_xml_end *end, void *self, struct err *e)
{
    struct reading r = { .parser = XML_ParserCreate(NULL), .end = end, .self = self };
    int rc = 0;
    if (!r.parser)
        return err_set(e, ERR_MEMORY, "no memory to read XML");
    XML_SetUserData(r.parser, &r);
    XML_SetElementHandler(r.parser, on_start, on_end);
    XML_SetCharacterDataHandler(r.parser, on_text);
    XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
    if (n > INT_MAX)
        rc = err_set(e, ERR_DATA, "the answer is too long to be XML");
    else if (XML_Parse(r.parser, bytes, (int)n, XML_TRUE) != XML_STATUS_OK && r.rc == 0)
        rc = err_set(e, ERR_DATA, "the answer is no XML of S3: %s",
                     r.why ? r.why : XML_ErrorString(XML_GetErrorCode(r.parser)));
    if (r.rc)
        rc = r.rc;
    XML_ParserFree(r.parser);
    str_release(&r.text);
    str_release(&r.path);
    return rc;
}
