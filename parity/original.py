"""Runs the original keras-vis 0.4.1 (Python 3.6, Keras 2.1, TensorFlow 1.7) on networks of its own.

python original.py FOLDER writes a trained file NAME.h5 and the results NAME.npz of each network. The keys of an .npz are the
calls, which compare_original.py repeats with swiftvis.
"""

import os
import sys

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import layers as L
from vis.losses import ActivationMaximization
from vis.optimizer import Optimizer
from vis.visualization import visualize_activation, visualize_cam, visualize_saliency

NONE = "none"


def plain():
    """Convolutions, pooling, dropout and dense layers."""
    x = inputs = L.Input((40, 36, 3))
    for channels in (8, 12):
        x = L.Conv2D(channels, 3, padding="same", activation="relu")(x)
        x = L.Conv2D(channels, 3, activation="relu")(x)
        x = L.MaxPooling2D()(x)
    x = L.Dropout(0.5)(L.Dense(24, activation="relu")(L.Flatten()(x)))
    return keras.models.Model(inputs, L.Dense(6)(x))


def residual():
    """Normalization, sums, concatenation, leaky and exponential units, and a mean over positions."""
    inputs = L.Input((33, 29, 3))
    x = L.ZeroPadding2D((2, 1))(inputs)
    x = L.Activation("relu")(L.BatchNormalization()(L.Conv2D(10, 5, strides=2, use_bias=False)(x)))
    y = L.LeakyReLU(0.2)(L.BatchNormalization()(L.SeparableConv2D(10, 3, padding="same")(x)))
    x = L.add([x, L.Conv2D(10, 1, activation="elu")(y)])
    x = L.concatenate([x, L.AveragePooling2D(3, strides=1, padding="same")(x)])
    x = L.Conv2D(16, 3, activation="tanh")(x)
    return keras.models.Model(inputs, L.Dense(5)(L.GlobalAveragePooling2D()(x)))


def rectified():
    """ReLU everywhere, for which alone 0.4.1's guided rule is the published one."""
    return keras.models.Sequential(
        [
            L.Conv2D(6, 5, activation="relu", input_shape=(28, 28, 1)),
            L.Conv2D(8, 3, strides=2, activation="relu"),
            L.Flatten(),
            L.Dense(16, activation="relu"),
            L.Dense(3, activation="relu"),
        ]
    )


def randomized(model, random):
    """Weights of a trained network's size; the last biases keep every output active."""
    weights = []
    for array in model.get_weights():
        if array.ndim > 1:
            weights.append(random.normal(0, 1.3 / np.sqrt(array[..., 0].size), array.shape))
        else:
            weights.append(random.uniform(0.3, 1.2, array.shape))
    weights[-1] += 2
    model.set_weights(weights)
    return model


def raw_gradient(model, layer, filters, image):
    losses = [(ActivationMaximization(model.layers[layer], filters), -1)]
    return Optimizer(model.input, losses, norm_grads=False).minimize(image, max_iter=1, verbose=False)[1]


def results(name, model, image):
    found = {"input": image, "predict": model.predict(image[None])}
    last = len(model.layers) - 1
    for filters in (0, 2, [0, 1]):
        found[f"raw|{last}|{filters}"] = raw_gradient(model, last, filters, image)
        for modifier in ("absolute", "relu", "negate"):
            found[f"saliency|{last}|{filters}|{modifier}|{NONE}"] = visualize_saliency(
                model, last, filters, image, grad_modifier=modifier
            )
        found[f"cam|{last}|{filters}"] = visualize_cam(model, last, filters, image)
    found["raw|1|1"] = raw_gradient(model, 1, 1, image)
    found[f"activation|{last}|1"] = visualize_activation(
        model, last, 1, seed_input=image * 255, max_iter=6, tv_weight=1.0, lp_norm_weight=1.0
    )
    if name == "rectified":
        for rule in ("guided", "relu"):
            found[f"saliency|{last}|0|absolute|{rule}"] = visualize_saliency(model, last, 0, image, rule)
    return found


def main(folder):
    for seed, build in enumerate((plain, residual, rectified)):
        random = np.random.RandomState(seed)
        model = randomized(build(), random)
        image = random.uniform(0, 1, model.input_shape[1:]).astype(np.float32)
        model.save(os.path.join(folder, build.__name__ + ".h5"))
        np.savez(os.path.join(folder, build.__name__ + ".npz"), **results(build.__name__, model, image))


if __name__ == "__main__":
    main(sys.argv[1])
