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

enum { SIZE = 224, CLASSES = 1000, PIXELS = SIZE * SIZE };

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

static void write_png(const char *path, png_image png, const uint8_t *rgb) {
  if (!png_image_write_to_file(&png, path, 0, rgb, 0, NULL)) stop("%s: %s", path, png.message);
}

/* Brings a map to 0...1. */
static void normalize(float *map, size_t count) {
  float low = map[0], high = map[0];
  for (size_t i = 1; i < count; i++) low = fminf(low, map[i]), high = fmaxf(high, map[i]);
  for (size_t i = 0; i < count; i++) map[i] = high > low ? (map[i] - low) / (high - low) : 0;
}

int main(int count, char **arguments) {
  if (count < 4 || count > 5) stop("usage: explain MODEL.safetensors PHOTO.png OVERLAY.png [CLASS]");
  png_image png;
  uint8_t *photo = read_png(arguments[2], &png);
  size_t pixels = (size_t)png.height * png.width;
  sv_model *model;
  check(sv_model_load(arguments[1], &model, &error));

  /* The network takes samples of 0...255. */
  float *samples = memory(pixels * 3, sizeof(float)), *input = memory(PIXELS * 3, sizeof(float));
  for (size_t i = 0; i < pixels * 3; i++) samples[i] = photo[i];
  check(sv_resize(samples, png.height, png.width, 3, input, SIZE, SIZE, &error));
  for (size_t i = 0; i < PIXELS * 3; i++) input[i] = rintf(input[i]);

  /* One run forward gives the scores, and one back the gradient of the class. */
  sv_shape shape = {4, {1, SIZE, SIZE, 3}};
  const char *image = "image", *probabilities = "probs/activation", *logits = "probs";
  sv_question question = {.struct_size = sizeof question, .rule = SV_RULE_GUIDED};
  question.input_shapes = &shape, question.input_count = 1;
  question.values = &probabilities, question.value_count = 1;
  question.cotangents = &logits, question.cotangent_count = 1; /* the score before the softmax */
  question.gradients = &image, question.gradient_count = 1;
  sv_session *session;
  check(sv_session_create(model, &question, &session, &error));
  float scores[CLASSES], cotangent[CLASSES] = {0}, *gradient = memory(PIXELS * 3, sizeof(float));
  sv_const_buffer given = {input, PIXELS * 3}, put = {cotangent, CLASSES};
  sv_buffer answer = {scores, CLASSES}, wanted = {gradient, PIXELS * 3};
  check(sv_session_forward(session, &given, 1, &answer, 1, &error));
  long label = 0;
  for (long i = 1; i < CLASSES; i++)
    if (scores[i] > scores[label]) label = i;
  printf("%ld: %.3f\n", label, scores[label]);
  if (count == 5) {
    char *end;
    label = strtol(arguments[4], &end, 10);
    if (end == arguments[4] || *end) stop("class '%s' is no number", arguments[4]);
  }
  if (label < 0 || label >= CLASSES) stop("there is no class %ld", label);
  cotangent[label] = 1;
  check(sv_session_backward(session, &put, 1, &wanted, 1, &error));

  /* The saliency map: the largest of each pixel's three derivatives. */
  float *map = memory(PIXELS, sizeof(float)), *large = memory(pixels, sizeof(float));
  for (size_t i = 0; i < PIXELS * 3; i++) map[i / 3] = fmaxf(map[i / 3], fabsf(gradient[i]));
  check(sv_gaussian_filter(map, SIZE, SIZE, 5, map, &error));
  normalize(map, PIXELS);
  check(sv_resize(map, SIZE, SIZE, 1, large, png.height, png.width, &error));
  uint8_t *colours = memory(pixels, 3);
  check(sv_colormap_apply("jet", large, pixels, colours, &error));
  check(sv_overlay(photo, colours, pixels * 3, 0.7, colours, &error));
  write_png(arguments[3], png, colours);
}
