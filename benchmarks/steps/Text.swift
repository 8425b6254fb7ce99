func decimal(_ value: Double, _ places: Int) -> String {
  var scale = 1.0
  for _ in 0..<places { scale *= 10 }
  let scaled = Int((value * scale).rounded())
  guard places > 0 else { return "\(scaled)" }
  let fraction = String(scaled % Int(scale))
  return "\(scaled / Int(scale))." + String(repeating: "0", count: places - fraction.count) + fraction
}

func milliseconds(_ seconds: Double) -> String { decimal(seconds * 1e3, 2) }

/// In billions a second.
func rate(_ count: Int, _ seconds: Double) -> String { decimal(Double(count) / seconds * 1e-9, 1) }

func padded(_ text: String, _ width: Int) -> String { String(repeating: " ", count: max(0, width - text.count)) + text }
