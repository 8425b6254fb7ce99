/// Where every tensor of a plan lies in the arena. Two tensors share memory only if their lifetimes do not meet.
struct MemoryPlan {
  /// In floats, by tensor; nil where a tensor is never used.
  let offsets: [Int?]
  let count: Int
}

/// Sizes in floats and lifetimes in step numbers (both ends included), by tensor.
struct MemoryPlanner {
  struct Lifetime {
    var first: Int
    var last: Int
  }
  /// 64 bytes, a cache line and more than any vector.
  static let alignment = 16

  var counts: [Int]
  var lifetimes: [Lifetime?]
  /// Pairs of (output, input) at a step: the output may take over the input's place.
  var inPlace: [(step: Int, output: TensorID, candidates: [TensorID])] = []

  func plan(reusingMemory: Bool) throws -> MemoryPlan {
    guard reusingMemory else { return try layOut(roots: Array(counts.indices), lifetimes: lifetimes, sharing: false) }
    var roots = Array(counts.indices)
    var lifetimes = lifetimes
    for (step, output, candidates) in inPlace {
      guard let own = lifetimes[output] else { continue }
      for candidate in candidates {
        let root = roots[candidate]
        guard let life = lifetimes[root], life.last == step, counts[root] == counts[output] else { continue }
        roots[output] = root
        lifetimes[root]?.last = own.last
        break
      }
    }
    return try layOut(roots: roots, lifetimes: lifetimes, sharing: true)
  }

  /// Largest first, each at the lowest place that is free during its whole life.
  private func layOut(roots: [Int], lifetimes: [Lifetime?], sharing: Bool) throws -> MemoryPlan {
    var offsets = [Int?](repeating: nil, count: counts.count)
    var placed: [(offset: Int, end: Int, life: Lifetime)] = []  // by offset
    var total = 0
    let order = counts.indices.filter { roots[$0] == $0 }.sorted { (counts[$0], $1) > (counts[$1], $0) }
    for tensor in order {
      guard let life = lifetimes[tensor] else { continue }
      let size = (counts[tensor] + Self.alignment - 1) / Self.alignment * Self.alignment
      var offset = 0
      for other in placed where !sharing || (other.life.first <= life.last && life.first <= other.life.last) {
        if offset + size <= other.offset { break }
        offset = max(offset, other.end)
      }
      let (end, overflow) = offset.addingReportingOverflow(size)
      guard !overflow, end < 1 << 48 else {
        throw VisError(.outOfMemory, "the network needs too much memory at this input size")
      }
      offsets[tensor] = offset
      let position = placed.firstIndex { $0.offset > offset } ?? placed.count
      placed.insert((offset, end, life), at: position)
      total = max(total, end)
    }
    for tensor in counts.indices where roots[tensor] != tensor { offsets[tensor] = offsets[roots[tensor]] }
    return MemoryPlan(offsets: offsets, count: total)
  }
}
