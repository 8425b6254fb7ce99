import SwiftVisKernels
import Testing

@Suite struct ElementwiseKernelTests {
  /// Every combination of an epilogue's parts, and whether it adds and gates.
  static func epilogues(_ addend: [Float], _ gate: [Float]) -> [(Epilogue, Bool, Bool)] {
    let addend = pointer(to: addend), gate = pointer(to: gate)
    var all: [(Epilogue, Bool, Bool)] = []
    for bits in 0..<16 {
      var epilogue = Epilogue()
      if bits & 1 != 0 { epilogue.addend = addend }
      if bits & 2 != 0 { (epilogue.lowerBound, epilogue.upperBound) = (-0.5, 0.75) }
      if bits & 4 != 0 { epilogue.positiveOnly = true }
      if bits & 8 != 0 { (epilogue.gate, epilogue.gateLimit) = (gate, 0.9) }
      all.append((epilogue, bits & 1 != 0, bits & 8 != 0))
    }
    return all
  }

  @Test func epilogue() {
    var generator = SeededGenerator(1)
    let n = 83
    let x = generator.floats(n), addend = generator.floats(n), gate = generator.floats(n)
    for (epilogue, adds, gates) in Self.epilogues(addend, gate) {
      let expected = (0..<n).map {
        epilogue.reference(Double(x[$0]), at: $0, addend: adds ? addend : nil, gate: gates ? gate : nil)
      }
      let y = runKernel(units: n, count: n) { applyEpilogue(epilogue, x, into: $1, range: $0) }
      expectClose(y, expected)
      let inPlace = runKernel(units: n, count: n, initial: x) { applyEpilogue(epilogue, $1, into: $1, range: $0) }
      #expect(inPlace == y)
      if adds {
        let intoAddend = runKernel(units: n, count: n, initial: addend) {
          var epilogue = epilogue
          epilogue.addend = UnsafePointer($1)
          applyEpilogue(epilogue, x, into: $1, range: $0)
        }
        #expect(intoAddend == y)
      }
    }
  }

  @Test func nanPassesTheClamp() {
    var epilogue = Epilogue()
    (epilogue.lowerBound, epilogue.upperBound) = (0, 6)
    let y = runKernel(units: 3, count: 3) { applyEpilogue(epilogue, [.nan, -1, 7], into: $1, range: $0) }
    #expect(y[0].isNaN && y[1] == 0 && y[2] == 6)
  }

  @Test(arguments: [1, 3, 8, 24, 37, 600]) func affineAndPrelu(period: Int) {
    var generator = SeededGenerator(2)
    let n = period * 5 + 3
    let x = generator.floats(n), factor = generator.floats(period), shift = generator.floats(period)
    let addend = generator.floats(n), gate = generator.floats(n)
    for hasScale in [false, true] {
      for hasOffset in [false, true] {
        for (epilogue, adds, gates) in Self.epilogues(addend, gate) {
          let y = runKernel(units: n, count: n, initial: x) {
            affine(
              $1, scale: hasScale ? factor : nil, offset: hasOffset ? shift : nil, period: period, epilogue: epilogue,
              into: $1, range: $0)
          }
          expectClose(
            y,
            (0..<n).map {
              let v =
                Double(x[$0]) * (hasScale ? Double(factor[$0 % period]) : 1) + (hasOffset ? Double(shift[$0 % period]) : 0)
              return epilogue.reference(v, at: $0, addend: adds ? addend : nil, gate: gates ? gate : nil)
            })
        }
      }
    }
    let y = runKernel(units: n, count: n, initial: x) { prelu($1, alpha: factor, period: period, into: $1, range: $0) }
    expectClose(y, (0..<n).map { Double(x[$0]) * (x[$0] > 0 ? 1 : Double(factor[$0 % period])) })
    let dx = runKernel(units: n, count: n) {
      preluGradient(x, alpha: factor, period: period, cotangent: gate, addend: addend, into: $1, range: $0)
    }
    expectClose(dx, (0..<n).map { Double(addend[$0]) + Double(gate[$0]) * (x[$0] > 0 ? 1 : Double(factor[$0 % period])) })
  }

  @Test func scaleAndFill() {
    var generator = SeededGenerator(3)
    let n = 61
    let x = generator.floats(n), addend = generator.floats(n)
    expectClose(
      runKernel(units: n, count: n) { scale(x, by: 0.3, addend: addend, into: $1, range: $0) },
      (0..<n).map { Double(x[$0]) * Double(Float(0.3)) + Double(addend[$0]) })
    #expect(runKernel(units: n, count: n, initial: x) { scale($1, by: 1, addend: nil, into: $1, range: $0) } == x)
    #expect(runKernel(units: n, count: n) { fill(2.5, into: $1, range: $0) } == [Float](repeating: 2.5, count: n))
  }

  @Test func finiteCheckSeesEveryPlace() {
    let n = 35
    let x = [Float](repeating: .greatestFiniteMagnitude, count: n)
    var y = x
    #expect(copyFinite(x, into: &y, range: 0..<n))
    for bad in [Float.nan, .infinity, -.infinity, .signalingNaN] {
      for i in 0..<n {
        var x = x
        x[i] = bad
        #expect(!copyFinite(x, into: &y, range: 0..<n))
        #expect(copyFinite(x, into: &y, range: i + 1..<n))
        #expect(copyFinite(x, into: &y, range: 0..<i))
      }
    }
  }
}
