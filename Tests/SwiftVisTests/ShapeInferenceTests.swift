import Testing

@testable import SwiftVis

private func zeros(_ shape: [Int]) throws -> Weights {
  try Weights(shape: shape, values: Array(repeating: 0, count: shape.reduce(1, *)))
}

private func infer(_ operation: SwiftVis.Operation, _ inputs: [Int?]..., weights: [String: [Int]] = [:]) throws -> [Int?] {
  try ShapeInference.shape(of: operation, inputs: inputs, weights: weights.mapValues { try zeros($0) }, node: "x")
}

private func convolution(
  strides: Int = 1, dilations: Int = 1, groups: Int = 1, padding: Padding = .valid
) -> Convolution2DAttributes {
  var attributes = Convolution2DAttributes()
  attributes.strides = Extent2D(strides, strides)
  attributes.dilations = Extent2D(dilations, dilations)
  attributes.groups = groups
  attributes.padding = padding
  return attributes
}

@Suite struct ShapeInferenceTests {
  /// Sizes along one axis as TensorFlow gives them.
  @Test(arguments: [
    (7, 3, 1, 1, 7, 1, 1), (7, 3, 2, 1, 4, 1, 1), (8, 3, 2, 1, 4, 0, 1), (5, 2, 1, 1, 5, 0, 1), (5, 3, 1, 2, 5, 2, 2),
    (4, 1, 3, 1, 2, 0, 0), (2, 7, 4, 1, 1, 2, 3),
  ])
  func samePadding(input: Int, kernel: Int, stride: Int, dilation: Int, output: Int, before: Int, after: Int) throws {
    let axis = try WindowAxis(input: input, kernel: kernel, stride: stride, dilation: dilation, edges: .same)
    #expect([axis.output, axis.before, axis.after] == [output, before, after])
  }

  @Test func convolutions() throws {
    let kernel = ["kernel": [3, 2, 4, 8], "bias": [8]]
    #expect(try infer(.convolution(convolution()), [2, 7, 7, 4], weights: kernel) == [2, 5, 6, 8])
    #expect(try infer(.convolution(convolution(strides: 2, dilations: 2)), [2, 8, 8, 4], weights: kernel) == [2, 2, 3, 8])
    #expect(try infer(.convolution(convolution(groups: 2)), [nil, nil, 7, 8], weights: kernel) == [nil, nil, 6, 8])
    #expect(try infer(.convolution(convolution()), [nil, nil, nil, nil], weights: kernel) == [nil, nil, nil, 8])
    let uneven = Padding.explicit(vertical: EdgePair(1, 2), horizontal: EdgePair(0, 3))
    #expect(try infer(.convolution(convolution(padding: uneven)), [1, 5, 5, 4], weights: kernel) == [1, 6, 7, 8])
    #expect(
      try infer(.depthwiseConvolution(convolution(padding: .same)), [1, 5, 5, 4], weights: ["kernel": [3, 3, 4, 2]])
        == [1, 5, 5, 8])
  }

  /// Output sizes of Keras's Conv2DTranspose: (input, kernel, stride, dilation, output padding), then the 'valid' size, the
  /// 'same' size, and the padding of the 'same' convolution that it mirrors.
  @Test(arguments: [
    (5, 3, 2, 1, nil as Int?, 11, 10, 0), (5, 2, 3, 1, nil, 15, 15, 0), (5, 4, 2, 1, nil, 12, 10, 1),
    (5, 3, 1, 1, nil, 7, 5, 1), (5, 3, 1, 2, nil, 9, 5, 2), (5, 3, 2, 1, 0, 11, 9, 1), (5, 3, 2, 1, 1, 12, 10, 0),
  ])
  func transposedConvolutions(
    input: Int, kernel: Int, stride: Int, dilation: Int, outputPadding: Int?, valid: Int, same: Int, before: Int
  ) throws {
    func axis(_ edges: WindowAxis.Edges) throws -> WindowAxis {
      try WindowAxis(
        transposing: input, kernel: kernel, stride: stride, dilation: dilation, edges: edges, outputPadding: outputPadding)
    }
    #expect(try axis(.valid).output == valid)
    #expect(try axis(.valid).before == 0)
    #expect(try axis(.same).output == same)
    #expect(try axis(.same).before == before)
    let explicit = try axis(.explicit(EdgePair(1, 0)))
    #expect(explicit.output == (input - 1) * stride + (kernel - 1) * dilation + 1 - 1 + (outputPadding ?? 0))
    #expect(explicit.before == 1)
  }

  @Test func resolvedWindows() throws {
    var pool = Pool2DAttributes(kind: .max)
    pool.padding = .same
    let window = try ShapeInference.window(of: .pool(pool), input: [1, 5, 4, 3], weights: [:], node: "x")
    #expect(window == ResolvedWindow(top: 0, left: 0, bottom: 1, right: 0, output: Extent2D(3, 2)))
    #expect(try ShapeInference.window(of: .softmax, input: [1, 5, 4, 3], weights: [:], node: "x") == nil)
    let mirrored = try ShapeInference.window(
      of: .transposedConvolution(convolution(strides: 3), outputPadding: nil), input: [1, 2, 2, 4],
      weights: ["kernel": try zeros([2, 2, 1, 4])], node: "x")
    #expect(mirrored == ResolvedWindow(top: 0, left: 0, bottom: -1, right: -1, output: Extent2D(6, 6)))
  }

  @Test func movement() throws {
    #expect(try infer(.dense, [nil, 6, 4], weights: ["kernel": [4, 7]]) == [nil, 6, 7])
    #expect(try infer(.reduce(.mean, axes: [1, 2], keepDims: false), [nil, nil, 5, 4]) == [nil, 4])
    #expect(try infer(.reduce(.max, axes: [2], keepDims: true), [nil, 3, nil, 4]) == [nil, 3, 1, 4])
    #expect(try infer(.pad([EdgePair(1, 2), EdgePair(-1, -2), EdgePair(0, 0)]), [1, nil, 8, 4]) == [1, nil, 5, 4])
    #expect(try infer(.resize(ResizeAttributes(target: .scale(Extent2D(2, 3)))), [1, 4, nil, 2]) == [1, 8, nil, 2])
    #expect(try infer(.resize(ResizeAttributes(target: .size(Extent2D(2, 3)))), [1, 4, nil, 2]) == [1, 2, 3, 2])
    #expect(try infer(.reshape([-1, 6]), [nil, 4, 3]) == [nil, 2, 6])
    #expect(try infer(.reshape([-1]), [2, nil, 3]) == [2, nil])
    #expect(try infer(.reshape([]), [2, 1]) == [2])
    #expect(try infer(.permute([0, 3, 1, 2]), [nil, 4, 5, 6]) == [nil, 6, 4, 5])
    #expect(try infer(.concatenate(axis: 1), [nil, 2, 3], [4, 5, nil], [4, 1, 3]) == [4, 8, 3])
    #expect(try infer(.concatenate(axis: 1), [nil, nil, 3], [nil, 5, 3]) == [nil, nil, 3])
  }

  @Test func merging() throws {
    #expect(try infer(.merge(.add), [nil, 4, 5, 6], [nil, 1, nil, 6]) == [nil, 4, 5, 6])
    #expect(try infer(.merge(.multiply), [nil, nil, 1], [3, 1, 1]) == [3, nil, 1])
    #expect(throws: VisError.self) { try infer(.merge(.add), [2, 4], [1, 4]) }
    #expect(throws: VisError.self) { try infer(.merge(.add), [2, 4], [2, 4, 1]) }
    #expect(throws: VisError.self) { try infer(.merge(.add), [2, 4], [2, 3]) }
  }

  @Test func weightsOfChannels() throws {
    #expect(try infer(.affine, [nil, 4], weights: ["scale": [1], "offset": [4]]) == [nil, 4])
    #expect(try infer(.layerNormalization(epsilon: 0), [nil, 4], weights: ["scale": [4]]) == [nil, 4])
    #expect(throws: VisError.self) { try infer(.layerNormalization(epsilon: 0), [nil, 4], weights: ["scale": [1]]) }
    #expect(throws: VisError.self) { try infer(.affine, [nil, nil], weights: ["scale": [3], "offset": [4]]) }
    #expect(try infer(.prelu, [nil, 4, nil, 3], weights: ["alpha": [1, 1, 3]]) == [nil, 4, nil, 3])
    #expect(throws: VisError.self) { try infer(.prelu, [nil, 4, 4, 3], weights: ["alpha": [2, 4, 3]]) }
    #expect(throws: VisError.self) { try infer(.softmax, [nil]) }
  }

  @Test func refusesInputShapes() throws {
    let model = try Model(
      description: GraphDecodingTests.tiny, weights: try GraphDecodingTests.tinyWeights.mapValues { try zeros($0) })
    let shapes = try ShapeInference.shapes(of: model.graph, inputShapes: [[2, 32, 32, 3]])
    #expect(shapes == [[2, 32, 32, 3], [2, 16, 16, 8], [2, 16, 16, 8], [2, 8]])
    let wrong: [([[Int]], String)] = [
      ([], "the model has 1 inputs, got shapes for 0"), ([[2, 32, 32]], "input 'image': expected shape (?, 32, 32, 3)"),
      ([[2, 32, 31, 3]], "got (2, 32, 31, 3)"), ([[0, 32, 32, 3]], "size 0"), ([[-1, 32, 32, 3]], "size -1"),
      ([[Int.min, 32, 32, 3]], "size -9"), ([[Int.max, 32, 32, 3]], "too large"),
      ([[2_000_000_000, 32, 32, 3]], "too large"),
    ]
    for (inputShapes, message) in wrong {
      let error = try #require(throws: VisError.self) {
        try ShapeInference.shapes(of: model.graph, inputShapes: inputShapes)
      }
      #expect(error.kind == .invalidArgument || error.kind == .outOfMemory)
      #expect(error.message.contains(message), "\(error.message)")
    }
  }

  @Test func namesTheLayerThatIsTooLargeForTheImage() throws {
    let nodes = #"""
      {"format": "swiftvis", "version": 1, "inputs": [{"name": "image", "shape": [null, null, null, 1]}], "nodes": [
        {"name": "big", "op": "max_pool2d", "inputs": ["image"], "attributes": {"pool_size": [3, 3]}}], "outputs": ["big"]}
      """#
    let model = try Model(description: nodes, weights: [:])
    let error = try #require(throws: VisError.self) {
      try ShapeInference.shapes(of: model.graph, inputShapes: [[1, 4, 2, 1]])
    }
    #expect(error.kind == .invalidArgument)
    #expect(error.message == "max_pool2d 'big': the image is too small: width 2 is smaller than the window's 3")
  }

  @Test func refusesImpossibleWeights() throws {
    #expect(throws: VisError.self) { try Weights(shape: [2, 2], values: [1, 2, 3]) }
    #expect(throws: VisError.self) { try Weights(shape: [-1], values: []) }
    #expect(throws: VisError.self) { try Weights(shape: [0], values: []) }
    #expect(throws: VisError.self) { try Weights(shape: [Int.max, Int.max], values: []) }
    #expect(throws: VisError.self) { try Weights(shape: [1 << 20, 1 << 20], values: []) }
    #expect(try Weights(shape: [], values: [1]).count == 1)
  }
}
