import SwiftVis

extension Reference {
  static func pool(_ x: Tensor, _ a: Pool2DAttributes) -> Tensor {
    let rows = axis(
      input: x.shape[1], kernel: a.size.height, stride: a.strides.height, dilation: a.dilations.height, a.padding, .rows)
    let columns = axis(
      input: x.shape[2], kernel: a.size.width, stride: a.strides.width, dilation: a.dilations.width, a.padding, .columns)
    return Tensor([x.shape[0], rows.output, columns.output, x.shape[3]]) { index in
      var inside: [Double] = []
      for kh in 0..<a.size.height {
        for kw in 0..<a.size.width {
          let h = index[1] * a.strides.height + kh * a.dilations.height - rows.before
          let w = index[2] * a.strides.width + kw * a.dilations.width - columns.before
          if h >= 0, h < x.shape[1], w >= 0, w < x.shape[2] { inside.append(x[index[0], h, w, index[3]]) }
        }
      }
      switch a.kind {
      case .max: return inside.max()!
      case .average:
        let count = a.countIncludesPadding ? a.size.height * a.size.width : inside.count
        return inside.reduce(0, +) / Double(count)
      }
    }
  }

  static func resize(_ x: Tensor, _ a: ResizeAttributes) -> Tensor {
    let (height, width) = (x.shape[1], x.shape[2])
    let target: Extent2D
    switch a.target {
    case .scale(let factor): target = Extent2D(height * factor.height, width * factor.width)
    case .size(let size): target = size
    }
    return Tensor([x.shape[0], target.height, target.width, x.shape[3]]) { index in
      let rows = taps(index[1], input: height, output: target.height, a)
      let columns = taps(index[2], input: width, output: target.width, a)
      var sum = 0.0
      for (h, rowShare) in rows {
        for (w, columnShare) in columns { sum += x[index[0], h, w, index[3]] * rowShare * columnShare }
      }
      return sum
    }
  }

  /// The source places that an output place reads, and their shares. Positions are kept as fractions of whole numbers, so that a
  /// nearest neighbour at a boundary is not left to rounding.
  private static func taps(_ place: Int, input: Int, output: Int, _ a: ResizeAttributes) -> [(Int, Double)] {
    let numerator: Int
    let denominator: Int
    switch a.coordinates {
    case .halfPixel: (numerator, denominator) = ((2 * place + 1) * input - output, 2 * output)
    case .asymmetric: (numerator, denominator) = (place * input, output)
    case .alignCorners: (numerator, denominator) = (place * (input - 1), max(output - 1, 1))
    }
    switch a.interpolation {
    case .nearest:
      let nearest: Int
      switch a.coordinates {
      case .halfPixel: nearest = (2 * place + 1) * input / (2 * output)
      case .asymmetric: nearest = numerator / denominator
      case .alignCorners: nearest = (2 * numerator + denominator) / (2 * denominator)
      }
      return [(min(nearest, input - 1), 1)]
    case .bilinear:
      let position = min(max(Double(numerator) / Double(denominator), 0), Double(input - 1))
      let low = Int(position.rounded(.down))
      let share = position - Double(low)
      return [(low, 1 - share), (min(low + 1, input - 1), share)]
    }
  }
}
