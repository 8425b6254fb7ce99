import Synchronization

/// Sessions of a model's methods that wait for their next run, the latest used last: planning a small network takes ten times as long as
/// running it. A run takes its session out, for itself.
final class IdleSessions: Sendable {
  private struct Idle: @unchecked Sendable {
    let session: Session
    let question: Question
    let threads: Int
  }

  /// Each holds an arena.
  private static let limit = 4
  private let idle = Mutex<[Idle]>([])

  func take(_ question: Question, _ threads: Int) -> Session? {
    idle.withLock { idle in
      idle.firstIndex { $0.question == question && $0.threads == threads }.map { idle.remove(at: $0) }
    }?.session
  }

  func keep(_ session: Session, _ question: Question, _ threads: Int) {
    // Idle, it keeps nothing of the caller's alive.
    (session.progress, session.customRule) = (nil, nil)
    let entry = Idle(session: session, question: question, threads: threads)
    idle.withLock { idle in
      idle.append(entry)
      if idle.count > Self.limit { idle.removeFirst() }
    }
  }

  func removeAll() { idle.withLock { $0.removeAll() } }
}
