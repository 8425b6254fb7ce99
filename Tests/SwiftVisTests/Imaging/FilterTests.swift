import Testing

@testable import SwiftVis

/// Numbers that scipy 1.17 and matplotlib 3.11 gave.
struct FilterTests {
  let squares = (0..<12).map { Float($0 * $0) }

  func filtered(_ map: [Float], height: Int, width: Int, sigma: Double) throws -> [Float] {
    var output = [Float](repeating: .nan, count: map.count)
    try map.withUnsafeBufferPointer { input in
      try output.withUnsafeMutableBufferPointer {
        try GaussianFilter(sigma: sigma).apply(input, height: height, width: width, into: $0)
      }
    }
    return output
  }

  @Test func gaussianFilterIsScipys() throws {
    let narrow: [Float] = [
      4.75765181, 7.43618822, 12.2171688, 17.0981369, 25.0112419, 32.4370842, 43.2228928, 52.8511658, 56.6230469,
      68.796196, 85.5868301, 99.9624023,
    ]
    // The kernel's radius of 10 is more than either size.
    let wide: [Float] = [
      38.4611549, 39.7941856, 41.6806831, 43.0154915, 39.834774, 41.2000694, 43.1321983, 44.4992752, 41.2086563,
      42.6062164, 44.5839767, 45.9833145,
    ]
    for (sigma, expected) in [(0.7, narrow), (2.5, wide), (1e-16, squares), (0, squares)] {
      let output = try filtered(squares, height: 3, width: 4, sigma: sigma)
      for (value, target) in zip(output, expected) { #expect(abs(value - target) <= 2e-7 * target) }
    }
  }

  @Test func gaussianFilterOfHugeSigmaIsTheMean() throws {
    let output = try filtered(squares, height: 3, width: 4, sigma: 1e6)
    let mean = squares.reduce(0, +) / 12
    #expect(output.allSatisfy { abs($0 - mean) < 1e-4 })
    #expect(try filtered([3], height: 1, width: 1, sigma: 9) == [3])
  }

  @Test(arguments: [-1e-9, .nan, .infinity, 1.1e6]) func gaussianFilterRefuses(sigma: Double) {
    #expect(throws: VisError.self) { try GaussianFilter(sigma: sigma) }
  }

  @Test func gaussianFilterChecksSizes() {
    for (height, width) in [(0, 12), (3, 5), (-3, -4), (.max, 2)] {
      #expect(throws: VisError.self) { try filtered(squares, height: height, width: width, sigma: 1) }
    }
  }

  @Test func colormapsAreMatplotlibs() {
    // Every byte, by the polynomial of 31.
    let sums: [Colormap: UInt64] = [
      .jet: 0xad81_5874_fd26_dcff, .viridis: 0xc0a2_209e_4836_b0f9, .inferno: 0xd0c1_474b_3a1d_9e14,
      .magma: 0x5d84_6a35_40a3_6c00, .plasma: 0x91d4_7ded_9b52_7c6b, .turbo: 0x92e9_df86_d340_a493,
      .hot: 0x0a58_5bcc_bd97_dc75, .gray: 0x7eb4_56ed_047f_f388, .seismic: 0x5628_377a_050f_fb19,
    ]
    for map in Colormap.allCases {
      #expect(map.table.count == 768)
      #expect(map.table.reduce(0 as UInt64) { $0 &* 31 &+ UInt64($1) } == sums[map], "\(map)")
    }
    #expect(Colormap.jet.table.prefix(3).elementsEqual([0, 0, 127]))
    #expect(Colormap.viridis.table[300..<303].elementsEqual([42, 118, 142]))
  }

  @Test func colormapLevels() throws {
    let values: [Float] = [0, 0.5, 0.99999994, 1, 1.5, -0.1, .infinity, -.infinity, 1 / 256, 0.0039, .nan]
    var rgb = [UInt8](repeating: 7, count: 3 * values.count)
    try values.withUnsafeBufferPointer { input in
      try rgb.withUnsafeMutableBufferPointer { try Colormap.gray.apply(input, into: $0) }
    }
    #expect(stride(from: 0, to: rgb.count, by: 3).map { rgb[$0] } == [0, 128, 255, 255, 255, 0, 255, 0, 1, 0, 0])
    #expect(throws: VisError.self) { try Colormap(named: "Jet") }
    #expect(try Colormap(named: "turbo") == .turbo)
  }

  @Test func overlayRoundsHalvesToEven() throws {
    let top = (0...255).map { UInt8($0) }, bottom = [UInt8](repeating: 1, count: 256)
    for alpha in [0, 0.25, 0.5, 1.0 / 3, 0.7, 1] {
      var output = [UInt8](repeating: 0, count: 256)
      try top.withUnsafeBufferPointer { top in
        try bottom.withUnsafeBufferPointer { bottom in
          try output.withUnsafeMutableBufferPointer { try Overlay.blend(top: top, bottom: bottom, alpha: alpha, into: $0) }
        }
      }
      let expected = top.map { UInt8((alpha * Double($0) + (1 - alpha) * 1).rounded(.toNearestOrEven)) }
      #expect(output == expected)
    }
  }

  @Test func resizeKeepsCornersAndCentres() throws {
    let input: [Float] = [0, 10, 1, 11, 2, 12, 3, 13]
    func resized(_ height: Int, _ width: Int) throws -> [Float] {
      var output = [Float](repeating: .nan, count: height * width * 2)
      try input.withUnsafeBufferPointer { input in
        try output.withUnsafeMutableBufferPointer {
          try Resize.bilinear(input, height: 2, width: 2, channels: 2, into: $0, height: height, width: width)
        }
      }
      return output
    }
    #expect(try resized(2, 2) == input)
    #expect(try resized(1, 1) == [1.5, 11.5])
    #expect(try resized(2, 3) == [0, 10, 0.5, 10.5, 1, 11, 2, 12, 2.5, 12.5, 3, 13])
    #expect(throws: VisError.self) { try resized(0, 2) }
  }
}
