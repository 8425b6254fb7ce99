import SwiftVis
import Testing

/// The calls that Swift programs make: predict, gradient, saliencyMap.
@Suite struct MethodsTests {
  private typealias Tensor = SwiftVis.Tensor

  /// y = relu(x) * ((1, -2), (3, 4)), one sample of two pixels and two channels.
  private func model() throws -> Model {
    let description = """
      {"format": "swiftvis", "version": 1, "inputs": [{"name": "x", "shape": [null, 1, 2, 2]}],
       "nodes": [{"name": "a", "op": "relu", "inputs": ["x"]},
                 {"name": "y", "op": "dense", "inputs": ["a"], "weights": {"kernel": "k"}}], "outputs": ["y"]}
      """
    return try Model(description: description, weights: ["k": Weights(shape: [2, 2], values: [1, -2, 3, 4])])
  }

  private let image = [1, 2, -1, 3] as [Float]

  @Test func predicts() throws {
    let output = try model().predict(Tensor(shape: [1, 1, 2, 2], values: image))
    #expect(output == (try Tensor(shape: [1, 1, 2, 2], values: [7, 6, 9, 12])))
  }

  @Test func gradientOfFilters() throws {
    let model = try model(), x = try Tensor(shape: [1, 1, 2, 2], values: image)
    func gradient(_ filters: [Int]?, _ rule: BackwardRule = .plain) throws -> [Float] {
      try model.gradient(x, filters: filters, rule: rule).values
    }
    #expect(try gradient([1]) == [-1, 2, 0, 2])
    #expect(try gradient([1], .guided) == [0, 2, 0, 2])
    #expect(try gradient([0], .rectified) == [0.5, 1.5, 0.5, 1.5])
    #expect(try gradient([0, 1]) == [-0.5, 3.5, 0, 3.5])
    #expect(try gradient(nil) == [-0.25, 1.75, 0, 1.75])
    #expect(try model.gradient(x, of: "a", filters: [0]).values == [0.5, 0, 0, 0])
    for wrong in [[], [2], [-1], [Int.max]] {
      #expect(throws: VisError.self) { try gradient(wrong) }
    }
  }

  @Test func saliencyMaps() throws {
    let gradient = try Tensor(shape: [2, 1, 2, 2], values: [-4, 3, 1, 2, 0, 0, 0, 0])
    let largest = try gradient.saliencyMap(), sum = try gradient.saliencyMap(.sumOfAbsolutes)
    #expect(largest.shape == [2, 1, 2] && sum.shape == [2, 1, 2])
    for (found, expected) in zip(largest.values + sum.values, [1, 0, 0, 0, 1, 0, 0, 0] as [Float]) {
      #expect(abs(found - expected) < 1e-6)
    }
    #expect(throws: VisError.self) { try Tensor(shape: [3], values: [1, 2, 3]).saliencyMap() }
    #expect(try Tensor(shape: [0, 2, 3], values: []).saliencyMap().values.isEmpty)
  }
}
