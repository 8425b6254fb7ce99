#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// An open file. Every failure is a `VisError` of kind `io` with the path and the system's reason.
final class File {
  let path: String
  private let descriptor: Int32

  /// Opens a regular file for reading.
  init(reading path: String) throws {
    self.path = path
    // Without O_NONBLOCK, opening a pipe waits for a writer.
    descriptor = try Self.open(path, O_RDONLY | O_NONBLOCK)
  }

  /// Creates a file that must not exist yet.
  init(creating path: String) throws {
    self.path = path
    descriptor = try Self.open(path, O_WRONLY | O_CREAT | O_EXCL)
  }

  deinit { _ = close(descriptor) }

  private static func open(_ path: String, _ flags: Int32) throws -> Int32 {
    guard !path.utf8.contains(0) else { throw failure("open", path, EINVAL) }
    #if canImport(Glibc)
      let descriptor = Glibc.open(path, flags | O_CLOEXEC, 0o666)
    #elseif canImport(Musl)
      let descriptor = Musl.open(path, flags | O_CLOEXEC, 0o666)
    #else
      let descriptor = Darwin.open(path, flags | O_CLOEXEC, 0o666)
    #endif
    guard descriptor >= 0 else { throw failure("open", path) }
    return descriptor
  }

  static func failure(_ what: String, _ path: String, _ code: Int32 = errno) -> VisError {
    VisError(.io, "cannot \(what) '\(path)': \(String(cString: strerror(code)))")
  }

  /// In bytes. Throws for anything but a regular file.
  func size() throws -> Int {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw Self.failure("read", path) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw VisError(.io, "cannot read '\(path)': not a regular file") }
    return Int(status.st_size)
  }

  /// Fills the buffer from `offset` on.
  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    var done = 0
    while done < buffer.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
      let count = pread(descriptor, rest.baseAddress, rest.count, off_t(offset + done))
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw Self.failure("read", path) }
      guard count > 0 else { throw VisError(.io, "cannot read '\(path)': it ended early") }
      done += count
    }
  }

  func write(_ buffer: UnsafeRawBufferPointer) throws {
    var done = 0
    while done < buffer.count {
      let rest = UnsafeRawBufferPointer(rebasing: buffer[done...])
      #if canImport(Glibc)
        let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
      #elseif canImport(Musl)
        let count = Musl.write(descriptor, rest.baseAddress, rest.count)
      #else
        let count = Darwin.write(descriptor, rest.baseAddress, rest.count)
      #endif
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw Self.failure("write", path) }
      done += count
    }
  }

  /// Calls `write` with a new file beside `path`, and gives it that name when all is written: a reader sees the old file or
  /// the whole new one.
  static func replace(_ path: String, write: (File) throws -> Void) throws {
    let temporary = "\(path).\(getpid())-\(String(UInt32.random(in: 0...(.max)), radix: 36)).part"
    do {
      let file = try File(creating: temporary)
      try write(file)
      guard fsync(file.descriptor) == 0 else { throw failure("write", temporary) }
      guard rename(temporary, path) == 0 else { throw failure("write", path) }
    } catch {
      unlink(temporary)
      throw error
    }
  }
}
