/* test_methods.c: what is made of a session's answer. Run with Tests/c/run.sh; also valid C++. */
#include "check.h"

static sv_error error;

static sv_shape shape_of(int32_t rank, int64_t a, int64_t b, int64_t c, int64_t d) {
  sv_shape shape = {rank, {a, b, c, d, 0, 0, 0, 0}};
  return shape;
}

static const sv_shape no_shape = {-1, {0, 0, 0, 0, 0, 0, 0, 0}};

static void test_cotangent(void) {
  float cotangent[8];
  sv_shape last = shape_of(4, 1, 2, 2, 2), first = shape_of(3, 1, 2, 4, 0), huge = shape_of(4, INT64_MAX, 2, 2, 2);
  const int64_t filters[3] = {1, 1, 0}, wrong[2] = {0, 2}, below = -1;
  const float all[8] = {.125f, .125f, .125f, .125f, .125f, .125f, .125f, .125f};
  const float some[8] = {.25f, .5f, .25f, .5f, .25f, .5f, .25f, .5f};
  const float rows[8] = {.25f, .25f, .25f, .25f, .5f, .5f, .5f, .5f};
  CHECK_OK(sv_score_cotangent(&last, 3, NULL, 0, cotangent, &error));
  CHECK(all_close(cotangent, all, 8, 0));
  CHECK_OK(sv_score_cotangent(&last, 3, filters, 3, cotangent, &error));
  CHECK(all_close(cotangent, some, 8, 0));
  CHECK_OK(sv_score_cotangent(&first, 1, filters, 3, cotangent, &error));
  CHECK(all_close(cotangent, rows, 8, 0));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "no filter 2", sv_score_cotangent(&last, 3, wrong, 2, cotangent, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "no filter -1", sv_score_cotangent(&last, 3, &below, 1, cotangent, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "filters is NULL", sv_score_cotangent(&last, 3, NULL, 1, cotangent, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "filters", sv_score_cotangent(&last, 3, filters, (size_t)-1, cotangent, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "channel_axis: 4", sv_score_cotangent(&last, 4, NULL, 0, cotangent, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "channel_axis: -1", sv_score_cotangent(&last, -1, NULL, 0, cotangent, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "too large", sv_score_cotangent(&huge, 3, NULL, 0, cotangent, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "rank -1", sv_score_cotangent(&no_shape, 0, NULL, 0, cotangent, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "shape is NULL", sv_score_cotangent(NULL, 3, NULL, 0, cotangent, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "cotangent is NULL", sv_score_cotangent(&last, 3, NULL, 0, NULL, &error));
}

static void test_maps(void) {
  const float gradient[8] = {-4, 3, 1, 2, 0, -1, 5, -6}, values[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  sv_shape shape = shape_of(4, 2, 1, 2, 2), empty = shape_of(4, 2, 0, 2, 2);
  float map[4];
  const float largest[4] = {3, 2, 0, 5}, absolute[4] = {4, 2, 1, 6}, sums[4] = {7, 3, 1, 11}, columns[4] = {4, 3, 5, 6};
  CHECK_OK(sv_saliency_map(gradient, &shape, 3, SV_MAXIMUM, map, &error));
  CHECK(all_close(map, largest, 4, 0));
  CHECK_OK(sv_saliency_map(gradient, &shape, 3, SV_MAXIMUM_OF_ABSOLUTES, map, &error));
  CHECK(all_close(map, absolute, 4, 0));
  CHECK_OK(sv_saliency_map(gradient, &shape, 3, SV_SUM_OF_ABSOLUTES, map, &error));
  CHECK(all_close(map, sums, 4, 0));
  CHECK_OK(sv_saliency_map(gradient, &shape, 2, SV_MAXIMUM_OF_ABSOLUTES, map, &error));
  CHECK(all_close(map, columns, 4, 0));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "reduction: 3", sv_saliency_map(gradient, &shape, 3, 3, map, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "channel_axis", sv_saliency_map(gradient, &shape, 4, SV_MAXIMUM, map, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "below 1", sv_saliency_map(gradient, &empty, 3, SV_MAXIMUM, map, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "shape is NULL", sv_saliency_map(gradient, NULL, 3, SV_MAXIMUM, map, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "gradient is NULL", sv_saliency_map(NULL, &shape, 3, SV_MAXIMUM, map, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "map is NULL", sv_saliency_map(gradient, &shape, 3, SV_MAXIMUM, NULL, &error));

  /* Each sample's weights: (-1.5, 2.5) and (2.5, -3.5). */
  const float samples[4] = {3.5f, 5.5f, 0, 0}, slopes[8] = {-4, 3, 1, 2, 0, 1, 5, 6};
  CHECK_OK(sv_class_activation_map(values, gradient, &shape, 3, SV_WEIGHTS_OF_SAMPLE, map, &error));
  CHECK(all_close(map, samples, 4, 0));
  /* The batch's: (0.5, 3) / 6. */
  const float first[2] = {(0.5f + 2 * 3) / 6, (0.5f * 3 + 4 * 3) / 6};
  CHECK_OK(sv_class_activation_map(values, slopes, &shape, 3, SV_WEIGHTS_OF_BATCH, map, &error));
  CHECK(all_close(map, first, 2, 1e-6));
#define CAM(v, g, s, axis, weighting, m) sv_class_activation_map(v, g, s, axis, weighting, m, &error)
  CHECK_FAILS(SV_INVALID_ARGUMENT, "weighting: 2", CAM(values, gradient, &shape, 3, 2, map));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "is the batch", CAM(values, gradient, &shape, 0, SV_WEIGHTS_OF_SAMPLE, map));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "channel_axis", CAM(values, gradient, &shape, 9, SV_WEIGHTS_OF_SAMPLE, map));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "values is NULL", CAM(NULL, gradient, &shape, 3, SV_WEIGHTS_OF_SAMPLE, map));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "gradient is NULL", CAM(values, NULL, &shape, 3, SV_WEIGHTS_OF_SAMPLE, map));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "shape is NULL", CAM(values, gradient, NULL, 3, SV_WEIGHTS_OF_SAMPLE, map));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "map is NULL", CAM(values, gradient, &shape, 3, SV_WEIGHTS_OF_SAMPLE, NULL));
}

static void test_ranges_and_zoom(void) {
  float values[4] = {1, 3, 2, 1}, unit[4];
  const float wanted[4] = {0, 1, 0.5f, 0}, half[4] = {0, 0.5f, 0.25f, 0}, flat[2] = {7, 7}, none[2] = {0, 0};
  CHECK_OK(sv_normalize(values, 4, 0, unit, &error));
  CHECK(all_close(unit, wanted, 4, 0));
  CHECK_OK(sv_normalize(values, 4, 2, unit, &error));
  CHECK(all_close(unit, half, 4, 0));
  CHECK_OK(sv_normalize(flat, 2, 0, unit, &error));
  CHECK(all_close(unit, none, 2, 0));
  CHECK_OK(sv_normalize(NULL, 0, 0, NULL, &error));
  CHECK_OK(sv_normalize(values, 4, 0, values, &error));
  CHECK(all_close(values, wanted, 4, 0));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "epsilon", sv_normalize(values, 4, -1, unit, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "epsilon", sv_normalize(values, 4, NAN, unit, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "values is NULL", sv_normalize(NULL, 4, 0, unit, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "output is NULL", sv_normalize(values, 4, 0, NULL, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "too large", sv_normalize(values, (size_t)-1, 0, unit, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "overlaps", sv_normalize(values, 3, 0, values + 1, &error));

  const double line[4] = {0, 1, 4, 9};
  double zoomed[7];
  sv_shape from = shape_of(1, 4, 0, 0, 0), to = shape_of(1, 7, 0, 0, 0), plane = shape_of(2, 2, 2, 0, 0);
  CHECK_OK(sv_spline_zoom(line, &from, zoomed, &to, &error));
  CHECK(fabs(zoomed[0]) < 1e-12 && fabs(zoomed[2] - 1) < 1e-12 && fabs(zoomed[6] - 9) < 1e-12);
  CHECK(zoomed[1] > 0 && zoomed[1] < 1 && zoomed[5] > 4 && zoomed[5] < 9);
  CHECK_FAILS(SV_INVALID_ARGUMENT, "axes", sv_spline_zoom(line, &from, zoomed, &plane, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "shape is NULL", sv_spline_zoom(line, NULL, zoomed, &to, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "output_shape is NULL", sv_spline_zoom(line, &from, zoomed, NULL, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "input is NULL", sv_spline_zoom(NULL, &from, zoomed, &to, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "output is NULL", sv_spline_zoom(line, &from, NULL, &to, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "rank", sv_spline_zoom(line, &no_shape, zoomed, &to, &error));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "overlaps", sv_spline_zoom(zoomed, &from, zoomed, &to, &error));
}

static void test_pictures(void) {
  const float gradient[4] = {-2, 0, 2, 1};
  const uint8_t color[4] = {0, 127, 255, 191}, positive[4] = {0, 0, 255, 127}, negative[4] = {255, 0, 0, 0};
  uint8_t bytes[12];
  CHECK_OK(sv_gradient_picture(gradient, 2, 2, SV_PICTURE_COLOR, 0, bytes, &error));
  CHECK(memcmp(bytes, color, 4) == 0);
  CHECK_OK(sv_gradient_picture(gradient, 2, 2, SV_PICTURE_POSITIVE, 0, bytes, &error));
  CHECK(memcmp(bytes, positive, 4) == 0);
  CHECK_OK(sv_gradient_picture(gradient, 2, 2, SV_PICTURE_NEGATIVE, 0, bytes, &error));
  CHECK(memcmp(bytes, negative, 4) == 0);
  CHECK_OK(sv_gradient_picture(gradient, 2, 2, SV_PICTURE_GRAYSCALE, 100, bytes, &error));
  CHECK(bytes[0] == 0 && bytes[1] == 255);
#define DRAW(g, p, c, kind, percentile, out) sv_gradient_picture(g, p, c, kind, percentile, out, &error)
  CHECK_FAILS(SV_INVALID_ARGUMENT, "kind: 4", DRAW(gradient, 2, 2, 4, 99, bytes));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "percentile", DRAW(gradient, 2, 2, SV_PICTURE_GRAYSCALE, 100.1, bytes));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "percentile", DRAW(gradient, 2, 2, SV_PICTURE_GRAYSCALE, NAN, bytes));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "below 1", DRAW(gradient, 0, 2, SV_PICTURE_COLOR, 99, bytes));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "below 1", DRAW(gradient, 2, 0, SV_PICTURE_COLOR, 99, bytes));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "too large", DRAW(gradient, SIZE_MAX / 4, 8, SV_PICTURE_COLOR, 99, bytes));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "gradient is NULL", DRAW(NULL, 2, 2, SV_PICTURE_COLOR, 99, bytes));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "picture is NULL", DRAW(gradient, 2, 2, SV_PICTURE_COLOR, 99, NULL));

  const uint8_t photo[6] = {100, 100, 100, 200, 200, 200}, blend[6] = {50, 50, 50, 228, 228, 228};
  const float map[2] = {0, 4};
#define OVERLAY(p, h, w, m, mh, mw, sigma, name, alpha, out)                                                           \
  sv_smoothed_overlay(p, h, w, m, mh, mw, sigma, name, alpha, out, &error)
  CHECK_OK(OVERLAY(photo, 1, 2, map, 1, 2, 0, "gray", 0.5, bytes));
  CHECK(memcmp(bytes, blend, 6) == 0);
  CHECK_OK(OVERLAY(photo, 2, 1, map, 1, 2, 1, "jet", 0, bytes));
  CHECK(memcmp(bytes, photo, 6) == 0);
  memcpy(bytes, photo, 6);
  CHECK_OK(OVERLAY(bytes, 1, 2, map, 1, 2, 0, "gray", 0.5, bytes));
  CHECK(memcmp(bytes, blend, 6) == 0);
  CHECK_FAILS(SV_INVALID_ARGUMENT, "sigma", OVERLAY(photo, 1, 2, map, 1, 2, -1, "gray", 0.5, bytes));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "alpha", OVERLAY(photo, 1, 2, map, 1, 2, 0, "gray", 1.5, bytes));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "viridis", OVERLAY(photo, 1, 2, map, 1, 2, 0, "rainbow", 0.5, bytes));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "colormap is NULL", OVERLAY(photo, 1, 2, map, 1, 2, 0, NULL, 0.5, bytes));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "below 1", OVERLAY(photo, 0, 2, map, 1, 2, 0, "gray", 0.5, bytes));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "below 1", OVERLAY(photo, 1, 2, map, 1, -2, 0, "gray", 0.5, bytes));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "too large", OVERLAY(photo, INT64_MAX, 2, map, 1, 2, 0, "gray", 0.5, bytes));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "picture is NULL", OVERLAY(NULL, 1, 2, map, 1, 2, 0, "gray", 0.5, bytes));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "map is NULL", OVERLAY(photo, 1, 2, NULL, 1, 2, 0, "gray", 0.5, bytes));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "output is NULL", OVERLAY(photo, 1, 2, map, 1, 2, 0, "gray", 0.5, NULL));
  CHECK_FAILS(SV_INVALID_ARGUMENT, "overlaps", OVERLAY(bytes, 1, 2, map, 1, 2, 0, "gray", 0.5, bytes + 3));
}

int main(void) {
  test_cotangent();
  test_maps();
  test_ranges_and_zoom();
  test_pictures();
  printf("%d passed, %d failed\n", passed_count, failed_count);
  return failed_count != 0;
}
