from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import swiftvis
from swiftvis.utils import utils
from swiftvis.visualization import get_num_filters, overlay


def test_reverse_enumerate() -> None:
    assert list(utils.reverse_enumerate("abcde")) == [(4, "e"), (3, "d"), (2, "c"), (1, "b"), (0, "a")]


def test_listify() -> None:
    kept = [1, 2]
    assert utils.listify(kept) is kept
    assert utils.listify(None) == [None]
    assert utils.listify(3) == [3]
    assert utils.listify((1, 2)) == [1, 2]
    assert utils.listify(np.array([1, 2])) == [1, 2]
    assert utils.listify("ab") == ["ab"]


def test_add_defaults_to_kwargs() -> None:
    defaults = {"a": 1, "b": 2}
    assert utils.add_defaults_to_kwargs(defaults, b=3, c=4) == {"a": 1, "b": 3, "c": 4}
    assert defaults == {"a": 1, "b": 2}


def test_apply_modifications_leaves_the_model_alone(cnn: swiftvis.Model, image: np.ndarray) -> None:
    before = cnn.predict(image)
    cnn.layers[-1].activation = "linear"
    linear = utils.apply_modifications(cnn)
    np.testing.assert_array_equal(cnn.predict(image), before)
    logits = linear.predict(image)
    np.testing.assert_allclose(np.exp(logits) / np.exp(logits).sum(), before, rtol=1e-4)
    assert linear.layers[-1].activation == "linear"


def test_activation_by_function(cnn: swiftvis.Model) -> None:
    def sigmoid() -> None: ...

    cnn.layers[-1].activation = sigmoid
    assert utils.apply_modifications(cnn).layers[-1].activation == "sigmoid"
    cnn.layers[-1].activation = None
    assert cnn.layers[-1].activation == "linear"


def test_find_layer_idx(cnn: swiftvis.Model) -> None:
    assert utils.find_layer_idx(cnn, "predictions") == len(cnn.layers) - 1
    with pytest.raises(ValueError, match="No layer with name 'nope' within the model"):
        utils.find_layer_idx(cnn, "nope")


def test_random_array() -> None:
    found = utils.random_array((40, 50), mean=10, std=2)
    assert found.shape == (40, 50) and utils.random_array(7).shape == (7,)
    np.testing.assert_allclose([found.mean(), found.std()], [10, 2], rtol=1e-5)


def test_normalize() -> None:
    found = utils.normalize(np.array([1, 2, 3], np.float32))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [0, 0.5, 1], atol=1e-6)
    np.testing.assert_allclose(utils.normalize(np.arange(3), -1, 1), [-1, 0, 1], atol=1e-6)
    assert utils.normalize(np.full(4, 7.0)).tolist() == [0, 0, 0, 0]
    spread = np.float32(1e-7)  # the epsilon shows
    np.testing.assert_allclose(utils.normalize(np.array([0, spread])), [0, 0.5])


def test_deprocess_input() -> None:
    x = np.random.default_rng(0).normal(3, 9, (8, 8, 3))
    found = utils.deprocess_input(x)
    expected = np.clip((x - x.mean()) / (x.std() + 1e-7) * 0.1 + 0.5, 0, 1)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected * 255, atol=1e-4)  # the picture is float32
    np.testing.assert_allclose(utils.deprocess_input(x, (-1, 1)), expected * 2 - 1, atol=1e-6)
    assert (utils.deprocess_input(np.full((2, 3), 7)) == np.full((2, 3), 127.5)).all()
    assert np.isnan(utils.deprocess_input([1, np.nan])).all()
    for wrong in ((1, 1), (1, 0), (0, np.inf), (np.nan, 1)):
        with pytest.raises(ValueError, match="low"):
            utils.deprocess_input(x, wrong)


def test_get_img_shape() -> None:
    image = np.zeros((2, 8, 9, 3))
    assert utils.get_img_shape(image) == (2, 3, 8, 9)
    assert utils.get_img_shape(image.transpose(0, 3, 1, 2), "channels_first") == (2, 3, 8, 9)
    assert utils.get_img_shape(np.zeros((2, 4, 8, 9, 3))) == (2, 3, 4, 8, 9)


def test_get_img_shape_of_a_tensor(cnn: swiftvis.Model) -> None:
    assert utils.get_img_shape(cnn.input) == (None, 3, 32, 32)


def test_slicer_and_bgr2rgb() -> None:
    image = np.arange(24).reshape(1, 2, 4, 3)
    np.testing.assert_array_equal(image[utils.slicer[:, 1, ...]], image[..., 1])
    np.testing.assert_array_equal(utils.bgr2rgb(image), image[..., ::-1])


def test_slicer_knows_the_format_of_a_tensor(make) -> None:
    first = make([None, 5, 8, 9], [make.node("r", "relu", ["x"])], data_format="channels_first")
    last = make([None, 8, 9, 5], [make.node("r", "relu", ["x"])])
    for model in (first, last):
        assert model.layers[0].output[utils.slicer[:, 2, ...]].shape == (None, 8, 9)
        assert model.input[utils.slicer[:, 1:3, ...]].shape[model.input.channel_axis] == 2


def test_set_random_seed() -> None:
    utils.set_random_seed()
    first = utils.random_array(5)
    utils.set_random_seed(1337)
    np.testing.assert_array_equal(utils.random_array(5), first)
    utils.set_random_seed(1)
    assert not np.array_equal(utils.random_array(5), first)


def test_stitch_images() -> None:
    images = [np.full((2, 3, 1), i + 1, np.uint8) for i in range(3)]
    sheet = utils.stitch_images(images, margin=1, cols=2)
    assert sheet.shape == (5, 7, 1) and sheet.dtype == np.uint8
    assert sheet[..., 0].tolist()[0] == [1, 1, 1, 0, 2, 2, 2]
    assert sheet[..., 0].tolist()[2] == [0] * 7
    assert sheet[..., 0].tolist()[4] == [3, 3, 3, 0, 0, 0, 0]
    assert utils.stitch_images([]) is None


def test_load_img(tmp_path: Path) -> None:
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[:, 3:] = 200
    Image.fromarray(pixels).save(tmp_path / "a.png")
    np.testing.assert_array_equal(utils.load_img(tmp_path / "a.png"), pixels)
    assert utils.load_img(tmp_path / "a.png", target_size=(8, 3)).shape == (8, 3, 3)
    gray = utils.load_img(tmp_path / "a.png", grayscale=True, target_size=(4, 6))
    assert gray.shape == (4, 6) and gray.dtype == np.uint8 and gray.max() == 200


def test_load_img_is_upright(tmp_path: Path) -> None:
    image = Image.fromarray(np.zeros((4, 6, 3), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.jpg", exif=exif)
    assert utils.load_img(tmp_path / "turned.jpg").shape == (6, 4, 3)


@pytest.mark.parametrize("shape", [(40, 120, 3), (40, 120)])
def test_draw_text(shape: tuple[int, ...]) -> None:
    image = np.full(shape, 255, np.uint8)
    found = utils.draw_text(image, "espresso", position=(5, 5), font_size=20)
    assert found.shape == shape and found.dtype == np.uint8
    assert found.min() < 100 and image.min() == 255


def test_lookup_imagenet_labels() -> None:
    assert utils.lookup_imagenet_labels(967) == ["espresso"]
    assert utils.lookup_imagenet_labels([0, 1]) == ["tench", "goldfish"]
    assert utils.lookup_imagenet_labels(np.array([967])) == ["espresso"]
    for wrong in (1000, -1, [0, 2**70]):
        with pytest.raises(ValueError, match="1000 classes"):
            utils.lookup_imagenet_labels(wrong)
    for wrong in (1.5, "1", None, [True]):
        with pytest.raises(TypeError, match="integer"):
            utils.lookup_imagenet_labels(wrong)


def test_overlay_truncates_and_keeps_the_first_dtype() -> None:
    a, b = np.full((2, 2), 255, np.uint8), np.full((2, 2), 200, np.uint8)
    assert overlay(a, b).tolist() == [[227, 227], [227, 227]]
    assert overlay(a, b.astype("f"), 1).dtype == np.uint8
    for alpha in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="alpha"):
            overlay(a, b, alpha)
    with pytest.raises(ValueError, match="shapes"):
        overlay(a, b[:1])


def test_get_num_filters(cnn: swiftvis.Model) -> None:
    assert get_num_filters(cnn.get_layer("stem")) == 16
    assert get_num_filters(cnn.layers[-1]) == 5
