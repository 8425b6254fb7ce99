/// How a tensor of the source lies in memory: for each of its axes but the batch, the factors that the axis is made of, outermost
/// first. An axis of size 1 has none. The batch is outermost in every layout.
struct Layout: Equatable {
  struct Factor: Hashable {
    let size: Int
    /// Floats from one index to the next in a sample.
    let stride: Int

    /// The stride of what lies round it.
    var end: Int { size * stride }
  }
  /// Above this, permutations could have more axes than a tensor may.
  static let maximumFactorCount = ShapeInference.maximumRank - 1

  private(set) var axes: [[Factor]]

  private init(axes: [[Factor]]) { self.axes = axes }

  /// `sizes`: without the batch.
  init(rowMajor sizes: some Collection<Int>) {
    var stride = 1
    axes = sizes.reversed().map { size in
      defer { stride *= size }
      return size > 1 ? [Factor(size: size, stride: stride)] : []
    }.reversed()
  }

  /// All factors in the order of the source.
  var factors: [Factor] { axes.flatMap { $0 } }

  /// All factors as they lie, outermost first.
  var inMemory: [Factor] { factors.sorted { $0.stride > $1.stride } }

  var isRowMajor: Bool { factors.joined.count <= 1 }

  func permuted(_ order: [Int]) -> Layout { Layout(axes: order.map { axes[$0] }) }

  /// The same memory with other axes. Nil where an axis would have to begin within a factor that does not divide there.
  func reshaped(_ sizes: some Collection<Int>) -> Layout? {
    var rest = Array(factors.joined.reversed())
    var axes: [[Factor]] = []
    var count = 0
    for size in sizes {
      var (axis, left) = ([Factor](), size)
      while left > 1 {
        guard let next = rest.popLast() else { return nil }
        if left % next.size == 0 {
          axis.append(next)
          left /= next.size
        } else if next.size % left == 0 {
          let inner = Factor(size: next.size / left, stride: next.stride)
          axis.append(Factor(size: left, stride: inner.end))
          rest.append(inner)
          left = 1
        } else {
          return nil
        }
      }
      count += axis.count
      axes.append(axis)
    }
    return count <= Self.maximumFactorCount ? Layout(axes: axes) : nil
  }

  /// One axis as the axes of a tensor of its own.
  func split(_ axis: Int, _ sizes: [Int]) -> [[Factor]]? { Layout(axes: [axes[axis]]).reshaped(sizes)?.axes }

  /// Axes of one factor with other sizes: the memory of what an operation along them writes.
  func resized(_ sizes: [(axis: Int, size: Int)]) -> Layout {
    var size: [Factor: Int] = [:]
    for (axis, new) in sizes { for factor in axes[axis] { size[factor] = new } }
    var stride = 1
    var moved: [Factor: Factor] = [:]
    for factor in inMemory.reversed() {
      let resized = Factor(size: size[factor] ?? factor.size, stride: stride)
      moved[factor] = resized
      stride = resized.end
    }
    return Layout(axes: axes.map { $0.compactMap { moved[$0] }.filter { $0.size > 1 } })
  }

  /// The same axes where the factors lie in another order.
  func moved(to order: [Factor]) -> Layout {
    var stride = 1
    var moved: [Factor: Factor] = [:]
    for factor in order.reversed() {
      let new = Factor(size: factor.size, stride: stride)
      moved[factor] = new
      stride = new.end
    }
    return Layout(axes: axes.map { $0.compactMap { moved[$0] }.joined })
  }

  func removing(_ removed: [Int]) -> Layout {
    Layout(axes: axes.indices.filter { !removed.contains($0) }.map { axes[$0] })
  }
}

extension [Layout.Factor] {
  /// With neighbours that lie like one factor joined.
  var joined: [Layout.Factor] {
    reduce(into: []) { joined, factor in
      if let last = joined.last, last.stride == factor.end {
        joined[joined.count - 1] = .init(size: last.size * factor.size, stride: factor.stride)
      } else {
        joined.append(factor)
      }
    }
  }
}
