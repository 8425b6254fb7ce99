// Images as the model's only input takes them, and back.

extension Model {
  /// An image with a batch axis of 1.
  func tensor<Sample>(of image: Image<Sample>) throws(VisError) -> Tensor {
    try asVisError {
      let node = graph.nodes[try onlyInput()]
      guard node.shape.count == 4 else {
        throw VisError(
          .invalidArgument, "input '\(node.name)' takes \(ShapeInference.text(node.shape)), which is no image: use a Tensor")
      }
      let isChannelsFirst = graph.channelAxis(of: 0) == 1
      let sizes = [image.height, image.width, image.channels]
      let shape = [1] + (isChannelsFirst ? [sizes[2], sizes[0], sizes[1]] : sizes)
      guard zip(node.shape, shape).allSatisfy({ $0 == nil || $0 == $1 }) else {
        throw VisError(
          .invalidArgument,
          "input '\(node.name)': expected \(ShapeInference.text(node.shape)), got an image with height \(image.height), "
            + "width \(image.width) and \(image.channels) channels")
      }
      let floats = Sample.floats(of: image.samples)
      guard isChannelsFirst else { return try Tensor(shape: shape, values: floats) }
      return try Tensor(shape: shape, values: floats.transposed(rows: sizes[0] * sizes[1]))
    }
  }

  /// The only sample of a tensor of the input's shape.
  func image(of tensor: Tensor) throws(VisError) -> Image<Float> {
    let isChannelsFirst = graph.channelAxis(of: 0) == 1
    let sizes = Array(tensor.shape.dropFirst())
    guard sizes.count == 3 else { throw VisError(.internal, "a tensor of shape \(tensor.shape) is no image") }
    guard isChannelsFirst else {
      return try Image(height: sizes[0], width: sizes[1], channels: sizes[2], samples: tensor.values)
    }
    return try Image(
      height: sizes[1], width: sizes[2], channels: sizes[0], samples: tensor.values.transposed(rows: sizes[0]))
  }
}

extension [Float] {
  /// A matrix of `rows` rows with rows and columns exchanged.
  fileprivate func transposed(rows: Int) -> [Float] {
    let columns = count / Swift.max(rows, 1)
    return [Float](unsafeUninitializedCapacity: count) { target, initialized in
      for row in 0..<rows {
        for column in 0..<columns { target.initializeElement(at: column * rows + row, to: self[row * columns + column]) }
      }
      initialized = count
    }
  }
}
