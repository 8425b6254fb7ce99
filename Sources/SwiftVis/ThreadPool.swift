/// The process's worker threads. (Contract; A1 implements.)
public enum ThreadPool {
  /// The processors that affinity and cgroup quota leave this process.
  public static var defaultThreadCount: Int { 1 }
  /// Runs body(units, worker) over 0..<unitCount cut into ranges of about `grain`, on up to `threads` threads (worker < threads).
  /// Returns when all are done. If the pool is busy with another caller, runs on the calling thread alone (worker 0).
  static func run(unitCount: Int, grain: Int, threads: Int, _ body: (Range<Int>, Int) -> Void) {
    if unitCount > 0 { body(0..<unitCount, 0) }
  }
}
