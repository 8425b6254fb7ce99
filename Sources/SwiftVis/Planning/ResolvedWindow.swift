/// A sliding window with its padding resolved for one image size. For a transposed convolution, the padding is that of
/// the forward convolution that it mirrors (whose input is the larger image), and `bottom` and `right` may be negative:
/// rows and columns at the far end that no window reaches.
struct ResolvedWindow: Hashable, Sendable {
  var top: Int, left: Int, bottom: Int, right: Int
  var output: Extent2D
}

/// One axis of a sliding window. Sizes and attributes are below 2^31 (`Fields.maximumInteger`), so nothing here overflows.
struct WindowAxis {
  var before: Int, after: Int, output: Int

  /// What `Padding` says about one axis.
  enum Edges {
    case valid, same
    case explicit(EdgePair)
  }

  /// Throws the problem as words; the caller adds the layer.
  struct Problem: Error { let message: String }

  static func effectiveKernel(_ kernel: Int, _ dilation: Int) -> Int { (kernel - 1) * dilation + 1 }

  init(input: Int, kernel: Int, stride: Int, dilation: Int, edges: Edges) throws {
    let kernel = Self.effectiveKernel(kernel, dilation)
    switch edges {
    case .same:
      output = (input - 1) / stride + 1
      let total = max((output - 1) * stride + kernel - input, 0)
      before = total / 2
      after = total - before
      return
    case .valid: (before, after) = (0, 0)
    case .explicit(let pair): (before, after) = (pair.before, pair.after)
    }
    let padded = input + before + after
    guard padded >= kernel else {
      let padding = before + after > 0 ? " with its padding of \(before + after)" : ""
      throw Problem(message: "\(input)\(padding) is smaller than the window's \(kernel)")
    }
    output = (padded - kernel) / stride + 1
  }

  /// Of a transposed convolution, with the output sizes of Keras.
  init(transposing input: Int, kernel: Int, stride: Int, dilation: Int, edges: Edges, outputPadding: Int?) throws {
    let kernel = Self.effectiveKernel(kernel, dilation)
    let reach = (input - 1) * stride + kernel
    switch edges {
    case .valid:
      output = outputPadding.map { reach + $0 } ?? input * stride + max(kernel - stride, 0)
      before = 0
    case .same:
      output = outputPadding.map { reach - kernel / 2 * 2 + $0 } ?? input * stride
      before = max(reach - output, 0) / 2
    case .explicit(let pair):
      output = reach - pair.before - pair.after + (outputPadding ?? 0)
      before = pair.before
    }
    after = reach - before - output
    guard output >= 1 else { throw Problem(message: "\(input) gives an output of \(output)") }
  }
}

extension ShapeInference {
  /// The window of a convolution, depthwise or transposed convolution or pool over images of (N, ..., H, W, C); nil for any
  /// other operation.
  static func window(
    of operation: Operation, input: [Int], weights: [String: Weights], node: String
  ) throws -> ResolvedWindow? {
    guard input.count >= 4 else { return nil }
    let (rows, columns) = try ShapeRule(operation, inputs: [input], weights: weights, node: node)
      .windowAxes(height: input[input.count - 3], width: input[input.count - 2])
    guard let rows, let columns else { return nil }
    return ResolvedWindow(
      top: rows.before, left: columns.before, bottom: rows.after, right: columns.after,
      output: Extent2D(rows.output, columns.output))
  }
}

extension ShapeRule {
  /// Nil along an axis whose size is open, and for an operation without a window.
  func windowAxes(height: Int?, width: Int?) throws -> (rows: WindowAxis?, columns: WindowAxis?) {
    let kernel: Extent2D, strides: Extent2D, padding: Padding
    var dilations = Extent2D(1, 1)
    var transposed: (outputPadding: Extent2D?, Void)?
    switch operation {
    case .convolution(let attributes), .depthwiseConvolution(let attributes):
      (kernel, strides, padding) = (try kernelExtent(), attributes.strides, attributes.padding)
      dilations = attributes.dilations
    case .transposedConvolution(let attributes, let outputPadding):
      (kernel, strides, padding) = (try kernelExtent(), attributes.strides, attributes.padding)
      dilations = attributes.dilations
      transposed = (outputPadding, ())
    case .pool(let attributes):
      (kernel, strides, padding) = (attributes.size, attributes.strides, attributes.padding)
      dilations = attributes.dilations
    case .input, .constant, .dense, .matrixProduct, .affine, .reduce, .pad, .resize, .reshape, .permute, .concatenate,
      .slice, .gather, .merge, .choose, .layerNormalization, .softmax, .logSoftmax, .activation, .unary, .prelu:
      return (nil, nil)
    }
    let (vertical, horizontal): (WindowAxis.Edges, WindowAxis.Edges) =
      switch padding {
      case .valid: (.valid, .valid)
      case .same: (.same, .same)
      case .explicit(let vertical, let horizontal): (.explicit(vertical), .explicit(horizontal))
      }
    func axis(_ name: String, _ input: Int?, _ extent: KeyPath<Extent2D, Int>, _ edges: WindowAxis.Edges) throws
      -> WindowAxis?
    {
      guard let input else { return nil }
      let (kernel, stride, dilation) = (kernel[keyPath: extent], strides[keyPath: extent], dilations[keyPath: extent])
      do {
        guard let transposed else {
          let axis = try WindowAxis(input: input, kernel: kernel, stride: stride, dilation: dilation, edges: edges)
          // Taps so far apart that a window may have one on either side of the image and none on it.
          if case .pool = operation, dilation > input, axis.before + axis.after > 0 {
            throw WindowAxis.Problem(message: "\(input) is smaller than the dilation of \(dilation)")
          }
          return axis
        }
        return try WindowAxis(
          transposing: input, kernel: kernel, stride: stride, dilation: dilation, edges: edges,
          outputPadding: transposed.outputPadding?[keyPath: extent])
      } catch let problem as WindowAxis.Problem {
        throw failure("the image is too small: \(name) \(problem.message)")
      }
    }
    return (try axis("height", height, \.height, vertical), try axis("width", width, \.width, horizontal))
  }

  private func kernelExtent() throws -> Extent2D {
    let kernel = try weight("kernel", "(height, width, ...)", rank: 4)
    return Extent2D(kernel[0], kernel[1])
  }
}
