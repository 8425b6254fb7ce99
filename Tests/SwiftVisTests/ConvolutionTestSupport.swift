import Testing

@testable import SwiftVisKernels

/// A small deterministic source of numbers in -1..<1.
struct Numbers {
  var state: UInt64
  init(_ seed: Int) { state = UInt64(truncatingIfNeeded: seed) &* 0x9E37_79B9_7F4A_7C15 | 1 }
  mutating func next() -> Float {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Float(state >> 40) / Float(1 << 23) - 1
  }
  mutating func array(_ count: Int) -> [Float] { (0..<count).map { _ in next() } }
  mutating func below(_ n: Int) -> Int { Int((Double(next()) + 1) / 2 * Double(n)) }
}

struct EpilogueParts: OptionSet, CustomTestStringConvertible {
  let rawValue: Int
  static let bias = Self(rawValue: 1), addend = Self(rawValue: 2), clamp = Self(rawValue: 4)
  static let positiveOnly = Self(rawValue: 8), gate = Self(rawValue: 16), factor = Self(rawValue: 32)
  static let all: [Self] = [
    [], .bias, .addend, .clamp, .positiveOnly, .gate, .factor, [.bias, .addend, .clamp, .positiveOnly, .gate, .factor],
  ]
  var testDescription: String { "epilogue \(rawValue)" }
}

/// Arrays for every part of an epilogue, and the epilogue by definition.
struct EpilogueCase {
  let parts: EpilogueParts
  let bias: [Float], addend: [Float], factor: [Float]
  var gate: [Float]

  init(_ parts: EpilogueParts, channels: Int, count: Int, _ numbers: inout Numbers) {
    self.parts = parts
    bias = numbers.array(channels)
    addend = numbers.array(count)
    gate = numbers.array(count)
    factor = numbers.array(count)
  }
  func expected(_ sums: [Double]) -> [Double] {
    sums.indices.map { i in
      var v = sums[i]
      if parts.contains(.bias) { v += Double(bias[i % bias.count]) }
      if parts.contains(.addend) { v += Double(addend[i]) }
      if parts.contains(.clamp) { v = min(max(v, -0.75), 1.5) }
      if parts.contains(.positiveOnly) { v = v > 0 ? v : 0 }
      if parts.contains(.gate) && !(gate[i] > 0 && gate[i] < 0.5) { v = 0 }
      if parts.contains(.factor) { v *= Double(factor[i]) }
      return v
    }
  }
  func with(_ body: (Epilogue) -> Void) {
    bias.withUnsafeBufferPointer { bias in
      addend.withUnsafeBufferPointer { addend in
        gate.withUnsafeBufferPointer { gate in
          var epilogue = Epilogue()
          if parts.contains(.bias) { epilogue.bias = bias.baseAddress }
          if parts.contains(.addend) { epilogue.addend = addend.baseAddress }
          if parts.contains(.clamp) { (epilogue.lowerBound, epilogue.upperBound) = (-0.75, 1.5) }
          epilogue.positiveOnly = parts.contains(.positiveOnly)
          if parts.contains(.gate) { (epilogue.gate, epilogue.gateLimit) = (gate.baseAddress, 0.5) }
          factor.withUnsafeBufferPointer {
            if parts.contains(.factor) { epilogue.factor = $0.baseAddress }
            body(epilogue)
          }
        }
      }
    }
  }
}

/// Memory with guard values behind it.
func guarded(_ count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) -> [Float] {
  let pointer = UnsafeMutablePointer<Float>.allocate(capacity: count + 64)
  defer { pointer.deallocate() }
  pointer.initialize(repeating: .nan, count: count)
  (pointer + count).initialize(repeating: 12345, count: 64)
  body(pointer)
  #expect((0..<64).allSatisfy { pointer[count + $0] == 12345 })
  return Array(UnsafeBufferPointer(start: pointer, count: count))
}

/// Relative to the largest of the sums that the results were made from.
func expectCloseSums(_ result: [Float], _ expected: [Double], sums: [Double], _ label: Comment) {
  let scale = sums.reduce(1) { max($0, abs($1)) }
  var worst = 0.0
  for (a, b) in zip(result, expected) {
    worst = max(worst, a.isNaN != b.isNaN ? .infinity : a.isNaN ? 0 : abs(Double(a) - b))
  }
  #expect(result.count == expected.count && worst <= 2e-5 * scale, label)
}

struct Scales: OptionSet {
  let rawValue: Int
  static let input = Self(rawValue: 1), output = Self(rawValue: 2)
}

extension WindowGeometry {
  /// Output sizes from the rest; `far` is the padding at the bottom and right.
  init(
    _ batch: Int = 1, _ height: Int, _ width: Int, _ channels: Int, filters: Int, kernel: (Int, Int),
    strides: (Int, Int) = (1, 1),
    dilations: (Int, Int) = (1, 1), near: (Int, Int) = (0, 0), far: (Int, Int) = (0, 0), groups: Int = 1
  ) {
    func size(_ n: Int, _ k: Int, _ s: Int, _ d: Int, _ near: Int, _ far: Int) -> Int {
      (n + near + far - (k - 1) * d - 1) / s + 1
    }
    self.init(
      batch: batch, input: (height, width, channels),
      output: (
        size(height, kernel.0, strides.0, dilations.0, near.0, far.0),
        size(width, kernel.1, strides.1, dilations.1, near.1, far.1),
        filters
      ), kernel: (kernel.0, kernel.1), strides: (strides.0, strides.1), dilations: (dilations.0, dilations.1),
      padding: (near.0, near.1), groups: groups)
  }
  var inputCount: Int { batch * inputHeight * inputWidth * inputChannels }
  var outputCount: Int { batch * outputHeight * outputWidth * outputChannels }
  var kernelCount: Int { kernelHeight * kernelWidth * inputChannels / groups * outputChannels }

  /// Calls `body` with (input, kernel, output) indices of every product of the definition, the input and output channel too.
  func forEachProduct(_ body: (Int, Int, Int) -> Void) {
    let (inputs, outputs) = (inputChannels / groups, outputChannels / groups)
    for n in 0..<batch {
      for oy in 0..<outputHeight {
        for ox in 0..<outputWidth {
          for ky in 0..<kernelHeight {
            for kx in 0..<kernelWidth {
              let y = oy * strideHeight + ky * dilationHeight - paddingTop
              let x = ox * strideWidth + kx * dilationWidth - paddingLeft
              if y < 0 || y >= inputHeight || x < 0 || x >= inputWidth { continue }
              for group in 0..<groups {
                for i in 0..<inputs {
                  for o in 0..<outputs {
                    body(
                      ((n * inputHeight + y) * inputWidth + x) * inputChannels + group * inputs + i,
                      ((ky * kernelWidth + kx) * inputs + i) * outputChannels + group * outputs + o,
                      ((n * outputHeight + oy) * outputWidth + ox) * outputChannels + group * outputs + o)
                  }
                }
              }
            }
          }
        }
      }
    }
  }
}

/// Runs a convolution with its units one by one backwards, or all at once.
func run(
  _ convolution: Convolution, source: [Float], kernel: [Float], scales: (input: [Float], output: [Float])?, count: Int,
  epilogue: Epilogue, unitByUnit: Bool
) -> [Float] {
  var packed: [Float] = []
  packed = guarded(convolution.packedCount) { packed in
    convolution.pack(kernel: kernel, inputScale: scales?.input, outputScale: scales?.output, into: packed)
  }
  #expect(!packed.contains { $0.isNaN })
  return guarded(count) { destination in
    _ = guarded(convolution.sharedScratchCount) { shared in
      _ = guarded(convolution.workerScratchCount) { worker in
        for stage in 0..<convolution.stageCount {
          let units = convolution.unitCount(stage: stage)
          let pieces = unitByUnit ? (0..<units).reversed().map { $0..<$0 + 1 } : [0..<units]
          for piece in pieces {
            convolution.run(
              stage: stage, units: piece, source: source, packed: packed, destination: destination, epilogue: epilogue,
              sharedScratch: shared, workerScratch: worker)
          }
        }
      }
    }
  }
}

func checkConvolution(
  _ g: WindowGeometry, _ direction: Direction, parts: EpilogueParts = [.bias], scaled: Bool = false, exact: Bool = true,
  _ label: Comment
) {
  var numbers = Numbers(g.inputCount &* 31 &+ g.kernelCount)
  let kernel = numbers.array(g.kernelCount)
  let scales = (input: numbers.array(g.inputChannels), output: numbers.array(g.outputChannels))
  let forward = direction == .forward
  let source = numbers.array(forward ? g.inputCount : g.outputCount)
  var sums = [Double](repeating: 0, count: forward ? g.outputCount : g.inputCount)
  let perGroup = g.inputChannels / g.groups
  g.forEachProduct { i, k, o in
    var weight = Double(kernel[k])
    if scaled {
      weight *= Double(scales.input[i % g.inputChannels]) * Double(scales.output[k % g.outputChannels])
      assert(k / g.outputChannels % perGroup == i % perGroup)
    }
    if forward { sums[o] += Double(source[i]) * weight } else { sums[i] += Double(source[o]) * weight }
  }
  let epilogue = EpilogueCase(
    parts, channels: forward ? g.outputChannels : g.inputChannels, count: sums.count, &numbers)
  epilogue.with { value in
    let convolution = Convolution(g, direction: direction, exact: exact, leastWinogradCost: 0)
    let result = run(
      convolution, source: source, kernel: kernel, scales: scaled ? scales : nil, count: sums.count, epilogue: value,
      unitByUnit: false)
    expectCloseSums(result, epilogue.expected(sums), sums: sums, label)
    let again = run(
      convolution, source: source, kernel: kernel, scales: scaled ? scales : nil, count: sums.count, epilogue: value,
      unitByUnit: true)
    #expect(result.map(\.bitPattern) == again.map(\.bitPattern), label)
  }
}

/// A batch gives the bits of single runs.
func expectSameInBatch(_ batch: WindowGeometry, _ direction: Direction, exact: Bool) {
  var one = batch
  one.batch = 1
  var numbers = Numbers(3)
  let kernel = numbers.array(batch.kernelCount)
  let (from, to) = direction == .forward ? (one.inputCount, one.outputCount) : (one.outputCount, one.inputCount)
  let source = numbers.array(batch.batch * from)
  func result(_ g: WindowGeometry, _ source: [Float], _ count: Int) -> [Float] {
    run(
      Convolution(g, direction: direction, exact: exact, leastWinogradCost: 0), source: source, kernel: kernel, scales: nil,
      count: count,
      epilogue: Epilogue(), unitByUnit: false)
  }
  let together = result(batch, source, batch.batch * to)
  for n in 0..<batch.batch {
    #expect(result(one, Array(source[n * from..<(n + 1) * from]), to) == Array(together[n * to..<(n + 1) * to]))
  }
}

let directions: [Direction] = [.forward, .inputGradient]
