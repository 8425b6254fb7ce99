import Testing

@testable import SwiftVisKernels

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
    checkConvolution(g, direction, exact: false, "\(name), \(direction)")
    let all: EpilogueParts = [.bias, .addend, .clamp, .positiveOnly, .gate]
    checkConvolution(g, direction, parts: all, scaled: true, exact: false, "\(name), \(direction), all")
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
    checkConvolution(g, direction, exact: false, "\(name), \(direction)")
    let all: EpilogueParts = [.bias, .addend, .clamp, .positiveOnly, .gate]
    checkConvolution(g, direction, parts: all, scaled: true, exact: false, "\(name), \(direction), all")
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
