/// How a run is done; nothing here but `exact` changes its numbers.
public struct RunOptions: Sendable {
  /// The number of threads; 0 stands for ``availableThreads``. Results do not depend on it, to the last bit.
  public var threads: Int
  /// Only convolution algorithms that sum products directly: slower, and a few bits more accurate.
  public var exact: Bool
  /// Called between steps with the share of the run that is done, from 0 to 1, on the thread of the run.
  public var progress: (@Sendable (_ done: Double) -> Void)?

  /// All threads, the fast algorithms and no reports, unless said otherwise.
  public init(threads: Int = 0, exact: Bool = false, progress: (@Sendable (_ done: Double) -> Void)? = nil) {
    (self.threads, self.exact, self.progress) = (threads, exact, progress)
  }

  /// The processors that affinity and cgroup quota leave this process, at least 1.
  public static var availableThreads: Int { ThreadPool.defaultThreadCount }

  /// The options of one of several runs that make up a method.
  func part(_ index: Int, of count: Int) -> RunOptions {
    guard let progress else { return self }
    var part = self
    part.progress = { progress((Double(index) + $0) / Double(count)) }
    return part
  }
}
