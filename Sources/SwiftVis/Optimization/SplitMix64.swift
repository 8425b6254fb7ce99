/// SplitMix64 (Steele, Lea & Flood 2014): the same numbers for the same seed, everywhere.
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Uniform noise of this mean and standard deviation.
  mutating func noise(_ shape: [Int], mean: Float, deviation: Float) throws -> Tensor {
    let count = try elementCount(shape, "noise")
    let uniform = (0..<count).map { _ in Float(next() >> 40) * 0x1p-24 }
    return try Tensor(shape: shape) { noise in
      try uniform.withUnsafeBufferPointer { try Deprocessing.standardize($0, into: noise) { $0 * deviation + mean } }
    }
  }
}
