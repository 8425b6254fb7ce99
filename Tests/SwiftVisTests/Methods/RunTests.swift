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
}
