#include <stdlib.h>

#include "base/mem.h"
#include "intake.h"

enum { MAX_LISTED = 100000 };

const char *reject_kind_name(enum reject_kind kind)
{
    if (kind < REJECT_CELL)
        return csv_fault_name((enum csv_fault)kind);
    switch (kind) {
    case REJECT_SAME_KEY:
        return "key seen before";
    case REJECT_SAME_ID:
        return "id seen before";
    case REJECT_NO_PARTNER:
        return "no row with this key in the joined table";
    default:
        return cell_fault_name((enum cell_fault)(kind - REJECT_CELL));
    }
}

void reject_list_add(struct reject_list *l, const char *file, int64_t line, const char *column,
                     const char *value, enum reject_kind kind)
{
    if (l->n == MAX_LISTED) {
        l->not_listed++;
        return;
    }
    l->item = mem_grow(l->item, l->n, sizeof *l->item);
    l->item[l->n++] = (struct reject){ .file = mem_strdup(file),
                                       .line = line,
                                       .column = mem_strdup(column),
                                       .value = mem_strdup(value),
                                       .reason = mem_strdup(reject_kind_name(kind)) };
}

void reject_list_release(struct reject_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->item[i].file);
        free(l->item[i].column);
        free(l->item[i].value);
        free(l->item[i].reason);
    }
    free(l->item);
    *l = (struct reject_list){ 0 };
}
