#include "runner/schedule/courier.h"

#include "runner/notify/outbox.h"

enum { REST_S = 60 };

void courier_back(struct courier *k, int status, int64_t now_s)
{
    k->rest_s = status == 0 ? 0 : now_s + REST_S;
    k->next_s = now_s + REST_S;
}

int courier_look(struct courier *k, struct crew *crew, struct state *s, int64_t now_s,
                 struct err *e)
{
    char name[] = "refit", verb[] = "notify", due[] = "--due", quiet[] = "-q";
    char *argv[] = { name, verb, due, quiet, NULL };
    int64_t due_ms;
    int rc;

    k->next_s = INT64_MAX;
    if (crew->errand > 0)
        return 0;
    if ((rc = outbox_next_due(s, &due_ms, e)) == 0 && due_ms != INT64_MAX) {
        int64_t at = (due_ms + 999) / 1000;
        at = at > k->rest_s ? at : k->rest_s;
        if (now_s < at)
            k->next_s = at;
        else
            rc = crew_errand(crew, argv, e);
    }
    if (rc)
        courier_back(k, rc, now_s);
    return rc;
}
