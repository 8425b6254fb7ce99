import SwiftVis
import Testing

/// Questions and runs that cannot be answered: an error with a helpful message, never a trap.
@Suite struct RefusalTests {
  private func network() -> (Network, x: String, y: String) {
    var network = Network(seed: 41)
    let x = network.input([1, 5, 5, 3])
    let y = network.globalAverage(network.relu(network.conv(x, filters: 4)))
    return (network, x, y)
  }

  private func expectRefusal(
    _ kind: VisError.Kind = .invalidArgument, naming parts: String..., sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws -> Void
  ) {
    let error = #expect(throws: VisError.self, sourceLocation: sourceLocation, performing: body)
    guard let error else { return }
    #expect(error.kind == kind, "\(error.message)", sourceLocation: sourceLocation)
    for part in parts {
      #expect(error.message.contains(part), "'\(part)' is not in: \(error.message)", sourceLocation: sourceLocation)
    }
  }

  @Test func namesThatAreNotThere() throws {
    let (network, x, y) = network()
    let model = try network.model()
    expectRefusal(naming: "nowhere") { _ = try Session(model, network.question(values: ["nowhere"])) }
    expectRefusal(naming: "nowhere") { _ = try Session(model, network.question(cotangents: ["nowhere"], gradients: [x])) }
    expectRefusal(naming: "nowhere") { _ = try Session(model, network.question(cotangents: [y], gradients: ["nowhere"])) }
    let session = try Session(model, network.question(values: [y]))
    expectRefusal(naming: "nowhere") { _ = try session.shape(of: "nowhere") }
  }

  @Test func shapesThatDoNotFit() throws {
    let (network, _, y) = network()
    let model = try network.model()
    let shapes: [[[Int]]] = [
      [], [[1, 5, 5]], [[1, 5, 5, 4]], [[1, 6, 5, 3]], [[0, 5, 5, 3]], [[-1, 5, 5, 3]], [[1, 5, 5, 3], [1, 5, 5, 3]], [[]],
      [[Int.max, 5, 5, 3]], [[1 << 40, 5, 5, 3]],
    ]
    for inputShapes in shapes {
      var question = network.question(values: [y])
      question.inputShapes = inputShapes
      #expect(throws: VisError.self, "\(inputShapes)") { _ = try Session(model, question) }
    }
  }

  @Test func anImageSmallerThanTheKernel() throws {
    var network = Network(seed: 42)
    let x = network.input([1, 5, 5, 3], declared: [nil, nil, nil, 3])
    let y = network.conv(x, filters: 4)
    var question = network.question(values: [y])
    question.inputShapes = [[1, 2, 5, 3]]
    let model = try network.model()
    expectRefusal(naming: y) { _ = try Session(model, question) }
  }

  @Test func noPathFromCotangentToGradient() throws {
    var network = Network(seed: 43)
    let x = network.input([1, 5, 5, 3])
    let left = network.conv(x, filters: 4)
    let right = network.conv(x, filters: 4)
    let model = try network.model()
    expectRefusal { _ = try Session(model, network.question(cotangents: [left], gradients: [right])) }
    expectRefusal { _ = try Session(model, network.question(cotangents: [x], gradients: [left])) }
  }

  @Test func buffersOfTheWrongLengthAndNumber() throws {
    let (network, x, y) = network()
    let question = network.question(values: [y], cotangents: [y], gradients: [x])
    let session = try Session(try network.model(), question)
    let pixels = network.samples[0]
    expectRefusal { _ = try session.forward([Array(pixels.dropLast())], values: [4]) }
    expectRefusal { _ = try session.forward([pixels + [0]], values: [4]) }
    expectRefusal { _ = try session.forward([], values: [4]) }
    expectRefusal { _ = try session.forward([pixels, pixels], values: [4]) }
    expectRefusal { _ = try session.forward([pixels], values: [3]) }
    expectRefusal { _ = try session.forward([pixels], values: []) }
    _ = try session.forward([pixels], values: [4])
    expectRefusal { _ = try session.backward(question, cotangents: [[1, 0, 0]]) }
    _ = try session.forward([pixels], values: [4])
    expectRefusal { _ = try session.backward(question, cotangents: []) }
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity]) func valuesThatAreNotFinite(_ value: Float) throws {
    let (network, x, y) = network()
    let question = network.question(values: [y], cotangents: [y], gradients: [x])
    let session = try Session(try network.model(), question)
    for place in [0, 37, 74] {
      var pixels = network.samples[0]
      pixels[place] = value
      expectRefusal { _ = try session.forward([pixels], values: [4]) }
    }
    let answer = try session.run(question, inputs: network.samples, cotangents: [[1, 2, 3, 4]])
    #expect(answer.gradients[0].allSatisfy { $0.isFinite })
  }

  @Test func backwardWithoutForward() throws {
    let (network, x, y) = network()
    let question = network.question(values: [y], cotangents: [y], gradients: [x])
    let session = try Session(try network.model(), question)
    expectRefusal { _ = try session.backward(question, cotangents: [[1, 0, 0, 0]]) }
    _ = try session.run(question, inputs: network.samples, cotangents: [[1, 0, 0, 0]])
    expectRefusal { _ = try session.backward(question, cotangents: [[1, 0, 0, 0]]) }
  }
}
