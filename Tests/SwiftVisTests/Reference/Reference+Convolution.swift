import SwiftVis

extension Reference {
  /// One axis of a sliding window: how many outputs, and where the first window starts.
  struct Axis {
    let output: Int
    let before: Int
  }

  enum Side { case rows, columns }

  static func axis(
    input: Int, kernel: Int, stride: Int, dilation: Int, _ padding: Padding, _ side: Side
  ) -> Axis {
    let extent = (kernel - 1) * dilation + 1
    switch padding {
    case .valid: return Axis(output: (input - extent) / stride + 1, before: 0)
    case .same:
      let output = (input + stride - 1) / stride
      return Axis(output: output, before: max((output - 1) * stride + extent - input, 0) / 2)
    case .explicit(let vertical, let horizontal):
      let pair = side == .rows ? vertical : horizontal
      return Axis(output: (input + pair.before + pair.after - extent) / stride + 1, before: pair.before)
    }
  }

  static func convolution(_ x: Tensor, kernel: Tensor, bias: Tensor?, _ a: Convolution2DAttributes) -> Tensor {
    let (kernelHeight, kernelWidth) = (kernel.shape[0], kernel.shape[1])
    let rows = axis(
      input: x.shape[1], kernel: kernelHeight, stride: a.strides.height, dilation: a.dilations.height, a.padding, .rows)
    let columns = axis(
      input: x.shape[2], kernel: kernelWidth, stride: a.strides.width, dilation: a.dilations.width, a.padding, .columns)
    let (groupInputs, filters) = (kernel.shape[2], kernel.shape[3])
    let groupFilters = filters / a.groups
    var y = Tensor([x.shape[0], rows.output, columns.output, filters])
    for n in 0..<x.shape[0] {
      for oh in 0..<rows.output {
        for ow in 0..<columns.output {
          for f in 0..<filters {
            var sum = bias?.values[f] ?? 0
            for kh in 0..<kernelHeight {
              let h = oh * a.strides.height + kh * a.dilations.height - rows.before
              if h < 0 || h >= x.shape[1] { continue }
              for kw in 0..<kernelWidth {
                let w = ow * a.strides.width + kw * a.dilations.width - columns.before
                if w < 0 || w >= x.shape[2] { continue }
                for c in 0..<groupInputs {
                  sum += x[n, h, w, f / groupFilters * groupInputs + c] * kernel[kh, kw, c, f]
                }
              }
            }
            y[n, oh, ow, f] = sum
          }
        }
      }
    }
    return y
  }

  /// A convolution with one group a channel, whose kernel has its last two axes in the other order.
  static func depthwiseConvolution(_ x: Tensor, kernel: Tensor, bias: Tensor?, _ a: Convolution2DAttributes) -> Tensor {
    let (channels, multiplier) = (kernel.shape[2], kernel.shape[3])
    let grouped = Tensor([kernel.shape[0], kernel.shape[1], 1, channels * multiplier]) {
      kernel[$0[0], $0[1], $0[3] / multiplier, $0[3] % multiplier]
    }
    var attributes = a
    attributes.groups = channels
    return convolution(x, kernel: grouped, bias: bias, attributes)
  }

  /// One axis of a transposed convolution, by the rule of Keras ('valid', 'same') or of explicit padding.
  static func transposedAxis(
    input: Int, kernel: Int, stride: Int, dilation: Int, _ padding: Padding, outputPadding: Int?,
    _ side: Side
  ) -> Axis {
    let extent = (kernel - 1) * dilation + 1
    let full = (input - 1) * stride + extent
    switch padding {
    case .valid:
      return Axis(output: outputPadding.map { full + $0 } ?? input * stride + max(extent - stride, 0), before: 0)
    case .same:
      let output = outputPadding.map { full - extent / 2 * 2 + $0 } ?? input * stride
      return Axis(output: output, before: max(full - output, 0) / 2)
    case .explicit(let vertical, let horizontal):
      let pair = side == .rows ? vertical : horizontal
      return Axis(output: full - pair.before - pair.after + (outputPadding ?? 0), before: pair.before)
    }
  }

  static func transposedConvolution(
    _ x: Tensor, kernel: Tensor, bias: Tensor?, _ a: Convolution2DAttributes, outputPadding: Extent2D?
  ) -> Tensor {
    let (kernelHeight, kernelWidth, filters) = (kernel.shape[0], kernel.shape[1], kernel.shape[2])
    let rows = transposedAxis(
      input: x.shape[1], kernel: kernelHeight, stride: a.strides.height, dilation: a.dilations.height, a.padding,
      outputPadding: outputPadding?.height, .rows)
    let columns = transposedAxis(
      input: x.shape[2], kernel: kernelWidth, stride: a.strides.width, dilation: a.dilations.width, a.padding,
      outputPadding: outputPadding?.width, .columns)
    var y = Tensor([x.shape[0], rows.output, columns.output, filters]) { bias?.values[$0[3]] ?? 0 }
    for n in 0..<x.shape[0] {
      for h in 0..<x.shape[1] {
        for w in 0..<x.shape[2] {
          for kh in 0..<kernelHeight {
            let oh = h * a.strides.height + kh * a.dilations.height - rows.before
            if oh < 0 || oh >= rows.output { continue }
            for kw in 0..<kernelWidth {
              let ow = w * a.strides.width + kw * a.dilations.width - columns.before
              if ow < 0 || ow >= columns.output { continue }
              for f in 0..<filters {
                for c in 0..<x.shape[3] { y[n, oh, ow, f] += x[n, h, w, c] * kernel[kh, kw, f, c] }
              }
            }
          }
        }
      }
    }
    return y
  }

  static func dense(_ x: Tensor, kernel: Tensor, bias: Tensor?) -> Tensor {
    let (inputs, units) = (kernel.shape[0], kernel.shape[1])
    return Tensor(x.shape.dropLast() + [units]) { index in
      let unit = index[index.count - 1]
      var sum = bias?.values[unit] ?? 0
      for i in 0..<inputs { sum += x[index.dropLast() + [i]] * kernel[[i, unit]] }
      return sum
    }
  }
}
