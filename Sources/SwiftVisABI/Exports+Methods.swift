import CSwiftVis
import SwiftVis

/// A tensor's shape with every size known, and its channel axis.
private func shape(_ shape: UnsafePointer<sv_shape>?, _ channel_axis: Int32) throws -> (sizes: [Int], axis: Int, count: Int)
{
  let sizes = try sizes(required(shape, "shape").pointee, smallest: 1, "shape")
  guard sizes.indices.contains(Int(channel_axis)) else {
    throw invalid("channel_axis: \(channel_axis) is no axis of \(sizes)")
  }
  return (sizes, Int(channel_axis), sizes.reduce(1, *))
}

@c @implementation
public func sv_score_cotangent(
  _ shape: UnsafePointer<sv_shape>?, _ channel_axis: Int32, _ filters: UnsafePointer<Int64>?, _ filter_count: Int,
  _ cotangent: UnsafeMutablePointer<Float>?, _ error: UnsafeMutablePointer<sv_error>?
) -> sv_status {
  reporting(to: error) {
    let (sizes, axis, count) = try SwiftVisABI.shape(shape, channel_axis)
    let chosen = try elements(filters, filter_count, "filters")
    let target = try elements(cotangent, count, "cotangent")
    try Score.writeCotangent(
      shape: sizes, channelAxis: axis, filters: chosen.isEmpty ? nil : chosen.map { Int($0) }, name: "cotangent",
      into: target)
  }
}

@c @implementation
public func sv_saliency_map(
  _ gradient: UnsafePointer<Float>?, _ shape: UnsafePointer<sv_shape>?, _ channel_axis: Int32, _ reduction: sv_reduction,
  _ map: UnsafeMutablePointer<Float>?, _ error: UnsafeMutablePointer<sv_error>?
) -> sv_status {
  reporting(to: error) {
    let (sizes, axis, count) = try SwiftVisABI.shape(shape, channel_axis)
    let kind: SaliencyMap.Reduction =
      switch reduction {
      case SV_MAXIMUM: .maximum
      case SV_MAXIMUM_OF_ABSOLUTES: .maximumOfAbsolutes
      case SV_SUM_OF_ABSOLUTES: .sumOfAbsolutes
      default: throw invalid("reduction: \(reduction) is none of the SV_ reductions")
      }
    let source = try elements(gradient, count, "gradient")
    let target = try elements(map, count / sizes[axis], "map")
    try checkOverlap(source, target, allowSame: false, "gradient")
    try SaliencyMap.reduce(source, shape: sizes, channelAxis: axis, kind, into: target)
  }
}

@c @implementation
public func sv_class_activation_map(
  _ values: UnsafePointer<Float>?, _ gradient: UnsafePointer<Float>?, _ shape: UnsafePointer<sv_shape>?,
  _ channel_axis: Int32, _ weighting: sv_weighting, _ map: UnsafeMutablePointer<Float>?,
  _ error: UnsafeMutablePointer<sv_error>?
) -> sv_status {
  reporting(to: error) {
    let (sizes, axis, count) = try SwiftVisABI.shape(shape, channel_axis)
    guard axis > 0 else { throw invalid("channel_axis: the first axis of \(sizes) is the batch") }
    let kind: ClassActivation.Weighting =
      switch weighting {
      case SV_WEIGHTS_OF_SAMPLE: .perSample
      case SV_WEIGHTS_OF_BATCH: .ofBatch
      default: throw invalid("weighting: \(weighting) is none of the SV_WEIGHTS_ values")
      }
    let source = try elements(values, count, "values")
    let slopes = try elements(gradient, count, "gradient")
    let target = try elements(map, count / sizes[axis] / (kind == .ofBatch ? sizes[0] : 1), "map")
    try checkOverlap(source, target, allowSame: false, "values")
    try checkOverlap(slopes, target, allowSame: false, "gradient")
    try ClassActivation.map(source, slopes, shape: sizes, channelAxis: axis, kind, into: target)
  }
}
