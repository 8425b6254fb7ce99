import SwiftVisKernels

/// One movement of those that make up a slice or a gather.
enum Selection {
  /// Adjacent places of one axis: where that is the last, nothing is moved (`Slices.swift`).
  case part(axis: Int, start: Int, count: Int)
  /// Adjacent places of several axes.
  case crop(starts: [Int], sizes: [Int])
  /// Places of one axis in any order.
  case pick(axis: Int, indices: [Int])

  func shape(from shape: [Int]) -> [Int] {
    var shape = shape
    switch self {
    case .part(let axis, _, let count): shape[axis] = count
    case .crop(_, let sizes): shape = sizes
    case .pick(let axis, let indices): shape[axis] = indices.count
    }
    return shape
  }

  func kernel(from source: [Int], to destination: [Int]) -> Kernel {
    switch self {
    case .part(let axis, let start, let count):
      let inner = source[(axis + 1)...].reduce(1, *)
      return .slice(RowPart(offset: start * inner, width: count * inner), total: source[axis] * inner)
    case .crop(let starts, _):
      return .place(PlacedCopy(source: source, destination: destination, offset: starts.map { -$0 }))
    case .pick(let axis, let indices): return .gather(.init(source, axis: axis, indices, .forward))
    }
  }

  /// The transpose.
  func gradientKernel(from source: [Int], to destination: [Int]) -> Kernel {
    var offset = source.map { _ in 0 }
    switch self {
    case .part(let axis, let start, _): offset[axis] = start
    case .crop(let starts, _): offset = starts
    case .pick(let axis, let indices): return .gatherGradient(.init(destination, axis: axis, indices, .inputGradient))
    }
    return .place(PlacedCopy(source: source, destination: destination, offset: offset))
  }
}

extension SliceRange {
  /// Places from the start to the end of an axis, or to its begin. Nil where the start is not on the axis.
  func available(of length: Int) -> Int? {
    let first = start < 0 ? start + length : start
    guard (0..<length).contains(first) else { return nil }
    return (step > 0 ? (length - 1 - first) / step : first / -step) + 1
  }
}

extension [SliceRange] {
  /// What they do to a tensor of this shape: adjacent places first, so that less is left to pick from.
  func selections(of shape: [Int]) -> [Selection] {
    var starts = shape.map { _ in 0 }, sizes = shape
    var cropped: [Int] = []
    var picks: [Selection] = []
    for (axis, range) in zip(shape.indices.dropFirst(), self) {
      let first = range.start < 0 ? range.start + shape[axis] : range.start
      let size = range.size ?? range.available(of: shape[axis]) ?? 0
      if range.step == 1 || size == 1 {
        guard size < shape[axis] else { continue }
        (starts[axis], sizes[axis]) = (first, size)
        cropped.append(axis)
      } else {
        picks.append(.pick(axis: axis, indices: (0..<size).map { first + $0 * range.step }))
      }
    }
    switch cropped.count {
    case 0: return picks
    case 1: return [.part(axis: cropped[0], start: starts[cropped[0]], count: sizes[cropped[0]])] + picks
    default: return [.crop(starts: starts, sizes: sizes)] + picks
    }
  }
}

extension AxisGather {
  fileprivate init(_ shape: [Int], axis: Int, _ indices: [Int], _ direction: Direction) {
    self.init(
      outer: shape[..<axis].reduce(1, *), count: shape[axis], inner: shape[(axis + 1)...].reduce(1, *), indices: indices,
      direction: direction)
  }
}

/// The cotangent of some adjacent places of an axis of a node.
struct CotangentPart {
  let axis: Int, start: Int, count: Int
  let tensor: TensorID
}

extension PlanBuilder {
  mutating func lower(_ selections: [Selection], _ input: TensorID, shape: [Int]) -> TensorID {
    var (tensor, shape) = (input, shape)
    for selection in selections {
      let result = selection.shape(from: shape)
      tensor = emit(selection.kernel(from: shape, to: result), [tensor], shape: result)
      shape = result
    }
    return tensor
  }

  mutating func differentiate(_ selections: [Selection], _ cotangent: Cotangent, to node: Graph.NodeIndex) {
    guard path.contains(node) else { return }
    var shapes = [shapes[node]]
    for selection in selections { shapes.append(selection.shape(from: shapes[shapes.count - 1])) }
    guard let first = selections.first else { return pass(cotangent, to: node) }
    var tensor = cotangent.tensor
    for index in selections.indices.dropFirst().reversed() {
      tensor = emit(
        selections[index].gradientKernel(from: shapes[index + 1], to: shapes[index]), [tensor], shape: shapes[index])
    }
    // The parts of a split are put together when all are there.
    if case .part(let axis, let start, let count) = first {
      parts[node, default: []].append(CotangentPart(axis: axis, start: start, count: count, tensor: tensor))
    } else {
      propagate(first.gradientKernel(from: shapes[1], to: shapes[0]), [tensor], to: node)
    }
  }

  /// Passes on the cotangents of a node's parts: side by side where they cover an axis, which may be no work, else each by itself.
  mutating func joinParts(of node: Graph.NodeIndex) {
    guard let parts = parts.removeValue(forKey: node)?.sorted(by: { $0.start < $1.start }), let axis = parts.first?.axis
    else { return }
    let shape = shapes[node]
    var end = 0
    for part in parts where part.axis == axis && part.start == end { end += part.count }
    if end == shape[axis], parts.reduce(0, { $0 + $1.count }) == end, parts.allSatisfy({ $0.axis == axis }) {
      let inner = shape[(axis + 1)...].reduce(1, *)
      let places = parts.map { RowPart(offset: $0.start * inner, width: $0.count * inner) }
      return pass(
        write(.concatenate(places, total: shape[axis] * inner), parts.map(\.tensor), shape: shape), to: node)
    }
    for part in parts {
      let selection = Selection.part(axis: part.axis, start: part.start, count: part.count)
      propagate(selection.gradientKernel(from: selection.shape(from: shape), to: shape), [part.tensor], to: node)
    }
  }
}
