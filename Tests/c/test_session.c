/* test_session.c: questions, runs, progress and custom rules as a C program sees them. Run with Tests/c/run.sh; also valid C++. */
#include <stdlib.h>

#include "check.h"
#include "network.h"

static sv_error error;

static void test_question(void) {
  sv_model *model = NULL;
  sv_session *session = NULL;
  const char *unknown = "nowhere", *null_name = NULL;
  sv_shape shape = {4, {1, 4, 4, 1}};
  const sv_node_rule rules[6] = {{"relu1", SV_RULE_CUSTOM}, {"relu1", SV_RULE_PLAIN}, {NULL, SV_RULE_PLAIN},
                                 {"relu1", 9},              {"nowhere", SV_RULE_GUIDED}, {"fc", SV_RULE_GUIDED}};
  CHECK_OK(make_model(&model, &error));
  if (model == NULL) return;

#define CHECK_REFUSED(text, change)                                                   \
  do {                                                                                \
    sv_question question = make_question(SV_RULE_PLAIN);                              \
    change;                                                                           \
    CHECK_FAILS(SV_INVALID_ARGUMENT, text, sv_session_create(model, &question, &session, &error)); \
  } while (0)

  CHECK_REFUSED("struct_size", question.struct_size = 0);
  CHECK_REFUSED("struct_size", question.struct_size = sizeof question + 8);
  CHECK_REFUSED("input_shapes", question.input_count = 2);
  CHECK_REFUSED("input_shapes is NULL", question.input_shapes = NULL);
  CHECK_REFUSED("values is NULL", question.values = NULL);
  CHECK_REFUSED("cotangents", question.cotangent_count = (size_t)-1);
  CHECK_REFUSED("gradients", question.gradient_count = 1000);
  CHECK_REFUSED("values[0] is NULL", question.values = &null_name);
  CHECK_REFUSED("nowhere", question.values = &unknown);
  CHECK_REFUSED("nowhere", question.cotangents = &unknown);
  CHECK_REFUSED("nowhere", question.gradients = &unknown);
  CHECK_REFUSED("struct_size", question.struct_size = offsetof(sv_question, rule_count));
  CHECK_REFUSED("question.rule: 4", question.rule = 4);
  CHECK_REFUSED("question.rule: -1", question.rule = -1);
  CHECK_REFUSED("backward_rule is NULL", question.rule = SV_RULE_CUSTOM);
  CHECK_REFUSED("rules is NULL", question.rule_count = 1);
  CHECK_REFUSED("rules", question.rules = rules; question.rule_count = (size_t)-1);
  CHECK_REFUSED("rules", question.rules = rules; question.rule_count = 1000);
  CHECK_REFUSED("backward_rule is NULL", question.rules = rules; question.rule_count = 1);
  CHECK_REFUSED("'relu1' is given twice", question.rules = rules; question.rule_count = 2);
  CHECK_REFUSED("rules[0].node is NULL", question.rules = rules + 2; question.rule_count = 1);
  CHECK_REFUSED("rules[0].rule: 9", question.rules = rules + 3; question.rule_count = 1);
  CHECK_REFUSED("nowhere", question.rules = rules + 4; question.rule_count = 1);
  CHECK_REFUSED("'fc' (dense) is no activation", question.rules = rules + 5; question.rule_count = 1);
  CHECK_REFUSED("flags", question.flags = 8);
  CHECK_REFUSED("threads", question.threads = -1);
  CHECK_REFUSED("threads", question.threads = 100000);
  CHECK_REFUSED("rank", question.input_shapes = &shape; shape.rank = -1);
  CHECK_REFUSED("rank", question.input_shapes = &shape; shape.rank = 9);
  shape.rank = 3;
  CHECK_REFUSED("image", question.input_shapes = &shape);
  shape.rank = 4;
  CHECK_REFUSED("below 1", question.input_shapes = &shape; shape.dims[0] = 0);
  CHECK_REFUSED("below 1", question.input_shapes = &shape; shape.dims[0] = -1);
  CHECK_REFUSED("too large", question.input_shapes = &shape; shape.dims[0] = INT64_MAX);
  shape.dims[0] = 1;
  CHECK_REFUSED("image", question.input_shapes = &shape; shape.dims[1] = 5);
  /* No path leads back from the image to relu2. */
  CHECK_REFUSED("relu2", const char *const *swap = question.gradients; question.gradients = question.cotangents;
                question.cotangents = swap);

  sv_question question = make_question(SV_RULE_PLAIN);
  CHECK_FAILS(SV_INVALID_ARGUMENT, "model is NULL", sv_session_create(NULL, &question, &session, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "question is NULL", sv_session_create(model, NULL, &session, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "session is NULL", sv_session_create(model, &question, NULL, &error));
  CHECK(session == NULL);
  sv_model_destroy(model);
}

static void test_gradients(void) {
  const sv_rule rules[3] = {SV_RULE_PLAIN, SV_RULE_GUIDED, SV_RULE_RECTIFIED};
  const float *expected[3] = {plain_gradient, guided_gradient, rectified_gradient};
  sv_model *model = NULL;
  CHECK_OK(make_model(&model, &error));
  for (int i = 0; i < 3 && model != NULL; i++)
    for (uint32_t flags = 0; flags < 8; flags++) {
      sv_session *session = NULL;
      sv_question question = make_question(rules[i]);
      question.flags = flags;
      CHECK_OK(sv_session_create(model, &question, &session, &error));
      if (session == NULL) continue;
      float value[4] = {0}, gradient[16] = {0};
      CHECK_OK(run(session, value, gradient, &error));
      CHECK(value[0] == 54.0f);
      CHECK(all_close(gradient, expected[i], 16, 0));
      CHECK_OK(run(session, value, gradient, &error));
      CHECK(all_close(gradient, expected[i], 16, 0));
      sv_session_destroy(session);
    }
  sv_model_destroy(model);
}

static void test_session(void) {
  sv_model *model = NULL;
  sv_session *session = NULL;
  sv_question question = make_question(SV_RULE_GUIDED);
  CHECK_OK(make_model(&model, &error));
  if (model == NULL) return;
  CHECK_OK(sv_session_create(model, &question, &session, &error));
  sv_model_destroy(model); /* the session keeps what it needs */
  if (session == NULL) return;

  sv_shape shape;
  CHECK_OK(sv_session_shape(session, "conv", &shape, &error));
  CHECK(shape.rank == 4 && shape.dims[0] == 1 && shape.dims[1] == 2 && shape.dims[2] == 2 && shape.dims[3] == 2);
  CHECK_FAILS(SV_INVALID_ARGUMENT, "nowhere", sv_session_shape(session, "nowhere", &shape, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "shape is NULL", sv_session_shape(session, "conv", NULL, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "session is NULL", sv_session_shape(NULL, "conv", &shape, &error));

  size_t length = 99;
  char text[8];
  CHECK_OK(sv_session_unmodified_activations(session, text, sizeof text, &length, &error));
  CHECK(length == 0 && text[0] == 0);
  CHECK_FAILS(SV_INVALID_ARGUMENT, "capacity", sv_session_unmodified_activations(session, text, 0, &length, &error));

  char description[4096] = "";
  CHECK_OK(sv_session_describe(session, NULL, 0, &length, &error));
  CHECK(length > 100 && length < sizeof description);
  CHECK_OK(sv_session_describe(session, description, length + 1, &length, &error));
  CHECK(strlen(description) == length && strstr(description, "\"node\": \"conv\", \"backward\": true") != NULL);
  CHECK_FAILS(SV_INVALID_ARGUMENT, "capacity", sv_session_describe(session, description, 10, &length, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "length is NULL", sv_session_describe(session, description, 10, NULL, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "session is NULL", sv_session_describe(NULL, NULL, 0, &length, &error));

  uint64_t arena = 0, weights = 0;
  CHECK_OK(sv_session_memory(session, &arena, &weights, &error));
  CHECK(arena > 0 && arena < 1 << 24);
  CHECK_FAILS(SV_INVALID_ARGUMENT, "weights is NULL", sv_session_memory(session, &arena, NULL, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "arena is NULL", sv_session_memory(session, NULL, &weights, &error));

  float pixels[16], value[4], gradient[16];
  memcpy(pixels, image, sizeof pixels);
  sv_const_buffer input = {pixels, 16}, cotangent = {one_hot, 4};
  sv_buffer values = {value, 4}, gradients = {gradient, 16};
  CHECK_FAILS(SV_INVALID_ARGUMENT, "forward", sv_session_backward(session, &cotangent, 1, &gradients, 1, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "session is NULL", sv_session_forward(NULL, &input, 1, &values, 1, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "inputs is NULL", sv_session_forward(session, NULL, 1, &values, 1, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "inputs", sv_session_forward(session, &input, 0, &values, 1, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "values", sv_session_forward(session, &input, 1, NULL, 0, &error));
  input.data = NULL;
  CHECK_FAILS(SV_INVALID_ARGUMENT, "inputs[0].data is NULL", sv_session_forward(session, &input, 1, &values, 1, &error));
  input.data = (const float *)((const char *)pixels + 1);
  CHECK_FAILS(SV_INVALID_ARGUMENT, "aligned", sv_session_forward(session, &input, 1, &values, 1, &error));
  input.data = pixels;
  const size_t wrong_counts[4] = {0, 15, 17, (size_t)-1};
  for (int i = 0; i < 4; i++) {
    input.count = wrong_counts[i];
    CHECK_FAILS(SV_INVALID_ARGUMENT, "", sv_session_forward(session, &input, 1, &values, 1, &error));
  }
  input.count = 16;
  values.count = 5;
  CHECK_FAILS(SV_INVALID_ARGUMENT, "relu2", sv_session_forward(session, &input, 1, &values, 1, &error));
  values.count = 4;
  pixels[7] = (float)NAN;
  CHECK_FAILS(SV_INVALID_ARGUMENT, "image", sv_session_forward(session, &input, 1, &values, 1, &error));
  pixels[7] = (float)INFINITY;
  CHECK_FAILS(SV_INVALID_ARGUMENT, "image", sv_session_forward(session, &input, 1, &values, 1, &error));
  pixels[7] = 7;

  CHECK_OK(sv_session_forward(session, &input, 1, &values, 1, &error));
  gradients.count = 15;
  CHECK_FAILS(SV_INVALID_ARGUMENT, "image", sv_session_backward(session, &cotangent, 1, &gradients, 1, &error));
  gradients.count = 16;
  cotangent.count = 3;
  CHECK_FAILS(SV_INVALID_ARGUMENT, "relu2", sv_session_backward(session, &cotangent, 1, &gradients, 1, &error));
  cotangent.count = 4;
  CHECK_FAILS(SV_INVALID_ARGUMENT, "gradients is NULL", sv_session_backward(session, &cotangent, 1, NULL, 1, &error));
  CHECK_OK(run(session, value, gradient, &error));
  CHECK(all_close(gradient, guided_gradient, 16, 0));
  /* Backward has consumed what forward left: the question has no SV_KEEP_FORWARD. */
  CHECK_FAILS(SV_INVALID_ARGUMENT, "forward", sv_session_backward(session, &cotangent, 1, &gradients, 1, &error));
  sv_session_destroy(session);
  sv_session_destroy(NULL);
}

typedef struct progress_state {
  sv_session *session;
  int32_t answer;
  int calls;
  sv_error inner;
} progress_state;

static int32_t on_progress(void *context, uint64_t done, uint64_t total) {
  progress_state *state = (progress_state *)context;
  float value[4], gradient[16];
  if (done > total) return 1;
  if (state->calls++ == 0) run(state->session, value, gradient, &state->inner);
  return state->answer;
}

static void test_progress(void) {
  sv_model *model = NULL;
  progress_state state;
  float value[4], gradient[16];
  memset(&state, 0, sizeof state);
  sv_question question = make_question(SV_RULE_PLAIN);
  question.progress = on_progress;
  question.progress_context = &state;
  CHECK_OK(make_model(&model, &error));
  if (model == NULL) return;
  CHECK_OK(sv_session_create(model, &question, &state.session, &error));
  if (state.session != NULL) {
    CHECK_OK(run(state.session, value, gradient, &error));
    CHECK(state.calls > 0);
    CHECK(state.inner.status == SV_INVALID_ARGUMENT && strstr(state.inner.message, "running already") != NULL);
    state.answer = 1;
    CHECK_FAILS(SV_CANCELLED, "", run(state.session, value, gradient, &error));
    state.answer = 0;
    CHECK_OK(run(state.session, value, gradient, &error));
    CHECK(all_close(gradient, plain_gradient, 16, 0));
  }
  sv_session_destroy(state.session);
  sv_model_destroy(model);
}

typedef struct rule_state {
  sv_session *session;
  sv_rule rule;
  int32_t answer; /* for relu1 */
  int calls, faults;
  sv_error inner;
} rule_state;

/* The built-in rules, written once more. */
static int32_t on_activation(void *context, const char *node, const sv_shape *shape, const float *gradient,
                             const float *x, const float *y, float *result) {
  rule_state *state = (rule_state *)context;
  const int is_first = strcmp(node, "relu1") == 0;
  int64_t count = 1;
  state->calls++;
  for (int32_t i = 0; i < shape->rank; i++) count *= shape->dims[i];
  if (count != (is_first ? 8 : 4) || shape->rank != (is_first ? 4 : 2)) state->faults++;
  for (int64_t i = 0; i < count; i++) {
    if (y[i] != (x[i] > 0 ? x[i] : 0)) state->faults++;
    const int opens = state->rule == SV_RULE_RECTIFIED || y[i] > 0;
    result[i] = opens && (state->rule == SV_RULE_PLAIN || gradient[i] > 0) ? gradient[i] : 0;
  }
  if (state->session != NULL) {
    float value[4], map[16];
    run(state->session, value, map, &state->inner);
  }
  return is_first ? state->answer : 0;
}

static void test_custom_rule(void) {
  const float *expected[3] = {plain_gradient, guided_gradient, rectified_gradient};
  const sv_node_rule first[1] = {{"relu1", SV_RULE_CUSTOM}};
  float value[4], gradient[16];
  sv_model *model = NULL;
  CHECK_OK(make_model(&model, &error));
  if (model == NULL) return;
  for (sv_rule rule = SV_RULE_PLAIN; rule <= SV_RULE_RECTIFIED; rule++)
    for (int only_first = 0; only_first < 2; only_first++) {
      rule_state state;
      sv_session *session = NULL;
      sv_question question = make_question(only_first ? rule : SV_RULE_CUSTOM);
      memset(&state, 0, sizeof state);
      state.rule = rule;
      if (only_first) {
        question.rules = first;
        question.rule_count = 1;
      }
      question.backward_rule = on_activation;
      question.backward_rule_context = &state;
      CHECK_OK(sv_session_create(model, &question, &session, &error));
      if (session == NULL) continue;
      CHECK_OK(run(session, value, gradient, &error));
      CHECK(all_close(gradient, expected[rule], 16, 0));
      CHECK(state.calls == (only_first ? 1 : 2) && state.faults == 0);

      state.answer = 7;
      CHECK_FAILS(SV_CALLBACK_FAILED, "answered 7 for 'relu1'", run(session, value, gradient, &error));
      state.answer = 0;
      state.session = session; /* which is running */
      CHECK_OK(run(session, value, gradient, &error));
      CHECK(all_close(gradient, expected[rule], 16, 0));
      CHECK(state.inner.status == SV_INVALID_ARGUMENT && strstr(state.inner.message, "running already") != NULL);
      sv_session_destroy(session);
    }

  /* A question of the first header ends before the rules: what follows is not read. */
  sv_session *session = NULL;
  sv_question question = make_question(SV_RULE_GUIDED);
  question.struct_size = offsetof(sv_question, rules);
  memset((char *)&question + question.struct_size, 0xee, sizeof question - question.struct_size);
  CHECK_OK(sv_session_create(model, &question, &session, &error));
  if (session != NULL) {
    CHECK_OK(run(session, value, gradient, &error));
    CHECK(all_close(gradient, guided_gradient, 16, 0));
  }
  sv_session_destroy(session);
  question.rule = SV_RULE_CUSTOM;
  CHECK_FAILS(SV_INVALID_ARGUMENT, "backward_rule is NULL", sv_session_create(model, &question, &session, &error));
  sv_model_destroy(model);
}

int main(void) {
  test_question();
  test_gradients();
  test_session();
  test_progress();
  test_custom_rule();
  printf("%d passed, %d failed\n", passed_count, failed_count);
  return failed_count != 0;
}
