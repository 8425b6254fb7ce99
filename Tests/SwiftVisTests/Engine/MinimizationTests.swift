#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif
import Synchronization
import Testing

@testable import SwiftVis

/// Activation maximization and losses of one's own.
@Suite struct MinimizationTests {
  private typealias Tensor = SwiftVis.Tensor

  private func tensor(_ shape: [Int], seed: Int = 1, scale: Double = 1) throws -> Tensor {
    var random = SeededGenerator(UInt64(seed))
    return try Tensor(shape: shape, values: random.tensor(shape, scale: scale).floats)
  }

  private func model(_ size: [Int?] = [6, 5], channelsFirst: Bool = false) throws -> Model {
    var network = Graph.Builder()
    var x = network.input("image", shape: [nil] + (channelsFirst ? [3] + size : size + [3]))
    if channelsFirst { x = network.permute(x, axes: [0, 2, 3, 1]) }
    x = network.convolution(x, kernel: try tensor([3, 3, 3, 8]), bias: try tensor([8]), activation: .relu, name: "conv")
    x = network.globalAveragePool(x)
    x = network.dense(x, kernel: try tensor([8, 4]), name: "scores")
    let model = try network.model(outputs: [x])
    let opening = #"{"format""#
    return channelsFirst
      ? try model.replacingDescription(
        model.description.replacing(opening, with: #"{"data_format": "channels_first", "format""#)) : model
  }

  /// The loop written down once more in Double, with the gradient of the network from `gradient`.
  private func byHand(_ model: Model, _ start: Tensor, steps: Int) throws -> (best: [Double], losses: [Double]) {
    var x = start.values.map { Double($0) }
    var mean = x.map { _ in 0.0 }
    var losses: [Double] = []
    var best = (Double.infinity, x)
    for _ in 0..<steps {
      let image = try Tensor(shape: start.shape, values: x.map { Float($0) })
      var loss = -Double(try model.predict(image).values[2])
      var gradient = try model.gradient(of: image, target: .filter(2)).values.map { -Double($0) }
      let volume = Double(x.count), power = x.reduce(0) { $0 + pow(abs($1), 6) }
      loss += 10 * pow(power, 1 / 6) / volume
      for place in x.indices { gradient[place] += 10 * pow(power, 1 / 6 - 1) * pow(x[place], 5) / volume }
      let strides = [start.shape[2] * 3, 3]
      for row in 0..<start.shape[1] - 1 {
        for column in 0..<(start.shape[2] - 1) * 3 {
          let here = row * strides[0] + column
          for there in strides.map({ here + $0 }) {
            let difference = x[there] - x[here]
            loss += 5 * difference * difference / volume
            gradient[there] += 10 * difference / volume
            gradient[here] -= 10 * difference / volume
          }
        }
      }
      let norm = gradient.reduce(0) { $0 + $1 * $1 }.squareRoot()
      for place in x.indices {
        let slope = gradient[place] / norm
        mean[place] = 0.95 * mean[place] + 0.05 * slope * slope
        x[place] -= slope / (mean[place] + 1e-7).squareRoot()
      }
      losses.append(loss)
      if loss < best.0 { best = (loss, x) }
    }
    return (best.1, losses)
  }

  @Test func aFewStepsByHand() throws {
    let model = try model(), start = try tensor([1, 6, 5, 3], seed: 4)
    var seen: [OptimizationStep] = []
    let found = try model.minimize(
      [.activation(of: .filter(2)), .lpNorm(), .totalVariation(weight: 5), .lpNorm(p: 2, weight: 0)], from: start, steps: 4
    ) { seen.append($0) }
    let expected = try byHand(model, start, steps: 4)
    expectAgreement(found.values, expected.best, 1e-3, "image")
    expectAgreement(seen.map(\.loss), expected.losses, 1e-4, "losses")
    #expect(seen.map(\.index) == [0, 1, 2, 3] && seen[0].image == start)
    #expect(seen[1].losses.map(\.name) == ["ActivationMax Loss", "L-6.0 Norm Loss", "TV(2.0) Loss"])
    #expect(abs(seen[1].losses.reduce(0) { $0 + $1.value } - seen[1].loss) < 1e-5)
    #expect(abs(seen[3].gradient.values.reduce(0) { $0 + $1 * $1 } - 1) < 1e-5)
  }

  @Test func theTargetRespondsMore() throws {
    let model = try model()
    for target in [Target.filter(3), .filters([1, 2], of: "conv"), .mean(of: "scores")] {
      var losses: [Float] = []
      let image = try model.maximizeActivation(of: target, steps: 20, range: -1...3, jitter: 1, randomSeed: 9) {
        losses.append($0.losses[0].value)
      }
      #expect(losses.last! < losses[0])
      #expect((image.height, image.width, image.channels) == (6, 5, 3))
      #expect(image.samples.allSatisfy { (-1...3).contains($0) })
      #expect(abs(image.samples.reduce(0, +) / 90 - 1) < 1e-4)
    }
  }

  @Test func aSeedSaysEverything() throws {
    let model = try model()
    func image(_ seed: UInt64, threads: Int) throws -> Image<Float> {
      try model.maximizeActivation(
        of: .filter(1), steps: 5, jitter: 0.4, randomSeed: seed, options: RunOptions(threads: threads))
    }
    #expect(try image(5, threads: 1) == image(5, threads: 3))
    #expect(try image(5, threads: 1) != image(6, threads: 1))
    var first: Tensor?
    _ = try model.maximizeActivation(of: .filter(1), steps: 1, range: 0...255, randomSeed: 3) { first = $0.image }
    let noise = try #require(first).values.map { Double($0) }
    let mean = noise.reduce(0, +) / 90, variance = noise.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 90
    #expect(abs(mean - 127.5) < 0.01 && abs(variance.squareRoot() - 12.75) < 0.01)
  }

  @Test func channelsFirst() throws {
    let last = try model(), first = try model(channelsFirst: true)
    let seed = try Image<Float>(height: 6, width: 5, channels: 3, samples: tensor([90]).values)
    func image(_ model: Model) throws -> Image<Float> {
      try model.maximizeActivation(
        of: .filter(0), from: seed, steps: 6, regularizers: [.totalVariation(beta: 1.5), .lpNorm(p: 3)], jitter: 2,
        randomSeed: 2)
    }
    // A step of RMSProp is as long for a gradient near 0, of which rounding is a larger part.
    expectAgreement(try image(first).samples, try image(last).samples.map { Double($0) }, 1e-3, "channels first")
  }

  @Test func lossesOfOnesOwn() throws {
    let model = try model(), start = try tensor([2, 6, 5, 3], seed: 6)
    let own = Loss.custom("own", of: ["conv", "image"], weight: 2) { values in
      let squares = values.map { $0.values.reduce(0) { $0 + $1 * $1 } }
      return .init(
        value: squares[0] * squares[1],
        gradients: try zip(values, squares.reversed()).map { value, other in
          try Tensor(shape: value.shape, values: value.values.map { 2 * $0 * other })
        })
    }
    var step: OptimizationStep?
    _ = try model.minimize([own], from: start, steps: 1) { step = $0 }
    let found = try #require(step)
    func loss(_ image: Tensor) throws -> Double {
      let conv = try model.predict(image, at: "conv").values
      return 2 * conv.reduce(0) { $0 + Double($1 * $1) } * image.values.reduce(0) { $0 + Double($1 * $1) }
    }
    #expect(abs(Double(found.loss) / (try loss(start)) - 1) < 1e-5)
    // Along the gradient, of length 1, the loss grows fastest.
    func moved(_ distance: Float) throws -> Tensor {
      try Tensor(shape: start.shape, values: zip(start.values, found.gradient.values).map { $0 + distance * $1 })
    }
    let along = try (loss(moved(1e-2)) - loss(moved(-1e-2))) / 2e-2
    for place in [0, 17, 95, 179] {
      var values = start.values
      values[place] += 1e-2
      let right = try loss(Tensor(shape: start.shape, values: values))
      values[place] -= 2e-2
      let slope = try (right - loss(Tensor(shape: start.shape, values: values))) / 2e-2
      #expect(abs(slope / along - Double(found.gradient.values[place])) < 5e-3)
    }
  }

  @Test func progressAndCancellation() async throws {
    let model = try model(), start = try tensor([1, 6, 5, 3])
    let shares = Mutex<[Double]>([])
    _ = try model.minimize(
      [.activation(of: .filter(0))], from: start, steps: 3,
      options: RunOptions(progress: { share in shares.withLock { $0.append(share) } }))
    let found = shares.withLock { $0 }
    #expect(found == found.sorted() && found.last == 1 && found.count > 6)

    let task = Task { () -> (Int, VisError.Kind?) in
      var steps = 0
      do {
        _ = try model.minimize([.activation(of: .filter(0))], from: start, steps: 1000) { _ in
          steps += 1
          if steps == 3 { withUnsafeCurrentTask { $0?.cancel() } }
        }
        return (steps, nil)
      } catch { return (steps, (error as? VisError)?.kind) }
    }
    let (steps, kind) = await task.value
    #expect(steps == 3 && kind == .cancelled)

    struct Enough: Error {}
    do {
      _ = try model.minimize([.lpNorm()], from: start) { _ in throw Enough() }
      Issue.record("went on")
    } catch {
      #expect(error.kind == .callbackFailed && error.underlyingError is Enough)
    }
  }

  @Test func refusals() throws {
    let model = try model(), start = try tensor([1, 6, 5, 3]), target = [Loss.activation(of: .filter(0))]
    func refuses(_ message: String, _ body: () throws -> some Any) {
      do {
        _ = try body()
        Issue.record("not refused: \(message)")
      } catch {
        let error = error as? VisError
        #expect(error?.kind == .invalidArgument && error?.message.contains(message) == true, "\(String(describing: error))")
      }
    }
    refuses("there is nothing to minimize") { try model.minimize([], from: start) }
    refuses("there is nothing to minimize") { try model.minimize([.lpNorm(weight: 0)], from: start) }
    refuses("loss 'L-6.0 Norm Loss': the weight nan") { try model.minimize([.lpNorm(weight: .nan)], from: start) }
    refuses("p-norm: p 0.5") { try model.minimize([.lpNorm(p: 0.5)], from: start) }
    refuses("total variation: beta -1") { try model.minimize([.totalVariation(beta: -1)], from: start) }
    refuses("steps: 0") { try model.minimize(target, from: start, steps: 0) }
    for jitter in [-1, .nan, .infinity] { refuses("jitter:") { try model.minimize(target, from: start, jitter: jitter) } }
    refuses("threads") { try model.minimize(target, from: start, options: RunOptions(threads: -1)) }
    refuses("filter 4") { try model.minimize([.activation(of: .filter(4))], from: start) }
    refuses("neither a layer nor a node 'x'") { try model.minimize([.activation(of: .mean(of: "x"))], from: start) }
    refuses("input 'image': expected shape") { try model.minimize(target, from: tensor([1, 3, 6, 5])) }
    refuses("NaN") {
      try model.minimize(target, from: Tensor(shape: [1, 6, 5, 3], values: .init(repeating: .nan, count: 90)))
    }
    refuses("range:") { try model.maximizeActivation(of: .filter(0), range: 1...1) }
    refuses("range:") { try model.maximizeActivation(of: .filter(0), range: -.infinity...1) }
    refuses("give an image to start from") { try self.model([nil, nil]).maximizeActivation(of: .filter(0)) }
    refuses("the loss is inf in step 1: big inf") {
      try model.minimize([.custom("big", of: []) { _ in .init(value: .infinity, gradients: []) }], from: start)
    }
    refuses("loss 'odd': expected gradients of the shapes [[1, 6, 5, 3]], got []") {
      try model.minimize([.custom("odd", of: ["image"]) { _ in .init(value: 1, gradients: []) }], from: start)
    }
  }
}
