extension Model {
  /// The saliency maps of several filters of a layer, each as if alone, from one pass forward.
  ///
  /// - Parameters:
  ///   - image: as for `saliency`.
  ///   - filters: of the layer, in the order wanted; nil for all that it has.
  ///   - layer: a layer or node; nil for the model's first output.
  ///   - rule: how activations pass the gradient back.
  ///   - reduction: over the channels.
  ///   - options: threads, exactness and progress.
  ///   - body: called with each filter and its map, one after the other: they are held one at a time. What it throws ends the run, as with
  ///     a custom rule.
  /// - Throws: ``VisError``, as `saliency`.
  public func saliencyPerFilter<Sample>(
    of image: Image<Sample>, filters: [Int]? = nil, of layer: String? = nil, rule: BackwardRule = .plain,
    reduction: ChannelReduction = .maximum, options: RunOptions = RunOptions(),
    _ body: (_ filter: Int, _ map: Image<Float>) throws -> Void
  ) throws(VisError) {
    let input = try tensor(of: image)
    try asVisError {
      let inputNode = try onlyInput()
      let all = try Score(Target(layer: layer, filters: filters), in: self)
      guard let count = graph.nodes[all.node].shape[all.channelAxis] else {
        throw VisError(.invalidArgument, "'\(all.name)' has no known number of filters")
      }
      let chosen = filters ?? Array(0..<count)
      let wish = Run.Wish(cotangents: [all.node], gradients: [inputNode], backwardCount: chosen.count)
      try withRun([input], wish, rule: rule, options: options) { run in
        _ = try run.forward([input])
        let shape = try run.session.shape(of: all.name)
        for filter in chosen {
          let score = try Score(Target(layer: layer, filters: [filter]), in: self)
          let gradient = try run.backward([score.cotangent(shape: shape)])[0]
          let map = try SaliencyMap.of(gradient, channelAxis: graph.channelAxis(of: inputNode), reduction)
          try body(filter, Image(height: image.height, width: image.width, channels: 1, samples: map.values))
        }
      }
    }
  }
}
