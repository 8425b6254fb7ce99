import Testing

@testable import SwiftVisKernels

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
    checkConvolution(geometry, direction, "\(name), \(direction)")
    checkConvolution(
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
    checkConvolution(g, .inputGradient, parts: [], "\(g)")
    checkConvolution(
      g, .inputGradient, parts: [.bias, .addend, .clamp, .positiveOnly, .gate], scaled: true, "\(g), all")
    var batch = g
    batch.batch = 3
    expectSameInBatch(batch, .inputGradient, exact: true)
  }

  @Test(arguments: EpilogueParts.all) func epilogue(_ parts: EpilogueParts) {
    for direction in directions {
      for filters in [3, 16, 27] {
        let g = WindowGeometry(1, 7, 8, filters, filters: filters, kernel: (3, 3), near: (1, 1), far: (1, 1))
        checkConvolution(g, direction, parts: parts, "\(direction), \(filters) channels, \(parts.testDescription)")
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
        checkConvolution(
          g, direction, parts: parts, scaled: true, "\(direction), \(pixels) x \(depth) x \(columns), \(parts)")
      }
    }
  }

  /// Large kernels on small images are packed once for both directions.
  @Test func sharedKernel() {
    for (height, width, inputs, outputs) in [(7, 7, 1024, 1024), (4, 5, 2064, 512)] {
      let g = WindowGeometry(1, height, width, inputs, filters: outputs, kernel: (1, 1))
      let keys = directions.map { Convolution(g, direction: $0, exact: true).packingKey }
      #expect(keys[0] == keys[1])
      checkConvolution(g, .inputGradient, parts: [.bias, .gate], scaled: true, "\(g)")
    }
    var batch = WindowGeometry(1, 5, 9, 1024, filters: 1024, kernel: (1, 1))
    batch.batch = 3
    expectSameInBatch(batch, .inputGradient, exact: true)
  }

  /// In the kernel: the bits of the separate pass.
  @Test(arguments: [(ActivationKind.silu, Epilogue.Activation.silu), (.gelu, .gelu), (.geluTanh, .geluTanh)])
  func activationOfPointwise(_ kind: ActivationKind, _ activation: Epilogue.Activation) {
    for (pixels, depth, columns) in [(50, 7, 40), (133, 300, 27)] {
      let g = WindowGeometry(1, 1, pixels, depth, filters: columns, kernel: (1, 1))
      let convolution = Convolution(g, direction: .forward, exact: true)
      #expect(convolution.appliesActivation)
      var numbers = Numbers(pixels)
      let (source, kernel) = (numbers.array(g.inputCount), numbers.array(g.kernelCount))
      func result(_ epilogue: Epilogue) -> [Float] {
        run(
          convolution, source: source, kernel: kernel, scales: nil, count: g.outputCount, epilogue: epilogue,
          unitByUnit: true)
      }
      var epilogue = Epilogue()
      let sums = result(epilogue)
      epilogue.activation = activation
      var values: [Float] = []
      let derivatives = guarded(g.outputCount) {
        epilogue.derivative = $0
        values = result(epilogue)
      }
      let expected = sums.map { x in guarded(1) { y in activate(kind, [x], into: y, range: 0..<1) }[0] }
      #expect(values == expected)
      let ones = [Float](repeating: 1, count: sums.count)
      #expect(
        derivatives
          == guarded(sums.count) {
            activateGradient(kind, saved: sums, cotangent: ones, addend: nil, into: $0, range: 0..<sums.count)
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
      for direction in directions {
        checkConvolution(g, direction, scaled: index % 2 == 0, "random \(index) \(direction) \(g)")
      }
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
