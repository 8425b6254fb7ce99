/// Where every tensor of a plan lies in the arena. Two tensors share memory only if their lifetimes do not meet.
struct MemoryPlan {
  /// In floats, by tensor; nil where a tensor is never used.
  let offsets: [Int?]
  /// Floats from one row of a slice to the next; 0 where rows are adjacent.
  let pitches: [Int]
  let count: Int
}

/// Sizes in floats and lifetimes in step numbers (both ends included), by tensor.
struct MemoryPlanner {
  struct Lifetime {
    var first: Int
    var last: Int
  }
  /// Two tensors of one size and row width: the output may take over the place of a candidate that dies at the step, unless
  /// something else lies there that the step reads.
  struct Takeover {
    let step: Int
    let output: TensorID
    let candidates: [TensorID]
    /// All that the step reads.
    let reads: [TensorID]
  }
  /// 64 bytes, a cache line and more than any vector.
  static let alignment = 16

  var counts: [Int]
  var lifetimes: [Lifetime?]
  var takeovers: [Takeover] = []
  /// Floats in a row, by tensor.
  var widths: [Int] = []
  var slices: [TensorID: Slice] = [:]
  /// Tensors that cannot be slices.
  var rigid: Set<TensorID> = []

  func plan(reusingMemory: Bool) throws -> MemoryPlan {
    var places = Places(counts: counts, widths: widths, slices: reusingMemory ? slices : [:])
    if reusingMemory {
      for takeover in takeovers {
        if let place = takeover.candidates.first(where: { mayMove(takeover, to: $0, places) }) {
          places.move(takeover.output, to: place)
        }
      }
    }
    return try layOut(places, sharing: reusingMemory)
  }

  private func mayMove(_ takeover: Takeover, to candidate: TensorID, _ places: Places) -> Bool {
    let (output, step) = (takeover.output, takeover.step)
    let (from, to) = (places[output], places[candidate])
    guard lifetimes[output] != nil, lifetimes[candidate] != nil, from.root == output, to.root != output,
      counts[output] == counts[candidate], from.width == to.width
    else { return false }
    let parts = places.tensors(overlapping: from)
    return places.tensors(overlapping: to).allSatisfy { (lifetimes[$0]?.last ?? 0) <= step }
      && takeover.reads.allSatisfy { !places[$0].overlaps(to) || (places[$0] == to && takeover.candidates.contains($0)) }
      && parts.allSatisfy { (lifetimes[$0]?.first ?? step) >= step && (to.sparsePitch == 0 || !rigid.contains($0)) }
  }

  /// Largest first, each at the lowest offset that is free during its whole life.
  private func layOut(_ places: Places, sharing: Bool) throws -> MemoryPlan {
    var lives = [Lifetime?](repeating: nil, count: counts.count)
    for tensor in counts.indices {
      guard let life = lifetimes[tensor] else { continue }
      lives[places[tensor].root].extend(to: life.first)
      lives[places[tensor].root].extend(to: life.last)
    }
    var offsets = [Int?](repeating: nil, count: counts.count)
    var placed: [(offset: Int, end: Int, life: Lifetime)] = []  // by offset
    var total = 0
    let order = counts.indices.filter { places[$0].root == $0 }.sorted { (counts[$0], $1) > (counts[$1], $0) }
    for tensor in order {
      guard let life = lives[tensor] else { continue }
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
    for tensor in counts.indices where places[tensor].root != tensor {
      offsets[tensor] = offsets[places[tensor].root].map { $0 + places[tensor].offset }
    }
    return MemoryPlan(offsets: offsets, pitches: counts.indices.map { places[$0].sparsePitch }, count: total)
  }
}
