import CSwiftVis
import SwiftVis

/// Runs a call's body and turns what it throws into a status and a message.
func reporting(to error: UnsafeMutablePointer<sv_error>?, _ body: () throws -> Void) -> sv_status {
  let status: sv_status
  var message = ""
  do {
    try body()
    status = SV_OK
  } catch let failure as VisError {
    status = failure.kind.status
    message = failure.message
  } catch let failure {
    status = SV_INTERNAL
    message = "unexpected error: \(failure)"
  }
  guard let error else { return status }
  error.pointee.status = status
  write(&message, to: error)
  return status
}

func invalid(_ message: String) -> VisError { VisError(.invalidArgument, message) }

/// Cuts between characters where the message is too long.
private func write(_ message: inout String, to error: UnsafeMutablePointer<sv_error>) {
  withUnsafeMutableBytes(of: &error.pointee.message) { target in
    message.withUTF8 { source in
      var count = min(source.count, target.count - 1)
      if count < source.count {
        while count > 0, source[count] & 0b1100_0000 == 0b1000_0000 { count -= 1 }
      }
      target.copyBytes(from: source.prefix(count))
      target[count] = 0
    }
  }
}

extension VisError.Kind {
  fileprivate var status: sv_status {
    switch self {
    case .invalidArgument: SV_INVALID_ARGUMENT
    case .invalidModel: SV_INVALID_MODEL
    case .unsupported: SV_UNSUPPORTED
    case .io: SV_IO
    case .outOfMemory: SV_OUT_OF_MEMORY
    case .cancelled: SV_CANCELLED
    case .internal: SV_INTERNAL
    case .callbackFailed: SV_CALLBACK_FAILED
    }
  }
}
