/* Which stage comes when: run_if, pool and priority of a stage, and the pools. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/read/keys.h"
#include "runner/read/reader.h"

int pools_read(struct reader *r, struct err *e)
{
    const struct yaml *map = yaml_get(r->root, "pools");
    int rc = 0;
    if (!map)
        return 0;
    if (map->kind != YAML_MAP)
        return node_fail(map, e, "pools: want a mapping (name: stages at a time)");
    r->m->pool = mem_calloc(map->n, sizeof *r->m->pool);
    for (size_t i = 0; rc == 0 && i < map->n; i++) {
        const char *name = map->key[i]->text;
        long long slots = 0;
        char *what = str_format("pools.%s", name);
        if (!is_name(name))
            rc = node_fail(map->key[i], e, "pools: '%s' is not a name", name);
        else
            rc = yaml_int(map->item[i], what, 1, KEYS_MAX_SLOTS, &slots, e);
        free(what);
        r->m->pool[r->m->n_pool++] = (struct pool){ mem_strdup(name), slots };
    }
    return rc;
}

static int pool_read(const struct reader *r, const struct yaml *node, struct stage_spec *s,
                     struct err *e)
{
    const struct manifest *m = r->m;
    const char *text;
    int rc;
    s->pool = NO_POOL;
    if (!node)
        return 0;
    if ((rc = yaml_text(node, "pool", &text, e)))
        return rc;
    const char **names = mem_calloc(m->n_pool, sizeof *names);
    for (size_t i = 0; i < m->n_pool; i++) {
        names[i] = m->pool[i].name;
        if (strcmp(names[i], text) == 0)
            s->pool = (int64_t)i;
    }
    const char *near = str_nearest(text, names, m->n_pool);
    if (s->pool == NO_POOL)
        rc = node_fail(
            node, e, "stage '%s': there is no pool '%s' under the pipeline's pools%s%s%s", s->name,
            text, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    free(names);
    return rc;
}

int order_read(const struct reader *r, const struct yaml *map, struct stage_spec *s, struct err *e)
{
    const struct yaml *run_if = yaml_get(map, "run_if"),
                      *priority = reader_setting(r, map, "resources", "priority");
    size_t rule = RUN_IF_ALL_SUCCESS;
    long long n = 0;
    int rc;
    if (run_if && (rc = key_choice(run_if, "run_if", key_of(stage_keys, "run_if"), &rule, e)))
        return rc;
    if (priority && (rc = key_int(priority, "resources.priority",
                                  key_of(keys_below(stage_keys, "resources"), "priority"), &n, e)))
        return rc;
    s->run_if = (enum run_if)rule;
    s->priority = n;
    return pool_read(r, yaml_get(map, "pool"), s, e);
}
