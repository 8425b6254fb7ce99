/* test_abi.c: the C ABI as a C program sees it. Run with Tests/c/run.sh; also valid C++. */
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "network.h"

static sv_error error;

static void test_version(void) {
  CHECK(sv_version() == SV_VERSION_MAJOR * 10000 + SV_VERSION_MINOR * 100 + SV_VERSION_PATCH);
  CHECK(sv_default_threads() >= 1);
}

static void test_model(void) {
  sv_model *model = NULL, *edited = NULL;
  CHECK_OK(make_model(&model, &error));
  if (model == NULL) return;

  sv_shape shape;
  CHECK_OK(sv_model_shape(model, "image", &shape, &error));
  CHECK(shape.rank == 4 && shape.dims[0] == -1 && shape.dims[1] == 4 && shape.dims[3] == 1);
  CHECK_OK(sv_model_shape(model, "relu2", &shape, &error));
  CHECK(shape.rank == 2 && shape.dims[0] == -1 && shape.dims[1] == 4);
  CHECK_FAILS(SV_INVALID_ARGUMENT, "nowhere", sv_model_shape(model, "nowhere", &shape, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "node is NULL", sv_model_shape(model, NULL, &shape, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "shape is NULL", sv_model_shape(model, "image", NULL, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "model is NULL", sv_model_shape(NULL, "image", &shape, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "UTF-8", sv_model_shape(model, "\xff\xfe", &shape, &error));
  CHECK(sv_model_shape(model, NULL, &shape, NULL) == SV_INVALID_ARGUMENT);

  size_t length = 0;
  CHECK_OK(sv_model_describe(model, NULL, 0, &length, &error));
  char *text = (char *)malloc(length + 1);
  CHECK_OK(sv_model_describe(model, text, length + 1, &length, &error));
  CHECK(strlen(text) == length && strstr(text, "relu2") != NULL);
  CHECK_FAILS(SV_INVALID_ARGUMENT, "capacity", sv_model_describe(model, text, length, &length, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "length is NULL", sv_model_describe(model, text, length + 1, NULL, &error));

  CHECK_OK(sv_model_with_description(model, text, length, &edited, &error));
  sv_model_destroy(edited);
  CHECK_FAILS(SV_INVALID_MODEL, "", sv_model_with_description(model, "{", 1, &edited, &error));
  free(text);

  char path[64];
  snprintf(path, sizeof path, "/tmp/swiftvis-test-%ld.safetensors", (long)getpid());
  sv_model *loaded = NULL;
  CHECK_OK(sv_model_save(model, path, 0, &error));
  CHECK_OK(sv_model_load(path, &loaded, &error));
  unlink(path);
  CHECK(loaded != NULL);
  CHECK_FAILS(SV_IO, "nothing-here", sv_model_load("/nothing-here/model", &loaded, &error));
  CHECK_FAILS(SV_IO, "nothing-here", sv_model_save(model, "/nothing-here/model", 1, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "path is NULL", sv_model_load(NULL, &loaded, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "model is NULL", sv_model_load("/nothing-here/model", NULL, &error));
  sv_model_destroy(loaded);
  sv_model_destroy(model);
  sv_model_destroy(NULL);
}

static void test_tensors(void) {
  sv_model *model = NULL;
  sv_tensor tensors[3];
  const size_t length = sizeof description - 1;
  make_tensors(tensors);
  CHECK_FAILS(SV_INVALID_ARGUMENT, "description is NULL", sv_model_create(NULL, 1, tensors, 3, &model, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "length", sv_model_create(description, (size_t)-1, tensors, 3, &model, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "tensors is NULL", sv_model_create(description, length, NULL, 3, &model, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "tensors", sv_model_create(description, length, tensors, (size_t)-1, &model, &error));
  CHECK_FAILS(SV_INVALID_MODEL, "fc/kernel", sv_model_create(description, length, tensors, 2, &model, &error));
  CHECK_FAILS(SV_INVALID_MODEL, "", sv_model_create(description, length - 1, tensors, 3, &model, &error));
  CHECK_FAILS(SV_INVALID_MODEL, "", sv_model_create(description, 0, tensors, 3, &model, &error));

  tensors[1].count = 3;
  CHECK_FAILS(SV_INVALID_ARGUMENT, "conv/bias", sv_model_create(description, length, tensors, 3, &model, &error));
  make_tensors(tensors);
  tensors[1].shape.rank = 9;
  CHECK_FAILS(SV_INVALID_ARGUMENT, "rank 9", sv_model_create(description, length, tensors, 3, &model, &error));
  make_tensors(tensors);
  tensors[1].shape.dims[0] = -2;
  CHECK_FAILS(SV_INVALID_ARGUMENT, "below 0", sv_model_create(description, length, tensors, 3, &model, &error));
  make_tensors(tensors);
  tensors[2].shape.dims[0] = tensors[2].shape.dims[1] = INT64_MAX / 2;
  CHECK_FAILS(SV_INVALID_ARGUMENT, "too large", sv_model_create(description, length, tensors, 3, &model, &error));
  make_tensors(tensors);
  tensors[1].data = NULL;
  CHECK_FAILS(SV_INVALID_ARGUMENT, "data is NULL", sv_model_create(description, length, tensors, 3, &model, &error));
  make_tensors(tensors);
  tensors[1].name = NULL;
  CHECK_FAILS(SV_INVALID_ARGUMENT, "name is NULL", sv_model_create(description, length, tensors, 3, &model, &error));
  make_tensors(tensors);
  tensors[1].name = "fc/kernel";
  CHECK_FAILS(SV_INVALID_ARGUMENT, "twice", sv_model_create(description, length, tensors, 3, &model, &error));
  make_tensors(tensors);
  tensors[0].shape.dims[2] = 2;
  tensors[0].shape.dims[3] = 1;
  CHECK_FAILS(SV_INVALID_MODEL, "conv", sv_model_create(description, length, tensors, 3, &model, &error));
  CHECK(model == NULL);
}

typedef struct read_state {
  const sv_tensor *tensors;
  size_t calls, failing; /* the tensor that cannot be read */
} read_state;

static int32_t on_read(void *context, size_t index, float *destination, size_t count) {
  read_state *state = (read_state *)context;
  state->calls++;
  if (index == state->failing || count != state->tensors[index].count) return 1;
  memcpy(destination, state->tensors[index].data, count * sizeof(float));
  return 0;
}

static void test_reading(void) {
  sv_model *model = NULL;
  sv_tensor stored[3], tensors[3];
  const size_t length = sizeof description - 1;
  read_state state = {stored, 0, 9};
  make_tensors(stored);
  make_tensors(tensors);
  tensors[0].data = tensors[2].data = NULL; /* the other one is copied */
  CHECK_OK(sv_model_create_reading(description, length, tensors, 3, on_read, &state, &model, &error));
  CHECK(state.calls == 2);
  if (model != NULL) {
    sv_session *session = NULL;
    sv_question question = make_question(SV_RULE_GUIDED);
    float value[4] = {0}, gradient[16] = {0};
    CHECK_OK(sv_session_create(model, &question, &session, &error));
    CHECK_OK(run(session, value, gradient, &error));
    CHECK(all_close(gradient, guided_gradient, 16, 0));
    sv_session_destroy(session);
    sv_model_destroy(model);
    model = NULL;
  }

#define CHECK_NOT_READ(status, text) \
  CHECK_FAILS(status, text, sv_model_create_reading(description, length, tensors, 3, on_read, &state, &model, &error))

  state.failing = 2;
  CHECK_NOT_READ(SV_IO, "fc/kernel");
  CHECK(sv_model_create_reading(description, length, tensors, 3, on_read, &state, &model, NULL) == SV_IO);
  CHECK_FAILS(SV_INVALID_ARGUMENT, "read is NULL",
              sv_model_create_reading(description, length, tensors, 3, NULL, &state, &model, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "model is NULL",
              sv_model_create_reading(description, length, tensors, 3, on_read, &state, NULL, &error));
  /* What is wrong with a tensor is told before its memory is reserved and read. */
  state.failing = 9;
  state.calls = 0;
  tensors[0].count = 17;
  CHECK_NOT_READ(SV_INVALID_ARGUMENT, "conv/kernel");
  tensors[0].count = (size_t)-1;
  CHECK_NOT_READ(SV_INVALID_ARGUMENT, "conv/kernel");
  tensors[0].shape.dims[0] = (int64_t)1 << 58;
  tensors[0].count = ((size_t)1 << 58) * 6;
  CHECK_NOT_READ(SV_OUT_OF_MEMORY, "too large");
  tensors[0].shape.dims[0] = 0;
  tensors[0].count = 0;
  CHECK_NOT_READ(SV_INVALID_ARGUMENT, "size 0");
  CHECK(state.calls == 0 && model == NULL);
  make_tensors(tensors);
  tensors[0].name = "fc/kernel";
  tensors[2].data = NULL;
  CHECK_NOT_READ(SV_INVALID_ARGUMENT, "twice");
  CHECK(state.calls == 0 && model == NULL);
}

static void test_long_message(void) {
  char name[1024];
  memset(name, 0, sizeof name);
  name[0] = 'a'; /* so that the cut falls inside a two-byte character for one of the two lengths */
  for (int i = 1; i < 1021; i += 2) memcpy(name + i, "\xc3\xa4", 2);
  for (int start = 0; start < 2; start++) {
    CHECK(sv_colormap_apply(name + (start ? 1 : 0), NULL, 0, NULL, &error) == SV_INVALID_ARGUMENT);
    const size_t length = strlen(error.message);
    CHECK(length == SV_MESSAGE_SIZE - 1 || length == SV_MESSAGE_SIZE - 2);
    CHECK((unsigned char)error.message[length - 1] == 0xa4);
  }
}

static void test_imaging(void) {
  float map[9] = {0, 0, 0, 0, 1, 0, 0, 0, 0}, out[9];
  CHECK_OK(sv_gaussian_filter(map, 3, 3, 0, out, &error));
  CHECK(all_close(out, map, 9, 0));
  CHECK_OK(sv_gaussian_filter(map, 3, 3, 1, out, &error));
  /* scipy.ndimage.gaussian_filter of the same map */
  const float corner = 0.0876730829f, edge = 0.120750248f;
  const float smooth[9] = {corner, edge, corner, edge, 0.166306704f, edge, corner, edge, corner};
  CHECK(all_close(out, smooth, 9, 1e-7));
  CHECK_OK(sv_gaussian_filter(map, 3, 3, 1, map, &error));
  CHECK(all_close(out, map, 9, 0));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "sigma", sv_gaussian_filter(map, 3, 3, -1, out, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "sigma", sv_gaussian_filter(map, 3, 3, NAN, out, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "sigma", sv_gaussian_filter(map, 3, 3, INFINITY, out, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "below 1", sv_gaussian_filter(map, 0, 3, 1, out, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "below 1", sv_gaussian_filter(map, 3, -3, 1, out, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "too large", sv_gaussian_filter(map, INT64_MAX, 2, 1, out, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "input is NULL", sv_gaussian_filter(NULL, 3, 3, 1, out, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "output is NULL", sv_gaussian_filter(map, 3, 3, 1, NULL, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "overlaps", sv_gaussian_filter(map, 2, 3, 1, map + 1, &error));

  const float values[5] = {0, 0.5f, 1, -7, (float)NAN};
  const uint8_t jet[15] = {0, 0, 127, 124, 255, 121, 127, 0, 0, 0, 0, 127, 0, 0, 0};
  uint8_t rgb[15], names = 0;
  CHECK_OK(sv_colormap_apply("jet", values, 5, rgb, &error));
  CHECK(memcmp(rgb, jet, sizeof jet) == 0);
  for (int32_t i = 0; i < sv_colormap_count(); i++) {
    names += sv_colormap_name(i) != NULL;
    CHECK_OK(sv_colormap_apply(sv_colormap_name(i), values, 5, rgb, &error));
  }
  CHECK(names == 9 && sv_colormap_name(-1) == NULL && sv_colormap_name(names) == NULL);
  CHECK_OK(sv_colormap_apply("gray", NULL, 0, NULL, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "viridis", sv_colormap_apply("rainbow", values, 5, rgb, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "name is NULL", sv_colormap_apply(NULL, values, 5, rgb, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "values is NULL", sv_colormap_apply("jet", NULL, 5, rgb, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "rgb is NULL", sv_colormap_apply("jet", values, 5, NULL, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "values", sv_colormap_apply("jet", values, (size_t)-1, rgb, &error));

  const uint8_t bottom[4] = {0, 255, 10, 1}, top[4] = {255, 255, 20, 0}, blend[4] = {128, 255, 15, 0};
  uint8_t picture[4];
  CHECK_OK(sv_overlay(bottom, top, 4, 0.5, picture, &error));
  CHECK(memcmp(picture, blend, 4) == 0);
  memcpy(picture, bottom, 4);
  CHECK_OK(sv_overlay(picture, top, 4, 0.5, picture, &error));
  CHECK(memcmp(picture, blend, 4) == 0);
  CHECK_FAILS(SV_INVALID_ARGUMENT, "alpha", sv_overlay(bottom, top, 4, 1.01, picture, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "alpha", sv_overlay(bottom, top, 4, -0.01, picture, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "alpha", sv_overlay(bottom, top, 4, NAN, picture, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "bottom is NULL", sv_overlay(NULL, top, 4, 0.5, picture, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "top is NULL", sv_overlay(bottom, NULL, 4, 0.5, picture, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "output is NULL", sv_overlay(bottom, top, 4, 0.5, NULL, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "too large", sv_overlay(bottom, top, (size_t)-1, 0.5, picture, &error));

  const float small[4] = {0, 1, 2, 3}, wide[8] = {0, 0.25f, 0.75f, 1, 2, 2.25f, 2.75f, 3};
  float large[8];
  CHECK_OK(sv_resize(small, 2, 2, 1, large, 2, 4, &error));
  CHECK(all_close(large, wide, 8, 0));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "below 1", sv_resize(small, 2, 2, 0, large, 2, 4, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "below 1", sv_resize(small, 2, 2, 1, large, 0, 4, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "too large", sv_resize(small, 2, 2, 1, large, INT64_MAX, INT64_MAX, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "input is NULL", sv_resize(NULL, 2, 2, 1, large, 2, 4, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "output is NULL", sv_resize(small, 2, 2, 1, NULL, 2, 4, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "overlaps", sv_resize(large, 2, 2, 1, large, 2, 2, &error));
}

int main(void) {
  test_version();
  test_model();
  test_tensors();
  test_reading();
  test_long_message();
  test_imaging();
  printf("%d passed, %d failed\n", passed_count, failed_count);
  return failed_count != 0;
}
