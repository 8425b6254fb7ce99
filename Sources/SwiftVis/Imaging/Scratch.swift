#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Working memory that is gone at the end of its scope. Where there is none it throws; a Swift array would end the process.
struct Scratch<Element: BitwiseCopyable>: ~Copyable {
  let base: UnsafeMutablePointer<Element>
  let count: Int

  /// Uninitialised.
  init(count: Int) throws {
    let (byteCount, overflow) = count.multipliedReportingOverflow(by: MemoryLayout<Element>.stride)
    guard count >= 0, !overflow, let memory = malloc(max(byteCount, 1)) else {
      throw VisError(.outOfMemory, "no memory for \(count) elements of working memory")
    }
    self.base = memory.assumingMemoryBound(to: Element.self)
    self.count = count
  }

  deinit { free(base) }

  var buffer: UnsafeMutableBufferPointer<Element> { UnsafeMutableBufferPointer(start: base, count: count) }

  subscript(index: Int) -> Element {
    get { base[index] }
    nonmutating set { base[index] = newValue }
  }
}

/// Throws `invalidArgument` unless every size is at least 1 and their product is `count`.
func checkMap(_ name: String, _ sizes: [Int], count: Int) throws {
  var product = 1
  for size in sizes {
    let (next, overflow) = product.multipliedReportingOverflow(by: size)
    guard size >= 1, !overflow else {
      throw VisError(.invalidArgument, "\(name): \(sizes) has a size below 1 or is too large")
    }
    product = next
  }
  guard product == count else {
    throw VisError(.invalidArgument, "\(name): \(sizes) has \(product) elements, but the buffer has \(count)")
  }
}
