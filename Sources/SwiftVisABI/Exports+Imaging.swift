public import CSwiftVis
import SwiftVis

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The sizes of a map as Ints, each at least 1, with a byte count that fits an Int.
private func elementCount(_ sizes: [Int64], _ name: String) throws -> Int {
  var byteCount = 4
  for size in sizes {
    let (product, overflow) = byteCount.multipliedReportingOverflow(by: Int(clamping: size))
    guard size >= 1, !overflow else { throw invalid("\(name): \(sizes) has a size below 1 or is too large") }
    byteCount = product
  }
  return byteCount / 4
}

/// Throws where two buffers share memory; `allowSame` lets them be the very same.
private func checkOverlap<A, B>(
  _ input: UnsafeBufferPointer<A>, _ output: UnsafeMutableBufferPointer<B>, allowSame: Bool, _ name: String
) throws {
  let first = UInt(bitPattern: input.baseAddress), second = UInt(bitPattern: output.baseAddress)
  let firstSize = UInt(input.count * MemoryLayout<A>.stride), secondSize = UInt(output.count * MemoryLayout<B>.stride)
  let (low, high, size) = first <= second ? (first, second, firstSize) : (second, first, secondSize)
  guard high - low >= size || (allowSame && first == second) else { throw invalid("output overlaps \(name)") }
}

@c @implementation
public func sv_gaussian_filter(
  _ input: UnsafePointer<Float>?, _ height: Int64, _ width: Int64, _ sigma: Double,
  _ output: UnsafeMutablePointer<Float>?, _ error: UnsafeMutablePointer<sv_error>?
) -> sv_status {
  reporting(to: error) {
    let count = try elementCount([height, width], "(height, width)")
    let source = try elements(input, count, "input")
    let target = try elements(output, count, "output")
    try checkOverlap(source, target, allowSame: true, "input")
    try GaussianFilter(sigma: sigma).apply(source, height: Int(height), width: Int(width), into: target)
  }
}

/// Never freed: the names are promised for as long as the library is loaded.
private nonisolated(unsafe) let colormapNames: [UnsafePointer<CChar>?] = Colormap.allCases.map {
  UnsafePointer(strdup($0.rawValue))
}

@c @implementation
public func sv_colormap_count() -> Int32 { Int32(clamping: colormapNames.count) }

@c @implementation
public func sv_colormap_name(_ index: Int32) -> UnsafePointer<CChar>? {
  colormapNames.indices.contains(Int(index)) ? colormapNames[Int(index)] : nil
}

@c @implementation
public func sv_colormap_apply(
  _ name: UnsafePointer<CChar>?, _ values: UnsafePointer<Float>?, _ count: Int, _ rgb: UnsafeMutablePointer<UInt8>?,
  _ error: UnsafeMutablePointer<sv_error>?
) -> sv_status {
  reporting(to: error) {
    let colormap = try Colormap(named: string(name, "name"))
    let source = try elements(values, count, "values")
    let target = try elements(rgb, 3 * source.count, "rgb")
    try checkOverlap(source, target, allowSame: false, "values")
    try colormap.apply(source, into: target)
  }
}

@c @implementation
public func sv_overlay(
  _ bottom: UnsafePointer<UInt8>?, _ top: UnsafePointer<UInt8>?, _ count: Int, _ alpha: Double,
  _ output: UnsafeMutablePointer<UInt8>?, _ error: UnsafeMutablePointer<sv_error>?
) -> sv_status {
  reporting(to: error) {
    let below = try elements(bottom, count, "bottom")
    let above = try elements(top, count, "top")
    let target = try elements(output, count, "output")
    try checkOverlap(below, target, allowSame: true, "bottom")
    try checkOverlap(above, target, allowSame: true, "top")
    try Overlay.blend(top: above, bottom: below, alpha: alpha, into: target)
  }
}

@c @implementation
public func sv_resize(
  _ input: UnsafePointer<Float>?, _ height: Int64, _ width: Int64, _ channels: Int64,
  _ output: UnsafeMutablePointer<Float>?, _ output_height: Int64, _ output_width: Int64,
  _ error: UnsafeMutablePointer<sv_error>?
) -> sv_status {
  reporting(to: error) {
    let inputCount = try elementCount([height, width, channels], "(height, width, channels)")
    let outputCount = try elementCount([output_height, output_width, channels], "(output_height, output_width, channels)")
    let source = try elements(input, inputCount, "input")
    let target = try elements(output, outputCount, "output")
    try checkOverlap(source, target, allowSame: false, "input")
    try Resize.bilinear(
      source, height: Int(height), width: Int(width), channels: Int(channels),
      into: target, height: Int(output_height), width: Int(output_width))
  }
}
