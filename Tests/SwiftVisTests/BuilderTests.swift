#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif
import Testing

@testable import SwiftVis

/// Networks made in code.
@Suite struct BuilderTests {
  private typealias Builder = Graph.Builder
  private typealias Tensor = SwiftVis.Tensor

  private func tensor(_ shape: [Int], seed: Int = 1, scale: Double = 1) throws -> Tensor {
    var random = SeededGenerator(UInt64(seed))
    return try Tensor(shape: shape, values: random.tensor(shape, scale: scale).floats)
  }

  /// Nearly every method once, to be compared with the reference.
  private func network() throws -> Model {
    var network = Builder(name: "all", classes: ["a", "b", "c"])
    let image = network.input("image", shape: [nil, 8, 7, 3])
    var x = network.convolution(
      image, kernel: try tensor([3, 3, 3, 6], scale: 0.3), bias: try tensor([6]), padding: .same, activation: .relu,
      name: "conv")
    let right = network.convolution(x, kernel: try tensor([1, 1, 3, 6], seed: 2), groups: 2)
    x = network.average([network.add([x, right]), network.maximum([x, right]), network.minimum([x, right])])
    x = network.batchNormalization(
      x, gamma: try tensor([6]), mean: try tensor([6], seed: 3),
      variance: try Tensor(shape: [6], values: [1, 2, 3, 1, 2, 3]),
      name: "norm")
    x = network.depthwiseConvolution(
      x, kernel: try tensor([3, 2, 6, 1]), strides: (2, 2), padding: .same, activation: .silu)
    let small = network.averagePool(x, size: (3, 3), strides: (1, 1), padding: .same, countsPadding: true)
    x = network.concatenate([x, network.maxPool(small, strides: (1, 1), padding: .same), small])
    x = network.transposedConvolution(
      x, kernel: try tensor([2, 2, 4, 18], scale: 0.3), strides: (2, 2), outputPadding: (1, 0))
    x = network.layerNormalization(x, scale: try tensor([4]))
    x = network.prelu(x, alpha: try tensor([1, 1, 4], scale: 0.3))
    x = network.pad(x, [EdgePair(-1, 1), EdgePair(0, 0), EdgePair(0, 0)])
    x = network.resize(network.resize(x, scale: (1, 2), interpolation: .bilinear), size: (4, 8))
    x = network.affine(x, scale: try tensor([1]), offset: try tensor([4]))
    let gate = network.add([network.globalAveragePool(x, keepsAxes: true), network.globalMaxPool(x, keepsAxes: true)])
    x = network.multiply([x, network.activation(gate, .sigmoid)])
    x = network.slice(x, [SliceRange(0), SliceRange(1, 6), SliceRange(0)])
    x = network.reshape(network.permute(x, axes: [0, 2, 1, 3]), to: [6, -1])
    x = network.matrixProduct(x, x, transposesRight: true)
    x = network.clip(network.apply(.sin, to: x), min: -0.9)
    let bent = network.relu(x, maxValue: 6, negativeSlope: 0.1)
    let raised = network.power(network.power(bent, exponent: 2), network.constant(try Tensor(shape: [1, 1], values: [1.5])))
    x = network.choose(where: network.greater(bent, x), then: x, otherwise: raised)
    x = network.divide(network.subtract(x, network.constant(try tensor([6, 1]))), network.constant(try tensor([1, 6])))
    x = network.flatten(network.gather(x, axis: -1, indices: [5, 0, 2]))
    x = network.reduce(network.reshape(x, to: [2, 9]), .sum, axes: [1])
    x = network.dense(x, kernel: try tensor([9, 3], scale: 0.3), bias: try tensor([3]), name: "scores")
    return try network.model(outputs: [network.softmax(x, name: "probabilities"), network.logSoftmax(x)])
  }

  @Test func computesWhatTheReferenceDoes() throws {
    let model = try network()
    var random = SeededGenerator(5)
    let reference = Network(of: model.graph, sample: random.tensor([2, 8, 7, 3]))
    try check(reference)
    var question = Question(inputShapes: [[2, 8, 7, 3]])
    (question.values, question.cotangents, question.gradients) = (["probabilities"], ["scores"], ["image"])
    let scores = try #require(model.graph.index(of: "scores"))
    let sent = random.tensor([2, 3]), places = reference.nodes.map(\.name)
    let answer = try Session(model, question, threads: 1)
      .run(question, inputs: reference.samples, cotangents: [sent.floats])
    let expected = reference.values[places[model.graph.outputs[0]]]!.values
    expectAgreement(answer.values[0], expected, 1e-4, "probabilities")
    FiniteDifferences(reference, cotangents: [(places[scores], sent)], at: places[0], limit: 200)
      .expect(answer.gradients[0], 1e-4, "gradient", #_sourceLocation)
  }

  @Test func layersAreTheMethods() throws {
    let model = try network()
    let layers = model.graph.layers
    #expect(layers.count == Set(layers.map(\.name)).count)
    #expect(Array(layers.map(\.className).prefix(3)) == ["InputLayer", "Conv2D", "Conv2D"])
    #expect(layers.contains { $0.className == "BatchNormalization" && $0.name == "norm" })
    let convolution = try #require(layers.first { $0.name == "conv" })
    #expect(convolution.activations == convolution.outputs)
    #expect(model.graph.nodes[convolution.outputs[0]].operation == .activation(.relu))
    let dense = try #require(layers.first { $0.name == "scores" })
    #expect(model.graph.nodes[dense.outputs[0]].operation == .activation(.linear))
    #expect(model.description.contains(#""classes": ["a", "b", "c"]"#) && model.description.contains(#""name": "all""#))
  }

  @Test func isSavedAndRead() throws {
    let model = try network(), path = "/tmp/swiftvis-builder-\(UInt32.random(in: 0...(.max))).safetensors"
    defer { _ = unlink(path) }
    try model.save(to: path)
    let loaded = try Model(contentsOf: path)
    #expect(loaded.description == model.description)
    let x = try tensor([1, 8, 7, 3])
    #expect(try loaded.predict(x) == model.predict(x))
  }

  @Test func namesAreMadeAndKept() throws {
    var network = Builder()
    let image = network.input("image", shape: [nil, 4])
    let first = network.activation(image, .relu), second = network.activation(first, .relu)
    let taken = network.activation(second, .relu, name: "relu_4")
    var copy = network
    let last = network.activation(taken, .relu)
    #expect(Set([first, second, taken, last].map(\.name)).count == 4)
    #expect(try copy.model(outputs: [taken]).graph.nodes.count == 4)
    #expect(try network.model(outputs: [last, image]).graph.nodes.count == 5)
  }

  private func refuses(
    _ message: String, _ kind: VisError.Kind = .invalidModel, _ build: (inout Builder) -> Builder.Value
  ) {
    var network = Builder()
    _ = network.input("image", shape: [nil, 4, 4, 3])
    let output = build(&network)
    do {
      _ = try network.model(outputs: [output])
      Issue.record("not refused: \(message)")
    } catch {
      #expect(error.kind == kind && error.message.contains(message), "\(error.message)")
    }
  }

  @Test func refusals() throws {
    let four = try tensor([4]), empty = try Tensor(shape: [0], values: []), kernel = try tensor([3, 3, 2, 4])
    var other = Builder()
    let stranger = other.input("stranger", shape: [nil, 1])
    let image = Builder.Value(name: "image")
    refuses("conv2d 'c': expected 2 input channels, got 3") { $0.convolution(image, kernel: kernel, name: "c") }
    refuses("conv2d 'c': kernel should be (height") { $0.convolution(image, kernel: four, name: "c") }
    refuses("conv2d 'c': its kernel: size 0", .invalidArgument) { $0.convolution(image, kernel: empty, name: "c") }
    refuses("conv2d 'c': 'strides' should be") { $0.convolution(image, kernel: kernel, strides: (0, 1), name: "c") }
    refuses("conv2d 'c': 'groups' should") { $0.convolution(image, kernel: kernel, groups: .max, name: "c") }
    refuses("max_pool2d 'p': 'pool_size' should be between 1") { $0.maxPool(image, size: (-1, 2), name: "p") }
    refuses("dense 'd': kernel should be (channels, units)") { $0.dense(image, kernel: four, name: "d") }
    refuses("relu 'r': 'max_value' should be a number") { $0.relu(image, maxValue: .nan, name: "r") }
    refuses("relu 'r': 'negative_slope' should be a number") { $0.relu(image, negativeSlope: .infinity, name: "r") }
    refuses("celu 'a': 'alpha' should be positive") { $0.activation(image, .celu(alpha: 0), name: "a") }
    refuses("clip 'a': 'min' should be a number") { $0.clip(image, min: .infinity, name: "a") }
    refuses("power 'a': 'exponent' should be a number") { $0.power(image, exponent: .nan, name: "a") }
    refuses("'n': 'epsilon' is negative") { $0.layerNormalization(image, epsilon: -1, name: "n") }
    refuses("add 's': expected 2 or more inputs, got 1") { $0.add([image], name: "s") }
    refuses("add 's': has no inputs") { $0.add([], name: "s") }
    refuses("concatenate 's': 'axis': axis 0 is out of range") { $0.concatenate([image, image], axis: 0, name: "s") }
    refuses("concatenate 's': 'axis' should be between") { $0.concatenate([image, image], axis: .min, name: "s") }
    refuses("reshape 's': 'shape' should") { $0.reshape(image, to: [Int.max, 2], name: "s") }
    refuses("reshape 's': (?, 4, 4, 3) does not fit (?, 5)") { $0.reshape(image, to: [5], name: "s") }
    refuses("permute 's': 'axes' should hold") { $0.permute(image, axes: [], name: "s") }
    refuses("reduce 's': 'axes' is empty") { $0.reduce(image, axes: [], name: "s") }
    refuses("slice 's': 'starts' should hold 3 numbers") { $0.slice(image, [SliceRange(0, 0)], name: "s") }
    refuses("relu 'r': there is no node 'stranger'") { $0.relu(stranger, name: "r") }
    refuses("the name 'image' is used twice") { $0.relu(image, name: "image") }
    refuses("'name' is empty") { $0.relu(image, name: "") }
    refuses("control character") { $0.relu(image, name: "a\n") }
    refuses("1 to 8 axes, got ()") { $0.relu($0.input("late", shape: []), name: "r") }
    refuses("'big': a tensor of", .outOfMemory) { $0.relu($0.input("big", shape: [nil, 1 << 30, 1 << 30]), name: "r") }
    refuses("batch normalization 'b': variance should be [4], got [3, 3, 2, 4]", .invalidArgument) {
      $0.batchNormalization(image, mean: four, variance: kernel, name: "b")
    }
    refuses("batch normalization 'b': a variance is negative, or a value is not finite", .invalidArgument) {
      $0.batchNormalization(image, mean: four, variance: four, epsilon: .nan, name: "b")
    }
    refuses("'input' ('i')", .unsupported) { $0.node(.input, [], name: "i") }
    #expect(throws: VisError.self) { try other.model(outputs: []) }
    other = Builder()
    #expect(throws: VisError.self) { try other.model(outputs: []) }
  }
}

extension Network {
  /// The network of a graph with one input, to be computed by the reference. Its nodes have other names, but the same order.
  fileprivate init(of graph: Graph, sample: Tensor) {
    self.init()
    for node in graph.nodes {
      guard node.operation != .input else {
        _ = input(sample)
        continue
      }
      let weights = node.weights.mapValues { weights in
        Tensor(weights.shape, UnsafeBufferPointer(start: weights.base, count: weights.count).map { Double($0) })
      }
      add(node.operation, node.inputs.map { nodes[$0].name }, weights: weights)
    }
    outputs = graph.outputs.map { nodes[$0].name }
  }
}
