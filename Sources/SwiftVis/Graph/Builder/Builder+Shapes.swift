// The same values in another shape, and parts of them.

extension Graph.Builder {
  /// The values in another shape, which is without the batch axis; one size may be -1.
  public mutating func reshape(_ input: Value, to shape: [Int], name: String? = nil) -> Value {
    layer("Reshape", .reshape(shape), [input], name: name)
  }

  /// All values of a sample in one axis.
  public mutating func flatten(_ input: Value, name: String? = nil) -> Value {
    layer("Flatten", .reshape([-1]), [input], name: name)
  }

  /// The axes in another order. `axes` names every one once, and the batch, 0, first.
  public mutating func permute(_ input: Value, axes: [Int], name: String? = nil) -> Value {
    layer("Permute", .permute(axes), [input], name: name)
  }

  /// Two or more tensors side by side.
  ///
  /// - Parameters:
  ///   - inputs: of the layer.
  ///   - axis: not the batch; counted from the end where it is negative. The other sizes are equal.
  ///   - name: of the layer; one is made where it is nil.
  public mutating func concatenate(_ inputs: [Value], axis: Int = -1, name: String? = nil) -> Value {
    layer("Concatenate", .concatenate(axis: axis), inputs, name: name)
  }

  /// A part of a tensor. `ranges` has one for every axis but the batch.
  public mutating func slice(_ input: Value, _ ranges: [SliceRange], name: String? = nil) -> Value {
    layer("Slice", .slice(ranges), [input], name: name)
  }

  /// Places of one axis, in any order and number.
  ///
  /// - Parameters:
  ///   - input: of the layer.
  ///   - axis: not the batch; counted from the end where it is negative.
  ///   - indices: not negative.
  ///   - name: of the layer; one is made where it is nil.
  public mutating func gather(_ input: Value, axis: Int, indices: [Int], name: String? = nil) -> Value {
    layer("Gather", .gather(axis: axis, indices: indices), [input], name: name)
  }
}
