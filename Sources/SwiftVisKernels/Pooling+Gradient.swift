/// The windows of one axis that have a tap on each input position.
struct PoolingReach: Sendable {
  struct Entry {
    let output: Int, tap: Int
    /// Taps of that window on real pixels.
    let realTaps: Int
  }
  private var entries: [Entry] = []
  private var starts = [0]

  init(_ axis: WindowAxis, isEmpty: Bool) {
    guard !isEmpty else { return }
    var byInput = [[Entry]](repeating: [], count: axis.input)
    for output in 0..<axis.output {
      let start = output * axis.stride - axis.padding
      let taps = axis.realTaps(start: start)
      for tap in taps {
        byInput[start + tap * axis.dilation].append(Entry(output: output, tap: tap, realTaps: taps.count))
      }
    }
    for list in byInput {
      entries += list
      starts.append(entries.count)
    }
  }

  @inline(always) func forEach(over position: Int, _ body: (Entry) -> Void) {
    for i in starts[position]..<starts[position + 1] { body(entries[i]) }
  }
}

/// A window over an input pixel: where its cotangent and its argmax begin, which of its taps the pixel is, and what an average
/// gives it.
struct PoolingWindow {
  let cotangent: Int, argmax: Int
  let tap: Int32
  let share: Float
}

extension Pooling {
  /// In gather form: each input pixel sums the cotangents of the windows that took it. The epilogue's addend and gate may
  /// be the destination itself.
  public func runInputGradient(
    units: Range<Int>, cotangent: UnsafePointer<Float>, argmax: UnsafePointer<UInt16>?,
    inputGradient: UnsafeMutablePointer<Float>, epilogue: Epilogue, pitches: Pitches = Pitches()
  ) {
    let g = geometry
    let pitches = pitches.resolved(source: g.inputChannels, destination: g.inputChannels)
    if case .max = kind, let argmax, windowsAreDisjoint {
      for unit in units { routeRow(unit, cotangent, argmax, inputGradient, epilogue, pitches) }
      return
    }
    let countsReal = if case .average(countIncludesPadding: false) = kind { true } else { false }
    let capacity = min(g.kernelHeight, g.outputHeight) * min(g.kernelWidth, g.outputWidth)
    withUnsafeTemporaryAllocation(of: PoolingWindow.self, capacity: capacity) { buffer in
      guard let windows = buffer.baseAddress else { return }
      for unit in units {
        let (image, row) = unit.quotientAndRemainder(dividingBy: g.inputHeight)
        for column in 0..<g.inputWidth {
          var count = 0
          rows.forEach(over: row) { y in
            columns.forEach(over: column) { x in
              let taps = countsReal ? y.realTaps * x.realTaps : g.kernelHeight * g.kernelWidth
              let pixel = (image * g.outputHeight + y.output) * g.outputWidth + x.output
              windows[count] = PoolingWindow(
                cotangent: pixel * pitches.source, argmax: pixel * g.inputChannels,
                tap: Int32(truncatingIfNeeded: y.tap * g.kernelWidth + x.tap), share: 1 / Float(taps))
              count += 1
            }
          }
          let place = pitches.place(pixel: unit * g.inputWidth + column, channel: 0)
          switch kind {
          case .max:
            if let argmax { gatherMaximum(windows, count, cotangent, argmax, inputGradient, place, epilogue) }
          case .average: gatherAverage(windows, count, cotangent, inputGradient, place, epilogue)
          }
        }
      }
    }
  }

  private func gatherMaximum(
    _ windows: UnsafePointer<PoolingWindow>, _ count: Int, _ cotangent: UnsafePointer<Float>,
    _ argmax: UnsafePointer<UInt16>, _ dx: UnsafeMutablePointer<Float>, _ place: EpiloguePlace, _ epilogue: Epilogue
  ) {
    let channels = geometry.inputChannels
    var c = 0
    while c + 8 <= channels {
      var sum = SIMD8<Float>.zero
      for w in 0..<count {
        let winners = UnsafeRawPointer(argmax + windows[w].argmax + c).loadUnaligned(as: SIMD8<UInt16>.self)
        let won = SIMD8<Int32>(truncatingIfNeeded: winners)
        sum += SIMD8(cotangent + windows[w].cotangent + c).zeroed(where: won .!= SIMD8<Int32>(repeating: windows[w].tap))
      }
      epilogue.finish(sum, into: dx, at: place + c)
      c += 8
    }
    let rest = channels - c
    guard rest > 0 else { return }
    var sum = SIMD8<Float>.zero
    for w in 0..<count {
      let (winners, values) = (argmax + windows[w].argmax + c, cotangent + windows[w].cotangent + c)
      for lane in 0..<rest where Int32(winners[lane]) == windows[w].tap { sum[lane] += values[lane] }
    }
    epilogue.finish(sum, into: dx, at: place + c, count: rest)
  }

  private func gatherAverage(
    _ windows: UnsafePointer<PoolingWindow>, _ count: Int, _ cotangent: UnsafePointer<Float>,
    _ dx: UnsafeMutablePointer<Float>, _ place: EpiloguePlace, _ epilogue: Epilogue
  ) {
    let channels = geometry.inputChannels
    var c = 0
    while c + 32 <= channels {
      var s0 = SIMD8<Float>.zero, s1 = SIMD8<Float>.zero, s2 = SIMD8<Float>.zero, s3 = SIMD8<Float>.zero
      for w in 0..<count {
        let (x, share) = (cotangent + windows[w].cotangent + c, SIMD8(repeating: windows[w].share))
        s0.addProduct(SIMD8(x), share)
        s1.addProduct(SIMD8(x + 8), share)
        s2.addProduct(SIMD8(x + 16), share)
        s3.addProduct(SIMD8(x + 24), share)
      }
      epilogue.finish(s0, into: dx, at: place + c)
      epilogue.finish(s1, into: dx, at: place + (c + 8))
      epilogue.finish(s2, into: dx, at: place + (c + 16))
      epilogue.finish(s3, into: dx, at: place + (c + 24))
      c += 32
    }
    while c + 8 <= channels {
      var sum = SIMD8<Float>.zero
      for w in 0..<count {
        sum.addProduct(SIMD8(cotangent + windows[w].cotangent + c), SIMD8(repeating: windows[w].share))
      }
      epilogue.finish(sum, into: dx, at: place + c)
      c += 8
    }
    let rest = channels - c
    guard rest > 0 else { return }
    var sum = SIMD8<Float>.zero
    for w in 0..<count {
      sum.addProduct(SIMD8(cotangent + windows[w].cotangent + c, count: rest), SIMD8(repeating: windows[w].share))
    }
    epilogue.finish(sum, into: dx, at: place + c, count: rest)
  }
}
