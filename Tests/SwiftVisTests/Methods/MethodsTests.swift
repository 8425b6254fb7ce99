import SwiftVis
import Testing

/// The calls that Swift programs make, against hand calculations.
@Suite struct MethodsTests {
  typealias Tensor = SwiftVis.Tensor

  /// y = relu(x) * ((1, -2), (3, 4)) at each of 1 x 2 pixels.
  static func model(isChannelsFirst: Bool = false) throws -> Model {
    let body =
      isChannelsFirst
      ? """
      "data_format": "channels_first", "inputs": [{"name": "x", "shape": [null, 2, 1, 2]}],
      "nodes": [{"name": "p", "op": "permute", "inputs": ["x"], "attributes": {"axes": [0, 2, 3, 1]}},
                {"name": "a", "op": "relu", "inputs": ["p"]},
                {"name": "b", "op": "permute", "inputs": ["a"], "attributes": {"axes": [0, 3, 1, 2]}},
                {"name": "q", "op": "permute", "inputs": ["b"], "attributes": {"axes": [0, 2, 3, 1]}},
                {"name": "d", "op": "dense", "inputs": ["q"], "weights": {"kernel": "k"}},
                {"name": "y", "op": "permute", "inputs": ["d"], "attributes": {"axes": [0, 3, 1, 2]}}]
      """
      : """
      "inputs": [{"name": "x", "shape": [null, 1, 2, 2]}],
      "nodes": [{"name": "a", "op": "relu", "inputs": ["x"]},
                {"name": "y", "op": "dense", "inputs": ["a"], "weights": {"kernel": "k"}}]
      """
    let description = """
      {"format": "swiftvis", "version": 1, \(body), "outputs": ["y"], "classes": ["left", "right"], "layers": [
       {"name": "rectifier", "class_name": "ReLU", "outputs": ["\(isChannelsFirst ? "b" : "a")"], "activations": ["a"]},
       {"name": "head", "class_name": "Dense", "outputs": ["y"]}]}
      """
    return try Model(description: description, tensors: ["k": Tensor(shape: [2, 2], values: [1, -2, 3, 4])])
  }

  let samples: [Float] = [1, 2, -1, 3]
  var image: Image<Float> { get throws { try Image(height: 1, width: 2, channels: 2, samples: samples) } }

  @Test func structure() throws {
    let model = try Self.model()
    #expect(model.layers.map(\.name) == ["rectifier", "head"] && model.layers[1].className == "Dense")
    #expect(model.layers[1].outputShape == [nil, 1, 2, 2] && model.layers[1].nodes == ["y"])
    #expect(model.inputs.map(\.name) == ["x"] && model.outputs.map(\.shape) == [[nil, 1, 2, 2]])
    #expect(model.classes == ["left", "right"])
    #expect(try model.layer(named: "head").className == "Dense")
    #expect(throws: VisError.self) { try model.layer(named: "y") }
  }

  @Test func predicts() throws {
    let model = try Self.model()
    #expect(try model.predict(image) == Tensor(shape: [1, 1, 2, 2], values: [7, 6, 9, 12]))
    #expect(try model.predict(image, at: "rectifier").values == [1, 2, 0, 3])
    let batch = try Tensor(shape: [2, 1, 2, 2], values: samples + samples.map { -$0 })
    #expect(try model.predict([batch], at: ["a"])[0].values == [1, 2, 0, 3, 0, 0, 1, 0])
  }

  @Test func gradientOfTargets() throws {
    let model = try Self.model()
    func gradient(_ target: Target, _ rule: BackwardRule = .plain) throws -> [Float] {
      try model.gradient(of: image, target: target, rule: rule).samples
    }
    #expect(try gradient(.filter(1)) == [-1, 2, 0, 2])
    #expect(try gradient(.filter(1), .guided) == [0, 2, 0, 2])
    #expect(try gradient(.filter(0), .rectified) == [0.5, 1.5, 0.5, 1.5])
    #expect(try gradient(.filters([0, 1])) == [-0.5, 3.5, 0, 3.5])
    #expect(try gradient(.mean) == [-0.25, 1.75, 0, 1.75])
    #expect(try gradient(.filter(0, of: "a")) == [0.5, 0, 0, 0])
    #expect(try gradient(.mean(of: "rectifier")) == [0.25, 0.25, 0, 0.25])
    for wrong in [[], [2], [-1], [Int.max]] {
      #expect(throws: VisError.self) { try gradient(.filters(wrong)) }
    }
    #expect(throws: VisError.self) { try gradient(.mean(of: "nothing")) }
  }

  @Test func logits() throws {
    let description = """
      {"format": "swiftvis", "version": 1, "inputs": [{"name": "x", "shape": [null, 2]}], "outputs": ["y"],
       "nodes": [{"name": "d", "op": "dense", "inputs": ["x"], "weights": {"kernel": "k"}},
                 {"name": "y", "op": "softmax", "inputs": ["d"]}],
       "layers": [{"name": "head", "class_name": "Dense", "outputs": ["y"], "activations": ["y"]}]}
      """
    let model = try Model(description: description, tensors: ["k": Tensor(shape: [2, 2], values: [1, -2, 3, 4])])
    let x = try Tensor(shape: [1, 2], values: [1, 1])
    #expect(try model.gradient(of: x, target: .logit(1)).values == [-2, 4])
    #expect(try model.gradient(of: x, target: .logit(0, of: "head")).values == [1, 3])
    #expect(try model.gradient(of: x, target: .filter(1)).values != [-2, 4])
    #expect(try model.gradient(of: x, target: .logit(1, of: "d")).values == [-2, 4])
  }

  @Test func everySampleHasItsOwnGradient() throws {
    let model = try Self.model()
    let batch = try Tensor(shape: [3, 1, 2, 2], values: samples + samples.map { -$0 } + samples)
    let found = try model.gradient(of: batch, target: .filter(1)).values
    #expect(found == [-1, 2, 0, 2] + [0, 0, -1, 0] + [-1, 2, 0, 2])
    #expect(try model.gradient(of: batch, target: .filter(1), at: "a").values == [-1, 2, -1, 2, -1, 2, -1, 2, -1, 2, -1, 2])
    #expect(try model.saliency(of: batch, target: .filter(1)).values == [2, 2, 0, 1, 2, 2])
    #expect(try model.saliency(of: batch, target: .filter(1)).shape == [3, 1, 2])
  }

  @Test func saliency() throws {
    let model = try Self.model()
    let map = try model.saliency(of: image, target: .filter(1))
    #expect((map.height, map.width, map.channels) == (1, 2, 1) && map.samples == [2, 2])
    #expect(try model.saliency(of: image, target: .filter(1), reduction: .sum).samples == [3, 2])
    #expect(try model.saliency(of: image, target: .filter(1), reduction: .sum).normalized().samples == [1, 0])
  }

  /// Channels weighted by the mean of the score's gradient, summed; what is negative becomes 0.
  @Test func cam() throws {
    let model = try Self.model()
    // The gradient at "a" for filter 1 is (-1, 2) at both pixels, and so are the weights.
    #expect(try model.cam(of: image, target: .filter(1)).samples == [3, 6])
    #expect(try model.cam(of: image, target: .filter(1), source: "rectifier").samples == [3, 6])
    // -4 + 2 at the first pixel.
    let negative = try Image<Float>(height: 1, width: 2, channels: 2, samples: [4, 1, -1, 3])
    #expect(try model.cam(of: negative, target: .filter(1)).samples == [0, 6])
    // (0.5, 1.5): all positive.
    #expect(try model.cam(of: image, target: .filter(0)).samples == [3.5, 4.5])
    #expect(throws: VisError.self) { try model.cam(of: image, target: .mean(of: "a"), source: "y") }
    #expect(throws: VisError.self) { try model.cam(of: image, target: .mean(of: "a")) }
  }

  @Test func guidedGradCAM() throws {
    let found = try Self.model().guidedGradCAM(of: image, target: .filter(1))
    #expect(found.samples == [0, 6, 0, 12] && found.channels == 2)
  }

  @Test func perFilter() throws {
    let model = try Self.model()
    var found: [Int: [Float]] = [:]
    try model.saliencyPerFilter(of: image) { filter, map in found[filter] = map.samples }
    #expect(found.count == 2)
    for filter in 0..<2 { #expect(try found[filter] == model.saliency(of: image, target: .filter(filter)).samples) }
    var order: [Int] = []
    try model.saliencyPerFilter(of: image, filters: [1, 0, 1], of: "rectifier", rule: .guided) { filter, _ in
      order.append(filter)
    }
    #expect(order == [1, 0, 1])
    for wrong in [[], [0, 7]] {
      #expect(throws: VisError.self) { try model.saliencyPerFilter(of: image, filters: wrong) { _, _ in } }
    }
    struct Enough: Error {}
    let error = #expect(throws: VisError.self) {
      try model.saliencyPerFilter(of: image) { _, _ in throw Enough() }
    }
    #expect(error?.underlyingError is Enough)
  }

  /// (y0 - 1)^2 / 2 at the first pixel, whose derivative is 7 - 1 there.
  @Test func lossesOfYourOwn() throws {
    let model = try Self.model()
    let input = try Tensor(shape: [1, 1, 2, 2], values: samples)
    let slope = try Tensor(shape: [1, 1, 2, 2], values: [6, 0, 0, 0])
    #expect(try model.gradient(of: [input], cotangents: ["head": slope]).values == [6, 18, 0, 0])
    #expect(try model.gradient(of: [input], cotangents: ["y": slope, "a": slope], at: "a").values == [12, 18, 0, 0])
    #expect(throws: VisError.self) { try model.gradient(of: [input], cotangents: [:]) }
    #expect(throws: VisError.self) { try model.gradient(of: [input], cotangents: ["nothing": slope]) }
    let other = try Tensor(shape: [1, 4], values: samples)
    #expect(throws: VisError.self) { try model.gradient(of: [input], cotangents: ["y": other]) }
    #expect(throws: VisError.self) { try model.gradient(of: [], cotangents: ["y": slope]) }
  }

  @Test func channelsFirstIsTheSame() throws {
    let (last, first) = (try Self.model(), try Self.model(isChannelsFirst: true))
    #expect(first.layers[1].isChannelsFirst && !last.layers[1].isChannelsFirst)
    for target in [Target.filter(0), .filter(1), .mean] {
      #expect(try first.gradient(of: image, target: target) == last.gradient(of: image, target: target))
      #expect(try first.saliency(of: image, target: target) == last.saliency(of: image, target: target))
      #expect(try first.guidedGradCAM(of: image, target: target) == last.guidedGradCAM(of: image, target: target))
    }
    #expect(try first.predict(image).shape == [1, 2, 1, 2])
  }

  @Test func bytesGoInAsTheyAre() throws {
    let bytes = try Image<UInt8>(height: 1, width: 2, channels: 2, samples: [1, 2, 0, 3])
    #expect(try Self.model().predict(bytes).values == [7, 6, 9, 12])
  }

  @Test func rules() throws {
    let model = try Self.model()
    func gradient(_ rule: BackwardRule) throws -> [Float] {
      try model.gradient(of: image, target: .filter(1), rule: rule).samples
    }
    #expect(try gradient(.elementwise { gradient, _, _ in 2 * gradient }) == [-2, 4, -2, 4])
    #expect(try gradient(.guided.overridden(in: ["rectifier": .plain])) == [-1, 2, 0, 2])
    #expect(try gradient(.plain.overridden(in: ["a": .guided])) == [0, 2, 0, 2])
    let whole = BackwardRule.custom { pass in
      #expect(pass.node == "a" && pass.shape == [1, 1, 2, 2] && Array(pass.x) == samples)
      for place in pass.result.indices { pass.result[place] = Float(place) }
    }
    #expect(try gradient(.plain.overridden(in: ["rectifier": whole])) == [0, 1, 2, 3])
    for name in ["head", "nothing", "x"] {
      #expect(throws: VisError.self) { try gradient(.plain.overridden(in: [name: .guided])) }
    }
  }

  @Test func whatARuleThrows() throws {
    struct Failure: Error {}
    let (model, image) = (try Self.model(), try image)
    let error = #expect(throws: VisError.self) {
      try model.gradient(of: image, rule: .custom { _ in throw Failure() })
    }
    #expect(error?.kind == .callbackFailed && error?.underlyingError is Failure)
    let own = #expect(throws: VisError.self) {
      try model.gradient(of: image, rule: .custom { _ in throw VisError(.unsupported, "mine") })
    }
    #expect(own?.kind == .unsupported && own?.message == "mine")
  }

  @Test func refusals() throws {
    let model = try Self.model()
    func kind(_ samples: [Float], height: Int = 1, width: Int = 2, channels: Int = 2) throws -> VisError.Kind? {
      let image = try Image(height: height, width: width, channels: channels, samples: samples)
      return #expect(throws: VisError.self) { try model.saliency(of: image) }?.kind
    }
    #expect(try kind([1, 2, 3, 4], height: 2, width: 1) == .invalidArgument)
    #expect(try kind([1, 2, 3, 4], height: 1, width: 4, channels: 1) == .invalidArgument)
    #expect(try kind([1, .nan, 3, 4]) == .invalidArgument)
    #expect(try kind([1, .infinity, 3, 4]) == .invalidArgument)
    #expect(throws: VisError.self) { try model.predict(image, at: "nothing") }
    #expect(throws: VisError.self) { try model.predict(image, options: RunOptions(threads: -1)) }
    #expect(throws: VisError.self) { try model.predict([Tensor]()) }
    #expect(throws: VisError.self) { try model.gradient(of: Tensor(shape: [1, 1, 2, 2], values: samples), at: "nothing") }
    #expect(throws: VisError.self) { try model.saliency(of: Tensor(shape: [0, 1, 2, 2], values: [])) }
    #expect(throws: VisError.self) { try model.cam(of: Tensor(shape: [4], values: samples)) }
    #expect(throws: VisError.self) { try Model(contentsOf: "/nonexistent.safetensors") }
  }
}
