#include "models/history.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "io/outfile.h"

void history_add(struct history *h, const struct epoch *epoch)
{
    h->epoch = mem_grow(h->epoch, h->n, sizeof *h->epoch);
    h->epoch[h->n++] = *epoch;
}

void history_add_step(struct history *h, const struct step *step)
{
    h->step = mem_grow(h->step, h->n_step, sizeof *h->step);
    h->step[h->n_step++] = *step;
}

void history_release(struct history *h)
{
    free(h->epoch);
    free(h->step);
    *h = (struct history){ 0 };
}

const char *history_ending(const struct history *h)
{
    static const char *const name[] = { "", "epochs", "stop_monitor", "max_minutes" };
    return name[h->ending];
}

/* ---- JSON ---- */

static void add_figure(struct str *out, const char *name, double value)
{
    str_addf(out, ", \"%s\": ", name);
    if (isfinite(value))
        str_add_real(out, value);
    else
        str_addz(out, "null");
}

void history_json(const struct history *h, struct str *out)
{
    str_addz(out, "{\n \"epochs\": [");
    for (size_t i = 0; i < h->n; i++) {
        const struct epoch *p = &h->epoch[i];
        str_addf(out, "%s\n  {\"epoch\": %zu", i ? "," : "", i + 1);
        add_figure(out, "loss", p->loss);
        add_figure(out, "accuracy", p->accuracy);
        add_figure(out, "val_loss", p->val_loss);
        add_figure(out, "val_accuracy", p->val_accuracy);
        add_figure(out, "learning_rate", p->learning_rate);
        add_figure(out, "gradient_norm", p->gradient_norm);
        if (p->rows < (double)h->epoch_rows)
            str_addf(out, ", \"cut\": true, \"rows\": %.0f", p->rows);
        str_addc(out, '}');
    }
    str_addf(out, "\n ],\n \"kept\": %lld,\n \"stopped\": \"%s\"\n}\n", (long long)h->kept,
             history_ending(h));
}

/* ---- CSV ---- */

/* A value that is not finite is an empty field. */
static void add_field(struct str *out, double value)
{
    str_addc(out, ',');
    if (isfinite(value))
        str_add_real(out, value);
}

void history_epochs_csv(const struct history *h, struct str *out)
{
    str_addz(out,
             "epoch,rows,loss,accuracy,val_loss,val_accuracy,learning_rate,gradient_norm,kept\n");
    for (size_t i = 0; i < h->n; i++) {
        const struct epoch *p = &h->epoch[i];
        str_addf(out, "%zu,%.0f", i + 1, p->rows);
        add_field(out, p->loss);
        add_field(out, p->accuracy);
        add_field(out, p->val_loss);
        add_field(out, p->val_accuracy);
        add_field(out, p->learning_rate);
        add_field(out, p->gradient_norm);
        str_addz(out, (int64_t)i + 1 == h->kept ? ",1\n" : ",0\n");
    }
}

void history_steps_csv(const struct history *h, struct str *out)
{
    str_addz(out, "step,epoch,loss,accuracy,learning_rate,gradient_norm\n");
    for (size_t i = 0; i < h->n_step; i++) {
        const struct step *p = &h->step[i];
        str_addf(out, "%zu,%zu", i + 1, i / h->epoch_steps + 1);
        add_field(out, p->loss);
        add_field(out, p->accuracy);
        add_field(out, p->learning_rate);
        add_field(out, p->gradient_norm);
        str_addz(out, "\n");
    }
}

int history_write(const struct history *h, void (*as)(const struct history *h, struct str *out),
                  const char *path, struct err *e)
{
    struct str text = { 0 };
    as(h, &text);
    int rc = outfile_put(path, text.text, text.n, e);
    str_release(&text);
    return rc;
}

static double figure(const json_t *epoch, const char *name)
{
    const json_t *value = json_object_get(epoch, name);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

int history_read(struct history *h, const char *path, struct err *e)
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
