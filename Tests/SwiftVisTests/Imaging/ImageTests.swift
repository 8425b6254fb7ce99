import SwiftVis
import Testing

@Suite struct ImageTests {
  @Test func sizesAreChecked() throws {
    for (height, width, channels) in [(0, 2, 1), (2, -1, 1), (1, 2, 0), (.max, 2, 1), (1, 3, 1)] {
      #expect(throws: VisError.self) {
        try Image<Float>(height: height, width: width, channels: channels, samples: [1, 2])
      }
    }
    #expect(throws: VisError.self) { try Image<UInt8>(height: .max, width: .max, channels: 3, repeating: 0) }
    #expect(throws: VisError.self) { try Image<UInt8>(height: 1 << 40, width: 2, channels: 1, repeating: 0) }
    var image = try Image<UInt8>(height: 2, width: 3, channels: 2, samples: Array(0..<12))
    #expect(image[1, 2, 1] == 11 && image[0, 1] == 2)
    image[1, 0] = 99
    #expect(image.samples[6] == 99)
  }

  @Test func bytesAndFloats() throws {
    let bytes = try Image<UInt8>(height: 1, width: 3, channels: 1, samples: [0, 51, 255])
    let scaled = bytes.scaled(to: -1...1)
    #expect(scaled.samples == [-1, -0.6, 1])
    #expect(scaled.bytes(from: -1...1) == bytes)
    let wild = try Image<Float>(height: 1, width: 5, channels: 1, samples: [-1, 2, .nan, 0.5, .infinity])
    #expect(wild.bytes().samples == [0, 255, 0, 128, 255])
    #expect(wild.bytes(from: 1...1).samples == [0, 255, 0, 0, 0] || wild.bytes(from: 1...1).samples.count == 5)
  }

  @Test func normalized() throws {
    func normalized(_ samples: [Float]) throws -> [Float] {
      try Image(height: 1, width: samples.count, channels: 1, samples: samples).normalized().samples
    }
    #expect(try normalized([1, 3, 2]) == [0, 1, 0.5])
    #expect(try normalized([5, 5]) == [0, 0])
    #expect(try normalized([1e-30, 2e-30, 3e-30]) == [0, 0.5, 1])
    #expect(try normalized([1, .nan, 2]).allSatisfy { $0.isNaN })
  }

  @Test func resized() throws {
    let image = try Image<Float>(height: 2, width: 2, channels: 2, samples: [0, 10, 1, 11, 2, 12, 3, 13])
    #expect(try image.resized(height: 1, width: 1).samples == [1.5, 11.5])
    #expect(try image.resized(height: 2, width: 3).samples == [0, 10, 0.5, 10.5, 1, 11, 2, 12, 2.5, 12.5, 3, 13])
    let bytes = try Image<UInt8>(height: 1, width: 2, channels: 1, samples: [0, 255])
    #expect(try bytes.resized(height: 1, width: 3).samples == [0, 128, 255])
    for (height, width) in [(0, 1), (1, -1), (Int.max, 2)] {
      #expect(throws: VisError.self) { try image.resized(height: height, width: width) }
    }
  }

  /// Numbers of scipy.ndimage.zoom.
  @Test func splines() throws {
    let line = try Image<Float>(height: 4, width: 1, channels: 1, samples: [0, 1, 4, 9])
    let zoomed = try line.resized(height: 7, width: 1, interpolation: .cubicSpline).samples
    for (found, expected) in zip(zoomed, [0, 0.3, 1, 2, 4, 7.2, 9] as [Float]) {
      #expect(abs(found - expected) < 1e-6, "\(zoomed)")
    }
    let constant = try Image<Float>(height: 1, width: 2, channels: 3, repeating: 2)
    #expect(try constant.resized(height: 3, width: 5, interpolation: .cubicSpline).samples.allSatisfy { abs($0 - 2) < 1e-6 })
  }

  @Test func smoothed() throws {
    let map = try Image<Float>(height: 1, width: 3, channels: 2, samples: [0, 5, 3, 5, 0, 5])
    let smooth = try map.smoothed(sigma: 1)
    #expect(smooth[0, 1, 0] < 3 && smooth[0, 0, 0] > 0)
    #expect((0..<3).allSatisfy { abs(smooth[0, $0, 1] - 5) < 1e-5 })
    #expect(try map.smoothed(sigma: 0) == map)
    for sigma in [-1, .nan, .infinity, 1e7] as [Double] {
      #expect(throws: VisError.self) { try map.smoothed(sigma: sigma) }
    }
  }

  @Test func overlaid() throws {
    let map = try Image<Float>(height: 1, width: 2, channels: 1, samples: [0, 4])
    let gray = try Image<UInt8>(height: 1, width: 2, channels: 1, samples: [100, 200])
    #expect(try map.normalized().colored(.gray).samples == [0, 0, 0, 255, 255, 255])
    let half = try gray.overlaid(with: map, sigma: 0, colormap: .gray, alpha: 0.5)
    #expect(half.channels == 3 && half.samples == [50, 50, 50, 228, 228, 228])
    #expect(try gray.overlaid(with: map, alpha: 0).samples == [100, 100, 100, 200, 200, 200])
    let large = try Image<UInt8>(height: 4, width: 8, channels: 3, repeating: 9)
    #expect(try large.overlaid(with: map).samples.count == 96)
    #expect(throws: VisError.self) { try gray.overlaid(with: map, alpha: 1.1) }
    #expect(throws: VisError.self) { try gray.overlaid(with: map, alpha: .nan) }
    #expect(throws: VisError.self) { try gray.overlaid(with: map, sigma: -1) }
    let wide = try Image<UInt8>(height: 1, width: 1, channels: 2, repeating: 0)
    #expect(throws: VisError.self) { try wide.overlaid(with: map) }
    #expect(throws: VisError.self) { try Image<Float>(height: 1, width: 1, channels: 2, repeating: 0).colored(.jet) }
  }

  @Test func gradientPictures() throws {
    let gradient = try Image<Float>(height: 1, width: 2, channels: 2, samples: [-2, 0, 2, 1])
    #expect(try gradient.picture().samples == [0, 127, 255, 191])
    #expect(try gradient.picture(of: .positive).samples == [0, 0, 255, 127])
    #expect(try gradient.picture(of: .negative).samples == [255, 0, 0, 0])
    #expect(try gradient.picture(of: .grayscale(percentile: 100)).samples == [0, 255])
    #expect(try gradient.picture(of: .grayscale).channels == 1)
    #expect(throws: VisError.self) { try gradient.picture(of: .grayscale(percentile: 101)) }
    #expect(throws: VisError.self) { try gradient.picture(of: .grayscale(percentile: .nan)) }
    let constant = try Image<Float>(height: 1, width: 2, channels: 1, repeating: -3)
    #expect(try constant.picture().samples == [0, 0])
  }
}
