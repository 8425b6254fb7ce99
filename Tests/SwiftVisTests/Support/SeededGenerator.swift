@testable import SwiftVis

/// The same numbers on every run and machine.
struct SeededGenerator: RandomNumberGenerator {
  private var source: SplitMix64
  init(_ seed: UInt64) { source = SplitMix64(seed: seed &* 0x9E37_79B9_7F4A_7C15) }

  mutating func next() -> UInt64 { source.next() }

  mutating func int(_ range: ClosedRange<Int>) -> Int { .random(in: range, using: &self) }
  mutating func chance(_ probability: Double) -> Bool { .random(in: 0..<1, using: &self) < probability }
  mutating func element<T>(_ choices: [T]) -> T { choices[int(0...choices.count - 1)] }

  /// Values in -scale...scale that a Float holds exactly, none nearer to zero than a fiftieth of the scale: there ReLU bends.
  mutating func tensor(_ shape: [Int], scale: Double = 1) -> Tensor {
    Tensor(
      shape,
      (0..<shape.reduce(1, *)).map { _ in
        let size = Double.random(in: 0.02...1, using: &self) * scale
        return Double(Float(chance(0.5) ? size : -size))
      })
  }
}
