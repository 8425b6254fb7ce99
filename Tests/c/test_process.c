/* test_process.c: one library in a process with threads, forked children and signals. Run with Tests/c/run.sh; also valid
 * C++. The network is wide enough that the worker threads take part. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { size = 48, filters = 24, pixels = size * size };

static const char description[] =
    "{\"format\": \"swiftvis\", \"version\": 1, \"inputs\": [{\"name\": \"image\", \"shape\": [null, 48, 48, 1]}],"
    " \"nodes\": ["
    "  {\"name\": \"conv\", \"op\": \"conv2d\", \"inputs\": [\"image\"], \"attributes\": {\"padding\": \"same\"},"
    "   \"weights\": {\"kernel\": \"kernel\"}},"
    "  {\"name\": \"relu\", \"op\": \"relu\", \"inputs\": [\"conv\"]},"
    "  {\"name\": \"pool\", \"op\": \"max_pool2d\", \"inputs\": [\"relu\"]},"
    "  {\"name\": \"mean\", \"op\": \"reduce\", \"inputs\": [\"pool\"], \"attributes\": {\"axes\": [1, 2]}}],"
    " \"outputs\": [\"mean\"], \"layers\": []}";

static sv_error error;
static float image[pixels], kernel[9 * filters], ones[filters], expected[pixels];

/* Within 0..1, the same in every run. */
static float next_random(void) {
  static unsigned state = 1;
  state = state * 1664525u + 1013904223u;
  return (float)(state >> 8) / 16777216.0f;
}

static sv_model *make_model(void) {
  sv_model *model = NULL;
  const sv_tensor tensor = {"kernel", kernel, 9 * filters, {4, {3, 3, 1, filters}}};
  for (int i = 0; i < pixels; i++) image[i] = next_random();
  for (int i = 0; i < 9 * filters; i++) kernel[i] = next_random() - 0.5f;
  for (int i = 0; i < filters; i++) ones[i] = 1;
  CHECK_OK(sv_model_create(description, sizeof description - 1, &tensor, 1, &model, &error));
  return model;
}

/* Makes a session, runs it `count` times and returns how many of the answers differ from the expected bits. */
static int run_session(const sv_model *model, int32_t threads, int count) {
  const sv_shape shape = {4, {1, size, size, 1}};
  const char *const target = "mean", *const source = "image";
  sv_session *session = NULL;
  sv_question question;
  float gradient[pixels];
  int wrong = 0;
  memset(&question, 0, sizeof question);
  question.struct_size = sizeof question;
  question.input_shapes = &shape;
  question.input_count = 1;
  question.cotangents = &target;
  question.cotangent_count = 1;
  question.gradients = &source;
  question.gradient_count = 1;
  question.threads = threads;
  if (sv_session_create(model, &question, &session, NULL) != SV_OK) return count;
  for (int i = 0; i < count; i++) {
    const sv_const_buffer input = {image, pixels}, cotangent = {ones, filters};
    const sv_buffer answer = {gradient, pixels};
    memset(gradient, 0, sizeof gradient);
    if (sv_session_forward(session, &input, 1, NULL, 0, NULL) != SV_OK ||
        sv_session_backward(session, &cotangent, 1, &answer, 1, NULL) != SV_OK) {
      wrong++;
    } else if (expected[pixels / 2] == 0) {
      memcpy(expected, gradient, sizeof expected);
    } else {
      wrong += memcmp(gradient, expected, sizeof expected) != 0;
    }
  }
  sv_session_destroy(session);
  return wrong;
}

static void *run_in_thread(void *model) { return (void *)(size_t)run_session((const sv_model *)model, 3, 50); }

static int child_status(const sv_model *model) {
  int status = -1;
  const pid_t child = fork();
  if (child == 0) {
    alarm(60); /* a child that waits for threads it does not have fails instead of hanging */
    _exit(run_session(model, 2, 20) == 0 && run_session(model, 0, 5) == 0 ? 0 : 1);
  }
  waitpid(child, &status, 0);
  return status;
}

static volatile sig_atomic_t signals_elsewhere, signals_here;
static pthread_t main_thread;

static void on_signal(int number) {
  (void)number;
  if (pthread_equal(pthread_self(), main_thread)) signals_here++;
  else signals_elsewhere++;
}

int main(void) {
  sv_model *model = make_model();
  if (model == NULL) return 1;
  CHECK(run_session(model, 1, 2) == 0);
  CHECK(expected[pixels / 2] != 0);
  /* The same bits, whatever the number of threads. */
  for (int32_t threads = 0; threads <= 5; threads++) CHECK(run_session(model, threads, 5) == 0);

  /* A child while the workers sleep, while they spin, and while other threads compute. */
  CHECK(child_status(model) == 0);
  CHECK(run_session(model, 2, 1) == 0);
  CHECK(child_status(model) == 0);
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, run_in_thread, model);
  CHECK(child_status(model) == 0);
  for (int i = 0; i < 4; i++) {
    void *wrong;
    pthread_join(threads[i], &wrong);
    CHECK(wrong == NULL);
  }

  main_thread = pthread_self();
  signal(SIGUSR1, on_signal);
  for (int i = 0; i < 20; i++) {
    kill(getpid(), SIGUSR1);
    CHECK(run_session(model, 4, 2) == 0);
  }
  CHECK(signals_here > 0 && signals_elsewhere == 0);

  sv_model_destroy(model);
  printf("%d passed, %d failed\n", passed_count, failed_count);
  return failed_count != 0;
}
