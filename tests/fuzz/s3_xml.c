/* Answers of an S3 server: whatever the bytes, they are read or refused with one line, and every
 * answer to a request is judged. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "io/s3_fault.h"
#include "io/s3_xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int look(void *self, const char *path, const char *text)
{
    *(size_t *)self += strlen(path) + strlen(text);
    assert(*path);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int status[] = { 200, 301, 400, 403, 404, 412, 500, 501, 503 };
    struct s3_call call = { .action = "GetObject", .method = "GET", .key = "k", .xml = true };
    struct err e = { 0 };
    size_t n = 0;
    static char name[] = "bucket", endpoint[] = "https://h", region[] = "r", source[] = "AWS";
    struct s3 s = { .place = { .bucket = name, .endpoint = endpoint, .region = region },
                    .keys = { .id = source, .secret = source, .source = source } };
    int rc = s3_xml_read((const char *)data, size, look, &n, &e);

    assert(rc == 0 || (rc == ERR_DATA && *e.text));
    for (size_t i = 0; i < sizeof status / sizeof *status; i++) {
        struct s3_answer a = { .status = status[i] };
        struct s3_fault fault;
        str_add(&a.text, (const char *)data, size);
        s3_judge(&s, &call, &a, &fault);
        assert((fault.code == 0) == (*fault.text == '\0'));
        assert(status[i] == 200 || fault.code);
        s3_answer_release(&a);
    }
    return 0;
}
