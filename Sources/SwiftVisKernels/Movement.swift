// Data movement. Contract; K2 implements.

/// y = x with axes permuted: output axis i is input axis axes[i]. `shape` is the input's. Rank 1...8.
public struct Permutation: Sendable {
  public let unitCount: Int
  public init(shape: [Int], axes: [Int]) { unitCount = 0 }
  public func run(units: Range<Int>, input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>) {}
}

/// The part of `source` (shape) that falls into `destination` (shape) when its origin is put at `offset`, the rest of the destination
/// zero: padding where offsets are positive, cropping where they are negative. Same rank, 1...8. Its transpose is the copy with
/// shapes swapped and offsets negated.
public struct PlacedCopy: Sendable {
  public let unitCount: Int
  public init(source: [Int], destination: [Int], offset: [Int]) { unitCount = 0 }
  public func run(units: Range<Int>, source: UnsafePointer<Float>, destination: UnsafeMutablePointer<Float>) {}
}

/// Copies `rows` rows of `count` floats between buffers with different row strides: concatenation and its transpose.
public func copyRows(
  from source: UnsafePointer<Float>, stride sourceStride: Int, to destination: UnsafeMutablePointer<Float>,
  stride destinationStride: Int, count: Int, rows: Range<Int>
) {}

/// Resizing of NHWC images and its transpose. Bilinear clamps at the border.
public struct Resizing: Sendable {
  public enum Interpolation: Sendable { case nearest, bilinear }
  public enum Coordinates: Sendable { case halfPixel, asymmetric, alignCorners }
  public let unitCount: Int
  /// `geometry`: only batch, input and output sizes and channels are read. `scale`: the factors where the source gave factors
  /// (else output / input).
  public init(
    _ geometry: WindowGeometry, interpolation: Interpolation, coordinates: Coordinates, direction: Direction
  ) { unitCount = 0 }
  public func run(units: Range<Int>, source: UnsafePointer<Float>, destination: UnsafeMutablePointer<Float>) {}
}
