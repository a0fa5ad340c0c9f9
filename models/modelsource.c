#include "models/modelsource.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/json_keys.h"

int modelsource_load(struct modelsource *s, int threads, struct model **out, struct err *e)
{
    s->shown = mem_strdup(s->path);
    return model_load(out, s->path, threads, e);
}

json_t *modelsource_json(const struct modelsource *s, const struct model *m)
{
    return json_pack("{s:s*, s:s*, s:s*, s:s*, s:s*, s:s}", "path", s->path, "registry",
                     s->registry, "name", s->name, "version", s->found, "sha256",
                     *s->sha256 ? s->sha256 : NULL, "kind", model_kind(m));
}

void modelsource_release(struct modelsource *s)
{
    free(s->shown);
    free(s->found);
    s->shown = s->found = NULL;
}
