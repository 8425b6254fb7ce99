#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// An immutable float32 tensor, row-major, shared by everything that refers to it.
package final class Weights: @unchecked Sendable {
  package let shape: [Int]
  package let count: Int
  /// Aligned to 64 bytes.
  let base: UnsafePointer<Float>

  static let alignment = 64

  /// Copies `values`. Throws `invalidArgument` where a size is not positive, or their product is not the number of values.
  package convenience init(shape: [Int], values: [Float]) throws {
    try self.init(shape: shape) { destination in
      try values.withUnsafeBufferPointer { try Self.copy($0, to: destination, shape: shape) }
    }
  }

  /// Copies `values`. Throws as `init(shape:values:)` does.
  package convenience init(copying values: UnsafeBufferPointer<Float>, shape: [Int]) throws {
    try self.init(shape: shape) { try Self.copy(values, to: $0, shape: shape) }
  }

  /// Reserves memory for `shape` and has it filled. Throws `invalidArgument` for impossible sizes, `outOfMemory`, and
  /// whatever `fill` throws.
  package init(shape: [Int], fill: (UnsafeMutableBufferPointer<Float>) throws -> Void) throws {
    let count = try Self.elementCount(of: shape)
    let byteCount = max(count * MemoryLayout<Float>.stride, Self.alignment)
    guard let memory = allocateAligned(byteCount: byteCount) else {
      throw VisError(.outOfMemory, "no memory for a tensor of \(ShapeInference.text(shape))")
    }
    let values = memory.bindMemory(to: Float.self, capacity: count)
    do {
      try fill(UnsafeMutableBufferPointer(start: values, count: count))
    } catch {
      free(memory)
      throw error
    }
    self.shape = shape
    self.count = count
    self.base = UnsafePointer(values)
  }

  private static func copy(
    _ values: UnsafeBufferPointer<Float>, to destination: UnsafeMutableBufferPointer<Float>, shape: [Int]
  ) throws {
    guard values.count == destination.count else {
      throw VisError(
        .invalidArgument, "a tensor of \(ShapeInference.text(shape)) has \(destination.count) values, got \(values.count)")
    }
    _ = destination.update(fromContentsOf: values)
  }

  deinit { free(UnsafeMutableRawPointer(mutating: base)) }

  /// The product of the sizes, none of which may be zero.
  private static func elementCount(of shape: [Int]) throws -> Int {
    var count = 1
    for size in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      guard size >= 1 else { throw VisError(.invalidArgument, "size \(size) in a tensor of \(ShapeInference.text(shape))") }
      guard !overflow, size <= Fields.maximumInteger, product <= ShapeInference.maximumElementCount else {
        throw VisError(.outOfMemory, "a tensor of \(ShapeInference.text(shape)) is too large")
      }
      count = product
    }
    return count
  }
}
