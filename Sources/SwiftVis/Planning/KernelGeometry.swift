import SwiftVisKernels

/// From a node's attributes and shapes to what the kernels are planned with.
extension PlanBuilder {
  /// With the zeros of a folded `pad` node in the padding. For a transposed convolution: the geometry of the convolution from
  /// its output to its input, whose transpose it is.
  func geometry(_ node: Graph.NodeIndex, pad: Graph.NodeIndex? = nil) throws -> WindowGeometry {
    let input = shapes[graph.inputs(of: node)[0]], output = shapes[node]
    let kernel = graph.nodes[node].weights["kernel"]?.shape ?? [1, 1]
    let operation = operation(node)
    let window = try ShapeInference.window(
      of: operation, input: input, weights: graph.nodes[node].weights, node: graph.nodes[node].name)
    var (strides, dilations, groups, size) = (Extent2D(1, 1), Extent2D(1, 1), 1, Extent2D(kernel[0], kernel[1]))
    var isTransposed = false
    switch operation {
    case .convolution(let attributes), .depthwiseConvolution(let attributes):
      (strides, dilations, groups) = (attributes.strides, attributes.dilations, attributes.groups)
    case .transposedConvolution(let attributes, _):
      (strides, dilations, groups) = (attributes.strides, attributes.dilations, attributes.groups)
      isTransposed = true
    case .pool(let attributes):
      (strides, size, dilations) = (attributes.strides, attributes.size, attributes.dilations)
    default: break
    }
    let near = isTransposed ? output : input, far = isTransposed ? input : output
    var geometry = WindowGeometry(
      batch: input.dropLast(3).reduce(1, *), input: imageSize(near), output: imageSize(far),
      kernel: (size.height, size.width), strides: (strides.height, strides.width),
      dilations: (dilations.height, dilations.width), padding: (window?.top ?? 0, window?.left ?? 0), groups: groups)
    if let pad, case .pad(let pairs) = self.operation(pad) {
      let source = shapes[graph.inputs(of: pad)[0]]
      (geometry.inputHeight, geometry.inputWidth, _) = imageSize(source)
      geometry.paddingTop += pairs[pairs.count - 3].before
      geometry.paddingLeft += pairs[pairs.count - 2].before
    }
    return geometry
  }

  /// Of a shape (batch, ..., height, width, channels): all axes before the height are a batch to the kernels.
  private func imageSize(_ shape: [Int]) -> (height: Int, width: Int, channels: Int) {
    let axis = shape.count - 3
    return (shape[axis], shape[axis + 1], shape[axis + 2])
  }

  func pooling(_ node: Graph.NodeIndex, _ pool: Pool2DAttributes, _ direction: Direction) throws -> Pooling {
    let kind: Pooling.Kind =
      switch pool.kind {
      case .max: .max
      case .average: .average(countIncludesPadding: pool.countIncludesPadding)
      }
    return Pooling(try geometry(node), kind: kind, direction: direction)
  }

  func resizing(_ node: Graph.NodeIndex, _ attributes: ResizeAttributes, _ direction: Direction) throws -> Resizing {
    let input = shapes[graph.inputs(of: node)[0]], output = shapes[node]
    let geometry = WindowGeometry(
      batch: input.dropLast(3).reduce(1, *), input: imageSize(input), output: imageSize(output), kernel: (1, 1))
    return Resizing(
      geometry, interpolation: attributes.interpolation == .nearest ? .nearest : .bilinear,
      coordinates: .init(attributes.coordinates), direction: direction)
  }
}

extension Resizing.Coordinates {
  init(_ coordinates: ResizeAttributes.Coordinates) {
    self =
      switch coordinates {
      case .halfPixel: .halfPixel
      case .asymmetric: .asymmetric
      case .alignCorners: .alignCorners
      }
  }
}

extension AxisReduction {
  /// `axes` are adjacent and in order.
  init(_ kind: Reduction, _ shape: [Int], _ axes: [Int]) {
    let (first, last) = (axes.min() ?? 0, axes.max() ?? 0)
    let kind: AxisReduction.Kind =
      switch kind {
      case .mean: .mean
      case .max: .max
      case .sum: .sum
      }
    self.init(
      kind, outer: shape[..<first].reduce(1, *), count: shape[first...last].reduce(1, *),
      inner: shape[(last + 1)...].reduce(1, *))
  }
}

extension ActivationKind {
  init(_ activation: Activation) {
    self =
      switch activation {
      // Looked through by the planner; as a ReLU without a floor it would still be right.
      case .linear: .relu(maxValue: .infinity, negativeSlope: 1, threshold: 0)
      case .relu(let maxValue, let slope, let threshold):
        .relu(maxValue: maxValue ?? .infinity, negativeSlope: slope, threshold: threshold)
      case .elu(let alpha): .elu(alpha: alpha)
      case .selu: .selu
      case .sigmoid: .sigmoid
      case .hardSigmoid(let slope): .hardSigmoid(slope: slope)
      case .tanh: .tanh
      case .softplus: .softplus
      case .softsign: .softsign
      case .silu: .silu
      case .hardSwish: .hardSwish
      case .gelu(let approximate): approximate ? .geluTanh : .gelu
      case .exponential: .exponential
      case .mish: .mish
      case .celu(let alpha): .celu(alpha: alpha)
      }
  }
}
