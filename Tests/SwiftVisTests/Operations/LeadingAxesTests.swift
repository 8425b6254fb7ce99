import SwiftVis
import Testing

/// Images along more axes than the batch, as of a volume's slices.
@Suite struct LeadingAxesTests {
  @Test(arguments: [[2, 3, 6, 7, 5], [1, 2, 2, 5, 4, 3]]) func operations(_ shape: [Int]) throws {
    var network = Network()
    let x = network.input(shape)
    var bilinear = ResizeAttributes(target: .scale(Extent2D(2, 1)))
    bilinear.interpolation = .bilinear
    let results = [
      network.conv(x, filters: 9, padding: .same), network.conv(x, filters: 4, kernel: (1, 1)),
      network.conv(x, filters: 2, kernel: (2, 3), strides: (2, 1)), network.depthwise(x, padding: .same),
      network.transposed(x, filters: 3, strides: (2, 2), padding: .same), network.pool(x, .max),
      network.pool(x, .average, size: (3, 2), strides: (1, 1), padding: .same), network.add(.resize(bilinear), [x]),
      network.add(.resize(ResizeAttributes(target: .size(Extent2D(3, 9)))), [x]),
    ]
    for result in results { try check(network, cotangents: [result]) }
  }

  /// Zeros round every image are the convolution's own padding; zeros between the images are not.
  @Test(arguments: [0, 1]) func pad(_ before: Int) throws {
    var network = Network()
    let x = network.relu(network.input([2, 3, 5, 4, 3]))
    let padded = network.add(.pad([EdgePair(before, 0), EdgePair(1, 2), EdgePair(2, 0), EdgePair(0, 0)]), [x])
    _ = network.relu(network.affine(network.conv(padded, filters: 4, strides: (2, 1), padding: .valid)))
    try check(network)
  }
}
