extension Model {
  /// The gradient of a target's score with respect to the image (Simonyan et al. 2013, arXiv:1312.6034): what a small change of
  /// each sample would do to it.
  ///
  /// - Parameters:
  ///   - image: as for `predict`.
  ///   - target: the score. Set a softmax output aside: a map of the layer before it shows what speaks for a class and not what
  ///     speaks against the others.
  ///   - rule: how activations pass the gradient back.
  ///   - options: threads, accuracy, progress.
  /// - Returns: an image of the same size, signed and not normalized.
  /// - Throws: ``VisError`` of kind `invalidArgument` for another size, an unknown layer, a filter out of range, a rule for what is no
  ///   activation, a target that does not depend on the image, or a NaN or an infinity in it; `cancelled` where the task was
  ///   cancelled; `callbackFailed` where a custom rule threw.
  public func gradient<Sample>(
    of image: Image<Sample>, target: Target = .mean, rule: BackwardRule = .plain, options: RunOptions = RunOptions()
  ) throws(VisError) -> Image<Float> {
    try self.image(of: gradient(of: tensor(of: image), target: target, rule: rule, options: options))
  }

  /// The gradient at a layer: of each sample's own score with respect to that layer's output.
  ///
  /// - Parameters:
  ///   - input: a batch (N, ...), as the model's only input takes it.
  ///   - target: the score, as for an image.
  ///   - layer: a layer or node that leads to the target; nil for the input.
  ///   - rule: how activations pass the gradient back.
  ///   - options: threads, accuracy, progress.
  /// - Returns: a tensor of the shape of the layer's output, signed and not normalized. Each sample's gradient is its own, whatever
  ///   else is in the batch.
  /// - Throws: ``VisError``, as `gradient` of an image.
  public func gradient(
    of input: Tensor, target: Target = .mean, at layer: String? = nil, rule: BackwardRule = .plain,
    options: RunOptions = RunOptions()
  ) throws(VisError) -> Tensor {
    try asVisError {
      let wanted = try layer.map { try node(named: $0) } ?? onlyInput()
      let score = try Score(target, in: self)
      return try run([input], score: score, gradients: [wanted], rule: rule, options: options).gradients[0]
    }
  }

  /// The gradient with respect to each input of a network of any number of them.
  ///
  /// - Parameters:
  ///   - inputs: one for each input, in the model's order, all of one batch size.
  ///   - target: the score, as for an image.
  ///   - rule: how activations pass the gradient back.
  ///   - options: threads, accuracy, progress.
  /// - Returns: a tensor of the shape of each input.
  /// - Throws: ``VisError``, as `gradient` of an image; also where the target does not depend on all inputs.
  public func gradient(
    of inputs: [Tensor], target: Target = .mean, rule: BackwardRule = .plain, options: RunOptions = RunOptions()
  ) throws(VisError) -> [Tensor] {
    try asVisError {
      let score = try Score(target, in: self)
      let wanted = Array(0..<graph.inputCount)
      return try run(inputs, score: score, gradients: wanted, rule: rule, options: options).gradients
    }
  }

  /// The gradient for losses of your own: a vector-Jacobian product, of which all other methods are made.
  ///
  /// Take the layers' values from `predict(_:at:)`, compute the loss and its derivative with respect to them, and carry that back.
  ///
  /// - Parameters:
  ///   - inputs: one for each input, in the model's order, all of one batch size.
  ///   - cotangents: the derivative of the loss with respect to the output of layers or nodes, by name; each of its output's shape.
  ///   - layer: a layer or node that leads to all of them; nil for the model's first input.
  ///   - rule: how activations pass the gradient back.
  ///   - options: threads, exactness and progress.
  /// - Returns: a tensor of the shape of the layer's output: the sum of (d output / d layer)ᵀ cotangent.
  /// - Throws: ``VisError``, as `gradient` of an image; `invalidArgument` also where a cotangent has another shape.
  public func gradient(
    of inputs: [Tensor], cotangents: [String: Tensor], at layer: String? = nil, rule: BackwardRule = .plain,
    options: RunOptions = RunOptions()
  ) throws(VisError) -> Tensor {
    try asVisError {
      let wanted = try layer.map { try node(named: $0) } ?? 0
      let sorted = cotangents.sorted { $0.key < $1.key }
      let wish = Run.Wish(cotangents: try sorted.map { try node(named: $0.key) }, gradients: [wanted])
      return try withRun(inputs, wish, rule: rule, options: options) { run in
        for (name, cotangent) in sorted {
          let shape = try run.session.shape(of: graph.nodes[node(named: name)].name)
          guard cotangent.shape == shape else {
            throw VisError(.invalidArgument, "the cotangent of '\(name)' has shape \(cotangent.shape), expected \(shape)")
          }
        }
        _ = try run.forward(inputs)
        return try run.backward(sorted.map(\.value))[0]
      }
    }
  }
}
