/* network.h: the 4x4 network of Captum's guided backpropagation tests; its gradients are known.
 * Convolution 3x3 of ones to two filters, bias -50 and -75; ReLU; Dense 8 -> 4, in which feature i (channels first) has
 * weight 1 for i < 5 and -1 for the others; ReLU. */
#ifndef NETWORK_H
#define NETWORK_H

#include "swiftvis.h"

static const char description[] =
    "{\"format\": \"swiftvis\", \"version\": 1, \"name\": \"captum\","
    " \"inputs\": [{\"name\": \"image\", \"shape\": [null, 4, 4, 1]}],"
    " \"nodes\": ["
    "  {\"name\": \"conv\", \"op\": \"conv2d\", \"inputs\": [\"image\"],"
    "   \"weights\": {\"kernel\": \"conv/kernel\", \"bias\": \"conv/bias\"}},"
    "  {\"name\": \"relu1\", \"op\": \"relu\", \"inputs\": [\"conv\"]},"
    "  {\"name\": \"flat\", \"op\": \"reshape\", \"inputs\": [\"relu1\"], \"attributes\": {\"shape\": [-1]}},"
    "  {\"name\": \"fc\", \"op\": \"dense\", \"inputs\": [\"flat\"], \"weights\": {\"kernel\": \"fc/kernel\"}},"
    "  {\"name\": \"relu2\", \"op\": \"relu\", \"inputs\": [\"fc\"]}],"
    " \"outputs\": [\"relu2\"], \"layers\": []}";

static const float image[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
static const float one_hot[4] = {1, 0, 0, 0};

static const float plain_gradient[16] = {0, 1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 0};
static const float guided_gradient[16] = {0, 1, 1, 1, 1, 3, 3, 2, 1, 3, 3, 2, 1, 2, 2, 1};
static const float rectified_gradient[16] = {2, 3, 3, 1, 3, 5, 5, 2, 3, 5, 5, 2, 1, 2, 2, 1};

static float conv_kernel[18], conv_bias[2] = {-50, -75}, fc_kernel[32];

static void make_tensors(sv_tensor tensors[3]) {
  for (int i = 0; i < 18; i++) conv_kernel[i] = 1;
  for (int pixel = 0; pixel < 4; pixel++)
    for (int channel = 0; channel < 2; channel++)
      for (int unit = 0; unit < 4; unit++)
        fc_kernel[(pixel * 2 + channel) * 4 + unit] = channel * 4 + pixel < 5 ? 1.0f : -1.0f;
  const sv_tensor kernel = {"conv/kernel", conv_kernel, 18, {4, {3, 3, 1, 2}}};
  const sv_tensor bias = {"conv/bias", conv_bias, 2, {1, {2}}};
  const sv_tensor dense = {"fc/kernel", fc_kernel, 32, {2, {8, 4}}};
  tensors[0] = kernel;
  tensors[1] = bias;
  tensors[2] = dense;
}

static sv_status make_model(sv_model **model, sv_error *error) {
  sv_tensor tensors[3];
  make_tensors(tensors);
  return sv_model_create(description, sizeof description - 1, tensors, 3, model, error);
}

/* "The gradient of relu2 at the image by this rule, and relu2's value." The lists live as long as the program. */
static sv_question make_question(sv_rule rule) {
  static const sv_shape shape = {4, {1, 4, 4, 1}};
  static const char *const target = "relu2", *const source = "image";
  sv_question question;
  memset(&question, 0, sizeof question);
  question.struct_size = sizeof question;
  question.input_shapes = &shape;
  question.input_count = 1;
  question.values = &target;
  question.value_count = 1;
  question.cotangents = &target;
  question.cotangent_count = 1;
  question.gradients = &source;
  question.gradient_count = 1;
  question.rule = rule;
  question.threads = 2;
  return question;
}

/* Forward and backward; `value` has 4 floats, `gradient` 16. */
static sv_status run(sv_session *session, float *value, float *gradient, sv_error *error) {
  const sv_const_buffer input = {image, 16}, cotangent = {one_hot, 4};
  const sv_buffer values = {value, 4}, gradients = {gradient, 16};
  const sv_status status = sv_session_forward(session, &input, 1, &values, 1, error);
  return status != SV_OK ? status : sv_session_backward(session, &cotangent, 1, &gradients, 1, error);
}

#endif
