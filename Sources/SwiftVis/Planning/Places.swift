/// Where tensors lie in relation to each other: each in itself, or at some offset in the rows of its root.
struct Places {
  struct Place: Equatable {
    var root: TensorID
    /// In each row of the root, of which `pitch` is the length.
    var offset: Int
    let width: Int
    var pitch: Int

    func overlaps(_ other: Place) -> Bool {
      root == other.root && offset < other.offset + other.width && other.offset < offset + width
    }
    /// 0 where rows are adjacent.
    var sparsePitch: Int { pitch == width ? 0 : pitch }
  }

  private var places: [Place]
  /// By root.
  private var members: [[TensorID]]

  /// A tensor without a known row width is a single row.
  init(counts: [Int], widths: [Int], slices: [TensorID: Slice]) {
    places = counts.indices.map { tensor in
      let width = tensor < widths.count ? widths[tensor] : counts[tensor]
      return Place(root: tensor, offset: 0, width: width, pitch: width)
    }
    members = counts.indices.map { [$0] }
    // A host may be a slice itself; what lies in it moves with it.
    for (tensor, slice) in slices { put(tensor, slice.part.offset, in: slice.host) }
  }

  subscript(_ tensor: TensorID) -> Place { places[tensor] }

  func tensors(overlapping place: Place) -> [TensorID] { members[place.root].filter { places[$0].overlaps(place) } }

  /// A root, with all that lies in it, takes the place of another tensor of its size.
  mutating func move(_ root: TensorID, to other: TensorID) { put(root, 0, in: other) }

  private mutating func put(_ root: TensorID, _ offset: Int, in host: TensorID) {
    let base = places[host]
    for member in members[root] {
      places[member].root = base.root
      places[member].offset += base.offset + offset
      places[member].pitch = base.pitch
    }
    members[base.root] += members[root]
    members[root] = []
  }
}
