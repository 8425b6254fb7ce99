/// Winograd's F(m, r) in one dimension: m neighbours of a correlation with r taps from m + r - 1 products (Lavin and Gray, "Fast
/// Algorithms for Convolutional Neural Networks", 2015).
///
/// The interpolation points are 0, pairs of p and -p, and infinity where their number is even. They were searched for small
/// rounding errors among numbers whose powers are exact in float32. A pair shares the sums over even and over odd positions.
struct LineTransform: Sendable {
  let outputs: Int, taps: Int
  var points: Int { outputs + taps - 1 }
  let pairs: Int
  let hasInfinity: Bool
  /// Sources of a transform: for 0, for each pair's positive point, and for infinity, the coefficients of the product of
  /// (x - q) over the other finite points q.
  let source: [Float]
  static let maximumOutputs = 4
  /// Powers of each pair's positive point: [pair][4]. Infinity is only there with four outputs, and goes to the last.
  let powers: [Float]
  /// [point][tap], in the order 0, p, -p, ..., infinity.
  let kernel: [Double]

  /// Nil where no points were chosen for so many taps.
  init?(taps: Int) {
    let outputs: Int, positive: [Double]
    switch taps {
    case 3: (outputs, positive) = (4, [0.625, 1.5])
    case 5: (outputs, positive) = (3, [0.625, 1.125, 3])
    case 7: (outputs, positive) = (3, [0.5, 0.875, 1.5, 3])
    default: return nil
    }
    (self.outputs, self.taps) = (outputs, taps)
    pairs = positive.count
    let points = outputs + taps - 1
    let finite: [Double] = [0] + positive.flatMap { [$0, -$0] }
    let hasInfinity = points > finite.count
    self.hasInfinity = hasInfinity

    /// The coefficients of the product of (x - q), ascending.
    func polynomial(_ roots: [Double]) -> [Double] {
      roots.reduce(into: [1.0]) { product, root in
        product = (0...product.count).map { k in
          (k > 0 ? product[k - 1] : 0) - (k < product.count ? root * product[k] : 0)
        }
      }
    }
    func others(_ point: Double) -> [Double] { finite.filter { $0 != point } }
    func powers(_ point: Double, times scale: Double = 1, _ count: Int) -> [Double] {
      (0..<count).map { exponent in (0..<exponent).reduce(scale) { power, _ in power * point } }
    }
    let padding = [Double](repeating: 0, count: hasInfinity ? 1 : 0)
    let halfLine: [Double] = [0] + positive
    var rows: [Double] = halfLine.flatMap { polynomial(others($0)) + padding }
    // The row of a negative point is the positive one's with odd positions negated.
    var kernel: [Double] = finite.flatMap { point in
      powers(point, times: 1 / others(point).reduce(1) { $0 * (point - $1) }, taps)
    }
    if hasInfinity {
      rows += polynomial(finite)
      kernel += [Double](repeating: 0, count: taps - 1) + [1]
    }
    source = rows.map { Float($0) }
    self.powers = positive.flatMap { powers($0, Self.maximumOutputs) }.map { Float($0) }
    self.kernel = kernel
  }
}
