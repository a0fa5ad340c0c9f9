#include <stdlib.h>

#include "base/mem.h"
#include "intake.h"

enum { MAX_LISTED = 100000 };

const char *reject_kind_name(enum reject_kind kind)
{
    if (kind < REJECT_CELL)
        return record_fault_name((enum record_fault)kind);
    switch (kind) {
    case REJECT_SAME_KEY:
        return "key seen before";
    case REJECT_SAME_ID:
        return "id seen before";
    case REJECT_SAME_VALUE:
        return "value seen before";
    case REJECT_NO_PARTNER:
        return "no row with this key in the joined table";
    default:
        return cell_fault_name((enum cell_fault)(kind - REJECT_CELL));
    }
}

static void release_one(struct reject *r)
{
    free(r->file);
    free(r->column);
    free(r->value);
    free(r->reason);
}

void reject_list_add(struct reject_list *l, const char *file, int64_t line, const char *column,
                     const char *value, const char *reason)
{
    if (l->n == MAX_LISTED) {
        l->not_listed++;
        return;
    }
    l->item = mem_grow(l->item, l->n, sizeof *l->item);
    l->item[l->n++] = (struct reject){ mem_strdup(file), line, mem_strdup(column),
                                       mem_strdup(value), mem_strdup(reason) };
}

void reject_list_move(struct reject_list *to, struct reject_list *from)
{
    for (size_t i = 0; i < from->n; i++)
        reject_list_add(to, from->item[i].file, from->item[i].line, from->item[i].column,
                        from->item[i].value, from->item[i].reason);
    to->not_listed += from->not_listed;
    reject_list_release(from);
}

void reject_list_release(struct reject_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        release_one(&l->item[i]);
    free(l->item);
    *l = (struct reject_list){ 0 };
}
