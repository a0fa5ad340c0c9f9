#ifndef CHECK_COMPARE_FILES_H
#define CHECK_COMPARE_FILES_H

#include "base/err.h"
#include "base/str.h"

/** Where two files of a format first differ: "dataset 'x/values': element 17 of 200: 0.5, was 0.4"
 * goes to `out`, nothing where they hold the same (though their bytes may differ). hdf5: objects by
 * name, attributes, shapes, types, data; json: values; tar: members; all else: bytes. Of
 * directories the first file. ERR_DATA, ERR_IO. */
int compare_files(const char *format, const char *was, const char *is, struct str *out,
                  struct err *e);

int compare_hdf5(const char *was, const char *is, struct str *out, struct err *e);

#endif
