import SwiftVisKernels

// Arithmetic place by place. Tensors that meet have one rank and one batch; their other sizes are equal or 1.

extension Graph.Builder {
  /// The sum of two or more.
  public mutating func add(_ inputs: [Value], name: String? = nil) -> Value { merge("Add", .add, inputs, name) }

  /// The product of two or more.
  public mutating func multiply(_ inputs: [Value], name: String? = nil) -> Value {
    merge("Multiply", .multiply, inputs, name)
  }

  /// The mean of two or more.
  public mutating func average(_ inputs: [Value], name: String? = nil) -> Value { merge("Average", .average, inputs, name) }

  /// The largest of two or more; of equal ones the first has the gradient.
  public mutating func maximum(_ inputs: [Value], name: String? = nil) -> Value { merge("Maximum", .maximum, inputs, name) }

  /// The smallest of two or more; of equal ones the first has the gradient.
  public mutating func minimum(_ inputs: [Value], name: String? = nil) -> Value { merge("Minimum", .minimum, inputs, name) }

  /// left - right.
  public mutating func subtract(_ left: Value, _ right: Value, name: String? = nil) -> Value {
    merge("Subtract", .subtract, [left, right], name)
  }

  /// left / right.
  public mutating func divide(_ left: Value, _ right: Value, name: String? = nil) -> Value {
    merge("Divide", .divide, [left, right], name)
  }

  /// base to the power of exponent.
  public mutating func power(_ base: Value, _ exponent: Value, name: String? = nil) -> Value {
    merge("Power", .power, [base, exponent], name)
  }

  /// input to the power of a number.
  public mutating func power(_ input: Value, exponent: Float, name: String? = nil) -> Value {
    layer("Power", .unary(.power(exponent)), [input], name: name)
  }

  /// 1 where left > right, else 0; without a gradient.
  public mutating func greater(_ left: Value, _ right: Value, name: String? = nil) -> Value {
    merge("Greater", .greater, [left, right], name)
  }

  /// 1 where left >= right, else 0; without a gradient.
  public mutating func greaterOrEqual(_ left: Value, _ right: Value, name: String? = nil) -> Value {
    merge("GreaterEqual", .greaterEqual, [left, right], name)
  }

  /// 1 where both are equal, else 0; without a gradient.
  public mutating func equal(_ left: Value, _ right: Value, name: String? = nil) -> Value {
    merge("Equal", .equal, [left, right], name)
  }

  /// The one value where the condition is not 0, else the other. The condition has no gradient.
  public mutating func choose(
    where condition: Value, then value: Value, otherwise: Value, name: String? = nil
  ) -> Value {
    layer("Where", .choose, [condition, value, otherwise], name: name)
  }

  /// The nearest value within limits; nil for none. The gradient passes inside, ends included.
  public mutating func clip(_ input: Value, min: Float? = nil, max: Float? = nil, name: String? = nil) -> Value {
    layer("Clip", .unary(.clip(min: min ?? -.infinity, max: max ?? .infinity)), [input], name: name)
  }

  /// A function of one number, at each place.
  public mutating func apply(_ function: Function, to input: Value, name: String? = nil) -> Value {
    layer("Function", .unary(.elementary(function)), [input], name: name)
  }

  /// Absolute value, square root, logarithm, the error function and others, by the names of the model format.
  public typealias Function = UnaryFunction.Elementary

  private mutating func merge(_ className: String, _ kind: Merge, _ inputs: [Value], _ name: String?) -> Value {
    layer(className, .merge(kind), inputs, name: name)
  }
}
