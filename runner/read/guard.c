/* A variable that holds a secret must not be referred to as ${env.X}: what is written so stands in
 * the command line, the fingerprint and the history. */
#include <string.h>

#include "runner/read/reader.h"

static int guard_text(const struct yaml *node, const struct manifest *m, struct err *e)
{
    struct piece piece;
    for (const char *p = node->text; (p = piece_next(p, &piece));) {
        if (piece.kind != PIECE_NAME || strncmp(piece.text, "env.", 4) != 0)
            continue;
        for (size_t i = 0; i < m->n_secret; i++) {
            const struct secret_ref *s = &m->secret[i];
            if (s->env && strlen(s->env) == piece.n - 4 &&
                memcmp(s->env, piece.text + 4, piece.n - 4) == 0)
                return node_fail(node, e,
                                 "'${env.%s}' is the value of secret '%s', which must not stand in "
                                 "the history: name '%s' under secrets of the stage",
                                 s->env, s->name, s->name);
        }
    }
    return 0;
}

int secrets_guard(const struct yaml *node, const struct manifest *m, struct err *e)
{
    int rc = node->kind == YAML_SCALAR ? guard_text(node, m, e) : 0;
    for (size_t i = 0; i < node->n && rc == 0 && m->n_secret > 0; i++)
        rc = secrets_guard(node->item[i], m, e);
    return rc;
}
