/* test_optimization.c: the arithmetic of gradient descent on an image. Run with Tests/c/run.sh; also valid C++. */
#include "check.h"

static sv_error error;

static const sv_shape square = {4, {1, 2, 2, 1}}, lines = {4, {1, 1, 2, 2}};
static const float image[4] = {1, 3, -2, 5};

static void test_regularizers(void) {
  double value = -1;
  float gradient[4] = {1, 1, 1, 1};
  /* The only pixel with two neighbours: 2^2 + (-3)^2 = 13, over four values. */
  CHECK_OK(sv_total_variation(image, &square, 0, 2, 2, &value, gradient, &error));
  CHECK(value == 13.0 / 4);
  const float slopes[4] = {1 + (-2 + 3), 1 + 2, 1 - 3, 1};
  CHECK(all_close(gradient, slopes, 4, 1e-6));
  CHECK_OK(sv_total_variation(image, &square, 0, 1, 2, &value, NULL, &error));
  CHECK(fabs(value - sqrt(13.0) / 4) < 1e-6);
  CHECK_OK(sv_total_variation(image, &lines, 1, 2, 2, &value, gradient, &error));
  CHECK(value == 13.0 / 4); /* one channel, first */
  CHECK_OK(sv_total_variation(image, &lines, 0, 2, 2, &value, gradient, &error));
  CHECK(value == 0); /* one row: no pixel has a neighbour below */
  CHECK_OK(sv_total_variation(image, &square, 0, 2, 2, NULL, NULL, &error));

  memset(gradient, 0, sizeof gradient);
  CHECK_OK(sv_lp_norm(image, &square, 2, 4, &value, gradient, &error));
  CHECK(fabs(value - sqrt(39.0) / 4) < 1e-6);
  for (int i = 0; i < 4; i++) CHECK(fabs(gradient[i] - image[i] / sqrt(39.0)) < 1e-6);
  CHECK_OK(sv_lp_norm(image, &square, INFINITY, 4, &value, NULL, &error));
  CHECK(value == 1.25);

  sv_shape wrong = square;
  value = -1;
  CHECK_FAILS(SV_INVALID_ARGUMENT, "beta 0", sv_total_variation(image, &square, 0, 0, 1, &value, gradient, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "beta", sv_total_variation(image, &square, 0, NAN, 1, &value, gradient, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "p 0.5", sv_lp_norm(image, &square, 0.5, 1, &value, gradient, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "p nan", sv_lp_norm(image, &square, NAN, 1, &value, gradient, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "image is NULL", sv_lp_norm(NULL, &square, 2, 1, &value, gradient, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "shape is NULL", sv_lp_norm(image, NULL, 2, 1, &value, gradient, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "image is NULL", sv_total_variation(NULL, &square, 0, 2, 1, &value, NULL, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "shape is NULL", sv_total_variation(image, NULL, 0, 2, 1, &value, NULL, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "gradient overlaps image", sv_lp_norm(gradient, &square, 2, 1, &value, gradient, &error));
  wrong.dims[1] = 0;
  CHECK_FAILS(SV_INVALID_ARGUMENT, "below 1", sv_lp_norm(image, &wrong, 2, 1, &value, gradient, &error));
  wrong.dims[1] = wrong.dims[2] = INT64_MAX / 3;
  CHECK_FAILS(SV_INVALID_ARGUMENT, "too large", sv_total_variation(image, &wrong, 0, 2, 1, &value, NULL, &error));
  wrong.rank = 9;
  CHECK_FAILS(SV_INVALID_ARGUMENT, "rank 9", sv_total_variation(image, &wrong, 0, 2, 1, &value, NULL, &error));
  CHECK(value == -1);
}

static void test_descent(void) {
  const float unit[2] = {0.6f, -0.8f}, zeros[2] = {0, 0};
  float gradient[2] = {3, -4}, mean[2] = {0, 0}, output[2], point[2] = {1, 2};
  CHECK_OK(sv_normalize_gradient(gradient, 2, gradient, &error));
  CHECK(all_close(gradient, unit, 2, 1e-6));
  CHECK_OK(sv_normalize_gradient(zeros, 2, output, &error));
  CHECK(all_close(output, zeros, 2, 0));
  CHECK_OK(sv_normalize_gradient(NULL, 0, NULL, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "gradient is NULL", sv_normalize_gradient(NULL, 2, output, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "output is NULL", sv_normalize_gradient(unit, 2, NULL, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "too large", sv_normalize_gradient(unit, (size_t)-1, output, &error));

  /* The first step is 1 / sqrt(1 - decay) long, whatever the gradient is. */
  const float moved[2] = {1 - 2, 2 + 2};
  CHECK_OK(sv_rmsprop(unit, 2, 0.75, 1, mean, point, output, &error));
  CHECK(all_close(output, moved, 2, 1e-5));
  CHECK(fabs(mean[0] - 0.09) < 1e-6 && fabs(mean[1] - 0.16) < 1e-6);
  CHECK_OK(sv_rmsprop(zeros, 2, 0.75, 1, mean, point, point, &error));
  CHECK(point[0] == 1 && point[1] == 2);
  CHECK_FAILS(SV_INVALID_ARGUMENT, "decay 1", sv_rmsprop(unit, 2, 1, 1, mean, point, output, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "decay", sv_rmsprop(unit, 2, NAN, 1, mean, point, output, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "rate", sv_rmsprop(unit, 2, 0.9, INFINITY, mean, point, output, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "gradient is NULL", sv_rmsprop(NULL, 2, 0.9, 1, mean, point, output, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "mean_square is NULL", sv_rmsprop(unit, 2, 0.9, 1, NULL, point, output, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "image is NULL", sv_rmsprop(unit, 2, 0.9, 1, mean, NULL, output, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "output is NULL", sv_rmsprop(unit, 2, 0.9, 1, mean, point, NULL, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "overlaps mean_square", sv_rmsprop(unit, 2, 0.9, 1, mean, point, mean, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "mean_square overlaps", sv_rmsprop(mean, 2, 0.9, 1, mean, point, output, &error));
}

static void test_shift(void) {
  const sv_shape shape = {3, {1, 5, 1}};
  const float line[5] = {0, 1, 2, 3, 4}, right[5] = {3, 0, 1, 2, 3};
  int64_t offsets[3] = {0, 1, 0};
  float output[5];
  CHECK_OK(sv_shift(line, &shape, offsets, output, &error));
  CHECK(all_close(output, right, 5, 0));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "input is NULL", sv_shift(NULL, &shape, offsets, output, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "shape is NULL", sv_shift(line, NULL, offsets, output, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "offsets is NULL", sv_shift(line, &shape, NULL, output, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "output is NULL", sv_shift(line, &shape, offsets, NULL, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "overlaps", sv_shift(output, &shape, offsets, output, &error));
  offsets[2] = INT64_MIN;
  CHECK_FAILS(SV_INVALID_ARGUMENT, "too large", sv_shift(line, &shape, offsets, output, &error));
}

static void test_deprocess(void) {
  const float values[4] = {1, 3, 5, 7}, flat[2] = {9, 9};
  float output[4];
  CHECK_OK(sv_deprocess(values, 4, 0, 1, output, &error));
  for (int i = 0; i < 4; i++) CHECK(fabs(output[i] - (0.5 + 0.1 * (2 * i - 3) / sqrt(5.0))) < 1e-6);
  CHECK_OK(sv_deprocess(flat, 2, -1, 1, output, &error));
  CHECK(output[0] == 0 && output[1] == 0);
  CHECK_FAILS(SV_INVALID_ARGUMENT, "low 1", sv_deprocess(values, 4, 1, 1, output, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "low", sv_deprocess(values, 4, NAN, 1, output, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "high inf", sv_deprocess(values, 4, 0, INFINITY, output, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "input is NULL", sv_deprocess(NULL, 4, 0, 1, output, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "output is NULL", sv_deprocess(values, 4, 0, 1, NULL, &error));
}

int main(void) {
  test_regularizers();
  test_descent();
  test_shift();
  test_deprocess();
  printf("%d passed, %d failed\n", passed_count, failed_count);
  return failed_count != 0;
}
