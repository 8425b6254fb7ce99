"""What importers of traced programs share: a graph built in the source's terms, for one sample."""

from swiftvis.importers.program.core import Node, Refusal, Undetermined, Value, known
from swiftvis.importers.program.normalization import Normalization
from swiftvis.importers.program.pooling import Pooling
from swiftvis.importers.program.products import Products
from swiftvis.importers.program.resampling import Resampling

__all__ = ["Node", "Program", "Refusal", "Undetermined", "Value", "known"]


class Program(Normalization, Pooling, Products, Resampling):
    """A graph under construction. Each method takes and gives `Value`s in the source's terms (channels first, its axes,
    NumPy's broadcasting), emits engine nodes, and computes at once what depends on constants alone."""
