#include "models/history.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "io/outfile.h"

void history_add(struct history *h, const struct epoch *epoch)
{
    h->epoch = mem_grow(h->epoch, h->n, sizeof *h->epoch);
    h->epoch[h->n++] = *epoch;
}

void history_release(struct history *h)
{
    free(h->epoch);
    free(h->stopped);
    *h = (struct history){ 0 };
}

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
        str_addc(out, '}');
    }
    str_addf(out, "\n ],\n \"kept\": %lld,\n \"stopped\": \"%s\"\n}\n", (long long)h->kept,
             h->stopped ? h->stopped : "");
}

int history_write(const struct history *h, const char *path, struct err *e)
{
    struct str text = { 0 };
    history_json(h, &text);
    int rc = outfile_put(path, text.text, text.n, e);
    str_release(&text);
    return rc;
}
