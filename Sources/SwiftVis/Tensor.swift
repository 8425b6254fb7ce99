/// A float32 array of any rank, row-major; for networks with the batch axis first.
public struct Tensor: Sendable, Hashable {
  /// The size of each axis.
  public let shape: [Int]
  /// The elements; there are always as many as the shape says.
  public internal(set) var values: [Float]

  /// Throws `invalidArgument` where the number of values is not the product of the sizes.
  public init(shape: [Int], values: [Float]) throws(VisError) {
    let count = try Self.elementCount(of: shape)
    guard values.count == count else {
      throw VisError(.invalidArgument, "a tensor of shape \(shape) has \(count) values, got \(values.count)")
    }
    (self.shape, self.values) = (shape, values)
  }

  init(shape: [Int], filling fill: (UnsafeMutableBufferPointer<Float>) throws -> Void) throws {
    let count = try Self.elementCount(of: shape)
    self.shape = shape
    values = try [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      buffer.initialize(repeating: 0)
      initialized = count
      try fill(UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
    }
  }

  init(zeros shape: [Int]) throws { try self.init(shape: shape) { _ in } }

  private static func elementCount(of shape: [Int]) throws(VisError) -> Int {
    var count = 1
    for size in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      guard size >= 0, !overflow else { throw VisError(.invalidArgument, "a tensor cannot have the shape \(shape)") }
      count = product
    }
    return count
  }
}
