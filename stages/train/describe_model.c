/* train --describe-model FILE: a table of layers. A model file says everything itself; of a network
 * file the sizes that come from the data are given, or assumed and said. */
#include "describe_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/opt.h"
#include "models/late_fusion.h"
#include "models/nn/summary.h"

struct params {
    const char *describe_model;
    int64_t classes, size, columns, vocabulary, length, ngrams;
    bool json;
};

static const struct opt options[] = {
    { OPT_IN(struct params, describe_model), .side = true,
      .help = "network file, or a model (whose sizes are known)" },
    { OPT_INT(struct params, classes), .def = 10, .min = 2, .max = 1048576,
      .help = "labels to tell apart" },
    { OPT_INT(struct params, size), .def = 64, .min = 1, .max = 4096, .unit = "pixels",
      .help = "height and width of pictures, where the network file does not say" },
    { OPT_INT(struct params, columns), .def = 10, .min = 1, .max = 1048576,
      .help = "feature columns" },
    { OPT_INT(struct params, vocabulary), .def = 20000, .min = 2, .max = 16777216,
      .help = "words, where the network file says `all`" },
    { OPT_INT(struct params, length), .def = 64, .min = 1, .max = 100000, .unit = "words",
      .help = "words of a row, where the network file says `longest`" },
    { OPT_INT(struct params, ngrams), .def = 100000, .min = 2, .max = 16777216,
      .help = "n-grams, where the network file says `all`" },
    { OPT_BOOL(struct params, json), .help = "as JSON" },
    { 0 },
};

/* Different n-grams of one row: decides about a little memory only. */
enum { MOST_GRAMS = 256 };

static struct nn_dims dims_of(const struct nn_spec *s, const struct params *p)
{
    const struct nn_branch *text = nn_spec_branch(s, NN_TEXT),
                           *pixels = nn_spec_branch(s, NN_PIXELS),
                           *ngrams = nn_spec_branch(s, NN_NGRAMS);
    struct nn_dims d = { .n_class = (size_t)p->classes, .batch = (size_t)s->training.batch };
    if (text) {
        d.vocabulary = (size_t)(text->vocabulary > 0 ? text->vocabulary : p->vocabulary);
        d.length = (size_t)(text->length > 0 ? text->length : p->length);
    }
    if (pixels)
        d.height = d.width = (size_t)(pixels->image_size ? pixels->image_size : p->size);
    if (ngrams) {
        d.n_gram = (size_t)(ngrams->vocabulary > 0 ? ngrams->vocabulary : p->ngrams);
        d.most_grams = MOST_GRAMS;
    }
    if (nn_spec_branch(s, NN_FEATURES))
        d.n_feature = (size_t)p->columns;
    return d;
}

static void print(const struct net *n, const struct nn_spec *s, const struct nn_dims *d, bool json)
{
    struct str out = { 0 };
    if (json) {
        net_summary_json(n, &s->training, &out);
    } else {
        str_addf(&out, "%zu classes, batches of %zu", d->n_class, d->batch);
        if (d->length)
            str_addf(&out, ", %zu of %zu words", d->length, d->vocabulary);
        if (d->n_gram)
            str_addf(&out, ", %zu n-grams", d->n_gram);
        if (d->height)
            str_addf(&out, ", pictures of %zu x %zu", d->height, d->width);
        if (d->n_feature)
            str_addf(&out, ", %zu feature columns", d->n_feature);
        str_addz(&out, "\n\n");
        net_summary(n, &s->training, &out);
    }
    fwrite(out.text, 1, out.n, stdout);
    str_release(&out);
}

static int describe_file(const struct params *p, struct err *e)
{
    struct nn_spec spec = { 0 };
    struct net *net = NULL;
    int rc = nn_spec_read(&spec, p->describe_model, e);
    if (rc)
        return rc;
    struct nn_dims dims = dims_of(&spec, p);
    if ((rc = net_build(&net, &spec, &dims, opt_threads(), e)) == 0)
        print(net, &spec, &dims, p->json);
    net_free(net);
    nn_spec_release(&spec);
    return rc;
}

static void print_network(const struct network *w, bool json)
{
    print(w->net, &w->spec, &w->dims, json);
}

static int describe_trained(const struct params *p, struct err *e)
{
    struct model *m = NULL;
    int rc = model_load(&m, p->describe_model, opt_threads(), e);
    if (rc)
        return rc;
    if (m->family == &model_late_fusion) {
        const struct late_fusion *f = m->state;
        if (p->json)
            rc = err_set(e, ERR_DATA, "'%s' has two networks: as JSON describe its parts",
                         p->describe_model);
        for (size_t k = 0; k < 2 && rc == 0; k++) {
            printf("%s%g x ", k ? "\n" : "", k ? 1 - f->weight : f->weight);
            print_network(&f->part[k].net, false);
        }
    } else if (m->family == &model_network) {
        print_network(m->state, p->json);
    } else if (p->json) {
        rc = err_set(e, ERR_DATA, "'%s' is of the family %s, which has no layers to tell as JSON",
                     p->describe_model, m->family->name);
    } else {
        struct str text = { 0 };
        model_describe(m, &text);
        printf("%s\n", text.text);
        str_release(&text);
    }
    model_free(m);
    return rc;
}

static bool is_hdf5(const char *path)
{
    static const char magic[8] = "\x89HDF\r\n\x1a\n";
    char found[sizeof magic];
    FILE *fp = fopen(path, "rbe");
    bool is = fp && fread(found, 1, sizeof found, fp) == sizeof found &&
              memcmp(found, magic, sizeof magic) == 0;
    if (fp)
        fclose(fp);
    return is;
}

static int run(const void *params, struct err *e)
{
    const struct params *p = params;
    return is_hdf5(p->describe_model) ? describe_trained(p, e) : describe_file(p, e);
}

static const struct stage stage = {
    .name = "train",
    .purpose = "print a network layer by layer",
    .more = "Output and MFLOP are of one row, MB of a batch.",
    .opts = options,
    .size = sizeof(struct params),
    .run = run,
};

int describe_model_main(int argc, char **argv)
{
    static char file[] = "--describe_model", json[] = "--json=true";
    char **copy = mem_calloc((size_t)argc + 1, sizeof *copy);
    bool has_file = argc > 2 && strncmp(argv[2], "--", 2) != 0; /* else --help and the like */
    int n = 0;
    for (int i = 0; i < argc; i++) {
        bool bare = strcmp(argv[i], "--json") == 0 &&
                    (i + 1 == argc || strncmp(argv[i + 1], "--", 2) == 0);
        if (i != 1 || has_file)
            copy[n++] = i == 1 ? file : bare ? json : argv[i];
    }
    int status = stage_main(&stage, n, copy);
    free(copy);
    return status;
}
