/// y = x with axes permuted: output axis i is input axis axes[i]. `shape` is the input's. Rank 1...8. Units are blocks of
/// the output.
public struct Permutation: Sendable {
  public let unitCount: Int
  /// Axes of the output, outermost first, with those that stay neighbours joined: size and stride in the input.
  private let sizes: [Int], strides: [Int]
  /// Where the innermost axis is not the input's, the axis of the output that is.
  private let unitStrideAxis: Int
  private let blocksPerPlane: Int
  private static let blockWidth = 16

  public init(shape: [Int], axes: [Int]) {
    var inputStrides = [Int](repeating: 1, count: shape.count)
    for axis in (0..<max(0, shape.count - 1)).reversed() { inputStrides[axis] = inputStrides[axis + 1] * shape[axis + 1] }
    var sizes: [Int] = [], strides: [Int] = []
    for axis in axes where shape[axis] > 1 {
      if let size = sizes.last, let stride = strides.last, stride == shape[axis] * inputStrides[axis] {
        sizes[sizes.count - 1] = size * shape[axis]
        strides[strides.count - 1] = inputStrides[axis]
      } else {
        sizes.append(shape[axis])
        strides.append(inputStrides[axis])
      }
    }
    if sizes.isEmpty { (sizes, strides) = ([1], [1]) }
    let last = sizes.count - 1
    let unitAxis = strides.lastIndex(of: 1) ?? last
    self.sizes = sizes
    self.strides = strides
    unitStrideAxis = unitAxis
    blocksPerPlane = (sizes[unitAxis] + Self.blockWidth - 1) / Self.blockWidth
    let outer = sizes.indices.reduce(1) { $1 == unitAxis || $1 == last ? $0 : $0 * sizes[$1] }
    unitCount = unitAxis == last ? outer : outer * blocksPerPlane
  }

  public func run(units: Range<Int>, input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>) {
    let last = sizes.count - 1
    let isCopy = unitStrideAxis == last
    for unit in units {
      var (rest, block) = isCopy ? (unit, 0) : unit.quotientAndRemainder(dividingBy: blocksPerPlane)
      var from = 0, to = 0, step = sizes[last], planeStep = 0
      var axis = last - 1
      while axis >= 0 {
        if axis == unitStrideAxis {
          planeStep = step
        } else {
          let index: Int
          (rest, index) = rest.quotientAndRemainder(dividingBy: sizes[axis])
          from += index * strides[axis]
          to += index * step
        }
        step *= sizes[axis]
        axis -= 1
      }
      if isCopy {
        (output + to).update(from: input + from, count: sizes[last])
      } else {
        let first = block * Self.blockWidth
        transpose(
          input + from + first, stride: strides[last], rows: sizes[last],
          columns: min(Self.blockWidth, sizes[unitStrideAxis] - first), into: output + to + first * planeStep,
          stride: planeStep)
      }
    }
  }
}
