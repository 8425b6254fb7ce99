import Foundation
import SwiftVis

extension Reference {
  static func pad(_ x: Tensor, _ edges: [EdgePair]) -> Tensor {
    let pairs = [EdgePair(0, 0)] + edges
    let shape = zip(x.shape, pairs).map { $0 + $1.before + $1.after }
    return Tensor(shape) { index in
      let source = zip(index, pairs).map { $0 - $1.before }
      let inside = zip(source, x.shape).allSatisfy { $0 >= 0 && $0 < $1 }
      return inside ? x[source] : 0
    }
  }

  static func reshape(_ x: Tensor, _ shape: [Int]) -> Tensor {
    let known = shape.filter { $0 != -1 }.reduce(x.shape[0], *)
    return Tensor([x.shape[0]] + shape.map { $0 == -1 ? x.values.count / known : $0 }, x.values)
  }

  static func permute(_ x: Tensor, _ axes: [Int]) -> Tensor {
    Tensor(axes.map { x.shape[$0] }) { index in
      var source = index
      for (axis, from) in axes.enumerated() { source[from] = index[axis] }
      return x[source]
    }
  }

  static func concatenate(_ inputs: [Tensor], axis: Int) -> Tensor {
    let axis = axis < 0 ? axis + inputs[0].rank : axis
    var shape = inputs[0].shape
    shape[axis] = inputs.map { $0.shape[axis] }.reduce(0, +)
    return Tensor(shape) { index in
      var source = index
      for input in inputs {
        if source[axis] < input.shape[axis] { return input[source] }
        source[axis] -= input.shape[axis]
      }
      fatalError("index beyond the last input")
    }
  }

  static func slice(_ x: Tensor, _ ranges: [SliceRange]) -> Tensor {
    var places = [Array(0..<x.shape[0])]
    for (size, range) in zip(x.shape.dropFirst(), ranges) {
      var axis: [Int] = []
      var place = range.start < 0 ? size + range.start : range.start
      while place >= 0, place < size, axis.count < range.size ?? size {
        axis.append(place)
        place += range.step
      }
      places.append(axis)
    }
    return Tensor(places.map(\.count)) { index in x[zip(places, index).map { $0[$1] }] }
  }

  static func gather(_ x: Tensor, axis: Int, _ indices: [Int]) -> Tensor {
    var shape = x.shape
    shape[axis] = indices.count
    return Tensor(shape) { index in
      var source = index
      source[axis] = indices[index[axis]]
      return x[source]
    }
  }

  static func choose(_ inputs: [Tensor]) -> Tensor {
    let shape = inputs[0].shape.indices.map { axis in inputs.map { $0.shape[axis] }.max()! }
    return Tensor(shape) { index in
      let operands = inputs.map { input in input[zip(index, input.shape).map { $1 == 1 ? 0 : $0 }] }
      return operands[0] != 0 ? operands[1] : operands[2]
    }
  }

  static func merge(_ inputs: [Tensor], _ kind: Merge) -> Tensor {
    let shape = inputs[0].shape.indices.map { axis in inputs.map { $0.shape[axis] }.max()! }
    return Tensor(shape) { index in
      let operands = inputs.map { input in input[zip(index, input.shape).map { $1 == 1 ? 0 : $0 }] }
      switch kind {
      case .add: return operands.reduce(0, +)
      case .subtract: return operands[0] - operands[1]
      case .divide: return operands[0] / operands[1]
      case .power: return pow(operands[0], operands[1])
      case .greater: return operands[0] > operands[1] ? 1 : 0
      case .greaterEqual: return operands[0] >= operands[1] ? 1 : 0
      case .equal: return operands[0] == operands[1] ? 1 : 0
      case .multiply: return operands.reduce(1, *)
      case .average: return operands.reduce(0, +) / Double(operands.count)
      case .maximum: return operands.max()!
      case .minimum: return operands.min()!
      }
    }
  }

  static func reduce(_ x: Tensor, _ kind: Reduction, axes: [Int], keepDims: Bool) -> Tensor {
    let axes = axes.map { $0 < 0 ? $0 + x.rank : $0 }
    var groups: [[Int]: [Double]] = [:]
    Tensor.forEachIndex(x.shape) { index in
      groups[index.indices.map { axes.contains($0) ? 0 : index[$0] }, default: []].append(x[index])
    }
    let kept = Tensor(x.shape.indices.map { axes.contains($0) ? 1 : x.shape[$0] }) { index in
      let group = groups[index]!
      switch kind {
      case .mean: return group.reduce(0, +) / Double(group.count)
      case .max: return group.max()!
      case .sum: return group.reduce(0, +)
      }
    }
    return keepDims ? kept : Tensor(x.shape.indices.filter { !axes.contains($0) }.map { x.shape[$0] }, kept.values)
  }
}
