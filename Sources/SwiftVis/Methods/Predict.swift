extension Model {
  /// Runs the network on one image.
  ///
  /// - Parameters:
  ///   - image: height, width and channels as the model takes them; a model with open sizes takes any. Bytes go in as 0...255: see
  ///     ``Image/scaled(to:)``.
  ///   - layer: a layer or node whose values are wanted; nil for the model's first output.
  ///   - options: threads, accuracy, progress.
  /// - Returns: the values, with a batch axis of 1: (1, classes) of a classifier.
  /// - Throws: ``VisError`` of kind `invalidArgument` for another size, an unknown layer, or a NaN or an infinity in the image;
  ///   `cancelled` where the task was cancelled.
  public func predict<Sample>(
    _ image: Image<Sample>, at layer: String? = nil, options: RunOptions = RunOptions()
  ) throws(VisError) -> Tensor {
    try predict(tensor(of: image), at: layer, options: options)
  }

  /// Runs the network on a batch.
  ///
  /// - Parameters:
  ///   - input: (N, ...), as the model's only input takes it.
  ///   - layer: a layer or node whose values are wanted; nil for the model's first output.
  ///   - options: threads, accuracy, progress.
  /// - Returns: the values, batch first.
  /// - Throws: ``VisError``, as `predict` of an image.
  public func predict(
    _ input: Tensor, at layer: String? = nil, options: RunOptions = RunOptions()
  ) throws(VisError) -> Tensor {
    let values = try predict([input], at: layer.map { [$0] }, options: options)
    guard let first = values.first else { throw VisError(.invalidModel, "the model has no output") }
    return first
  }

  /// Runs a network of any number of inputs.
  ///
  /// - Parameters:
  ///   - inputs: one for each input, in the model's order, all of one batch size.
  ///   - layers: layers or nodes whose values are wanted; nil for all outputs of the model.
  ///   - options: threads, accuracy, progress.
  /// - Returns: the values in the order of `layers`, batch first.
  /// - Throws: ``VisError``, as `predict` of an image.
  public func predict(
    _ inputs: [Tensor], at layers: [String]? = nil, options: RunOptions = RunOptions()
  ) throws(VisError) -> [Tensor] {
    try asVisError {
      let nodes = try layers?.map { try node(named: $0) } ?? graph.outputs
      return try withRun(inputs, Run.Wish(values: nodes), options: options) { try $0.forward(inputs) }
    }
  }
}
