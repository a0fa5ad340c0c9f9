/* doctor: notifications that do not arrive, and channels on which none can. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "runner/cli/doctor.h"
#include "runner/notify/delivery.h"

static void check_outbox(struct doctor *d)
{
    struct outbox_row *row = NULL;
    size_t n = 0;
    struct err e = { 0 };
    if (outbox_open(d->s, NULL, &row, &n, &e))
        doctor_find(d, HEALTH_ERROR, "messages", NULL, "%s", e.text);
    else if (n > 0)
        doctor_find(d, HEALTH_WARNING, "messages",
                    "'refit notify -n' lists them, 'refit notify' sends them",
                    "%zu not delivered; the oldest is for %s%s%s", n, row[0].name,
                    row[0].reason ? ": " : "", row[0].reason ? row[0].reason : "");
    outbox_rows_free(row, n);
}

/* Is everything there that the channels need? Nothing is sent. */
static void check_channels(struct doctor *d)
{
    const struct channels *all = &d->m.channels;
    const char **channel = mem_calloc(all->n + 1, sizeof *channel);
    const char **document = mem_calloc(all->n + 1, sizeof *document);
    char **reason = mem_calloc(all->n + 1, sizeof *reason);
    int *status = mem_calloc(all->n + 1, sizeof *status);
    size_t n_bad = 0;
    struct err e = { 0 };

    for (size_t i = 0; i < all->n; i++) {
        channel[i] = all->item[i].text;
        document[i] = "{}";
    }
    if (delivery_try(channel, document, all->n, true, status, reason, &e)) {
        doctor_find(d, HEALTH_ERROR, "notify", NULL, "%s", e.text);
        n_bad++;
    }
    for (size_t i = 0; i < all->n; i++) {
        n_bad += status[i] != 0;
        if (status[i] != 0)
            doctor_find(d, HEALTH_WARNING, "notify", "'refit notify --test' tries it",
                        "on_%s, %s: %s", notify_event_name(all->item[i].event), all->item[i].name,
                        reason[i]);
        free(reason[i]);
    }
    if (all->n > 0 && n_bad == 0)
        doctor_find(d, HEALTH_OK, "notify", NULL, "%zu channel%s complete", all->n,
                    all->n == 1 ? " is" : "s are");
    free(status);
    free(reason);
    free(document);
    free(channel);
}

void doctor_messages(struct doctor *d)
{
    if (d->s)
        check_outbox(d);
    if (d->has_manifest)
        check_channels(d);
}
