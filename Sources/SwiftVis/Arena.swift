#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// All memory of a session in one block: planned tensors, then scratch for each worker.
final class Arena {
  let base: UnsafeMutablePointer<Float>
  let workers: UnsafeMutablePointer<Float>
  let workerFloatCount: Int
  let byteCount: Int

  init(floatCount: Int, workerCount: Int, workerFloatCount: Int) throws {
    // A line of its own for each worker: no two write the same one.
    let aligned = (workerFloatCount + 15) / 16 * 16
    let (scratch, overflow) = aligned.multipliedReportingOverflow(by: workerCount)
    let (total, overflow2) = floatCount.addingReportingOverflow(scratch)
    guard !overflow, !overflow2 else { throw VisError(.outOfMemory, "the network needs too much memory at this input size") }
    base = try allocateFloats(total)
    workers = base + floatCount
    self.workerFloatCount = aligned
    byteCount = total * MemoryLayout<Float>.stride
  }

  deinit { free(base) }
}

/// Room for `count` floats, rounded up to whole 64-byte lines and aligned to them, uninitialized. Throws `outOfMemory`; to be freed with
/// `free`.
func allocateFloats(_ count: Int) throws -> UnsafeMutablePointer<Float> {
  let refusal = VisError(.outOfMemory, "not enough memory for \(count / (1 << 18)) MiB")
  guard count >= 0, count < 1 << 48 else { throw refusal }
  let bytes = max(64, (count * MemoryLayout<Float>.stride + 63) / 64 * 64)
  // Systems that overcommit grant what they do not have and end the process when it is used.
  guard bytes < 1 << 30 || bytes <= availableMemory else { throw refusal }
  guard let pointer = allocateAligned(byteCount: bytes) else { throw refusal }
  return pointer.bindMemory(to: Float.self, capacity: bytes / MemoryLayout<Float>.stride)
}

/// Memory aligned to 64 bytes, to be freed with `free`; nil where there is none. Large blocks ask for huge pages: networks
/// read hundreds of megabytes from end to end, and the processor fetches ahead only within a page.
func allocateAligned(byteCount: Int) -> UnsafeMutableRawPointer? {
  let hugePage = 2 << 20
  let isLarge = byteCount >= 2 * hugePage
  var pointer: UnsafeMutableRawPointer?
  guard posix_memalign(&pointer, isLarge ? hugePage : 64, byteCount) == 0, let pointer else { return nil }
  #if os(Linux)
    if isLarge { _ = madvise(pointer, byteCount, MADV_HUGEPAGE) }  // a wish; refusals change nothing
  #endif
  return pointer
}

/// Bytes that can be had without swapping, as far as the system tells.
private var availableMemory: Int {
  #if os(Linux)
    if let file = fopen("/proc/meminfo", "r") {
      defer { fclose(file) }
      var line = [CChar](repeating: 0, count: 128)
      while fgets(&line, Int32(line.count), file) != nil {
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let words = text.split(separator: " ")
        if words.first == "MemAvailable:", words.count > 1, let kilobytes = Int(words[1]) { return kilobytes * 1024 }
      }
    }
  #endif
  return max(0, sysconf(Int32(_SC_PHYS_PAGES))) * max(0, sysconf(Int32(_SC_PAGESIZE)))
}
