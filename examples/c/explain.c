/* What a network looks at in a photo: the guided saliency map of its first guess, smoothed and laid over the photo.
 *
 *   swift build -c release -Xswiftc -static-stdlib --product swiftvis --package-path ../..
 *   cc -std=c11 -O2 -I ../../Sources/CSwiftVis/include explain.c -o explain \
 *     -L ../../.build/release -Wl,-rpath,"$(realpath ../../.build/release)" -lswiftvis -lpng -lm
 *   ./explain ../models/efficientnet_lite0.safetensors ../images/coffee.png overlay.png [CLASS]
 *
 * libpng is Debian's libpng-dev. */

#include <math.h>
#include <png.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <swiftvis.h>

/* Of the bundled network. */
enum { SIZE = 224, SAMPLES = SIZE * SIZE * 3, CLASSES = 1000 };
static const char *const image = "image", *const logits = "probs", *const probabilities = "probs/activation";

/* What goes wrong is told in one line, and the end of the program frees what it holds. */
static void stop(const char *format, ...) {
  va_list values;
  va_start(values, format);
  fputs("explain: ", stderr);
  vfprintf(stderr, format, values);
  fputc('\n', stderr);
  va_end(values);
  exit(2);
}

static sv_error error;
static void check(sv_status status) {
  if (status != SV_OK) stop("%s", error.message);
}

static void *memory(size_t count, size_t size) {
  void *found = calloc(count, size);
  if (!found) stop("out of memory");
  return found;
}

/* A PNG of any kind as RGB of 8 bits; what is transparent lies on white. */
static uint8_t *read_png(const char *path, png_image *png) {
  *png = (png_image){.version = PNG_IMAGE_VERSION};
  if (!png_image_begin_read_from_file(png, path)) stop("%s: %s", path, png->message);
  if ((uint64_t)png->height * png->width > 100000000) stop("%s: more pixels than this example takes", path);
  png->format = PNG_FORMAT_RGB;
  png->flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
  uint8_t *samples = memory(PNG_IMAGE_SIZE(*png), 1);
  const png_color white = {255, 255, 255};
  if (!png_image_finish_read(png, &white, samples, 0, NULL)) stop("%s: %s", path, png->message);
  return samples;
}

/* The class that CLASS names, or else the likeliest. */
static int64_t chosen(const float *scores, const char *argument) {
  int64_t best = 0;
  for (int64_t i = 1; i < CLASSES; i++)
    if (scores[i] > scores[best]) best = i;
  printf("%d: %.3f\n", (int)best, scores[best]);
  if (!argument) return best;
  char *end;
  int64_t label = strtoll(argument, &end, 10);
  if (end == argument || *end) stop("class '%s' is no number", argument);
  return label;
}

int main(int count, char **arguments) {
  if (count < 4 || count > 5) stop("usage: explain MODEL.safetensors PHOTO.png OVERLAY.png [CLASS]");
  sv_model *model;
  check(sv_model_load(arguments[1], &model, &error));
  png_image png;
  uint8_t *photo = read_png(arguments[2], &png);

  /* The network takes samples of 0...255, of a photo in its own size. */
  size_t count_of_photo = (size_t)png.height * png.width * 3;
  float *samples = memory(count_of_photo, sizeof(float)), *input = memory(SAMPLES, sizeof(float));
  for (size_t i = 0; i < count_of_photo; i++) samples[i] = photo[i];
  check(sv_resize(samples, png.height, png.width, 3, input, SIZE, SIZE, &error));
  for (size_t i = 0; i < SAMPLES; i++) input[i] = rintf(input[i]);

  /* One session answers both: what are the probabilities, and what is the gradient of a score before the softmax? */
  sv_shape size = {4, {1, SIZE, SIZE, 3}}, scores = {2, {1, CLASSES}};
  sv_question question = {.struct_size = sizeof question, .rule = SV_RULE_GUIDED};
  question.input_shapes = &size, question.input_count = 1;
  question.values = &probabilities, question.value_count = 1;
  question.cotangents = &logits, question.cotangent_count = 1;
  question.gradients = &image, question.gradient_count = 1;
  sv_session *session;
  check(sv_session_create(model, &question, &session, &error));

  float predicted[CLASSES], cotangent[CLASSES], *gradient = memory(SAMPLES, sizeof(float));
  sv_const_buffer inputs = {input, SAMPLES}, cotangents = {cotangent, CLASSES};
  sv_buffer values = {predicted, CLASSES}, gradients = {gradient, SAMPLES};
  check(sv_session_forward(session, &inputs, 1, &values, 1, &error));
  int64_t label = chosen(predicted, arguments[4]);
  check(sv_score_cotangent(&scores, 1, &label, 1, cotangent, &error));
  check(sv_session_backward(session, &cotangents, 1, &gradients, 1, &error));

  float *map = memory(SIZE * SIZE, sizeof(float));
  check(sv_saliency_map(gradient, &size, 3, SV_MAXIMUM_OF_ABSOLUTES, map, &error));
  check(sv_smoothed_overlay(photo, png.height, png.width, map, SIZE, SIZE, 5, "jet", 0.7, photo, &error));
  if (!png_image_write_to_file(&png, arguments[3], 0, photo, 0, NULL)) stop("%s: %s", arguments[3], png.message);
}
