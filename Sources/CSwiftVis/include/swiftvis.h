/* swiftvis.h: gradients of trained convolutional networks with respect to their input.
 *
 * This header is the manual and the whole contract of the C ABI: what is not in it may change.
 *
 * Overview. A `sv_model` is a trained network: immutable, and shared by any number of threads. A `sv_session` answers
 * one question about it ("for these input shapes, the gradient at node A for a cotangent at node B, by this backward
 * rule"): all planning is done when it is created, so running it again costs only the arithmetic. A session is used by
 * one thread at a time; make one per thread. Nodes are addressed by name. Tensors are float32, row-major, with the
 * batch axis first; images are channels-last (N, H, W, C).
 *
 *   sv_error error;
 *   sv_model *model = NULL;
 *   if (sv_model_load("model.safetensors", &model, &error) != SV_OK) { fprintf(stderr, "%s\n", error.message); ... }
 *
 *   sv_shape shape = {4, {1, 224, 224, 3}};
 *   const char *target = "logits", *image = "input";
 *   sv_question question = {sizeof question};
 *   question.input_shapes = &shape;   question.input_count = 1;
 *   question.cotangents = &target;    question.cotangent_count = 1;
 *   question.gradients = &image;      question.gradient_count = 1;
 *   question.rule = SV_RULE_GUIDED;
 *   sv_session *session = NULL;
 *   sv_session_create(model, &question, &session, &error);
 *
 *   sv_const_buffer input = {pixels, 224 * 224 * 3}, cotangent = {one_hot, 1000};
 *   sv_buffer gradient = {map, 224 * 224 * 3};
 *   sv_session_forward(session, &input, 1, NULL, 0, &error);
 *   sv_session_backward(session, &cotangent, 1, &gradient, 1, &error);
 *
 *   sv_session_destroy(session);
 *   sv_model_destroy(model);
 *
 * Errors. Every call that can fail returns a `sv_status` and, where `error` is not NULL, fills it: the message names the
 * layer, what was expected and what came. Nothing in it needs freeing. On failure no output pointer is written.
 *
 * Memory. Buffers belong to the caller and are borrowed for the length of the call. Output buffers must have exactly
 * the promised number of elements. A string answer is copied into the caller's buffer (see sv_model_describe). Names and
 * paths are UTF-8, end with NUL and have at most 4096 bytes.
 * Every destroy function accepts NULL. Option structs start with `struct_size`: set it to sizeof, and zero the rest.
 */
#ifndef SWIFTVIS_H
#define SWIFTVIS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Version ---------------------------------------------------------------------------------------------------- */

#define SV_VERSION_MAJOR 0
#define SV_VERSION_MINOR 1
#define SV_VERSION_PATCH 0

/* The version of the library that is running: major * 10000 + minor * 100 + patch. A binding compares it with the
 * SV_VERSION_ values that it was compiled with. */
int32_t sv_version(void);

/* ---- Errors ----------------------------------------------------------------------------------------------------- */

typedef int32_t sv_status;

#define SV_OK 0
#define SV_INVALID_ARGUMENT 1 /* a pointer, name, shape, length or option is wrong */
#define SV_INVALID_MODEL 2    /* a model file or description is damaged or contradicts itself */
#define SV_UNSUPPORTED 3      /* an operation, data type or processor that this version does not know */
#define SV_IO 4               /* a file could not be read or written */
#define SV_OUT_OF_MEMORY 5
#define SV_CANCELLED 6        /* the progress callback asked to stop */
#define SV_INTERNAL 7         /* a fault of the library itself; please report it */
#define SV_CALLBACK_FAILED 8  /* a backward rule of the caller's did not answer 0 */

#define SV_MESSAGE_SIZE 512

typedef struct sv_error {
  sv_status status;
  char message[SV_MESSAGE_SIZE]; /* UTF-8, always NUL-terminated */
} sv_error;

/* ---- Buffers and shapes ------------------------------------------------------------------------------------------ */

#define SV_MAX_RANK 8

typedef struct sv_shape {
  int32_t rank;
  int64_t dims[SV_MAX_RANK]; /* batch first; -1 where a model leaves a size open */
} sv_shape;

typedef struct sv_buffer {
  float *data;
  size_t count; /* elements, not bytes */
} sv_buffer;

typedef struct sv_const_buffer {
  const float *data;
  size_t count;
} sv_const_buffer;

typedef struct sv_tensor { /* a named weight */
  const char *name;
  const float *data;
  size_t count;
  sv_shape shape;
} sv_tensor;

/* ---- Model ------------------------------------------------------------------------------------------------------- */

typedef struct sv_model sv_model;

/* Reads a .safetensors model file (SwiftVis.docc/ModelFormat.md). The file is treated as hostile: it is validated as a whole, and
 * no code from it is run. Fails with SV_IO, SV_INVALID_MODEL or SV_UNSUPPORTED. */
sv_status sv_model_load(const char *path, sv_model **model, sv_error *error);

/* Builds a model from a graph description (JSON, SwiftVis.docc/ModelFormat.md) and its weights, which are copied. */
sv_status sv_model_create(const char *description, size_t description_length, const sv_tensor *tensors,
                          size_t tensor_count, sv_model **model, sv_error *error);

/* Fills the memory of tensor `index` with its `count` elements. Called on the thread of the call, for one tensor after the
 * other. An answer other than 0 ends the call with SV_IO. */
typedef int32_t (*sv_read)(void *context, size_t index, float *destination, size_t count);

/* The same for weights that need not be in memory: each tensor whose `data` is NULL is read by the callback straight into
 * the model, once name, shape and count have been checked. */
sv_status sv_model_create_reading(const char *description, size_t description_length, const sv_tensor *tensors,
                                  size_t tensor_count, sv_read read, void *context, sv_model **model, sv_error *error);

/* A new model with the same weights, shared and not copied, and another description: how an activation is swapped. */
sv_status sv_model_with_description(const sv_model *model, const char *description, size_t description_length,
                                    sv_model **edited, sv_error *error);

/* Writes a .safetensors file. `half` != 0 stores weights of rank two and more as float16. */
sv_status sv_model_save(const sv_model *model, const char *path, int32_t half, sv_error *error);

/* The description of the model as JSON. `*length` receives its length without the NUL; with `buffer` NULL that is all.
 * Otherwise `capacity` must be at least that length + 1. */
sv_status sv_model_describe(const sv_model *model, char *buffer, size_t capacity, size_t *length, sv_error *error);

/* The shape of an input or node, -1 where it is open until run time. */
sv_status sv_model_shape(const sv_model *model, const char *node, sv_shape *shape, sv_error *error);

void sv_model_destroy(sv_model *model);

/* ---- Session ----------------------------------------------------------------------------------------------------- */

typedef struct sv_session sv_session;

typedef int32_t sv_rule;

/* How an activation passes a cotangent dY back. Guided and rectified change ReLU and clipped ReLU (ReLU6); every other
 * activation keeps its own derivative under them. */
#define SV_RULE_PLAIN 0     /* dX = dY where 0 < Y (and Y < the upper limit) */
#define SV_RULE_GUIDED 1    /* the same, and only where dY > 0   (Springenberg et al. 2015) */
#define SV_RULE_RECTIFIED 2 /* dY where dY > 0, whatever Y is: "deconvnet" (Zeiler & Fergus 2014) */
#define SV_RULE_CUSTOM 3    /* what the question's `backward_rule` writes, for any kind of activation */

#define SV_KEEP_FORWARD 1u    /* backward may be called again after one forward, at the price of memory */
#define SV_NO_MEMORY_REUSE 2u /* every tensor in a place of its own: for tests */
#define SV_EXACT 4u           /* only convolution algorithms that sum products directly */

/* Called between steps with the share done, on the thread of the run. An answer other than 0 cancels the run. */
typedef int32_t (*sv_progress)(void *context, uint64_t done, uint64_t total);

/* A backward rule of the caller's own. Called by sv_session_backward, on its thread, once for each activation with
 * SV_RULE_CUSTOM between the cotangents and the gradients, the last one first. All four tensors have this shape:
 * `gradient` is dY, `x` went into the activation, `y` came out of it, and `result` is to be filled with dX from end to
 * end. None may be kept after the call. An answer other than 0 ends the run with SV_CALLBACK_FAILED; the session can be
 * used again, from the forward run on. */
typedef int32_t (*sv_backward_rule)(void *context, const char *node, const sv_shape *shape, const float *gradient,
                                    const float *x, const float *y, float *result);

typedef struct sv_node_rule { /* the rule of one activation */
  const char *node;
  sv_rule rule;
} sv_node_rule;

typedef struct sv_question {
  size_t struct_size;
  const sv_shape *input_shapes; /* one per model input, in the model's order, no size open */
  size_t input_count;
  const char *const *values; /* nodes whose forward values are wanted */
  size_t value_count;
  const char *const *cotangents; /* nodes that cotangents will be put on */
  size_t cotangent_count;
  const char *const *gradients; /* nodes or inputs whose gradient is wanted */
  size_t gradient_count;
  sv_rule rule;    /* SV_RULE_CUSTOM: for all activations but `linear` ones */
  int32_t threads; /* 0: as many as this process may use; at most 256 */
  uint32_t flags; /* SV_KEEP_FORWARD | ... */
  sv_progress progress; /* may be NULL */
  void *progress_context;
  /* A question may end here, as that of the first header did: struct_size = offsetof(sv_question, rules). */
  const sv_node_rule *rules; /* activations (activation ops, softmax, prelu) with a rule of their own, each once */
  size_t rule_count;
  sv_backward_rule backward_rule; /* needed where a rule is SV_RULE_CUSTOM, otherwise NULL */
  void *backward_rule_context;
} sv_question;

/* Plans the answer and reserves its memory. Fails where a name is unknown, shapes do not fit, or no path leads from a
 * cotangent to a wanted gradient. The model may be destroyed before the session. */
sv_status sv_session_create(const sv_model *model, const sv_question *question, sv_session **session, sv_error *error);

/* The shape that a node of this session has, with every size known. */
sv_status sv_session_shape(const sv_session *session, const char *node, sv_shape *shape, sv_error *error);

/* The activations between cotangents and gradients to which the rule does not apply, as "name (kind)" joined by ", ".
 * Empty for SV_RULE_PLAIN. The string protocol is that of sv_model_describe. */
sv_status sv_session_unmodified_activations(const sv_session *session, char *buffer, size_t capacity, size_t *length,
                                            sv_error *error);

/* What the session does, as JSON: {"steps": [{"node": name, "backward": bool, "kernel": word, "summary": text, "algorithm": word
 * or null, "multiply_adds": count}, ...], "arena_bytes": n, "packed_weight_bytes": n, "threads": n, "weights": {name: shape}}.
 * Multiplications are those of the definition. The string protocol is that of sv_model_describe. */
sv_status sv_session_describe(const sv_session *session, char *buffer, size_t capacity, size_t *length, sv_error *error);

/* Bytes of the session's arena, and of the packed weights that it shares with the model's other sessions. */
sv_status sv_session_memory(const sv_session *session, uint64_t *arena, uint64_t *weights, sv_error *error);

/* Runs the network. `inputs` in the model's order, `values` in the question's. Fails with SV_INVALID_ARGUMENT where a
 * length is wrong, an input holds a NaN or an infinity, or another thread is running this session. */
sv_status sv_session_forward(sv_session *session, const sv_const_buffer *inputs, size_t input_count,
                             const sv_buffer *values, size_t value_count, sv_error *error);

/* Carries the cotangents back: gradient = sum over them of (d node / d wanted)^T cotangent. Needs a forward run before
 * it, and a new one for every call unless the session was made with SV_KEEP_FORWARD. */
sv_status sv_session_backward(sv_session *session, const sv_const_buffer *cotangents, size_t cotangent_count,
                              const sv_buffer *gradients, size_t gradient_count, sv_error *error);

void sv_session_destroy(sv_session *session);

/* How many threads a session with threads = 0 uses: the processors that affinity and cgroup quota leave this process. */
int32_t sv_default_threads(void);

/* ---- Methods ------------------------------------------------------------------------------------------------------ */

/* A method is a question and what is made of its answer. These make it, of any tensors: `shape` is that of `gradient` and
 * `values`, `channel_axis` says which of its axes has the channels (or units), and a map has the shape without that axis. */

/* The cotangent of a score: the derivative of the sum over filters of each one's mean over all other axes, batch included.
 * A filter given twice counts twice; without filters the score is the mean of everything. */
sv_status sv_score_cotangent(const sv_shape *shape, int32_t channel_axis, const int64_t *filters, size_t filter_count,
                             float *cotangent, sv_error *error);

typedef int32_t sv_reduction;

#define SV_MAXIMUM 0 /* the largest value, with its sign */
#define SV_MAXIMUM_OF_ABSOLUTES 1 /* the saliency map of Simonyan et al. 2013 */
#define SV_SUM_OF_ABSOLUTES 2     /* Smilkov et al. 2017 */

/* One value a pixel from the channels of a gradient. */
sv_status sv_saliency_map(const float *gradient, const sv_shape *shape, int32_t channel_axis, sv_reduction reduction,
                          float *map, sv_error *error);

typedef int32_t sv_weighting;

#define SV_WEIGHTS_OF_SAMPLE 0 /* each sample's mean gradient: Grad-CAM (Selvaraju et al. 2017) */
#define SV_WEIGHTS_OF_BATCH 1  /* the whole batch's over its largest one, for a map of the first sample: keras-vis */

/* The channels of a layer, (N, ..., C) or (N, C, ...), each weighted by its mean gradient, summed; what is negative becomes 0. */
sv_status sv_class_activation_map(const float *values, const float *gradient, const sv_shape *shape,
                                  int32_t channel_axis, sv_weighting weighting, float *map, sv_error *error);

/* ---- Imaging ------------------------------------------------------------------------------------------------------ */

/* Gaussian filter of a (height, width) map: separable, radius int(4 sigma + 0.5), half-sample symmetric border; equal to
 * scipy.ndimage.gaussian_filter to float32 rounding. 0 <= `sigma` <= 1e6. `output` may be `input`. */
sv_status sv_gaussian_filter(const float *input, int64_t height, int64_t width, double sigma, float *output,
                             sv_error *error);

/* The number of built-in colormaps, and their names by index (NULL outside the range). */
int32_t sv_colormap_count(void);
const char *sv_colormap_name(int32_t index);

/* Colours `count` values, clipped to 0..1, as RGB bytes (3 * count); a NaN becomes black. */
sv_status sv_colormap_apply(const char *name, const float *values, size_t count, uint8_t *rgb, sv_error *error);

/* Blends bytes: round(alpha * top + (1 - alpha) * bottom), halves to even, 0 <= alpha <= 1. `output` may be either. */
sv_status sv_overlay(const uint8_t *bottom, const uint8_t *top, size_t count, double alpha, uint8_t *output,
                     sv_error *error);

/* Bilinear resize (half-pixel centres, border clamped) of a (height, width, channels) map into other memory. */
sv_status sv_resize(const float *input, int64_t height, int64_t width, int64_t channels, float *output,
                    int64_t output_height, int64_t output_width, sv_error *error);

/* Resize by the interpolating cubic spline, on every axis; the first and last points stay where they are. Both shapes have
 * the same rank. */
sv_status sv_spline_zoom(const double *input, const sv_shape *shape, double *output, const sv_shape *output_shape,
                         sv_error *error);

/* (x - smallest) / (largest - smallest + epsilon); 0 where all are equal. `output` may be `values`. */
sv_status sv_normalize(const float *values, size_t count, double epsilon, float *output, sv_error *error);

typedef int32_t sv_picture;

#define SV_PICTURE_COLOR 0     /* the signed gradient from its smallest to its largest value, all channels together */
#define SV_PICTURE_GRAYSCALE 1 /* the sum of |g| over the channels, its `percentile` (0..100) white: one byte a pixel */
#define SV_PICTURE_POSITIVE 2  /* the positive part over its largest value */
#define SV_PICTURE_NEGATIVE 3  /* the negative part over its largest size */

/* A raw gradient of `pixels` times `channels` values as bytes. */
sv_status sv_gradient_picture(const float *gradient, size_t pixels, size_t channels, sv_picture kind, double percentile,
                              uint8_t *picture, sv_error *error);

/* A map over an RGB picture: smoothed (sv_gaussian_filter), normalized, resized (sv_resize), coloured and blended in, `alpha`
 * its share. `output` has the picture's size and may be it. */
sv_status sv_smoothed_overlay(const uint8_t *picture, int64_t height, int64_t width, const float *map,
                              int64_t map_height, int64_t map_width, double sigma, const char *colormap, double alpha,
                              uint8_t *output, sv_error *error);

/* ---- Optimization ------------------------------------------------------------------------------------------------- */

/* The arithmetic of gradient descent on an image, as keras-vis has it. Sizes are at least 1; an output may be an input where
 * both are of one length, unless said otherwise. */

/* Total variation of (samples, positions..., channels), or with `channels_first` != 0 of (samples, channels, positions...):
 * squared differences of neighbours, summed over the directions, to the power `beta` / 2 (above 0), summed over everything, by
 * the number of values of one sample (Mahendran & Vedaldi 2016). `value` and `gradient` may be NULL; `weight` times the
 * gradient is added to what `gradient` holds. */
sv_status sv_total_variation(const float *image, const sv_shape *shape, int32_t channels_first, double beta, double weight,
                             double *value, float *gradient, sv_error *error);

/* The p-norm of all values by the number of values of one sample, in the same form. `p` is 1 or more; where it is infinite, the
 * largest value is meant, not the largest absolute one. */
sv_status sv_lp_norm(const float *image, const sv_shape *shape, double p, double weight, double *value, float *gradient,
                     sv_error *error);

/* Divides by the l2 norm of all `count` values, or by 1e-6 where that is less. */
sv_status sv_normalize_gradient(const float *gradient, size_t count, float *output, sv_error *error);

/* A step of RMSProp: mean_square = decay * mean_square + (1 - decay) * gradient^2, output = image - rate * gradient /
 * sqrt(mean_square + 1e-7). 0 <= `decay` < 1; `mean_square` is zeros before the first step. */
sv_status sv_rmsprop(const float *gradient, size_t count, double decay, double rate, float *mean_square, const float *image,
                     float *output, sv_error *error);

/* Moves along each axis by its entry of `offsets`. What leaves on one side comes in on the other, where the first and last place
 * count as one (scipy.ndimage.shift with mode="wrap", order=0). The buffers may not overlap. */
sv_status sv_shift(const float *input, const sv_shape *shape, const int64_t *offsets, float *output, sv_error *error);

/* Brings values of any scale into `low`..`high`: their mean to the middle, their deviation to a tenth of it, the rest clipped. */
sv_status sv_deprocess(const float *input, size_t count, double low, double high, float *output, sv_error *error);

#ifdef __cplusplus
}
#endif

#endif
