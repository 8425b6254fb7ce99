import Testing

@testable import SwiftVisKernels

/// A small deterministic source of numbers in -1..<1.
private struct Numbers {
  var state: UInt64
  init(_ seed: Int) { state = UInt64(truncatingIfNeeded: seed) &* 0x9E37_79B9_7F4A_7C15 | 1 }
  mutating func next() -> Float {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Float(state >> 40) / Float(1 << 23) - 1
  }
  mutating func array(_ count: Int) -> [Float] { (0..<count).map { _ in next() } }
  mutating func below(_ n: Int) -> Int { Int((Double(next()) + 1) / 2 * Double(n)) }
}

private struct EpilogueParts: OptionSet, CustomTestStringConvertible {
  let rawValue: Int
  static let bias = Self(rawValue: 1), addend = Self(rawValue: 2), clamp = Self(rawValue: 4)
  static let positiveOnly = Self(rawValue: 8), gate = Self(rawValue: 16), factor = Self(rawValue: 32)
  static let all: [Self] = [
    [], .bias, .addend, .clamp, .positiveOnly, .gate, .factor, [.bias, .addend, .clamp, .positiveOnly, .gate, .factor],
  ]
  var testDescription: String { "epilogue \(rawValue)" }
}

/// Arrays for every part of an epilogue, and the epilogue by definition.
private struct EpilogueCase {
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
private func guarded(_ count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) -> [Float] {
  let pointer = UnsafeMutablePointer<Float>.allocate(capacity: count + 64)
  defer { pointer.deallocate() }
  pointer.initialize(repeating: .nan, count: count)
  (pointer + count).initialize(repeating: 12345, count: 64)
  body(pointer)
  #expect((0..<64).allSatisfy { pointer[count + $0] == 12345 })
  return Array(UnsafeBufferPointer(start: pointer, count: count))
}

/// Relative to the largest of the sums that the results were made from.
private func expectClose(_ result: [Float], _ expected: [Double], sums: [Double], _ label: Comment) {
  let scale = sums.reduce(1) { max($0, abs($1)) }
  var worst = 0.0
  for (a, b) in zip(result, expected) {
    worst = max(worst, a.isNaN != b.isNaN ? .infinity : a.isNaN ? 0 : abs(Double(a) - b))
  }
  #expect(result.count == expected.count && worst <= 2e-5 * scale, label)
}

private struct Scales: OptionSet {
  let rawValue: Int
  static let input = Self(rawValue: 1), output = Self(rawValue: 2)
}

extension WindowGeometry {
  /// Output sizes from the rest; `far` is the padding at the bottom and right.
  fileprivate init(
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
private func run(
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

private func check(
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
    expectClose(result, epilogue.expected(sums), sums: sums, label)
    let again = run(
      convolution, source: source, kernel: kernel, scales: scaled ? scales : nil, count: sums.count, epilogue: value,
      unitByUnit: true)
    #expect(result.map(\.bitPattern) == again.map(\.bitPattern), label)
  }
}

/// A batch gives the bits of single runs.
private func expectSameInBatch(_ batch: WindowGeometry, _ direction: Direction, exact: Bool) {
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

private let directions: [Direction] = [.forward, .inputGradient]

@Suite struct ConvolutionKernelTests {
  static let shapes: [(String, WindowGeometry)] = [
    ("1x1", WindowGeometry(2, 5, 7, 19, filters: 33, kernel: (1, 1))),
    ("1x1 deep", WindowGeometry(1, 7, 7, 600, filters: 70, kernel: (1, 1))),
    ("1x1 strided", WindowGeometry(1, 9, 8, 16, filters: 32, kernel: (1, 1), strides: (2, 2))),
    ("3x3 same", WindowGeometry(3, 9, 11, 17, filters: 40, kernel: (3, 3), near: (1, 1), far: (1, 1))),
    ("3x3 deep", WindowGeometry(1, 5, 5, 300, filters: 20, kernel: (3, 3), near: (1, 1), far: (1, 1))),
    ("3x3 strided, asymmetric", WindowGeometry(2, 10, 12, 9, filters: 18, kernel: (3, 3), strides: (2, 2), far: (1, 1))),
    (
      "5x2 stride 3x1", WindowGeometry(1, 14, 9, 20, filters: 24, kernel: (5, 2), strides: (3, 1), near: (2, 0), far: (1, 1))
    ),
    ("kernel smaller than the stride", WindowGeometry(1, 11, 10, 20, filters: 16, kernel: (2, 1), strides: (3, 3))),
    ("dilated", WindowGeometry(1, 12, 13, 18, filters: 17, kernel: (3, 3), dilations: (2, 3), near: (2, 3), far: (2, 3))),
    (
      "dilated and strided",
      WindowGeometry(
        1, 15, 14, 18, filters: 17, kernel: (3, 3), strides: (2, 3), dilations: (3, 2), near: (1, 4), far: (2, 0))
    ),
    ("first layer", WindowGeometry(2, 23, 21, 3, filters: 20, kernel: (7, 7), strides: (2, 2), near: (3, 3), far: (3, 3))),
    ("first layer, valid", WindowGeometry(1, 20, 22, 3, filters: 32, kernel: (3, 3))),
    (
      "first layer, 11x11/4",
      WindowGeometry(1, 31, 35, 3, filters: 8, kernel: (11, 11), strides: (4, 4), near: (2, 2), far: (1, 1))
    ),
    ("grey, 5x5", WindowGeometry(2, 12, 11, 1, filters: 6, kernel: (5, 5), near: (2, 2), far: (2, 2))),
    (
      "dilated colours",
      WindowGeometry(1, 12, 11, 3, filters: 6, kernel: (3, 3), dilations: (2, 2), near: (2, 2), far: (2, 2))
    ),
    ("to 3 channels", WindowGeometry(1, 9, 10, 24, filters: 3, kernel: (3, 3), near: (1, 1), far: (1, 1))),
    ("1 to 1", WindowGeometry(1, 8, 9, 1, filters: 1, kernel: (3, 3), near: (1, 1), far: (1, 1))),
    ("groups of 4", WindowGeometry(1, 7, 6, 32, filters: 32, kernel: (3, 3), near: (1, 1), far: (1, 1), groups: 8)),
    (
      "3 odd groups",
      WindowGeometry(2, 7, 6, 21, filters: 51, kernel: (3, 3), strides: (2, 2), near: (1, 1), far: (1, 1), groups: 3)
    ),
    ("6 groups, 2 together", WindowGeometry(1, 7, 6, 12, filters: 30, kernel: (2, 3), near: (1, 1), groups: 6)),
    ("wide groups", WindowGeometry(1, 5, 6, 40, filters: 80, kernel: (3, 3), near: (1, 1), far: (1, 1), groups: 2)),
    ("smaller than the kernel", WindowGeometry(1, 2, 3, 5, filters: 7, kernel: (7, 7), near: (3, 3), far: (3, 3))),
    ("patches of 8x8", WindowGeometry(2, 26, 24, 3, filters: 17, kernel: (8, 8), strides: (8, 8))),
    ("patches of 4x4", WindowGeometry(1, 12, 13, 20, filters: 40, kernel: (4, 4), strides: (4, 4))),
    ("stride beyond the image", WindowGeometry(1, 5, 4, 3, filters: 17, kernel: (2, 2), strides: (9, 7))),
    ("one pixel", WindowGeometry(1, 1, 1, 3, filters: 2, kernel: (3, 3), strides: (2, 2), near: (1, 1), far: (1, 1))),
    ("one row", WindowGeometry(1, 1, 40, 8, filters: 16, kernel: (1, 5), near: (0, 2), far: (0, 2))),
  ]

  @Test(arguments: directions, shapes.indices) func shape(_ direction: Direction, _ index: Int) {
    let (name, geometry) = Self.shapes[index]
    check(geometry, direction, "\(name), \(direction)")
    check(
      geometry, direction, parts: [.bias, .addend, .clamp, .positiveOnly, .gate], scaled: true, "\(name), \(direction), all")
  }

  /// Gradients of few channels whose products are scattered: bands, rows that wrap round, and taps beside the image.
  static let scatteredShapes: [WindowGeometry] = [
    WindowGeometry(2, 61, 24, 3, filters: 20, kernel: (3, 3), near: (1, 1), far: (1, 1)),
    WindowGeometry(1, 20, 23, 1, filters: 9, kernel: (5, 4), near: (2, 0), far: (1, 1)),
    WindowGeometry(1, 83, 45, 3, filters: 300, kernel: (7, 7), strides: (2, 2), near: (3, 3), far: (3, 3)),
    WindowGeometry(1, 34, 64, 2, filters: 17, kernel: (5, 5), strides: (1, 3), near: (2, 1), far: (2, 0)),
    WindowGeometry(1, 26, 25, 4, filters: 16, kernel: (3, 3), dilations: (3, 2), near: (3, 2), far: (3, 2)),
    WindowGeometry(1, 33, 51, 3, filters: 8, kernel: (3, 3), strides: (2, 2), dilations: (2, 1), near: (2, 0), far: (2, 1)),
    WindowGeometry(1, 3, 70, 3, filters: 8, kernel: (7, 7), strides: (1, 3), near: (3, 3), far: (3, 3)),
  ]

  @Test(arguments: scatteredShapes.indices) func scattered(_ index: Int) {
    let g = Self.scatteredShapes[index]
    #expect(Convolution(g, direction: .inputGradient, exact: true).algorithmName == "direct, scattered")
    check(g, .inputGradient, parts: [], "\(g)")
    check(
      g, .inputGradient, parts: [.bias, .addend, .clamp, .positiveOnly, .gate], scaled: true, "\(g), all")
    var batch = g
    batch.batch = 3
    expectSameInBatch(batch, .inputGradient, exact: true)
  }

  @Test(arguments: EpilogueParts.all) private func epilogue(_ parts: EpilogueParts) {
    for direction in directions {
      for filters in [3, 16, 27] {
        let g = WindowGeometry(1, 7, 8, filters, filters: filters, kernel: (3, 3), near: (1, 1), far: (1, 1))
        check(g, direction, parts: parts, "\(direction), \(filters) channels, \(parts.testDescription)")
      }
    }
  }

  /// Rests of rows and columns, panels of 24, sums in slices, and blocks of both sizes.
  @Test(arguments: directions) func pointwise(_ direction: Direction) {
    for (pixels, depth, columns) in [
      (20, 3, 8), (21, 5, 16), (22, 16, 17), (23, 40, 24), (29, 257, 25), (39, 20, 40), (49, 300, 72), (115, 8, 9),
      (133, 90, 50), (400, 16, 96), (97, 700, 23),
    ] {
      let (inputs, outputs) = direction == .forward ? (depth, columns) : (columns, depth)
      let g = WindowGeometry(1, 1, pixels, inputs, filters: outputs, kernel: (1, 1))
      #expect(Convolution(g, direction: direction, exact: true).algorithmName == "pointwise")
      for parts in [EpilogueParts.bias, .gate, .factor, [.bias, .addend, .clamp, .positiveOnly, .gate, .factor]] {
        check(g, direction, parts: parts, scaled: true, "\(direction), \(pixels) x \(depth) x \(columns), \(parts)")
      }
    }
  }

  /// Large kernels on small images are packed once for both directions.
  @Test func sharedKernel() {
    for (height, width, inputs, outputs) in [(7, 7, 1024, 1024), (4, 5, 2064, 512)] {
      let g = WindowGeometry(1, height, width, inputs, filters: outputs, kernel: (1, 1))
      let keys = directions.map { Convolution(g, direction: $0, exact: true).packingKey }
      #expect(keys[0] == keys[1])
      check(g, .inputGradient, parts: [.bias, .gate], scaled: true, "\(g)")
    }
    var batch = WindowGeometry(1, 5, 9, 1024, filters: 1024, kernel: (1, 1))
    batch.batch = 3
    expectSameInBatch(batch, .inputGradient, exact: true)
  }

  /// In the kernel: the bits of the separate pass.
  @Test func siluOfPointwise() {
    for (pixels, depth, columns) in [(50, 7, 40), (133, 300, 27)] {
      let g = WindowGeometry(1, 1, pixels, depth, filters: columns, kernel: (1, 1))
      let convolution = Convolution(g, direction: .forward, exact: true)
      #expect(convolution.appliesSilu)
      var numbers = Numbers(pixels)
      let (source, kernel) = (numbers.array(g.inputCount), numbers.array(g.kernelCount))
      func result(_ epilogue: Epilogue) -> [Float] {
        run(
          convolution, source: source, kernel: kernel, scales: nil, count: g.outputCount, epilogue: epilogue,
          unitByUnit: true)
      }
      var epilogue = Epilogue()
      let sums = result(epilogue)
      epilogue.appliesSilu = true
      var values: [Float] = []
      let derivatives = guarded(g.outputCount) {
        epilogue.derivative = $0
        values = result(epilogue)
      }
      let expected = sums.map { x in guarded(1) { y in activate(.silu, [x], into: y, range: 0..<1) }[0] }
      #expect(values == expected)
      let ones = [Float](repeating: 1, count: sums.count)
      #expect(
        derivatives
          == guarded(sums.count) {
            activateGradient(.silu, saved: sums, cotangent: ones, addend: nil, into: $0, range: 0..<sums.count)
          })
    }
  }

  @Test func randomShapes() {
    var numbers = Numbers(7)
    for index in 0..<120 {
      let groups = [1, 1, 2, 3][numbers.below(4)]
      let kernel = (1 + numbers.below(5), 1 + numbers.below(5)), dilations = (1 + numbers.below(3), 1 + numbers.below(3))
      let near = (numbers.below(4), numbers.below(4)), far = (numbers.below(4), numbers.below(4))
      let height = max(1, (kernel.0 - 1) * dilations.0 + 1 - near.0 - far.0) + numbers.below(9)
      let width = max(1, (kernel.1 - 1) * dilations.1 + 1 - near.1 - far.1) + numbers.below(9)
      let g = WindowGeometry(
        1 + numbers.below(3), height, width, groups * (1 + numbers.below(20)), filters: groups * (1 + numbers.below(20)),
        kernel: kernel, strides: (1 + numbers.below(3), 1 + numbers.below(3)), dilations: dilations, near: near, far: far,
        groups: groups)
      for direction in directions { check(g, direction, scaled: index % 2 == 0, "random \(index) \(direction) \(g)") }
    }
  }

  @Test(arguments: directions) func batchOfThree(_ direction: Direction) {
    expectSameInBatch(
      WindowGeometry(3, 9, 11, 17, filters: 40, kernel: (3, 3), strides: (2, 1), near: (1, 1), far: (1, 1)), direction,
      exact: true)
  }

  @Test func nanPassesTheClamp() {
    let g = WindowGeometry(1, 1, 1, 1, filters: 16, kernel: (1, 1))
    var epilogue = Epilogue()
    (epilogue.lowerBound, epilogue.upperBound) = (-1, 1)
    let result = run(
      Convolution(g, direction: .forward, exact: true), source: [.nan], kernel: [Float](repeating: 1, count: 16),
      scales: nil,
      count: 16, epilogue: epilogue, unitByUnit: false)
    #expect(result.allSatisfy { $0.isNaN })
  }

  @Test func sameKeySameWeights() {
    func key(_ height: Int, _ filters: Int, _ direction: Direction) -> Int {
      let g = WindowGeometry(1, height, 9, 20, filters: filters, kernel: (3, 3), near: (1, 1), far: (1, 1))
      return Convolution(g, direction: direction, exact: true).packingKey
    }
    #expect(key(9, 20, .forward) == key(12, 20, .forward))
    #expect(key(9, 20, .forward) != key(9, 21, .forward))
    #expect(key(9, 20, .forward) != key(9, 20, .inputGradient))
  }
}

@Suite struct WinogradKernelTests {
  static let shapes: [(String, WindowGeometry)] = [
    ("same", WindowGeometry(2, 17, 18, 24, filters: 32, kernel: (3, 3), near: (1, 1), far: (1, 1))),
    ("valid", WindowGeometry(1, 19, 16, 16, filters: 48, kernel: (3, 3))),
    ("asymmetric", WindowGeometry(1, 15, 17, 16, filters: 16, kernel: (3, 3), near: (0, 2), far: (3, 0))),
    ("more panels than a group has", WindowGeometry(1, 30, 31, 32, filters: 112, kernel: (3, 3), near: (1, 1), far: (1, 1))),
    ("deep", WindowGeometry(1, 15, 14, 528, filters: 16, kernel: (3, 3), near: (1, 1), far: (1, 1))),
    ("a large kernel", WindowGeometry(1, 18, 17, 176, filters: 176, kernel: (3, 3), near: (1, 1), far: (1, 1))),
    (
      "a large kernel for few tiles", WindowGeometry(1, 13, 14, 176, filters: 176, kernel: (3, 3), near: (1, 1), far: (1, 1))
    ),
    ("blocks of several samples", WindowGeometry(5, 13, 14, 136, filters: 16, kernel: (3, 3), near: (1, 1), far: (1, 1))),
    ("many tiles", WindowGeometry(1, 118, 117, 8, filters: 80, kernel: (3, 3), near: (1, 1), far: (1, 1))),
  ]

  @Test(arguments: directions, shapes.indices) func shape(_ direction: Direction, _ index: Int) {
    let (name, g) = Self.shapes[index]
    if g.inputChannels % 16 == 0 || direction == .forward { #expect(WinogradConvolution(g, direction: direction) != nil) }
    check(g, direction, exact: false, "\(name), \(direction)")
    let all: EpilogueParts = [.bias, .addend, .clamp, .positiveOnly, .gate]
    check(g, direction, parts: all, scaled: true, exact: false, "\(name), \(direction), all")
  }

  @Test func onlyWhereItFits() {
    let padding = (near: (1, 1), far: (1, 1))
    for g in [
      WindowGeometry(1, 20, 20, 16, filters: 24, kernel: (3, 3), near: padding.near, far: padding.far),
      WindowGeometry(1, 20, 20, 12, filters: 16, kernel: (3, 3), near: padding.near, far: padding.far),
      WindowGeometry(1, 20, 20, 16, filters: 16, kernel: (3, 3), strides: (2, 1), near: padding.near, far: padding.far),
      WindowGeometry(1, 20, 20, 16, filters: 16, kernel: (3, 3), dilations: (1, 2), near: padding.near, far: padding.far),
      WindowGeometry(1, 20, 20, 16, filters: 16, kernel: (5, 3), near: padding.near, far: padding.far),
      WindowGeometry(1, 20, 20, 32, filters: 32, kernel: (3, 3), near: padding.near, far: padding.far, groups: 2),
      WindowGeometry(1, 7, 7, 512, filters: 512, kernel: (3, 3), near: padding.near, far: padding.far),
    ] { #expect(WinogradConvolution(g, direction: .forward) == nil) }
  }

  /// With the same form of the kernel as the samples alone, and, of eight, with another.
  @Test(arguments: directions, [3, 8]) func batch(_ direction: Direction, _ count: Int) {
    for channels in [32, 144] {
      expectSameInBatch(
        WindowGeometry(count, 19, 20, channels, filters: 48, kernel: (3, 3), near: (1, 1), far: (1, 1)), direction,
        exact: false)
    }
  }
}

@Suite struct LineConvolutionKernelTests {
  static let shapes: [(String, WindowGeometry)] = [
    ("1x7", WindowGeometry(1, 17, 17, 64, filters: 80, kernel: (1, 7), near: (0, 3), far: (0, 3))),
    ("7x1", WindowGeometry(2, 17, 16, 64, filters: 64, kernel: (7, 1), near: (3, 0), far: (3, 0))),
    ("5x5", WindowGeometry(1, 19, 18, 48, filters: 64, kernel: (5, 5), near: (2, 2), far: (2, 2))),
    ("5x5 valid", WindowGeometry(1, 19, 20, 64, filters: 48, kernel: (5, 5))),
    ("1x3", WindowGeometry(1, 20, 20, 112, filters: 112, kernel: (1, 3), near: (0, 1), far: (0, 1))),
    ("3x1 deep", WindowGeometry(1, 20, 20, 272, filters: 80, kernel: (3, 1), near: (1, 0), far: (1, 0))),
    ("7x3, asymmetric", WindowGeometry(1, 20, 17, 112, filters: 16, kernel: (7, 3), near: (1, 2), far: (5, 0))),
    ("padded across", WindowGeometry(1, 12, 20, 64, filters: 48, kernel: (1, 7), near: (2, 3), far: (1, 3))),
  ]

  @Test(arguments: directions, shapes.indices) func shape(_ direction: Direction, _ index: Int) {
    let (name, g) = Self.shapes[index]
    #expect(LineConvolution(g, direction: direction, leastCost: 0) != nil)
    check(g, direction, exact: false, "\(name), \(direction)")
    let all: EpilogueParts = [.bias, .addend, .clamp, .positiveOnly, .gate]
    check(g, direction, parts: all, scaled: true, exact: false, "\(name), \(direction), all")
  }

  @Test func onlyWhereItFits() {
    for g in [
      WindowGeometry(1, 20, 20, 16, filters: 24, kernel: (1, 7)), WindowGeometry(1, 20, 20, 12, filters: 16, kernel: (1, 7)),
      WindowGeometry(1, 20, 20, 16, filters: 16, kernel: (1, 7), strides: (1, 2)),
      WindowGeometry(1, 20, 20, 16, filters: 16, kernel: (1, 7), dilations: (1, 2)),
      WindowGeometry(1, 20, 20, 16, filters: 16, kernel: (9, 1)), WindowGeometry(1, 20, 20, 16, filters: 16, kernel: (1, 1)),
      WindowGeometry(1, 20, 20, 32, filters: 32, kernel: (7, 1), groups: 2),
    ] { #expect(LineConvolution(g, direction: .forward, leastCost: 0) == nil) }
  }

  @Test(arguments: directions) func batchOfThree(_ direction: Direction) {
    expectSameInBatch(
      WindowGeometry(3, 17, 14, 64, filters: 64, kernel: (7, 1), near: (3, 0), far: (3, 0)), direction, exact: false)
  }
}

@Suite struct DenseKernelTests {
  private func check(
    _ rows: Int, _ inputs: Int, _ outputs: Int, _ direction: Direction, parts: EpilogueParts, scaled: Bool
  ) -> [Float] {
    var numbers = Numbers(inputs * 1000 + outputs)
    let kernel = numbers.array(inputs * outputs)
    let scales = (input: numbers.array(inputs), output: numbers.array(outputs))
    let (width, depth) = direction == .forward ? (outputs, inputs) : (inputs, outputs)
    var source = numbers.array(rows * depth)
    for row in 0..<rows { for i in stride(from: 1, to: depth, by: 3) { source[row * depth + i] = 0 } }
    var sums = [Double](repeating: 0, count: rows * width)
    for row in 0..<rows {
      for i in 0..<inputs {
        for o in 0..<outputs {
          let weight = Double(kernel[i * outputs + o]) * (scaled ? Double(scales.input[i] * scales.output[o]) : 1)
          if direction == .forward {
            sums[row * outputs + o] += Double(source[row * inputs + i]) * weight
          } else {
            sums[row * inputs + i] += Double(source[row * outputs + o]) * weight
          }
        }
      }
    }
    let epilogue = EpilogueCase(parts, channels: width, count: sums.count, &numbers)
    let dense = Dense(rows: rows, inputs: inputs, outputs: outputs, direction: direction, hasScale: scaled)
    let packed = guarded(dense.packedCount) {
      dense.pack(
        kernel: kernel, inputScale: scaled ? scales.input : nil, outputScale: scaled ? scales.output : nil, into: $0)
    }
    let weights = dense.packedCount == 0 ? kernel : packed
    var results: [[Float]] = []
    epilogue.with { value in
      for unitByUnit in [false, true] {
        results.append(
          guarded(sums.count) { destination in
            _ = guarded(dense.workerScratchCount) { worker in
              let pieces = unitByUnit ? (0..<dense.unitCount).reversed().map { $0..<$0 + 1 } : [0..<dense.unitCount]
              for piece in pieces {
                dense.run(
                  units: piece, source: source, weights: weights, destination: destination, epilogue: value,
                  workerScratch: worker)
              }
            }
          })
      }
    }
    expectClose(results[0], epilogue.expected(sums), sums: sums, "\(rows)x\(inputs)x\(outputs) \(direction)")
    #expect(results[0].map(\.bitPattern) == results[1].map(\.bitPattern))
    return results[0]
  }

  /// Rows of the kernel that change nothing hold NaNs here.
  @Test(arguments: directions, [1, 3]) func deadRowsAreNotRead(_ direction: Direction, _ rows: Int) {
    let (inputs, outputs) = (23, 70)
    var numbers = Numbers(rows)
    var kernel = numbers.array(inputs * outputs)
    let isDead = { (input: Int) in input % 3 == 1 || input > 20 }
    for i in 0..<inputs where isDead(i) { for o in 0..<outputs { kernel[i * outputs + o] = .nan } }
    var epilogue = EpilogueCase(direction == .forward ? [] : [.gate], channels: 1, count: rows * inputs, &numbers)
    var source = numbers.array(rows * (direction == .forward ? inputs : outputs))
    for row in 0..<rows {
      for i in 0..<inputs where isDead(i) {
        if direction == .forward { source[row * inputs + i] = 0 } else { epilogue.gate[row * inputs + i] = i > 20 ? 7 : 0 }
      }
    }
    let dense = Dense(rows: rows, inputs: inputs, outputs: outputs, direction: direction, hasScale: false)
    epilogue.with { value in
      let result = guarded(rows * (direction == .forward ? outputs : inputs)) { destination in
        _ = guarded(dense.workerScratchCount) { worker in
          dense.run(
            units: 0..<dense.unitCount, source: source, weights: kernel, destination: destination, epilogue: value,
            workerScratch: worker)
        }
      }
      #expect(result.allSatisfy { $0.isFinite } && result.contains { $0 != 0 })
    }
  }

  @Test(arguments: directions, [1, 2, 3, 4, 5, 13]) func dense(_ direction: Direction, _ rows: Int) {
    for (inputs, outputs) in [(1, 1), (5, 3), (37, 10), (64, 70), (130, 1000), (300, 8), (7, 1100)] {
      _ = check(rows, inputs, outputs, direction, parts: [.bias], scaled: false)
      _ = check(rows, inputs, outputs, direction, parts: [.bias, .addend, .clamp, .positiveOnly, .gate], scaled: true)
    }
  }
}
