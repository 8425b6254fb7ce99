/// A float32 array of any rank, row-major.
public struct Tensor: Sendable, Equatable {
  public let shape: [Int]
  public var values: [Float]

  /// Throws `invalidArgument` where the number of values is not the product of the sizes.
  public init(shape: [Int], values: [Float]) throws {
    var count = 1
    for size in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      guard size >= 0, !overflow else { throw VisError(.invalidArgument, "a tensor cannot have the shape \(shape)") }
      count = product
    }
    guard values.count == count else {
      throw VisError(.invalidArgument, "a tensor of shape \(shape) has \(count) values, got \(values.count)")
    }
    self.shape = shape
    self.values = values
  }

  init(shape: [Int], filling fill: (UnsafeMutableBufferPointer<Float>) throws -> Void) rethrows {
    let count = shape.reduce(1, *)
    self.shape = shape
    values = try [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      buffer.initialize(repeating: 0)
      try fill(buffer)
      initialized = count
    }
  }
}
