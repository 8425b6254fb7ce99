"""Why layers of Keras that have no converter cannot be computed, by their class names."""

from __future__ import annotations

_CODE = "it runs code of another framework, which is never run"
_TEXT = "it turns text or categories into numbers, through which no gradient flows"
_PIXELS = "what it does to a picture depends on the whole picture's values, and has no gradient of use"
_SOUND = "it computes a spectrogram"
_CROP = "it crops at random; put CenterCrop in its place"
_INDEX = "it looks numbers up by integer inputs, through which no gradient flows"
_TIME = "recurrent layers are not supported"

REASONS: dict[str, str] = {
    **dict.fromkeys(("FlaxLayer", "JaxLayer", "TFSMLayer", "TorchModuleWrapper"), _CODE),
    **dict.fromkeys(
        (
            "CategoryEncoding", "Discretization", "HashedCrossing", "Hashing", "IntegerLookup", "StringLookup",
            "TextVectorization",
        ),
        _TEXT,
    ),
    **dict.fromkeys(("Embedding", "ReversibleEmbedding"), _INDEX),
    **dict.fromkeys(
        ("AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization", "Equalization", "Solarization"), _PIXELS
    ),
    **dict.fromkeys(("MelSpectrogram", "STFTSpectrogram"), _SOUND),
    **dict.fromkeys(
        (
            "Bidirectional", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "GRU", "GRUCell", "LSTM", "LSTMCell", "RNN",
            "SimpleRNN", "SimpleRNNCell", "StackedRNNCells",
        ),
        _TIME,
    ),
    "RandomCrop": _CROP,
    "Masking": "masks are not supported",
    "MaxNumBoundingBoxes": "it works on boxes, not on pictures",
    "Pipeline": "it holds layers that only prepare data; call them before the model",
    "LocallyConnected1D": "convolutions without shared weights are not supported",
    "LocallyConnected2D": "convolutions without shared weights are not supported",
    "DenseFeatures": _TEXT,
    "Layer": "it computes nothing by itself",
    "Wrapper": "it computes nothing by itself",
}  # fmt: skip


def reason(class_name: str) -> str:
    return REASONS.get(class_name, "this class of layer is not supported")
