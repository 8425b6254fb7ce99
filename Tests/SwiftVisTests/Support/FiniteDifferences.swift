import SwiftVis
import Testing

/// The gradient of sum(cotangent * value) at a node by central differences of the reference.
struct FiniteDifferences {
  /// The places that were tried: all of them, or a random part of a large tensor.
  private(set) var places: [Int] = []
  private(set) var slopes: [Double] = []
  /// How far the slopes to the left and to the right are apart: a bend (ReLU at 0, a tie of maxima) lies between.
  private(set) var bends: [Double] = []

  init(_ network: Network, cotangents: [(String, Tensor)], at node: String, step: Double = 2e-6, limit: Int = 96) {
    func loss(_ replaced: Tensor) -> Double {
      let values = network.values(replacing: [node: replaced])
      return cotangents.reduce(0) { $0 + zip($1.1.values, values[$1.0]!.values).reduce(0) { $0 + $1.0 * $1.1 } }
    }
    let sample = network.values[node]!
    let here = loss(sample)
    var random = SeededGenerator(7)
    let all = Array(sample.values.indices)
    places = all.count <= limit ? all : Array(all.shuffled(using: &random).prefix(limit))
    for place in places {
      var moved = sample
      moved.values[place] = sample.values[place] + step
      let right = loss(moved)
      moved.values[place] = sample.values[place] - step
      let left = loss(moved)
      slopes.append((right - left) / (2 * step))
      bends.append(abs(right - 2 * here + left) / step)
    }
  }

  func expect(
    _ gradient: [Float], _ tolerance: Double, _ note: @autoclosure () -> String, _ sourceLocation: SourceLocation
  ) {
    let scale = slopes.map { abs($0) }.max() ?? 0
    let smooth = places.indices.filter { bends[$0] <= 1e-3 * scale + 1e-6 }
    guard (places.max() ?? -1) < gradient.count, smooth.count * 10 >= places.count * 9 - 10 else {
      Issue.record("\(places.count - smooth.count) bends of \(places.count): \(note())", sourceLocation: sourceLocation)
      return
    }
    expectAgreement(smooth.map { gradient[places[$0]] }, smooth.map { slopes[$0] }, tolerance, note(), sourceLocation)
  }
}
