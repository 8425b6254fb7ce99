#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension Weights {
  /// A copy of `values`, row-major, in aligned memory of its own. Throws `invalidArgument` where their count is not that of
  /// `shape`, and `outOfMemory`.
  public convenience init(copying values: UnsafeBufferPointer<Float>, shape: [Int]) throws {
    try self.init(shape: shape) { memory in
      guard values.count == memory.count else {
        throw VisError(.invalidArgument, "shape \(shape) has \(memory.count) elements, but \(values.count) came")
      }
      _ = memory.update(fromContentsOf: values)
    }
  }

  /// Zeroed memory for `shape`, which `fill` may write before anybody else sees it.
  convenience init(shape: [Int], fill: (UnsafeMutableBufferPointer<Float>) throws -> Void) throws {
    var count = 1
    for size in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      guard size >= 0, !overflow else { throw VisError(.invalidArgument, "shape \(shape) is negative or too large") }
      count = product
    }
    let memory = try allocateAligned(count)
    do {
      try fill(UnsafeMutableBufferPointer(start: memory, count: count))
    } catch {
      memory.deallocate()
      throw error
    }
    self.init(shape: shape, adopting: memory)
  }
}

/// Zeroed floats aligned to 64 bytes and padded to a multiple of them; freed with `deallocate()`.
///
/// Throws `outOfMemory` where Swift's own allocation would end the process.
func allocateAligned(_ count: Int) throws -> UnsafeMutablePointer<Float> {
  let (padded, overflow) = max(count, 1).addingReportingOverflow(15)
  let (byteCount, tooLarge) = (padded & ~15).multipliedReportingOverflow(by: MemoryLayout<Float>.stride)
  var memory: UnsafeMutableRawPointer?
  guard !overflow, !tooLarge, posix_memalign(&memory, 64, byteCount) == 0, let memory else {
    throw VisError(.outOfMemory, "no memory for \(count) floats")
  }
  memory.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
  return memory.assumingMemoryBound(to: Float.self)
}
