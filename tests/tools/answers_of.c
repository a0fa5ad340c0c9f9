/* answers_of MODEL TABLE [text=FILE] [pixels=FILE] [features=FILE]: a line for each row of the
 * table with all that the model says of it ("%.9g" with blanks between), by the files of the
 * stages, as evaluate asks it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/model.h"
#include "models/nn/net.h"

static const char *given(int argc, char **argv, const char *name)
{
    size_t n = strlen(name);
    for (int i = 3; i < argc; i++)
        if (strncmp(argv[i], name, n) == 0 && argv[i][n] == '=')
            return argv[i] + n + 1;
    return NULL;
}

static int print_all(struct model *m, const struct model_data *data, size_t n_row, struct err *e)
{
    size_t n_out = model_n_output(m), *row = mem_calloc(n_row, sizeof *row);
    float *p = mem_calloc(n_row, n_out * sizeof *p);
    for (size_t i = 0; i < n_row; i++)
        row[i] = i;
    int rc = model_predict(m, data, row, n_row, p, e);
    for (size_t i = 0; rc == 0 && i < n_row * n_out; i++)
        printf("%.9g%c", (double)p[i], (i + 1) % n_out ? ' ' : '\n');
    free(p);
    free(row);
    return rc;
}

int main(int argc, char **argv)
{
    struct err e = { 0 };
    struct model *m = NULL;
    struct model_inputs in = { 0 };
    if (argc < 3 || nn_start(argc, argv, &e))
        return 64;
    struct model_files files = { .table = argv[2],
                                 .text = given(argc, argv, "text"),
                                 .pixels = given(argc, argv, "pixels"),
                                 .features = given(argc, argv, "features") };
    if (model_load(&m, argv[1], 2, &e) == 0 && model_inputs_read(&in, &files, &e) == 0)
        print_all(m, &in.data, in.table.n_row, &e);
    model_inputs_release(&in);
    model_free(m);
    return err_report(&e, "answers_of");
}
