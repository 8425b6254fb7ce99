public import CSwiftVis
import SwiftVis

/// A shape and its number of elements.
private func sizes(_ shape: UnsafePointer<sv_shape>?) throws -> (shape: [Int], count: Int) {
  let shape = try sizes(required(shape, "shape").pointee, smallest: 1, "shape")
  return (shape, shape.reduce(1, *))
}

/// What both regularizers do with their answers.
private func regularize(
  _ image: UnsafePointer<Float>?, _ count: Int, _ value: UnsafeMutablePointer<Double>?,
  _ gradient: UnsafeMutablePointer<Float>?, valueOf: (UnsafeBufferPointer<Float>) throws -> Double,
  addGradient: (UnsafeBufferPointer<Float>, UnsafeMutableBufferPointer<Float>) throws -> Void
) throws {
  let image = try elements(image, count, "image")
  let target = try value.map { try required($0, "value") }
  let sum = try gradient.map { try elements($0, count, "gradient") }
  if let sum { try checkOverlap(image, sum, allowSame: false, "image", other: "gradient") }
  let found = try target.map { _ in try valueOf(image) }
  if let sum { try addGradient(image, sum) }
  if let target, let found { target.pointee = found }
}

@c @implementation
public func sv_total_variation(
  _ image: UnsafePointer<Float>?, _ shape: UnsafePointer<sv_shape>?, _ channels_first: Int32, _ beta: Double,
  _ weight: Double, _ value: UnsafeMutablePointer<Double>?, _ gradient: UnsafeMutablePointer<Float>?,
  _ error: UnsafeMutablePointer<sv_error>?
) -> sv_status {
  reporting(to: error) {
    let (shape, count) = try sizes(shape)
    let variation = try TotalVariation(shape: shape, channelsFirst: channels_first != 0, beta: beta)
    try regularize(image, count, value, gradient, valueOf: variation.value) {
      try variation.addGradient($0, weight: weight, to: $1)
    }
  }
}

@c @implementation
public func sv_lp_norm(
  _ image: UnsafePointer<Float>?, _ shape: UnsafePointer<sv_shape>?, _ p: Double, _ weight: Double,
  _ value: UnsafeMutablePointer<Double>?, _ gradient: UnsafeMutablePointer<Float>?, _ error: UnsafeMutablePointer<sv_error>?
) -> sv_status {
  reporting(to: error) {
    let (shape, count) = try sizes(shape)
    let norm = try LPNorm(shape: shape, p: p)
    try regularize(image, count, value, gradient, valueOf: norm.value) {
      try norm.addGradient($0, weight: weight, to: $1)
    }
  }
}

@c @implementation
public func sv_normalize_gradient(
  _ gradient: UnsafePointer<Float>?, _ count: Int, _ output: UnsafeMutablePointer<Float>?,
  _ error: UnsafeMutablePointer<sv_error>?
) -> sv_status {
  reporting(to: error) {
    let source = try elements(gradient, count, "gradient"), target = try elements(output, count, "output")
    try checkOverlap(source, target, allowSame: true, "gradient")
    try GradientDescent.normalize(source, into: target)
  }
}

@c @implementation
public func sv_rmsprop(
  _ gradient: UnsafePointer<Float>?, _ count: Int, _ decay: Double, _ rate: Double,
  _ mean_square: UnsafeMutablePointer<Float>?, _ image: UnsafePointer<Float>?, _ output: UnsafeMutablePointer<Float>?,
  _ error: UnsafeMutablePointer<sv_error>?
) -> sv_status {
  reporting(to: error) {
    let slope = try elements(gradient, count, "gradient"), mean = try elements(mean_square, count, "mean_square")
    let source = try elements(image, count, "image"), target = try elements(output, count, "output")
    try checkOverlap(slope, mean, allowSame: false, "gradient", other: "mean_square")
    try checkOverlap(source, mean, allowSame: false, "image", other: "mean_square")
    try checkOverlap(UnsafeBufferPointer(mean), target, allowSame: false, "mean_square")
    try checkOverlap(slope, target, allowSame: true, "gradient")
    try checkOverlap(source, target, allowSame: true, "image")
    try GradientDescent.rmsprop(slope, meanSquare: mean, decay: decay, rate: rate, of: source, into: target)
  }
}

@c @implementation
public func sv_shift(
  _ input: UnsafePointer<Float>?, _ shape: UnsafePointer<sv_shape>?, _ offsets: UnsafePointer<Int64>?,
  _ output: UnsafeMutablePointer<Float>?, _ error: UnsafeMutablePointer<sv_error>?
) -> sv_status {
  reporting(to: error) {
    let (shape, count) = try sizes(shape)
    let shift = try Shift(shape: shape, offsets: elements(offsets, shape.count, "offsets").map { Int($0) })
    let source = try elements(input, count, "input"), target = try elements(output, count, "output")
    try checkOverlap(source, target, allowSame: false, "input")
    try shift.apply(source, into: target)
  }
}

@c @implementation
public func sv_deprocess(
  _ input: UnsafePointer<Float>?, _ count: Int, _ low: Double, _ high: Double, _ output: UnsafeMutablePointer<Float>?,
  _ error: UnsafeMutablePointer<sv_error>?
) -> sv_status {
  reporting(to: error) {
    guard low < high, low.isFinite, high.isFinite else { throw invalid("low \(low) is not below high \(high)") }
    let source = try elements(input, count, "input"), target = try elements(output, count, "output")
    try checkOverlap(source, target, allowSame: true, "input")
    try Deprocessing.apply(source, to: low...high, into: target)
  }
}
