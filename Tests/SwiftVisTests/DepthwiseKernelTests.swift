import SwiftVisKernels
import Testing

@Suite struct DepthwiseKernelTests {
  static func geometry(
    _ input: (Int, Int, Int), _ kernel: (Int, Int), strides: (Int, Int) = (1, 1), dilations: (Int, Int) = (1, 1),
    padding: (Int, Int) = (0, 0), farPadding: (Int, Int) = (0, 0), multiplier: Int = 1, batch: Int = 1
  ) -> WindowGeometry {
    let height = (input.0 + padding.0 + farPadding.0 - (kernel.0 - 1) * dilations.0 - 1) / strides.0 + 1
    let width = (input.1 + padding.1 + farPadding.1 - (kernel.1 - 1) * dilations.1 - 1) / strides.1 + 1
    return WindowGeometry(
      batch: batch, input: input, output: (height, width, input.2 * multiplier), kernel: kernel, strides: strides,
      dilations: dilations, padding: padding)
  }

  static let geometries = [
    geometry((9, 11, 32), (3, 3), padding: (1, 1), farPadding: (1, 1)),
    geometry((10, 12, 24), (3, 3), strides: (2, 2), farPadding: (1, 1), batch: 2),
    geometry((11, 13, 19), (5, 5), padding: (2, 2), farPadding: (2, 2)),
    geometry((14, 14, 48), (5, 5), strides: (2, 2), padding: (1, 1), farPadding: (2, 2)),
    geometry((7, 9, 3), (3, 2), strides: (1, 3), padding: (0, 1)),
    geometry((13, 12, 16), (3, 3), dilations: (2, 3), padding: (2, 3), farPadding: (2, 3)),
    geometry((13, 14, 8), (3, 3), strides: (2, 3), dilations: (3, 2), padding: (3, 1), farPadding: (3, 0)),
    geometry((12, 12, 5), (2, 2), strides: (3, 3)),
    geometry((3, 2, 20), (7, 7), padding: (3, 3), farPadding: (3, 3)),
    geometry((4, 4, 17), (1, 1), strides: (2, 2)),
    geometry((6, 7, 5), (3, 3), strides: (2, 2), padding: (1, 1), farPadding: (1, 1), multiplier: 3, batch: 2),
    geometry((6, 7, 8), (3, 3), padding: (1, 1), farPadding: (1, 1), multiplier: 2),
    geometry((5, 5, 1), (2, 3), multiplier: 16),
  ]

  @Test(arguments: geometries, [Direction.forward, .inputGradient])
  func againstLoops(_ g: WindowGeometry, _ direction: Direction) {
    var generator = SeededGenerator(12)
    let isForward = direction == .forward
    let multiplier = g.outputChannels / g.inputChannels
    let inputCount = g.batch * g.inputHeight * g.inputWidth * g.inputChannels
    let outputCount = g.batch * g.outputHeight * g.outputWidth * g.outputChannels
    let (sourceCount, count) = isForward ? (inputCount, outputCount) : (outputCount, inputCount)
    let channels = isForward ? g.outputChannels : g.inputChannels
    let source = generator.floats(sourceCount)
    let kernel = generator.floats(g.kernelHeight * g.kernelWidth * g.outputChannels)
    let inputScale = generator.floats(g.inputChannels), outputScale = generator.floats(g.outputChannels)
    let bias = generator.floats(channels), addend = generator.floats(count), gate = generator.floats(count)

    var sums = [Double](repeating: 0, count: count)
    for (o, window) in PoolingKernelTests.windows(g).enumerated() {
      for (tap, pixel) in window {
        for c in 0..<g.outputChannels {
          let k = c / multiplier
          let weight = Double(kernel[tap * g.outputChannels + c]) * Double(inputScale[k]) * Double(outputScale[c])
          let from = pixel * g.inputChannels + k, to = o * g.outputChannels + c
          if isForward { sums[to] += weight * Double(source[from]) } else { sums[from] += weight * Double(source[to]) }
        }
      }
    }

    let convolution = DepthwiseConvolution(g, direction: direction)
    var packed = [Float](repeating: .nan, count: convolution.packedCount)
    convolution.pack(kernel: kernel, inputScale: inputScale, outputScale: outputScale, into: &packed)
    for (part, adds, gates) in ElementwiseKernelTests.epilogues(addend, gate) {
      for hasBias in [false, true] {
        var epilogue = part
        if hasBias { epilogue.bias = pointer(to: bias) }
        let expected = sums.enumerated().map { i, sum in
          epilogue.reference(
            sum, at: i, bias: i % channels, addend: adds ? addend : nil, gate: gates ? gate : nil)
        }
        let y = runKernel(units: convolution.unitCount, count: count, initial: adds ? addend : nil) { units, y in
          var scratch = [Float](repeating: .nan, count: convolution.workerScratchCount + 1)
          if adds { epilogue.addend = UnsafePointer(y) }
          convolution.run(
            units: units, source: source, packed: packed, destination: y, epilogue: epilogue, workerScratch: &scratch)
          if adds { epilogue.addend = part.addend }
        }
        expectClose(y, expected, tolerance: 3e-6)
      }
    }
  }
}
