public import CSwiftVis
import SwiftVis

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

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

@c @implementation
public func sv_spline_zoom(
  _ input: UnsafePointer<Double>?, _ shape: UnsafePointer<sv_shape>?, _ output: UnsafeMutablePointer<Double>?,
  _ output_shape: UnsafePointer<sv_shape>?, _ error: UnsafeMutablePointer<sv_error>?
) -> sv_status {
  reporting(to: error) {
    let from = try sizes(required(shape, "shape").pointee, smallest: 1, "shape")
    let to = try sizes(required(output_shape, "output_shape").pointee, smallest: 1, "output_shape")
    let source = try elements(input, from.reduce(1, *), "input")
    let target = try elements(output, to.reduce(1, *), "output")
    try checkOverlap(source, target, allowSame: false, "input")
    try SplineZoom.resize(source, from: from, into: target, to: to)
  }
}

@c @implementation
public func sv_normalize(
  _ values: UnsafePointer<Float>?, _ count: Int, _ epsilon: Double, _ output: UnsafeMutablePointer<Float>?,
  _ error: UnsafeMutablePointer<sv_error>?
) -> sv_status {
  reporting(to: error) {
    let source = try elements(values, count, "values")
    let target = try elements(output, count, "output")
    guard epsilon >= 0, epsilon.isFinite else { throw invalid("epsilon: \(epsilon) is negative or not finite") }
    try checkOverlap(source, target, allowSame: true, "values")
    UnitRange.normalize(source, epsilon: epsilon, into: target)
  }
}

@c @implementation
public func sv_gradient_picture(
  _ gradient: UnsafePointer<Float>?, _ pixels: Int, _ channels: Int, _ kind: sv_picture, _ percentile: Double,
  _ picture: UnsafeMutablePointer<UInt8>?, _ error: UnsafeMutablePointer<sv_error>?
) -> sv_status {
  reporting(to: error) {
    let style: GradientPicture =
      switch kind {
      case SV_PICTURE_COLOR: .color
      case SV_PICTURE_GRAYSCALE: .grayscale(percentile: percentile)
      case SV_PICTURE_POSITIVE: .positive
      case SV_PICTURE_NEGATIVE: .negative
      default: throw invalid("kind: \(kind) is none of the SV_PICTURE_ values")
      }
    let count = try elementCount([Int64(pixels), Int64(channels)], "(pixels, channels)")
    let source = try elements(gradient, count, "gradient")
    let target = try elements(picture, kind == SV_PICTURE_GRAYSCALE ? pixels : count, "picture")
    try checkOverlap(source, target, allowSame: false, "gradient")
    try style.draw(source, channels: channels, into: target)
  }
}

@c @implementation
public func sv_smoothed_overlay(
  _ picture: UnsafePointer<UInt8>?, _ height: Int64, _ width: Int64, _ map: UnsafePointer<Float>?, _ map_height: Int64,
  _ map_width: Int64, _ sigma: Double, _ colormap: UnsafePointer<CChar>?, _ alpha: Double,
  _ output: UnsafeMutablePointer<UInt8>?, _ error: UnsafeMutablePointer<sv_error>?
) -> sv_status {
  reporting(to: error) {
    let colormap = try Colormap(named: string(colormap, "colormap"))
    let count = try elementCount([height, width, 3], "(height, width)")
    let source = try elements(map, elementCount([map_height, map_width], "(map_height, map_width)"), "map")
    let below = try elements(picture, count, "picture")
    let target = try elements(output, count, "output")
    try checkOverlap(below, target, allowSame: true, "picture")
    try checkOverlap(source, target, allowSame: false, "map")
    try Overlay.draw(
      source, height: Int(map_height), width: Int(map_width), sigma: sigma, colormap, alpha: alpha, over: below,
      height: Int(height), width: Int(width), into: target)
  }
}
