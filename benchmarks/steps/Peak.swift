import SwiftVis
import SwiftVisKernels

/// What this machine can do at most, on some threads at once.
struct Peak {
  let threads: Int
  /// Multiply-adds on registers, two operations each, a second.
  let flops: Double
  /// Bytes a second, read from memory that no cache holds.
  let bandwidth: Double

  init(threads requested: Int) {
    let threads = requested > 0 ? requested : ThreadPool.defaultThreadCount
    let rounds = 4_000_000, count = 1 << 25
    let memory = UnsafeMutablePointer<Float>.allocate(capacity: count * threads)
    memory.initialize(repeating: 1, count: count * threads)
    defer { memory.deallocate() }
    nonisolated(unsafe) let floats = memory
    func best(_ body: (Int) -> Float) -> Double {
      var shortest = Double.infinity
      for _ in 0..<5 {
        let duration = ContinuousClock().measure {
          ThreadPool.run(unitCount: threads, grain: 1, threads: threads) { units, _ in
            for unit in units where body(unit) == .pi { print() }  // a result that is used, so that it is computed
          }
        }.components
        shortest = min(shortest, Double(duration.seconds) + Double(duration.attoseconds) * 1e-18)
      }
      return shortest
    }
    self.threads = threads
    flops = Double(rounds * 12 * 8 * 2 * threads) / best { multiplyAdds(rounds: rounds, Float($0)) }
    bandwidth = Double(count * threads * MemoryLayout<Float>.stride) / best { sum(floats + $0 * count, count: count) }
  }
}

/// Twelve independent chains hide the latency of the multiply-add.
@inline(never) private func multiplyAdds(rounds: Int, _ start: Float) -> Float {
  typealias V = SIMD8<Float>
  let x = V(repeating: 0.5), y = V(repeating: start)
  var (a, b, c, d, e, f) = (y, y + 1, y + 2, y + 3, y + 4, y + 5)
  var (g, h, i, j, k, l) = (y + 6, y + 7, y + 8, y + 9, y + 10, y + 11)
  for _ in 0..<rounds {
    a = y.addingProduct(a, x)
    b = y.addingProduct(b, x)
    c = y.addingProduct(c, x)
    d = y.addingProduct(d, x)
    e = y.addingProduct(e, x)
    f = y.addingProduct(f, x)
    g = y.addingProduct(g, x)
    h = y.addingProduct(h, x)
    i = y.addingProduct(i, x)
    j = y.addingProduct(j, x)
    k = y.addingProduct(k, x)
    l = y.addingProduct(l, x)
  }
  let first = (a + b) + (c + d), second = (e + f) + (g + h), third = (i + j) + (k + l)
  return ((first + second) + third).sum()
}

@inline(never) private func sum(_ floats: UnsafePointer<Float>, count: Int) -> Float {
  var (a, b, c, d) = (SIMD8<Float>.zero, SIMD8<Float>.zero, SIMD8<Float>.zero, SIMD8<Float>.zero)
  var i = 0
  while i < count {
    let p = UnsafeRawPointer(floats + i)
    a += p.loadUnaligned(as: SIMD8<Float>.self)
    b += p.loadUnaligned(fromByteOffset: 32, as: SIMD8<Float>.self)
    c += p.loadUnaligned(fromByteOffset: 64, as: SIMD8<Float>.self)
    d += p.loadUnaligned(fromByteOffset: 96, as: SIMD8<Float>.self)
    i += 32
  }
  return ((a + b) + (c + d)).sum()
}
