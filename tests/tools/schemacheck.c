/* schemacheck SCHEMA FILE...: do these YAML files fit the JSON Schema? One line for each that does
 * not; 1 if there is one, 70 if the schema says something that the validator does not know. */
#include "tests/unit/schemacheck.h"

#include "base/err.h"

static int check(json_t *schema, const char *path)
{
    struct schemacheck s = { .root = schema };
    struct yaml *root = NULL;
    struct err e = { 0 };
    if (yaml_read(&root, path, &e)) {
        err_report(&e, "schemacheck");
        return 1;
    }
    json_t *doc = schemacheck_from_yaml(root);
    bool good = schemacheck_valid(&s, schema, doc, "");
    if (!good)
        printf("%s: %s\n", path, s.why);
    json_decref(doc);
    yaml_release(root);
    return s.unknown ? 70 : !good;
}

int main(int argc, char **argv)
{
    json_error_t why;
    int status = 0;
    json_t *schema = argc < 3 ? NULL : json_load_file(argv[1], 0, &why);
    if (!schema) {
        fprintf(stderr, "usage: schemacheck SCHEMA FILE...\n");
        return 64;
    }
    for (int i = 2; i < argc; i++) {
        int one = check(schema, argv[i]);
        status = one > status ? one : status;
    }
    json_decref(schema);
    return status;
}
