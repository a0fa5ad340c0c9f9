/* The keys of a model for readers that know one name only: current.json tells them, so that a
 * version that is set goes there, too. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "io/registry_inner.h"
#include "io/tarfile.h"

/* "key": what is replaced; "copy": the member that lies there, null if it is none of the package,
 * left out for the package itself; "status_key". */
static const char *const names[] = { "key", "copy", "status_key" };

json_t *registry_keys_in(const json_t *current)
{
    json_t *keys = json_object();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_t *value = json_object_get(current, names[i]);
        if (json_is_string(value) || (json_is_null(value) && strcmp(names[i], "copy") == 0))
            json_object_set(keys, names[i], value);
    }
    return keys;
}

static json_t *member_with(const json_t *manifest, const char *sha256)
{
    size_t i;
    json_t *member;
    json_array_foreach(json_object_get(manifest, "members"), i, member)
    {
        const char *has = json_string_value(json_object_get(member, "sha256"));
        if (has && strcmp(has, sha256) == 0)
            return json_incref(json_object_get(member, "name"));
    }
    return json_null();
}

json_t *registry_keys_of(const struct registry_request *q, const char *copy_sha256)
{
    json_t *keys = json_object();
    if (q->key)
        json_object_set_new(keys, "key", json_string(q->key));
    if (q->key && q->copy)
        json_object_set_new(keys, "copy", member_with(q->about, copy_sha256));
    if (q->status)
        json_object_set_new(keys, "status_key", json_string(q->status));
    return keys;
}

int registry_unpack(const struct registry *r, const struct registry_request *q, const char *member,
                    const char *dir, char **out, struct err *e)
{
    struct tarfile t = { 0 };
    char *key = str_format("%s/%s/models.tar", q->name, q->version),
         *tar = str_format("%s/models.tar", dir), *inside = str_format("%s/members", dir);
    int rc = store_fetch(r->store, key, tar, q->sha256, e);
    if (rc == 0 && member) {
        rc = tarfile_read(&t, tar, NULL, 0, inside, e);
        if (rc == 0 && !tarfile_find(&t, member))
            rc = err_set(e, ERR_DATA, "'%s/%s' has no member '%s', which current.json names",
                         store_name(r->store), key, member);
        tarfile_release(&t);
    }
    if (rc == 0)
        *out = member ? str_format("%s/%s", inside, member) : str_format("%s", tar);
    free(inside);
    free(tar);
    free(key);
    return rc;
}
