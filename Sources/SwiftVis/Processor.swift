import CPlatform

/// What the kernels need of the processor.
package enum Processor {
  /// Throws `unsupported` on an x86-64 processor without the instructions that the kernels are compiled for.
  package static func check() throws {
    guard isSupported else {
      throw VisError(.unsupported, "this processor lacks AVX2 and FMA (x86-64-v3), which swiftvis needs on x86-64")
    }
  }

  private static let isSupported = platform_supports_kernels() != 0
}
