import SwiftVisKernels
import Testing

/// Kernels on slices of wider tensors' channels: the bits of the dense run, and nothing written beside the slice.
@Suite struct SliceKernelTests {
  /// Tensors that lie in wider ones, each with a pitch of its own.
  private struct Slices {
    var source: [Float], addend: [Float], gate: [Float]
    var pitches = Pitches()

    /// Nothing is sliced where a pitch is 0.
    func spread(_ values: [Float], _ channels: Int, _ pitch: Int) -> [Float] {
      guard pitch > 0 else { return values }
      var wide = [Float](repeating: .nan, count: values.count / channels * pitch)
      for i in values.indices { wide[i / channels * pitch + i % channels] = values[i] }
      return wide
    }
  }

  /// Expects that `run` (source, epilogue, pitches, into: destination) does the same with and without pitches.
  private func check(
    source: (count: Int, channels: Int), destination: (count: Int, channels: Int), reads: Bool = true, writes: Bool = true,
    hasAddend: Bool = true,
    _ run: (UnsafePointer<Float>, Epilogue, Pitches, UnsafeMutablePointer<Float>) -> Void
  ) {
    var numbers = SeededGenerator(UInt64(source.count + destination.count))
    let dense = Slices(
      source: numbers.floats(source.count), addend: numbers.floats(destination.count),
      gate: numbers.floats(destination.count))
    var pitches = Pitches()
    if reads { pitches.source = source.channels + 5 }
    if writes {
      (pitches.destination, pitches.addend) = (destination.channels + 3, destination.channels + 8)
      pitches.gate = destination.channels + 16
    }
    func result(_ pitches: Pitches) -> [Float] {
      let x = dense.spread(dense.source, source.channels, pitches.source)
      let addend = dense.spread(dense.addend, destination.channels, pitches.addend)
      let gate = dense.spread(dense.gate, destination.channels, pitches.gate)
      let pitch = pitches.destination > 0 ? pitches.destination : destination.channels
      var y = [Float](repeating: 777, count: destination.count / destination.channels * pitch)
      addend.withUnsafeBufferPointer { addend in
        gate.withUnsafeBufferPointer { gate in
          var epilogue = Epilogue()
          if hasAddend { (epilogue.addend, epilogue.gate) = (addend.baseAddress, gate.baseAddress) }
          y.withUnsafeMutableBufferPointer { y in
            x.withUnsafeBufferPointer { run($0.baseAddress!, epilogue, pitches, y.baseAddress!) }
          }
        }
      }
      let outside = y.indices.filter { $0 % pitch >= destination.channels }
      #expect(outside.allSatisfy { y[$0] == 777 })
      return y.indices.filter { $0 % pitch < destination.channels }.map { y[$0] }
    }
    #expect(result(pitches).map(\.bitPattern) == result(Pitches()).map(\.bitPattern))
  }

  static let convolutions = [
    WindowGeometry(batch: 2, input: (7, 9, 24), output: (7, 9, 40), kernel: (1, 1)),
    WindowGeometry(batch: 2, input: (9, 8, 16), output: (5, 4, 35), kernel: (1, 1), strides: (2, 2)),
    WindowGeometry(batch: 2, input: (9, 11, 19), output: (9, 11, 33), kernel: (3, 3), padding: (1, 1)),
    WindowGeometry(batch: 1, input: (17, 17, 32), output: (17, 17, 48), kernel: (1, 7), padding: (0, 3)),
    WindowGeometry(batch: 1, input: (9, 10, 24), output: (4, 4, 20), kernel: (3, 3), strides: (2, 2)),
    WindowGeometry(batch: 2, input: (17, 18, 32), output: (17, 18, 32), kernel: (3, 3), padding: (1, 1)),
    WindowGeometry(batch: 1, input: (47, 46, 16), output: (47, 46, 112), kernel: (3, 3), padding: (1, 1)),
    WindowGeometry(batch: 1, input: (9, 11, 3), output: (9, 11, 8), kernel: (3, 3), padding: (1, 1)),
    WindowGeometry(batch: 1, input: (11, 25, 3), output: (11, 25, 8), kernel: (3, 3), padding: (1, 1)),
    WindowGeometry(batch: 1, input: (7, 6, 32), output: (7, 6, 64), kernel: (3, 3), padding: (1, 1), groups: 2),
  ]

  @Test(arguments: convolutions.indices, [Direction.forward, .inputGradient])
  func convolution(_ index: Int, _ direction: Direction) {
    let g = Self.convolutions[index]
    var numbers = SeededGenerator(UInt64(index))
    let kernel = numbers.floats(g.kernelHeight * g.kernelWidth * g.inputChannels / g.groups * g.outputChannels)
    let plan = Convolution(g, direction: direction, exact: false, leastWinogradCost: 0)
    var packed = [Float](repeating: 0, count: plan.packedCount)
    plan.pack(kernel: kernel, inputScale: nil, outputScale: nil, into: &packed)
    var shared = [Float](repeating: 0, count: plan.sharedScratchCount)
    var worker = [Float](repeating: 0, count: plan.workerScratchCount)
    let input = (g.batch * g.inputHeight * g.inputWidth * g.inputChannels, g.inputChannels)
    let output = (g.batch * g.outputHeight * g.outputWidth * g.outputChannels, g.outputChannels)
    let (source, destination) = direction == .forward ? (input, output) : (output, input)
    check(source: source, destination: destination, reads: plan.readsSlices, writes: plan.writesSlices) {
      x, epilogue, pitches, y in
      for stage in 0..<plan.stageCount {
        plan.run(
          stage: stage, units: 0..<plan.unitCount(stage: stage), source: x, packed: packed, destination: y,
          epilogue: epilogue, pitches: pitches, sharedScratch: &shared, workerScratch: &worker)
      }
    }
  }

  @Test(arguments: PoolingKernelTests.geometries, [Pooling.Kind.max, .average(countIncludesPadding: false)])
  func pooling(_ g: WindowGeometry, _ kind: Pooling.Kind) {
    let input = (g.batch * g.inputHeight * g.inputWidth * g.inputChannels, g.inputChannels)
    let output = (g.batch * g.outputHeight * g.outputWidth * g.inputChannels, g.inputChannels)
    var argmax = [UInt16](repeating: 0, count: output.0)
    let forward = Pooling(g, kind: kind, direction: .forward)
    check(source: input, destination: output, hasAddend: false) { x, _, pitches, y in
      forward.runForward(units: 0..<forward.unitCount, input: x, output: y, argmax: &argmax, pitches: pitches)
    }
    let gradient = Pooling(g, kind: kind, direction: .inputGradient)
    check(source: output, destination: input) { x, epilogue, pitches, y in
      gradient.runInputGradient(
        units: 0..<gradient.unitCount, cotangent: x, argmax: argmax, inputGradient: y, epilogue: epilogue,
        pitches: pitches)
    }
  }
}
