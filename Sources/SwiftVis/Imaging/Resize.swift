/// Bilinear resize of (height, width, channels) float32 maps: half-pixel centres, border clamped, no antialiasing.
package enum Resize {
  /// `output` may not overlap `input`. Throws `invalidArgument` where a size is below 1 or a count does not fit.
  package static func bilinear(
    _ input: UnsafeBufferPointer<Float>, height: Int, width: Int, channels: Int,
    into output: UnsafeMutableBufferPointer<Float>, height outputHeight: Int, width outputWidth: Int
  ) throws {
    try checkMap("resize: input", [height, width, channels], count: input.count)
    try checkMap("resize: output", [outputHeight, outputWidth, channels], count: output.count)
    let rows = try Tap.taps(from: height, to: outputHeight), columns = try Tap.taps(from: width, to: outputWidth)
    let rowLength = width * channels
    let blended = try Scratch<Float>(count: rowLength)
    for y in 0..<outputHeight {
      let row = rows[y]
      let above = row.lower &* rowLength, below = row.upper &* rowLength
      for x in 0..<rowLength {
        let top = input[above &+ x]
        blended[x] = top + (input[below &+ x] - top) * row.fraction
      }
      for x in 0..<outputWidth {
        let column = columns[x]
        let target = (y &* outputWidth &+ x) &* channels
        let left = column.lower &* channels, right = column.upper &* channels
        for channel in 0..<channels {
          let value = blended[left &+ channel]
          output[target &+ channel] = value + (blended[right &+ channel] - value) * column.fraction
        }
      }
    }
  }

  /// The two input positions that an output position lies between.
  private struct Tap {
    let lower: Int
    let upper: Int
    let fraction: Float

    static func taps(from inputSize: Int, to outputSize: Int) throws -> Scratch<Tap> {
      let scale = Double(inputSize) / Double(outputSize)
      let taps = try Scratch<Tap>(count: outputSize)
      for index in 0..<outputSize {
        let position = max(0, (Double(index) + 0.5) * scale - 0.5)
        let lower = min(Int(position), inputSize - 1), upper = min(lower + 1, inputSize - 1)
        taps[index] = Tap(lower: lower, upper: upper, fraction: Float(position - Double(lower)))
      }
      return taps
    }
  }
}
