/// A row-major tensor of Doubles: the value that the reference computes with.
struct Tensor: Equatable {
  var shape: [Int]
  var values: [Double]

  init(_ shape: [Int], _ values: [Double]) {
    precondition(shape.reduce(1, *) == values.count, "\(values.count) values do not fill \(shape)")
    self.shape = shape
    self.values = values
  }
  init(_ shape: [Int], repeating value: Double = 0) {
    self.init(shape, Array(repeating: value, count: shape.reduce(1, *)))
  }
  /// Filled by a function of the index along every axis.
  init(_ shape: [Int], _ value: ([Int]) -> Double) {
    self.init(shape)
    var place = 0
    Tensor.forEachIndex(shape) { index in
      values[place] = value(index)
      place += 1
    }
  }

  var rank: Int { shape.count }
  var floats: [Float] { values.map { Float($0) } }

  subscript(_ index: [Int]) -> Double {
    get { values[place(index)] }
    set { values[place(index)] = newValue }
  }
  /// Images: batch, row, column, channel.
  subscript(_ n: Int, _ h: Int, _ w: Int, _ c: Int) -> Double {
    get { values[((n * shape[1] + h) * shape[2] + w) * shape[3] + c] }
    set { values[((n * shape[1] + h) * shape[2] + w) * shape[3] + c] = newValue }
  }

  func place(_ index: [Int]) -> Int { zip(index, shape).reduce(0) { $0 * $1.1 + $1.0 } }

  func map(_ function: (Double) -> Double) -> Tensor { Tensor(shape, values.map(function)) }

  /// Visits every index in row-major order.
  static func forEachIndex(_ shape: [Int], _ body: ([Int]) -> Void) {
    guard !shape.contains(0) else { return }
    var index = Array(repeating: 0, count: shape.count)
    while true {
      body(index)
      var axis = shape.count - 1
      while axis >= 0 {
        index[axis] += 1
        if index[axis] < shape[axis] { break }
        index[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }
}
