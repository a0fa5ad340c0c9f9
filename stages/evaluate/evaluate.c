/* evaluate: hold models against rows that they have not learned from.
 *
 *   in   model; others (further models of the same classes, shown beside it); history of the
 * training; table, text, pixels, features, split as the training had them out  metrics (JSON),
 * report (one HTML page)
 *
 * If a text and an image model are among the others, their late fusion is a further model, its
 * weight chosen on the validation rows. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/event.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/str.h"
#include "io/outfile.h"
#include "models/history.h"
#include "models/model.h"
#include "models/nn/net.h"
#include "num/metrics.h"
#include "stages/evaluate/model_report.h"

struct params {
    const char *model, *history, *table, *text, *pixels, *features, *split, *metrics, *report,
        *rows;
    struct opt_list others;
};

static const struct opt options[] = {
    { OPT_IN(struct params, model), .format = "hdf5:refit.model",
      .help = "the model whose figures are gated" },
    { OPT_INS(struct params, others), .optional = true, .format = "hdf5:refit.model",
      .help = "models to show beside it, of other kinds (text, image) and the same classes" },
    { OPT_IN(struct params, history), .optional = true, .format = "json",
      .help = "history.json of its training" },
    { OPT_IN(struct params, table), .format = "hdf5:refit.table",
      .help = "the table with the label column" },
    { OPT_IN(struct params, text), .optional = true, .format = "hdf5:refit.tokens",
      .help = "words" },
    { OPT_IN(struct params, pixels), .optional = true, .format = "hdf5:refit.images",
      .help = "pictures" },
    { OPT_IN(struct params, features), .optional = true, .format = "hdf5:refit.features",
      .help = "scaled columns" },
    { OPT_IN(struct params, split), .format = "hdf5:refit.split", .help = "sides of the rows" },
    { OPT_OUT(struct params, metrics), .format = "json", .help = "all figures" },
    { OPT_OUT(struct params, report), .format = "html", .help = "a page that needs nothing else" },
    { OPT_CHOICE(struct params, rows), .text = "test", .choices = "validation|test",
      .help = "side of the split that is evaluated" },
    { 0 },
};

/** Rows of one side whose label the model knows. */
struct chosen {
    size_t n, *row;  /* (n) owned */
    int32_t *label;  /* (n) owned: class of the model */
    int64_t unknown; /* rows of the side that have no label or an unknown one */
};

static void chosen_release(struct chosen *c)
{
    free(c->row);
    free(c->label);
    *c = (struct chosen){ 0 };
}

/** Class of every level of the label column, -1 where the model does not know it; (n_level) owned
 * by the caller. */
static int32_t *classes_of_levels(const struct model *m, const struct column *label)
{
    int32_t *class = mem_calloc(label->n_level, sizeof *class);
    for (size_t i = 0; i < label->n_level; i++)
        class[i] = (int32_t)model_find_class(m, label->level[i]);
    return class;
}

static void choose(struct chosen *out, const struct sides *sides, enum side side,
                   const struct column *label, const int32_t *class)
{
    out->row = mem_calloc(sides->n_row, sizeof *out->row);
    out->label = mem_calloc(sides->n_row, sizeof *out->label);
    for (size_t i = 0; i < sides->n_row; i++) {
        if (sides->side[i] != (uint8_t)side)
            continue;
        int32_t k = column_valid(label, i) ? class[label->code[i]] : -1;
        if (k < 0) {
            out->unknown++;
            continue;
        }
        out->row[out->n] = i;
        out->label[out->n++] = k;
    }
}

/** Probabilities of the chosen rows with the classes in the order of `main`: (n, C) owned by the
 * caller. */
static int predict(float **out, struct model *m, const char *path, const struct model *main_model,
                   const struct model_inputs *in, const struct chosen *rows, struct err *e)
{
    size_t C = model_n_class(main_model), *place = mem_calloc(C, sizeof *place);
    float *own = mem_calloc(rows->n * C, sizeof *own), *row = mem_calloc(C, sizeof *row);
    int rc = 0;

    if (model_n_class(m) != C)
        rc = err_set(e, ERR_DATA,
                     "'%s' has %zu classes, the model %zu: they were not trained on the same rows",
                     path, model_n_class(m), C);
    for (size_t k = 0; rc == 0 && k < C; k++) {
        int64_t at = model_find_class(m, model_class(main_model, k));
        if (at < 0)
            rc = err_set(e, ERR_DATA, "'%s' has no class '%s' as the model has", path,
                         model_class(main_model, k));
        place[k] = (size_t)at;
    }
    if (rc == 0 && rows->n && (rc = model_predict(m, &in->data, rows->row, rows->n, own, e)))
        err_wrap(e, "'%s'", path);
    for (size_t i = 0; rc == 0 && i < rows->n; i++) {
        memcpy(row, own + i * C, C * sizeof *row);
        for (size_t k = 0; k < C; k++)
            own[i * C + k] = row[place[k]];
    }
    free(row);
    free(place);
    if (rc) {
        free(own);
        own = NULL;
    }
    *out = own;
    return rc;
}

/** The models of one run, the first being the one that counts. */
struct contest {
    size_t n;
    struct model **model; /* (n) owned */
    const char **path;    /* (n) */
    float **p;            /* (n) owned: probabilities of the evaluated rows */
};

static void contest_release(struct contest *c)
{
    for (size_t i = 0; i < c->n; i++) {
        model_free(c->model[i]);
        free(c->p[i]);
    }
    free(c->model);
    free(c->path);
    free(c->p);
    *c = (struct contest){ 0 };
}

static int contest_load(struct contest *c, const struct params *p, struct err *e)
{
    c->n = 1 + p->others.n;
    c->model = mem_calloc(c->n, sizeof(struct model *));
    c->path = mem_calloc(c->n, sizeof *c->path);
    c->p = mem_calloc(c->n, sizeof *c->p);
    for (size_t i = 0; i < c->n; i++) {
        int rc;
        c->path[i] = i == 0 ? p->model : p->others.item[i - 1];
        if ((rc = model_load(&c->model[i], c->path[i], opt_threads(), e)))
            return rc;
        for (size_t k = 0; k < i; k++)
            if (strcmp(model_kind(c->model[i]), model_kind(c->model[k])) == 0)
                return err_set(e, ERR_USAGE, "'%s' and '%s' are both %s models; each kind once",
                               c->path[k], c->path[i], model_kind(c->model[i]));
    }
    return 0;
}

static int find_kind(const struct contest *c, const char *kind)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(model_kind(c->model[i]), kind) == 0)
            return (int)i;
    return -1;
}

/** Late fusion of text and image as one more model of the report; nothing where there are not both.
 */
static int add_late_fusion(struct model_report *r, const struct contest *c,
                           const struct model_inputs *in, const struct chosen *rows,
                           const struct column *label, const int32_t *class, struct err *e)
{
    int text = find_kind(c, "text"), image = find_kind(c, "image"), rc = 0;
    struct chosen validation = { 0 };
    struct blend blend;
    float *a = NULL, *b = NULL;

    if (text < 0 || image < 0 || find_kind(c, "late_fusion") >= 0) /* blend has made it */
        return 0;
    choose(&validation, &in->sides, SIDE_VALIDATION, label, class);
    if (validation.n == 0) {
        log_warn("no validation rows to choose the weight of the late fusion on: it is left out");
        goto out;
    }
    if ((rc = predict(&a, c->model[text], c->path[text], c->model[0], in, &validation, e)) ||
        (rc = predict(&b, c->model[image], c->path[image], c->model[0], in, &validation, e)) ||
        (rc = metrics_blend(&blend, validation.label, a, b, validation.n, r->n_class, e)))
        goto out;
    float *mixed = mem_calloc(rows->n * r->n_class, sizeof *mixed);
    metrics_mix(c->p[text], c->p[image], blend.weight, rows->n * r->n_class, mixed);
    struct report_model *to = &r->model[r->n_model];
    rc = metrics_compute(&to->metrics, rows->label, mixed, rows->n, r->n_class, e);
    free(mixed);
    if (rc)
        goto out;
    to->kind = "late_fusion";
    r->n_model++;
    r->blend[0] = "text";
    r->blend[1] = "image";
    r->blend_weight = blend.weight;
out:
    free(a);
    free(b);
    chosen_release(&validation);
    return rc;
}

/** Predictions and figures of all models. r->model has room for them and the late fusion. */
static int score(struct model_report *r, struct contest *c, const struct model_inputs *in,
                 const struct chosen *rows, struct err *e)
{
    for (size_t i = 0; i < c->n; i++) {
        struct report_model *to = &r->model[i];
        int rc;
        if ((rc = predict(&c->p[i], c->model[i], c->path[i], c->model[0], in, rows, e)))
            return rc;
        if (metrics_compute(&to->metrics, rows->label, c->p[i], rows->n, r->n_class, e))
            return err_wrap(e, "'%s'", c->path[i]);
        to->kind = model_kind(c->model[i]);
        r->n_model++;
        event_progress((int64_t)i + 1, (int64_t)c->n, "models");
    }
    return 0;
}

/** What the page says about the data. */
static void gather_facts(struct model_report *r, const struct model_inputs *in,
                         const struct column *label, const int32_t *class)
{
    r->n_row = (int64_t)in->table.n_row;
    for (size_t i = 0; i < in->sides.n_row; i++) {
        if (in->sides.side[i] > SIDE_TEST)
            r->unused++;
        else
            r->rows[in->sides.side[i]]++;
        if (in->sides.side[i] == SIDE_TRAIN && column_valid(label, i) && class[label->code[i]] >= 0)
            r->train_rows[class[label->code[i]]]++;
    }
    r->has_pictures = in->data.pixels != NULL;
    for (size_t i = 0; r->has_pictures && i < in->pixels.n_row; i++) {
        r->pictures_missing += in->pixels.status[i] == PIXELS_MISSING;
        r->pictures_corrupt += in->pixels.status[i] == PIXELS_CORRUPT;
    }
    r->has_texts = in->data.tokens != NULL;
    for (size_t i = 0; r->has_texts && i < in->tokens.n_row; i++)
        r->texts_empty += in->tokens.offset[i] == in->tokens.offset[i + 1];
    r->n_feature = in->data.features ? in->features.n_col : 0;
}

static double figure(const json_t *epoch, const char *name)
{
    const json_t *value = json_object_get(epoch, name);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

/** history.json as train writes it (docs/formats.md). */
static int read_history(struct history *h, const char *path, struct err *e)
{
    json_error_t bad;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &bad), *list, *one;
    size_t i;

    if (!root)
        return bad.line < 0 ? err_set(e, ERR_IO, "cannot read '%s': %s", path, bad.text)
                            : err_set(e, ERR_DATA, "'%s' line %d: %s", path, bad.line, bad.text);
    list = json_object_get(root, "epochs");
    if (!json_is_array(list)) {
        json_decref(root);
        return err_set(e, ERR_DATA, "'%s' has no list 'epochs': not a history.json", path);
    }
    json_array_foreach(list, i, one)
    {
        struct epoch epoch = { .loss = figure(one, "loss"),
                               .accuracy = figure(one, "accuracy"),
                               .val_loss = figure(one, "val_loss"),
                               .val_accuracy = figure(one, "val_accuracy"),
                               .learning_rate = figure(one, "learning_rate") };
        history_add(h, &epoch);
    }
    h->kept = json_integer_value(json_object_get(root, "kept"));
    json_decref(root);
    return 0;
}

/** Both files or none: each is complete under its temporary name before the first gets its own. */
static int publish(const struct params *p, const struct str *metrics, const struct str *page,
                   struct err *e)
{
    struct outfile a = { 0 }, b = { 0 };
    int rc;

    if ((rc = outfile_open(&a, p->metrics, e)) || (rc = outfile_open(&b, p->report, e)))
        goto out;
    if (fwrite(metrics->text, 1, metrics->n, a.fp) != metrics->n || fflush(a.fp) != 0)
        rc = err_sys(e, "cannot write '%s'", p->metrics);
    else if (fwrite(page->text, 1, page->n, b.fp) != page->n || fflush(b.fp) != 0)
        rc = err_sys(e, "cannot write '%s'", p->report);
    else if ((rc = outfile_commit(&a, e)) == 0)
        rc = outfile_commit(&b, e);
out:
    outfile_abort(&a);
    outfile_abort(&b);
    return rc;
}

static int write_outputs(const struct model_report *r, const struct params *p, struct err *e)
{
    struct str page = { 0 }, text = { 0 };
    json_t *root = model_report_json(r);
    char *json = json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(12));
    int rc;

    json_decref(root);
    if (!json)
        return err_set(e, ERR_INTERNAL, "the figures cannot be written as JSON");
    str_addf(&text, "%s\n", json);
    free(json);
    model_report_html(r, &page);
    rc = publish(p, &text, &page, e);
    str_release(&text);
    str_release(&page);
    return rc;
}

static void say(const struct model_report *r)
{
    for (size_t i = 0; i < r->n_model; i++) {
        const struct metrics *m = &r->model[i].metrics;
        log_info("%-11s accuracy %.4f  macro F1 %.4f  weighted F1 %.4f  loss %.4f",
                 r->model[i].kind, m->accuracy, m->macro_f1, m->weighted_f1, m->loss);
    }
    event_metric("accuracy", r->model[0].metrics.accuracy, 0);
    event_metric("macro_f1", r->model[0].metrics.macro_f1, 0);
    event_metric("weighted_f1", r->model[0].metrics.weighted_f1, 0);
    event_metric("loss", r->model[0].metrics.loss, 0);
}

static int run(const void *params, struct err *e)
{
    const struct params *p = params;
    struct model_files files = { .table = p->table,
                                 .text = p->text,
                                 .pixels = p->pixels,
                                 .features = p->features,
                                 .split = p->split };
    struct model_inputs in = { 0 };
    struct contest contest = { 0 };
    struct history history = { 0 };
    struct chosen rows = { 0 };
    struct str description = { 0 };
    struct model_report r = { .side = p->rows };
    const struct column *label;
    int32_t *class = NULL;
    int rc;

    if ((p->history && (rc = read_history(&history, p->history, e))) ||
        (rc = contest_load(&contest, p, e)) || (rc = model_inputs_read(&in, &files, e)) ||
        (rc = table_label(&in.table, p->table, &label, e)))
        goto out;
    class = classes_of_levels(contest.model[0], label);
    choose(&rows, &in.sides, strcmp(p->rows, "test") == 0 ? SIDE_TEST : SIDE_VALIDATION, label,
           class);
    if (rows.unknown)
        log_warn("%lld %s rows have no label, or one that the model does not know: left out",
                 (long long)rows.unknown, p->rows);
    if (rows.n == 0) {
        rc = err_set(e, ERR_DATA, "'%s' has no %s rows with a label that the model knows", p->split,
                     p->rows);
        goto out;
    }
    r.unknown_rows = rows.unknown;
    r.n_class = model_n_class(contest.model[0]);
    r.model = mem_calloc(contest.n + 1, sizeof *r.model);
    r.label = mem_calloc(r.n_class, sizeof *r.label);
    r.name = mem_calloc(r.n_class, sizeof *r.name);
    r.train_rows = mem_calloc(r.n_class, sizeof *r.train_rows);
    for (size_t k = 0; k < r.n_class; k++) {
        r.label[k] = model_class(contest.model[0], k);
        r.name[k] = model_class_name(contest.model[0], k);
    }
    r.history = p->history ? &history : NULL;
    model_describe(contest.model[0], &description);
    r.description = str_text(&description);
    gather_facts(&r, &in, label, class);
    if ((rc = score(&r, &contest, &in, &rows, e)) ||
        (rc = add_late_fusion(&r, &contest, &in, &rows, label, class, e)) ||
        (rc = write_outputs(&r, p, e)))
        goto out;
    say(&r);
out:
    for (size_t i = 0; r.model && i <= contest.n; i++)
        metrics_release(&r.model[i].metrics);
    free(r.model);
    free(r.label);
    free(r.name);
    free(r.train_rows);
    free(class);
    str_release(&description);
    chosen_release(&rows);
    history_release(&history);
    contest_release(&contest);
    model_inputs_release(&in);
    return rc;
}

static const struct stage stage = {
    .name = "evaluate",
    .purpose = "accuracy, F1, confusion matrix and a page about them, on rows kept apart",
    .opts = options,
    .size = sizeof(struct params),
    .run = run,
};

int main(int argc, char **argv)
{
    struct err e = { 0 };
    if (nn_start(argc, argv, &e))
        return err_report(&e, stage.name);
    return stage_main(&stage, argc, argv);
}
