import Testing

@testable import SwiftVisKernels

@Suite struct DenseKernelTests {
  private func check(
    _ rows: Int, _ inputs: Int, _ outputs: Int, _ direction: Direction, parts: EpilogueParts, scaled: Bool
  ) -> [Float] {
    var numbers = Numbers(inputs * 1000 + outputs)
    let kernel = numbers.array(inputs * outputs)
    let scales = (input: numbers.array(inputs), output: numbers.array(outputs))
    let (width, depth) = direction == .forward ? (outputs, inputs) : (inputs, outputs)
    var source = numbers.array(rows * depth)
    for row in 0..<rows { for i in stride(from: 1, to: depth, by: 3) { source[row * depth + i] = 0 } }
    var sums = [Double](repeating: 0, count: rows * width)
    for row in 0..<rows {
      for i in 0..<inputs {
        for o in 0..<outputs {
          let weight = Double(kernel[i * outputs + o]) * (scaled ? Double(scales.input[i] * scales.output[o]) : 1)
          if direction == .forward {
            sums[row * outputs + o] += Double(source[row * inputs + i]) * weight
          } else {
            sums[row * inputs + i] += Double(source[row * outputs + o]) * weight
          }
        }
      }
    }
    let epilogue = EpilogueCase(parts, channels: width, count: sums.count, &numbers)
    let dense = Dense(rows: rows, inputs: inputs, outputs: outputs, direction: direction, hasScale: scaled)
    let packed = guarded(dense.packedCount) {
      dense.pack(
        kernel: kernel, inputScale: scaled ? scales.input : nil, outputScale: scaled ? scales.output : nil, into: $0)
    }
    let weights = dense.packedCount == 0 ? kernel : packed
    var results: [[Float]] = []
    epilogue.with { value in
      for unitByUnit in [false, true] {
        results.append(
          guarded(sums.count) { destination in
            _ = guarded(dense.workerScratchCount) { worker in
              let pieces = unitByUnit ? (0..<dense.unitCount).reversed().map { $0..<$0 + 1 } : [0..<dense.unitCount]
              for piece in pieces {
                dense.run(
                  units: piece, source: source, weights: weights, destination: destination, epilogue: value,
                  workerScratch: worker)
              }
            }
          })
      }
    }
    expectCloseSums(results[0], epilogue.expected(sums), sums: sums, "\(rows)x\(inputs)x\(outputs) \(direction)")
    #expect(results[0].map(\.bitPattern) == results[1].map(\.bitPattern))
    return results[0]
  }

  /// Rows of the kernel that change nothing hold NaNs here.
  @Test(arguments: directions, [1, 3]) func deadRowsAreNotRead(_ direction: Direction, _ rows: Int) {
    let (inputs, outputs) = (23, 70)
    var numbers = Numbers(rows)
    var kernel = numbers.array(inputs * outputs)
    let isDead = { (input: Int) in input % 3 == 1 || input > 20 }
    for i in 0..<inputs where isDead(i) { for o in 0..<outputs { kernel[i * outputs + o] = .nan } }
    var epilogue = EpilogueCase(direction == .forward ? [] : [.gate], channels: 1, count: rows * inputs, &numbers)
    var source = numbers.array(rows * (direction == .forward ? inputs : outputs))
    for row in 0..<rows {
      for i in 0..<inputs where isDead(i) {
        if direction == .forward { source[row * inputs + i] = 0 } else { epilogue.gate[row * inputs + i] = i > 20 ? 7 : 0 }
      }
    }
    let dense = Dense(rows: rows, inputs: inputs, outputs: outputs, direction: direction, hasScale: false)
    epilogue.with { value in
      let result = guarded(rows * (direction == .forward ? outputs : inputs)) { destination in
        _ = guarded(dense.workerScratchCount) { worker in
          dense.run(
            units: 0..<dense.unitCount, source: source, weights: kernel, destination: destination, epilogue: value,
            workerScratch: worker)
        }
      }
      #expect(result.allSatisfy { $0.isFinite } && result.contains { $0 != 0 })
    }
  }

  @Test(arguments: directions, [1, 2, 3, 4, 5, 13, 33, 70]) func dense(_ direction: Direction, _ rows: Int) {
    for (inputs, outputs) in [(1, 1), (5, 3), (37, 10), (64, 70), (130, 1000), (300, 8), (7, 1100)] {
      _ = check(rows, inputs, outputs, direction, parts: [.bias], scaled: false)
      _ = check(rows, inputs, outputs, direction, parts: [.bias, .addend, .clamp, .positiveOnly, .gate], scaled: true)
    }
  }

  /// What is added up at once is what rounds: one sum over all inputs was off by 2e-6.
  @Test func longSumsRoundLittle() {
    let (inputs, outputs) = (25088, 64)
    var numbers = Numbers(3)
    let kernel = numbers.array(inputs * outputs), source = numbers.array(inputs)
    var sums = [Double](repeating: 0, count: outputs)
    for i in 0..<inputs { for o in 0..<outputs { sums[o] += Double(source[i]) * Double(kernel[i * outputs + o]) } }
    let dense = Dense(rows: 1, inputs: inputs, outputs: outputs, direction: .forward, hasScale: false)
    EpilogueCase([], channels: outputs, count: outputs, &numbers).with { value in
      let result = guarded(outputs) { destination in
        _ = guarded(dense.workerScratchCount) { worker in
          dense.run(
            units: 0..<dense.unitCount, source: source, weights: kernel, destination: destination, epilogue: value,
            workerScratch: worker)
        }
      }
      let squaredError = zip(result, sums).reduce(0) { $0 + (Double($1.0) - $1.1) * (Double($1.0) - $1.1) }
      #expect(squaredError.squareRoot() < 8e-7 * sums.reduce(0) { $0 + $1 * $1 }.squareRoot())
    }
  }
}
