/// Shifts images by random distances.
struct Jitter {
  private let shape: [Int]
  /// The largest distance along each axis.
  private let limits: [Int]

  /// `distance` below 1 is a share of an axis, otherwise a number of places.
  init(_ distance: Double, shape: [Int], axes: Range<Int>) throws {
    guard distance >= 0, distance <= Double(Int32.max) else {
      throw VisError(.invalidArgument, "jitter: \(distance) is not within 0...2147483647")
    }
    self.shape = shape
    limits = shape.enumerated().map { axis, size in
      guard axes.contains(axis) else { return 0 }
      return Int(distance < 1 ? Double(size) * distance : distance)
    }
  }

  func moved(_ image: Tensor, using random: inout SplitMix64) throws -> Tensor {
    guard limits.contains(where: { $0 > 0 }) else { return image }
    // No draw for an axis that stays: the order of axes does not change the others.
    let offsets = limits.map { $0 == 0 ? 0 : Int.random(in: -$0...$0, using: &random) }
    let shift = try Shift(shape: shape, offsets: offsets)
    return try Tensor(shape: shape) { moved in
      try image.values.withUnsafeBufferPointer { try shift.apply($0, into: moved) }
    }
  }
}
