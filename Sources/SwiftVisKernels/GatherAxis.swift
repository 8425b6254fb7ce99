/// One axis (height or width) of a convolution written as a gather: every destination position is a sum over taps of source
/// positions. Positions are visited in steps of `destinationStep`; each step covers `count` neighbours from `origin` on.
///
/// A strided gradient has one such axis for each residue of the stride: a position of one residue is hit by the same taps
/// everywhere, so each is a dense gather. With `count` above 1 neighbours share the union of their taps.
struct GatherAxis: Hashable, Sendable {
  /// Source position of each tap, relative to `sourceStep` times the step's index; ascending.
  let offsets: [Int]
  /// For each of the `count` neighbours and each tap, the position in the kernel, or -1.
  let kernelPositions: [Int]
  let sourceStep: Int, destinationStep: Int, origin: Int, count: Int
  /// Steps needed to cover the destination.
  let gridSize: Int

  /// `destinationStep` is a multiple of the stride when `direction` is `inputGradient`.
  init(_ window: WindowAxis, direction: Direction, destinationStep: Int, origin: Int, count: Int) {
    // The two directions relate a position, a kernel position k and a source offset by
    // offset = position * stride + k * dilation - padding, and offset * stride = position + padding - k * dilation.
    func offset(_ neighbour: Int, _ k: Int) -> Int? {
      let position = origin + neighbour
      switch direction {
      case .forward: return position * window.stride + k * window.dilation - window.padding
      case .inputGradient:
        let strided = position + window.padding - k * window.dilation
        return strided % window.stride == 0 ? strided / window.stride : nil
      }
    }
    func kernelPosition(_ neighbour: Int, _ offset: Int) -> Int {
      let position = origin + neighbour
      let dilated =
        direction == .forward
        ? offset + window.padding - position * window.stride : position + window.padding - offset * window.stride
      let k = dilated / window.dilation
      return dilated >= 0 && dilated % window.dilation == 0 && k < window.kernel ? k : -1
    }
    let offsets = Set((0..<count).flatMap { n in (0..<window.kernel).compactMap { offset(n, $0) } }).sorted()
    kernelPositions = (0..<count).flatMap { n in offsets.map { kernelPosition(n, $0) } }
    self.offsets = offsets
    self.destinationStep = destinationStep
    self.origin = origin
    self.count = count
    sourceStep = direction == .forward ? destinationStep * window.stride : destinationStep / window.stride
    let size = direction == .forward ? window.output : window.input
    gridSize = (size - origin + destinationStep - 1) / destinationStep
  }

  /// Whether every position is computed from the same position of a source as large.
  func isPointwise(_ sourceSize: Int, _ destinationSize: Int) -> Bool {
    sourceSize == destinationSize && sourceStep == 1 && destinationStep == 1 && offsets == [0]
  }

  var isContiguous: Bool { offsets.isEmpty || offsets[offsets.count - 1] - offsets[0] == offsets.count - 1 }
}

/// One axis of a `WindowGeometry`.
struct WindowAxis {
  let input: Int, output: Int, kernel: Int, stride: Int, dilation: Int, padding: Int

  /// The output position whose tap lies on an input position.
  func output(of position: Int, tap: Int) -> Int? {
    let strided = position + padding - tap * dilation
    return strided >= 0 && strided % stride == 0 && strided / stride < output ? strided / stride : nil
  }

  /// The axes that together cover a destination in steps of `step`, `count` neighbours at a time.
  func gathers(_ direction: Direction, step: Int, count: Int) -> [GatherAxis] {
    let size = direction == .forward ? output : input
    return Swift.stride(from: 0, to: min(step, size), by: count).map {
      GatherAxis(self, direction: direction, destinationStep: step, origin: $0, count: count)
    }
  }
}

extension WindowGeometry {
  var vertical: WindowAxis {
    WindowAxis(
      input: inputHeight, output: outputHeight, kernel: kernelHeight, stride: strideHeight, dilation: dilationHeight,
      padding: paddingTop)
  }
  var horizontal: WindowAxis {
    WindowAxis(
      input: inputWidth, output: outputWidth, kernel: kernelWidth, stride: strideWidth, dilation: dilationWidth,
      padding: paddingLeft)
  }
}
