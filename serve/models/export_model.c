/* export: the model of a package as an ONNX file, for who does not have refit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/jsonfile.h"
#include "io/models_tar.h"
#include "io/remove_tree.h"
#include "serve/models/models.h"
#include "serve/models/onnx.h"

/* The members of a package, of a file or of a version, in a directory of their own; then its model.
 */
static int export_package(const struct call *c, const char *file, const char *name,
                          const char *version, struct err *e)
{
    struct package package = { 0 };
    char *dir;
    int rc = make_scratch("refit-models", &dir, e);
    if (rc)
        return rc;
    char *tar = str_format("%s/models.tar", dir), *inside = str_format("%s/members", dir),
         *model = str_format("%s/model.h5", inside);
    rc = file ? package_read(&package, file, inside, c->key, e)
              : models_fetch(c, name, version, tar, inside, e);
    if (rc == 0)
        rc = onnx_export(model, c->onnx, name, file ? package.version : version, e);
    package_release(&package);
    remove_tree(dir);
    free(inside);
    free(model);
    free(tar);
    free(dir);
    return rc;
}

int models_export(const struct call *c, struct err *e)
{
    const char *what = c->word[0];
    char name[65], version[65];
    char size[32];
    struct stat st;
    int rc;
    if (!c->onnx)
        return err_set(e, ERR_USAGE, "--onnx FILE is missing: the file to write");
    if (str_ends(what, ".h5"))
        rc = onnx_export(what, c->onnx, NULL, NULL, e);
    else if (str_ends(what, ".tar"))
        rc = export_package(c, what, NULL, NULL, e);
    else if ((rc = models_what(c, what, name, version, e)) == 0)
        rc = export_package(c, NULL, name, version, e);
    if (rc == 0 && c->json && stat(c->onnx, &st) == 0)
        models_print(json_pack("{s:o, s:I}", "onnx", jsonfile_string(c->onnx), "size",
                               (json_int_t)st.st_size));
    else if (rc == 0 && stat(c->onnx, &st) == 0)
        printf("%s: %s\n", c->onnx, models_size_text((json_int_t)st.st_size, size));
    return rc;
}
