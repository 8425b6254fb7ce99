import SwiftVis
import Testing

@Suite struct SessionTests {
  /// Something of everything, for properties that hold of any network.
  private func network(seed: Int = 31, batch: Int = 1, height: Int = 11, width: Int = 9, open: Bool = false) -> Network {
    var network = Network(seed: seed)
    let x = network.input([batch, height, width, 3], declared: open ? [nil, nil, nil, 3] : nil)
    let stem = network.relu(network.affine(network.conv(x, filters: 8, strides: (2, 2), padding: .same)))
    let wide = network.relu(network.conv(stem, filters: 12, kernel: (1, 1)), max: 6)
    let deep = network.activation(network.affine(network.depthwise(wide, padding: .same)), .silu)
    let block = network.merge(.add, network.conv(deep, filters: 8, kernel: (1, 1)), stem)
    let pooled = network.pool(block, .max, size: (3, 3), strides: (2, 2), padding: .same)
    let both = network.add(.concatenate(axis: 3), [pooled, network.pool(stem, .average, padding: .same)])
    let row = network.globalAverage(network.relu(network.conv(both, filters: 10, padding: .same)))
    let logits = network.dense(row, units: 5)
    let y = network.add(.softmax, [logits])
    network.outputs = [y, block]
    return network
  }

  private func question(_ network: Network) -> Question {
    network.question(values: network.outputNames, cotangents: network.outputNames, gradients: network.inputs)
  }

  private func cotangents(_ network: Network) -> [[Float]] { network.randomCotangents(network.outputNames).map(\.floats) }

  @Test func agreesWithTheReference() throws { try check(network()) }

  @Test(arguments: [1, 2, 3, 4, 7], [RuleKind.plain, .guided, .rectified])
  func anyNumberOfThreadsGivesTheSameBits(_ threads: Int, _ rule: RuleKind) throws {
    let network = network(batch: 2, height: 37, width: 41)
    let model = try network.model()
    var question = question(network)
    question.rule = rule
    let one = try Session(model, question, threads: 1)
      .run(question, inputs: network.samples, cotangents: cotangents(network))
    let session = try Session(model, question, threads: threads)
    for _ in 1...3 {
      #expect(try session.run(question, inputs: network.samples, cotangents: cotangents(network)).isIdentical(to: one))
    }
  }

  @Test(arguments: [RuleKind.plain, .guided, .rectified], [false, true])
  func reuseOfMemoryChangesNoBit(_ rule: RuleKind, keepsForward: Bool) throws {
    let network = network(batch: 2)
    let model = try network.model()
    var question = question(network)
    question.rule = rule
    question.keepsForward = keepsForward
    let reusing = try Session(model, question)
    question.reusesMemory = false
    let spacious = try Session(model, question)
    let answer = try reusing.run(question, inputs: network.samples, cotangents: cotangents(network))
    #expect(try spacious.run(question, inputs: network.samples, cotangents: cotangents(network)).isIdentical(to: answer))
    #expect(reusing.arenaByteCount < spacious.arenaByteCount)
  }

  @Test func aBatchOfThreeIsThreeSingleRuns() throws {
    let batch = network(batch: 3)
    let together = question(batch)
    let sent = batch.randomCotangents(batch.outputNames)
    let answer = try Session(try batch.model(), together)
      .run(together, inputs: batch.samples, cotangents: sent.map(\.floats))
    for place in 0..<3 {
      func part(_ values: [Float]) -> [Float] {
        Array(values[(values.count / 3 * place)..<(values.count / 3 * (place + 1))])
      }
      var alone = together
      alone.inputShapes = [[1] + together.inputShapes[0].dropFirst()]
      let single = try Session(try batch.model(), alone)
        .run(alone, inputs: batch.samples.map(part), cotangents: sent.map { part($0.floats) })
      let share = Answer(values: answer.values.map(part), gradients: answer.gradients.map(part))
      for (a, b) in zip(single.values + single.gradients, share.values + share.gradients) {
        expectAgreement(a, b.map { Double($0) }, 1e-6, "item \(place) of the batch")
      }
    }
  }

  @Test func theFiftiethCallGivesTheBitsOfTheFirst() throws {
    let network = network()
    let question = question(network)
    let session = try Session(try network.model(), question)
    let first = try session.run(question, inputs: network.samples, cotangents: cotangents(network))
    var random = SeededGenerator(5)
    for call in 2...50 {
      // Other inputs between, so that nothing left of them is read.
      let other = [random.tensor(question.inputShapes[0], scale: 10).floats]
      _ = try session.run(question, inputs: other, cotangents: cotangents(network))
      let again = try session.run(question, inputs: network.samples, cotangents: cotangents(network))
      #expect(again.isIdentical(to: first), "call \(call)")
    }
  }

  @Test func twoThreadsShareAModel() async throws {
    let network = network(batch: 2, height: 21, width: 19)
    let model = try network.model()
    let question = question(network)
    let expected = try Session(model, question, threads: 1)
      .run(question, inputs: network.samples, cotangents: cotangents(network))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for threads in [1, 2, 2, 3] {
        group.addTask {
          let session = try Session(model, question, threads: threads)
          for _ in 1...10 {
            let answer = try session.run(question, inputs: network.samples, cotangents: self.cotangents(network))
            #expect(answer.isIdentical(to: expected))
          }
        }
      }
      try await group.waitForAll()
    }
  }

  @Test func keptForwardServesManyCotangents() throws {
    let network = network()
    let model = try network.model()
    var question = question(network)
    question.keepsForward = true
    let session = try Session(model, question)
    let first = try session.run(question, inputs: network.samples, cotangents: cotangents(network))
    question.keepsForward = false
    let other = network.randomCotangents(network.outputNames, seed: 6).map(\.floats)
    let single = try Session(model, question).run(question, inputs: network.samples, cotangents: other)
    #expect(try session.backward(question, cotangents: other) == single.gradients)
    #expect(try session.backward(question, cotangents: cotangents(network)) == first.gradients)
    let zero = other.map { $0.map { _ in Float(0) } }
    #expect(try session.backward(question, cotangents: zero).allSatisfy { $0.allSatisfy { $0 == 0 } })
    #expect(try session.backward(question, cotangents: other) == single.gradients)
  }

  /// Backward is linear in the cotangent.
  @Test func backwardAddsUp() throws {
    let network = network()
    var question = question(network)
    question.keepsForward = true
    let session = try Session(try network.model(), question)
    _ = try session.forward(network.samples, values: network.outputNames.map { network.shape($0).reduce(1, *) })
    let a = network.randomCotangents(network.outputNames, seed: 1).map(\.floats)
    let b = network.randomCotangents(network.outputNames, seed: 2).map(\.floats)
    let ga = try session.backward(question, cotangents: a)[0]
    let gb = try session.backward(question, cotangents: b)[0]
    let sum = try session.backward(question, cotangents: zip(a, b).map { zip($0, $1).map { $0 + 2 * $1 } })[0]
    expectAgreement(sum, zip(ga, gb).map { Double($0) + 2 * Double($1) }, 1e-5, "a + 2 b")
  }

  @Test func forwardOnly() throws {
    let network = network()
    let model = try network.model()
    let question = network.question(values: network.outputNames)
    let answer = try Session(model, question).run(question, inputs: network.samples)
    for (name, value) in zip(question.values, answer.values) {
      expectAgreement(value, network.values[name]!.values, 1e-4, name)
    }
    let both = self.question(network)
    let full = try Session(model, both).run(both, inputs: network.samples, cotangents: cotangents(network))
    #expect(full.values == answer.values)
  }

  /// One fully convolutional model, heights and widths open, at several sizes.
  @Test func openSizes() throws {
    let network = network(open: true)
    let model = try network.model()
    for (batch, height, width) in [(1, 11, 9), (2, 8, 8), (3, 5, 17), (1, 1, 1)] {
      var random = SeededGenerator(UInt64(height))
      let resized = network.resampled([network.inputs[0]: random.tensor([batch, height, width, 3])])
      try check(resized)
      let question = question(resized)
      let session = try Session(model, question)
      #expect(try session.shape(of: network.outputNames[0]) == [batch, 5])
      #expect(try session.shape(of: network.outputNames[1]) == [batch, (height + 1) / 2, (width + 1) / 2, 8])
      let answer = try session.run(question, inputs: resized.samples, cotangents: cotangents(resized))
      expectAgreement(answer.values[0], resized.values[network.outputNames[0]]!.values, 1e-4, "\(height) x \(width)")
    }
  }

  /// Sums of products taken directly are no further from the reference.
  @Test func exactAgrees() throws {
    var network = Network(seed: 33)
    let x = network.input([1, 13, 14, 16])
    let y = network.relu(network.conv(network.relu(network.conv(x, filters: 24, padding: .same)), filters: 16))
    var question = network.question(values: [y], cotangents: [y], gradients: [x])
    let sent = network.randomCotangents([y]).map(\.floats)
    let model = try network.model()
    let fast = try Session(model, question).run(question, inputs: network.samples, cotangents: sent)
    question.exact = true
    let exact = try Session(model, question).run(question, inputs: network.samples, cotangents: sent)
    expectAgreement(exact.values[0], network.values[y]!.values, 1e-5, "exact")
    expectAgreement(fast.gradients[0], exact.gradients[0].map { Double($0) }, 1e-4, "gradient")
  }

  @Test func progressIsToldAndMayCancel() throws {
    let network = network()
    let question = question(network)
    let session = try Session(try network.model(), question)
    let expected = try session.run(question, inputs: network.samples, cotangents: cotangents(network))
    var calls: [(Int, Int)] = []
    session.progress = { done, total in
      calls.append((done, total))
      return true
    }
    _ = try session.run(question, inputs: network.samples, cotangents: cotangents(network))
    #expect(!calls.isEmpty && calls.allSatisfy { 0...$0.1 ~= $0.0 })
    session.progress = { _, _ in false }
    let error = #expect(throws: VisError.self) {
      try session.run(question, inputs: network.samples, cotangents: self.cotangents(network))
    }
    #expect(error?.kind == .cancelled)
    session.progress = nil
    #expect(try session.run(question, inputs: network.samples, cotangents: cotangents(network)).isIdentical(to: expected))
  }

  @Test func packedWeightsAreSharedByTheModelsSessions() throws {
    let network = network()
    let model = try network.model()
    let one = try Session(model, question(network))
    let two = try Session(model, question(network))
    #expect(one.packedWeightByteCount == two.packedWeightByteCount)
    #expect(one.arenaByteCount == two.arenaByteCount)
  }
}
