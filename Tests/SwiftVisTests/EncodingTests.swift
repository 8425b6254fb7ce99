import SwiftVisKernels
import Testing

@testable import SwiftVis

/// The encoder is the inverse of the decoder.
@Suite struct EncodingTests {
  @Test func everyOperationIsWrittenAsItIsRead() throws {
    let samples = Self.samples
    #expect(Set(samples.map(\.name)) == Set(Operation.decoders.keys))
    for operation in samples {
      let json = try JSON(parsing: JSON.object(operation.attributes).text)
      var fields = try Fields(json, context: operation.name)
      let decoded = try #require(try Operation.decoders[operation.name]?(&fields, 4))
      try fields.finish()
      #expect(decoded == operation)
    }
  }

  /// With attributes that are not the defaults.
  private static let samples: [SwiftVis.Operation] = {
    var convolution = Convolution2DAttributes()
    convolution.strides = Extent2D(2, 3)
    convolution.dilations = Extent2D(4, 5)
    convolution.padding = .explicit(vertical: EdgePair(1, 2), horizontal: EdgePair(3, 4))
    var grouped = convolution
    (grouped.groups, grouped.padding) = (6, .same)
    var maximum = Pool2DAttributes(kind: .max), average = Pool2DAttributes(kind: .average)
    (maximum.size, maximum.strides, maximum.dilations) = (Extent2D(3, 4), Extent2D(1, 2), Extent2D(2, 1))
    (average.padding, average.countIncludesPadding) = (.same, true)
    var scaled = ResizeAttributes(target: .scale(Extent2D(2, 3))), sized = ResizeAttributes(target: .size(Extent2D(7, 8)))
    (scaled.interpolation, scaled.coordinates) = (.bilinear, .asymmetric)
    sized.coordinates = .alignCorners
    let merges: [Merge] = [
      .add, .subtract, .multiply, .divide, .average, .maximum, .minimum, .power, .greater, .greaterEqual, .equal,
    ]
    let activations: [Activation] = [
      .linear, .relu, .relu6, .relu(maxValue: 0.1, negativeSlope: 1e-30, threshold: -3), .elu(alpha: 0.3), .selu, .sigmoid,
      .hardSigmoid(slope: 1 / 6), .tanh, .softplus, .softsign, .silu, .hardSwish, .gelu(approximate: true),
      .gelu(approximate: false), .exponential, .mish, .celu(alpha: .leastNormalMagnitude),
    ]
    return [
      .constant, .convolution(grouped), .depthwiseConvolution(convolution),
      .transposedConvolution(convolution, outputPadding: nil),
      .transposedConvolution(convolution, outputPadding: Extent2D(0, 1)), .dense,
      .matrixProduct(transposesLeft: true, transposesRight: false),
      .matrixProduct(transposesLeft: false, transposesRight: true),
      .affine, .pool(maximum), .pool(average), .reduce(.max, axes: [1, 2], keepDims: true),
      .reduce(.sum, axes: [3], keepDims: false), .pad([EdgePair(1, -2), EdgePair(0, 0), EdgePair(-3, 4)]), .resize(scaled),
      .resize(sized), .reshape([3, -1]), .permute([0, 3, 1, 2]), .concatenate(axis: 2),
      .slice([SliceRange(1), SliceRange(-1, 2, step: -3), SliceRange(0, 4)]), .gather(axis: 3, indices: [2, 0, 2]), .choose,
      .layerNormalization(epsilon: 1e-12), .softmax, .logSoftmax, .prelu, .unary(.clip(min: -.infinity, max: 0.7)),
      .unary(.clip(min: -1e-3, max: .infinity)), .unary(.power(-0.5)),
    ] + merges.map { .merge($0) } + activations.map { .activation($0) }
      + UnaryFunction.Elementary.allCases.map { .unary(.elementary($0)) }
  }()

  @Test func numbersKeepTheirBits() throws {
    for value: Float in [
      0.1, 1 / 3, .leastNonzeroMagnitude, .leastNormalMagnitude, .greatestFiniteMagnitude, -16_777_216, 123_456_792,
    ] {
      guard case .number(let read) = try JSON(parsing: JSON.finite(value).text) else {
        Issue.record("not a number: \(value)")
        continue
      }
      #expect(Float(read) == value)
    }
    #expect(
      JSON.finite(0.1 as Float).text == "0.1" && JSON.number(5).text == "5" && JSON.integer(.min).text.hasPrefix("-9.2"))
    #expect(
      JSON.object(["b": .null, "a\"": .array([.bool(true), .string("é\n")])]).text
        == #"{"a\"": [true, "é\u000a"], "b": null}"#)
  }

  /// A network of every operation: what is built is what the description says.
  @Test func aBuiltNetworkIsTheDecodedOne() throws {
    let weights = try EveryOperation.weights.mapValues {
      try Weights(shape: $0, values: (0..<$0.reduce(1, *)).map { Float($0) })
    }
    let decoded = try Model(description: EveryOperation.description, weights: weights).graph
    var builder = Graph.Builder()
    var values: [Graph.Builder.Value] = []
    for node in decoded.nodes {
      let weights = try node.weights.mapValues { weights in
        try SwiftVis.Tensor(shape: weights.shape, values: weights.floats)
      }
      values.append(
        node.operation == .input
          ? builder.input(node.name, shape: node.shape)
          : builder.node(node.operation, node.inputs.map { values[$0] }, weights: weights, name: node.name))
    }
    let built = try builder.model(outputs: decoded.outputs.map { values[$0] }).graph
    #expect(built.outputs == decoded.outputs && built.inputCount == decoded.inputCount)
    for (one, other) in zip(built.nodes, decoded.nodes) {
      #expect(one.name == other.name && one.operation == other.operation && one.inputs == other.inputs)
      #expect(one.shape == other.shape && one.weights.keys == other.weights.keys)
      for (role, weights) in one.weights { #expect(weights.floats == other.weights[role]?.floats, "\(one.name) \(role)") }
    }
  }
}

extension Weights {
  fileprivate var floats: [Float] { Array(UnsafeBufferPointer(start: base, count: count)) }
}
