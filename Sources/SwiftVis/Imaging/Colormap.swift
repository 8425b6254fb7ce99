/// Colours for numbers. The names and the bytes are matplotlib's.
public enum Colormap: String, CaseIterable, Sendable {
  /// Blue, cyan, yellow, red: what saliency maps are mostly drawn in.
  case jet
  /// Perceptually uniform.
  case viridis, inferno, magma, plasma
  /// A jet without its false edges.
  case turbo
  /// Black, red, yellow, white.
  case hot
  /// Black to white.
  case gray
  /// For signed maps: blue, white in the middle, red.
  case seismic

  /// The colormap of that name. Throws `invalidArgument` with the list of names where there is none.
  public init(named name: String) throws(VisError) {
    guard let map = Colormap(rawValue: name) else {
      let names = Self.allCases.map(\.rawValue).joined(separator: ", ")
      throw VisError(.invalidArgument, "there is no colormap '\(name)'; there are \(names)")
    }
    self = map
  }

  /// The colour of each of 256 levels as R, G, B.
  package var table: [UInt8] { Self.tables[self] ?? [] }

  /// Colours values, clipped to 0...1, as RGB bytes: level min(255, Int(value * 256)). NaN becomes black.
  ///
  /// Throws `invalidArgument` unless `rgb.count == 3 * values.count`.
  package func apply(_ values: UnsafeBufferPointer<Float>, into rgb: UnsafeMutableBufferPointer<UInt8>) throws {
    let (expected, overflow) = values.count.multipliedReportingOverflow(by: 3)
    guard !overflow, rgb.count == expected else {
      throw VisError(.invalidArgument, "colormap: \(values.count) values need \(expected) bytes, got \(rgb.count)")
    }
    // Four bytes a level, and one level more for NaN: a colour is one load.
    var colours = table.withUnsafeBufferPointer { table in
      (0..<table.count / 3).map { SIMD4(table[3 * $0], table[3 * $0 + 1], table[3 * $0 + 2], 0) }
    }
    colours.append(SIMD4())
    for index in 0..<values.count {
      let value = values[index]
      let level = value >= 0 ? (value < 1 ? Int(value * 256) : 255) : (value.isNaN ? 256 : 0)
      let colour = colours[level]
      rgb[3 &* index] = colour.x
      rgb[3 &* index &+ 1] = colour.y
      rgb[3 &* index &+ 2] = colour.z
    }
  }

  private static let tables: [Colormap: [UInt8]] = Dictionary(
    uniqueKeysWithValues: allCases.map { ($0, $0.makeTable()) })

  private func makeTable() -> [UInt8] {
    switch self {
    case .viridis: return Self.decode(ColormapTables.viridis)
    case .inferno: return Self.decode(ColormapTables.inferno)
    case .magma: return Self.decode(ColormapTables.magma)
    case .plasma: return Self.decode(ColormapTables.plasma)
    case .turbo: return Self.decode(ColormapTables.turbo)
    case .gray:
      let ramp = [Knot(0, 0), Knot(1, 1)]
      return Self.sample(ramp, ramp, ramp)
    case .hot:
      return Self.sample(
        [Knot(0, 0.0416), Knot(0.365079, 1), Knot(1, 1)],
        [Knot(0, 0), Knot(0.365079, 0), Knot(0.746032, 1), Knot(1, 1)],
        [Knot(0, 0), Knot(0.746032, 0), Knot(1, 1)])
    case .jet:
      return Self.sample(
        [Knot(0, 0), Knot(0.35, 0), Knot(0.66, 1), Knot(0.89, 1), Knot(1, 0.5)],
        [Knot(0, 0), Knot(0.125, 0), Knot(0.375, 1), Knot(0.64, 1), Knot(0.91, 0), Knot(1, 0)],
        [Knot(0, 0.5), Knot(0.11, 1), Knot(0.34, 1), Knot(0.65, 0), Knot(1, 0)])
    case .seismic:
      return Self.sample(
        [Knot(0, 0), Knot(0.25, 0), Knot(0.5, 1), Knot(0.75, 1), Knot(1, 0.5)],
        [Knot(0, 0), Knot(0.25, 0), Knot(0.5, 1), Knot(0.75, 0), Knot(1, 0)],
        [Knot(0, 0.3), Knot(0.25, 1), Knot(0.5, 1), Knot(0.75, 0), Knot(1, 0)])
    }
  }

  private static func decode(_ hexadecimal: StaticString) -> [UInt8] {
    let digits = hexadecimal.description.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
    return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
  }

  /// A corner of a piecewise-linear channel.
  private struct Knot {
    let position: Double
    let value: Double
    init(_ position: Double, _ value: Double) { (self.position, self.value) = (position, value) }
  }

  private static func sample(_ channels: [Knot]...) -> [UInt8] {
    (0..<256).flatMap { level in channels.map { UInt8(Self.value(of: $0, at: level) * 255) } }
  }

  /// In the order of matplotlib's own arithmetic, so that cutting off ends at the same byte.
  private static func value(of knots: [Knot], at level: Int) -> Double {
    guard level > 0, let first = knots.first, let last = knots.last else { return knots.first?.value ?? 0 }
    guard level < 255 else { return last.value }
    let position = 255 * (Double(level) * (1 / 255))
    var left = first
    for right in knots.dropFirst() {
      if right.position * 255 >= position {
        let distance = (position - left.position * 255) / (right.position * 255 - left.position * 255)
        return distance * (right.value - left.value) + left.value
      }
      left = right
    }
    return last.value
  }
}
