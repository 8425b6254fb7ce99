import SwiftVisKernels
import Testing

@Suite struct PoolingKernelTests {
  static let geometries = [
    WindowGeometry(batch: 2, input: (8, 6, 16), output: (4, 3, 16), kernel: (2, 2), strides: (2, 2)),
    WindowGeometry(batch: 1, input: (9, 7, 11), output: (5, 4, 11), kernel: (3, 3), strides: (2, 2), padding: (1, 1)),
    WindowGeometry(batch: 2, input: (5, 7, 12), output: (3, 4, 12), kernel: (2, 2), strides: (2, 2)),
    WindowGeometry(batch: 1, input: (7, 7, 8), output: (7, 7, 8), kernel: (3, 3), padding: (1, 1)),
    WindowGeometry(batch: 2, input: (7, 5, 3), output: (1, 1, 3), kernel: (7, 5)),
    WindowGeometry(batch: 1, input: (5, 6, 9), output: (2, 2, 9), kernel: (2, 3), strides: (3, 4), padding: (0, 1)),
    WindowGeometry(batch: 1, input: (9, 9, 5), output: (5, 5, 5), kernel: (3, 3), dilations: (2, 2)),
    WindowGeometry(
      batch: 1, input: (8, 9, 5), output: (4, 4, 5), kernel: (3, 2), strides: (2, 3), dilations: (2, 3), padding: (2, 2)),
    WindowGeometry(batch: 1, input: (3, 2, 9), output: (3, 2, 9), kernel: (7, 5), padding: (3, 2)),
  ]

  /// For each output pixel, the (tap, input pixel) pairs of its window that are real.
  static func windows(_ g: WindowGeometry) -> [[(tap: Int, pixel: Int)]] {
    var result: [[(tap: Int, pixel: Int)]] = []
    for n in 0..<g.batch {
      for oy in 0..<g.outputHeight {
        for ox in 0..<g.outputWidth {
          var taps: [(tap: Int, pixel: Int)] = []
          for ky in 0..<g.kernelHeight {
            for kx in 0..<g.kernelWidth {
              let y = oy * g.strideHeight - g.paddingTop + ky * g.dilationHeight
              let x = ox * g.strideWidth - g.paddingLeft + kx * g.dilationWidth
              if 0..<g.inputHeight ~= y, 0..<g.inputWidth ~= x {
                taps.append((ky * g.kernelWidth + kx, (n * g.inputHeight + y) * g.inputWidth + x))
              }
            }
          }
          result.append(taps)
        }
      }
    }
    return result
  }

  @Test(arguments: geometries) func maximum(_ g: WindowGeometry) {
    var generator = SeededGenerator(10)
    let c = g.inputChannels
    let windows = Self.windows(g)
    let inputCount = g.batch * g.inputHeight * g.inputWidth * c, outputCount = windows.count * c
    // All negative (padding must not win), few values (ties are common).
    let x = generator.floats(inputCount).map { ($0 * 3).rounded() - 5 }
    let cotangent = generator.floats(outputCount), addend = generator.floats(inputCount), gate = generator.floats(inputCount)
    var expected = [Double](repeating: -.infinity, count: outputCount)
    var places = [UInt16](repeating: 0, count: outputCount)
    var gradient = [Double](repeating: 0, count: inputCount)
    for (o, window) in windows.enumerated() {
      for k in 0..<c {
        let i = o * c + k
        var winner = 0
        for (tap, pixel) in window where Double(x[pixel * c + k]) > expected[i] {
          expected[i] = Double(x[pixel * c + k])
          places[i] = UInt16(tap)
          winner = pixel * c + k
        }
        gradient[winner] += Double(cotangent[i])
      }
    }
    let forward = Pooling(g, kind: .max, direction: .forward)
    var argmax = [UInt16](repeating: 0xffff, count: outputCount)
    let y = runKernel(units: forward.unitCount, count: outputCount) { units, y in
      argmax.withUnsafeMutableBufferPointer {
        forward.runForward(units: units, input: x, output: y, argmax: $0.baseAddress)
      }
    }
    #expect(argmax == places)
    expectClose(y, expected)
    let plain = runKernel(units: forward.unitCount, count: outputCount) {
      forward.runForward(units: $0, input: x, output: $1, argmax: nil)
    }
    #expect(plain == y)
    let backward = Pooling(g, kind: .max, direction: .inputGradient)
    for (epilogue, adds, gates) in ElementwiseKernelTests.epilogues(addend, gate) {
      let dx = runKernel(units: backward.unitCount, count: inputCount) {
        backward.runInputGradient(units: $0, cotangent: cotangent, argmax: places, inputGradient: $1, epilogue: epilogue)
      }
      expectClose(
        dx,
        gradient.enumerated().map { epilogue.reference($1, at: $0, addend: adds ? addend : nil, gate: gates ? gate : nil) })
    }
  }

  @Test(arguments: geometries, [true, false]) func average(_ g: WindowGeometry, countsPadding: Bool) {
    var generator = SeededGenerator(11)
    let c = g.inputChannels
    let windows = Self.windows(g)
    let inputCount = g.batch * g.inputHeight * g.inputWidth * c, outputCount = windows.count * c
    let x = generator.floats(inputCount), cotangent = generator.floats(outputCount)
    let addend = generator.floats(inputCount), gate = generator.floats(inputCount)
    var expected = [Double](repeating: 0, count: outputCount), gradient = [Double](repeating: 0, count: inputCount)
    for (o, window) in windows.enumerated() {
      let count = Double(countsPadding ? g.kernelHeight * g.kernelWidth : window.count)
      for (_, pixel) in window {
        for k in 0..<c {
          expected[o * c + k] += Double(x[pixel * c + k]) / count
          gradient[pixel * c + k] += Double(cotangent[o * c + k]) / count
        }
      }
    }
    let kind = Pooling.Kind.average(countIncludesPadding: countsPadding)
    let forward = Pooling(g, kind: kind, direction: .forward)
    expectClose(
      runKernel(units: forward.unitCount, count: outputCount) {
        forward.runForward(units: $0, input: x, output: $1, argmax: nil)
      }, expected)
    let backward = Pooling(g, kind: kind, direction: .inputGradient)
    for (epilogue, adds, gates) in ElementwiseKernelTests.epilogues(addend, gate) {
      let dx = runKernel(units: backward.unitCount, count: inputCount) {
        backward.runInputGradient(units: $0, cotangent: cotangent, argmax: nil, inputGradient: $1, epilogue: epilogue)
      }
      expectClose(
        dx,
        gradient.enumerated().map { epilogue.reference($1, at: $0, addend: adds ? addend : nil, gate: gates ? gate : nil) })
    }
  }

  @Test func nanWins() {
    let g = WindowGeometry(batch: 1, input: (2, 2, 1), output: (1, 1, 1), kernel: (2, 2))
    let pooling = Pooling(g, kind: .max, direction: .forward)
    for place in 0..<4 {
      var x: [Float] = [1, 2, 3, 4]
      x[place] = .nan
      var y: Float = 0
      var argmax: UInt16 = 9
      pooling.runForward(units: 0..<1, input: x, output: &y, argmax: &argmax)
      #expect(y.isNaN && argmax == UInt16(place))
      pooling.runForward(units: 0..<1, input: x, output: &y, argmax: nil)
      #expect(y.isNaN)
    }
  }
}
