"""The errors swiftvis raises; all are also the built-in kinds that callers expect."""


class SwiftvisError(RuntimeError):
    """The engine could not do what was asked."""


class ModelError(ValueError):
    """A model file is damaged, or is not a model."""


class UnsupportedModelError(ModelError):
    """A model file is sound but holds something swiftvis cannot compute."""
