#include "near.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/h5.h"
#include "models/history.h"
#include "models/model.h"
#include "models/nn/net.h"
#include "models/nn/spec.h"
#include "tests/tools/toy.h"

/* One trained model that all tests share; each works on files of its own. */
static struct toy toy;
static struct model *model;
static char dir[] = "/tmp/refit-test-model.XXXXXX";
static char path[64], other[64];

static int set_up(void **state)
{
    struct nn_spec spec = { 0 };
    struct history h = { 0 };
    struct err e = { 0 };
    (void)state;
    if (!mkdtemp(dir))
        return 1;
    snprintf(path, sizeof path, "%s/model.h5", dir);
    snprintf(other, sizeof other, "%s/other.h5", dir);
    toy_make(&toy, 100, 6);
    assert_ok(nn_spec_parse(&spec, "test", TOY_NETWORK, &e), e);
    spec.training.epochs = 2;
    spec.training.auxiliary = 0.3; /* its weights are of no use to a model */
    struct fit f = { .network = &spec, .data = &toy.data, .seed = 3, .threads = 2, .history = &h };
    assert_ok(model_fit(&model, &f, &e), e);
    history_release(&h);
    assert_ok(model_save(model, path, &e), e);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    unlink(other);
    rmdir(dir);
    model_free(model);
    toy_release(&toy);
    return 0;
}

static void predict(struct model *m, size_t first, size_t n, float *out)
{
    size_t row[100];
    struct err e = { 0 };
    for (size_t i = 0; i < n; i++)
        row[i] = first + i;
    assert_ok(model_predict(m, &toy.data, row, n, out, &e), e);
}

static void a_loaded_model_predicts_the_same_bits(void **state)
{
    (void)state;
    struct model *m = NULL;
    struct err e = { 0 };
    float a[300], b[300];
    assert_ok(model_load(&m, path, 1, &e), e);
    predict(model, 0, 100, a);
    predict(m, 0, 100, b);
    assert_memory_equal(a, b, sizeof a);
    assert_string_equal(model_kind(m), "fusion");
    assert_string_equal(model_class(m, 1), "green");
    assert_string_equal(model_class_name(m, 1), "Grün");
    assert_string_equal(model_training(m), model_training(model));
    struct model_wants w;
    model_wants(m, &w);
    assert_string_equal(w.text_recipe, "{\"language\": \"none\"}");
    assert_string_equal(w.pixels_recipe, "{\"size\": 8}");
    assert_int_equal(w.width, 8);
    assert_int_equal(w.n_feature, 3);
    assert_string_equal(w.feature[2], "f2");
    assert_string_equal(w.roles->label, "colour");
    assert_int_equal(w.roles->n_feature, 3);
    model_free(m);
}

static void saving_a_loaded_model_gives_the_same_bytes(void **state)
{
    (void)state;
    struct model *m = NULL;
    struct err e = { 0 };
    char one[HASH_HEX], two[HASH_HEX];
    assert_ok(model_load(&m, path, 2, &e), e);
    assert_ok(model_save(m, other, &e), e);
    assert_ok(hash_file(path, one, NULL, &e), e);
    assert_ok(hash_file(other, two, NULL, &e), e);
    assert_string_equal(one, two);
    model_free(m);
}

static void rows_predicted_one_by_one_are_those_of_a_batch(void **state)
{
    (void)state;
    float all[300], one[3];
    predict(model, 0, 100, all);
    for (size_t i = 0; i < 100; i++) {
        predict(model, i, 1, one);
        for (size_t k = 0; k < 3; k++)
            assert_near((double)one[k], (double)all[3 * i + k], 1e-6, 1e-6);
    }
}

static void inputs_made_otherwise_are_refused(void **state)
{
    (void)state;
    struct err e = { 0 };
    float p[3];
    size_t row = 0;
    struct model_data data = toy.data;
    struct tokens tokens = toy.tokens;
    struct pixels pixels = toy.pixels;
    struct featmat features = toy.features;
    char *name[] = { features.name[0], features.name[2], features.name[1] };
    char recipe[] = "{\"language\": \"french\"}", size[] = "{\"size\": 9}", scaled[] = "{} ";

    tokens.recipe = recipe;
    data.tokens = &tokens;
    assert_error(model_predict(model, &data, &row, 1, p, &e), ERR_DATA, e,
                 "the text was prepared with {\"language\": \"french");
    data.tokens = NULL;
    assert_error(model_predict(model, &data, &row, 1, p, &e), ERR_DATA, e,
                 "the model reads 'text'");
    data = toy.data;
    pixels.width = 9;
    data.pixels = &pixels;
    assert_error(model_predict(model, &data, &row, 1, p, &e), ERR_DATA, e,
                 "9 x 8, the model was trained with 8 x 8");
    pixels.width = 8;
    pixels.recipe = size;
    assert_error(model_predict(model, &data, &row, 1, p, &e), ERR_DATA, e,
                 "{\"size\": 9}, the model was trained with");
    data = toy.data;
    data.features = &features;
    features.name = name;
    assert_error(model_predict(model, &data, &row, 1, p, &e), ERR_DATA, e,
                 "feature column 2 is 'f2'");
    features.n_col = 2;
    assert_error(model_predict(model, &data, &row, 1, p, &e), ERR_DATA, e, "2 feature columns");
    features = toy.features;
    features.state = scaled;
    assert_error(model_predict(model, &data, &row, 1, p, &e), ERR_DATA, e,
                 "the feature columns were fitted otherwise");
}

static void every_truncated_model_file_is_refused(void **state)
{
    (void)state;
    struct stat st;
    struct err e = { 0 };
    assert_int_equal(stat(path, &st), 0);
    FILE *fp = fopen(path, "rb");
    char *bytes = mem_calloc((size_t)st.st_size, 1);
    assert_int_equal(fread(bytes, 1, (size_t)st.st_size, fp), st.st_size);
    fclose(fp);
    for (int part = 0; part < 8; part++) {
        struct model *m = NULL;
        fp = fopen(other, "wb");
        fwrite(bytes, 1, (size_t)(st.st_size * part / 8), fp);
        fclose(fp);
        assert_error(model_load(&m, other, 1, &e), ERR_DATA, e, "other.h5");
        assert_null(m);
    }
    free(bytes);
}

/* Change a copy of the model file with HDF5 itself: an attribute of the root, or a dataset. */
static void copy_model(void)
{
    FILE *from = fopen(path, "rb"), *to = fopen(other, "wb");
    for (int c = fgetc(from); c != EOF; c = fgetc(from))
        fputc(c, to);
    fclose(from);
    fclose(to);
}

static hid_t open_copy(void)
{
    copy_model();
    hid_t file = H5Fopen(other, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(file >= 0);
    return file;
}

static void set_int(const char *group, const char *name, int64_t value)
{
    hid_t file = open_copy(), object = H5Gopen(file, group, H5P_DEFAULT);
    hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    assert_true(H5Awrite(attribute, H5T_NATIVE_INT64, &value) >= 0);
    H5Aclose(attribute);
    H5Gclose(object);
    H5Fclose(file);
}

static void refused(const char *part)
{
    struct model *m = NULL;
    struct err e = { 0 };
    assert_error(model_load(&m, other, 1, &e), ERR_DATA, e, part);
    assert_null(m);
}

static void numbers_out_of_range_are_refused(void **state)
{
    (void)state;
    set_int("/", "batch", 0);
    refused("batch 0");
    set_int("/", "shards", 1000);
    refused("shards 1000");
    set_int("text", "length", -3);
    refused("length -3");
    set_int("pixels", "height", 1 << 30);
    refused("height 1073741824");
}

static void weights_of_another_shape_are_refused(void **state)
{
    (void)state;
    set_int("pixels", "height", 16);
    refused("the network wants");
}

/* The first dataset of a group. */
static hid_t first_dataset(hid_t file, const char *group, char *name, size_t size)
{
    assert_true(H5Lget_name_by_idx(file, group, H5_INDEX_NAME, H5_ITER_INC, 0, name, size,
                                   H5P_DEFAULT) > 0);
    hid_t g = H5Gopen(file, group, H5P_DEFAULT), set = H5Dopen(g, name, H5P_DEFAULT);
    H5Gclose(g);
    assert_true(set >= 0);
    return set;
}

static void weights_that_are_not_finite_are_refused(void **state)
{
    (void)state;
    char name[64];
    hid_t file = open_copy(), set = first_dataset(file, "weights", name, sizeof name);
    hid_t space = H5Dget_space(set);
    size_t n = (size_t)H5Sget_simple_extent_npoints(space);
    float *w = mem_calloc(n, sizeof *w);
    w[n - 1] = (float)INFINITY;
    assert_true(H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, w) >= 0);
    free(w);
    H5Sclose(space);
    H5Dclose(set);
    H5Fclose(file);
    refused("is not finite");
}

static void a_missing_tensor_is_refused(void **state)
{
    (void)state;
    char name[64];
    hid_t file = open_copy();
    H5Dclose(first_dataset(file, "weights", name, sizeof name));
    hid_t g = H5Gopen(file, "weights", H5P_DEFAULT);
    assert_true(H5Ldelete(g, name, H5P_DEFAULT) >= 0);
    H5Gclose(g);
    H5Fclose(file);
    refused("weight tensors, the network has");
}

static void a_file_of_another_kind_is_refused(void **state)
{
    (void)state;
    struct h5 h = { 0 };
    struct err e = { 0 };
    assert_ok(h5_create(&h, other, "refit.table", 1, &e), e);
    assert_ok(h5_publish(&h, &e), e);
    refused("refit.table");
}

int main(int argc, char **argv)
{
    struct err e = { 0 };
    if (nn_start(argc, argv, &e))
        return err_report(&e, "test_model");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loaded_model_predicts_the_same_bits),
        cmocka_unit_test(saving_a_loaded_model_gives_the_same_bytes),
        cmocka_unit_test(rows_predicted_one_by_one_are_those_of_a_batch),
        cmocka_unit_test(inputs_made_otherwise_are_refused),
        cmocka_unit_test(every_truncated_model_file_is_refused),
        cmocka_unit_test(numbers_out_of_range_are_refused),
        cmocka_unit_test(weights_of_another_shape_are_refused),
        cmocka_unit_test(weights_that_are_not_finite_are_refused),
        cmocka_unit_test(a_missing_tensor_is_refused),
        cmocka_unit_test(a_file_of_another_kind_is_refused),
    };
    return cmocka_run_group_tests_name("model", tests, set_up, tear_down);
}
