import SwiftVis
import Synchronization
import Testing

/// Progress and cancellation.
@Suite struct RunTests {
  @Test func progressGoesFromZeroToOne() throws {
    let model = try MethodsTests.model()
    let image = try Image<Float>(height: 1, width: 2, channels: 2, repeating: 1)
    final class Shares: Sendable {
      let all = Mutex<[Double]>([])
    }
    let shares = Shares()
    let options = RunOptions { share in shares.all.withLock { $0.append(share) } }
    _ = try model.saliency(of: image, options: options)
    let first = shares.all.withLock { $0 }
    #expect(first == first.sorted() && first.last == 1 && (first.first ?? 0) > 0)
    _ = try model.guidedGradCAM(of: image, options: options)
    let both = shares.all.withLock { $0 }.dropFirst(first.count)
    #expect(Array(both) == both.sorted() && both.last == 1 && both.contains { $0 > 0.5 && $0 < 1 })
  }

  /// A task that is cancelled by its own progress ends before the next step; the model can be used again.
  @Test func cancellation() async throws {
    let model = try MethodsTests.model()
    let image = try Image<Float>(height: 1, width: 2, channels: 2, repeating: 1)
    let task = Task {
      let shares = Mutex(0)
      let options = RunOptions { _ in
        shares.withLock { $0 += 1 }
        withUnsafeCurrentTask { $0?.cancel() }
      }
      let error = #expect(throws: VisError.self) { try model.saliency(of: image, options: options) }
      #expect(error?.kind == .cancelled && shares.withLock { $0 } == 1)
      // Everything in a cancelled task is.
      #expect(throws: VisError.self) { try model.predict(image) }
    }
    await task.value
    #expect(try model.saliency(of: image).samples.count == 2)
  }

  /// Sessions wait for the next run like them: with other numbers, another rule, after a failure, on several threads.
  @Test func sessionsAreUsedAgain() async throws {
    let model = try MethodsTests.model()
    @Sendable func map(_ sample: Float, _ rule: BackwardRule = .plain) throws -> [Float] {
      let image = try Image<Float>(height: 1, width: 2, channels: 2, samples: [sample, 1, -1, 2])
      return try model.gradient(of: image, target: .filter(1), rule: rule).samples
    }
    for _ in 0..<3 {
      #expect(try map(1) == [-1, 2, 0, 2])
      #expect(try map(-1) == [0, 2, 0, 2])
      #expect(try map(1, .elementwise { _, _, _ in 3 }) == [3, 3, 3, 3])
      #expect(throws: VisError.self) { try map(1, .custom { _ in throw VisError(.unsupported, "no") }) }
      #expect(try map(1, .elementwise { _, _, _ in 4 }) == [4, 4, 4, 4])
      model.releaseMemory()
    }
    try await withThrowingTaskGroup { group in
      for _ in 0..<8 {
        group.addTask {
          for _ in 0..<20 {
            let found = try map(1)
            #expect(found == [-1, 2, 0, 2])
          }
        }
      }
      try await group.waitForAll()
    }
  }

  /// Idle sessions do not hold their model.
  @Test func modelsAreFreed() throws {
    weak var freed: Model?
    do {
      let model = try MethodsTests.model()
      freed = model
      _ = try model.predict(Image<Float>(height: 1, width: 2, channels: 2, repeating: 1))
    }
    #expect(freed == nil)
  }
}
