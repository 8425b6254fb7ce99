import CPlatform
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The process's worker threads, for many short parallel regions: a network is 50 to 300 steps of 10 us to 10 ms.
///
/// Goals, in order: never wrong (forked children, several callers, exit at any time), no lock and no system call per
/// region while the workers are awake, and no wait for a worker that the system has not scheduled yet.
package enum ThreadPool {
  /// The processors that affinity and cgroup quota leave this process, at least 1.
  package static var defaultThreadCount: Int {
    let processors = Int(platform_processor_count())
    guard let quota = CgroupQuota.current() else { return clamped(processors) }
    return clamped(min(processors, quota))
  }

  private static func clamped(_ count: Int) -> Int { max(1, min(count, maximumThreadCount)) }

  /// More would only be more stacks and scratch memory.
  package static let maximumThreadCount = 256

  /// Runs `body(units, worker)` over `0..<unitCount` cut into ranges of `grain` (the last may be shorter), on up to
  /// `threads` threads with `worker < threads`, and returns when all are done.
  ///
  /// The calling thread is worker 0. If another caller has the pool, it does everything alone as worker 0; with one
  /// thread or a single range there is one call of `body` and no synchronisation. Calls may be nested.
  package static func run(unitCount: Int, grain: Int, threads: Int, _ body: (Range<Int>, Int) -> Void) {
    guard unitCount > 0 else { return }
    let size = max(1, grain)
    let rangeCount = unitCount / size + (unitCount % size == 0 ? 0 : 1)
    let helpers = min(threads, rangeCount, maximumThreadCount) - 1
    guard helpers > 0, let workers = current(), workers.acquire() else { return body(0..<unitCount, 0) }
    withoutActuallyEscaping(body) { body in
      workers.run(
        Region(body: body, unitCount: unitCount, grain: size, rangeCount: rangeCount, workerCount: helpers + 1))
    }
    workers.release()
  }

  private static let pool = Atomic<Unmanaged<Workers>?>(nil)

  /// Threads do not survive a fork and locks may have been held: the child forgets the pool (and leaks it).
  private static let forgetsPoolInChild: Void = {
    _ = pthread_atfork(nil, nil) { ThreadPool.pool.store(nil, ordering: .relaxed) }
  }()

  private static func current() -> Workers? {
    if let workers = pool.load(ordering: .acquiring) { return workers.takeUnretainedValue() }
    _ = forgetsPoolInChild
    guard let made = Workers() else { return nil }
    let new = Unmanaged.passRetained(made)
    let (exchanged, other) = pool.compareExchange(expected: nil, desired: new, ordering: .acquiringAndReleasing)
    if exchanged { return made }
    new.release()
    return other?.takeUnretainedValue()
  }
}

/// One parallel loop.
private struct Region {
  let body: (Range<Int>, Int) -> Void
  let unitCount: Int
  let grain: Int
  let rangeCount: Int
  let workerCount: Int

  /// The ranges that a worker claims first.
  func ranges(of worker: Int) -> Range<Int> {
    rangeCount * worker / workerCount..<rangeCount * (worker + 1) / workerCount
  }
}

private struct Share: ~Copyable {
  let next = Atomic<Int>(0)
  private let line: (Int, Int, Int, Int, Int, Int, Int) = (0, 0, 0, 0, 0, 0, 0)
}

/// Detached threads that wait for regions. Lives until the process ends, so that nothing has to be joined at exit.
private final class Workers: @unchecked Sendable {
  private static let stackSize = 2 << 20
  /// Longer than the gap between two calls of a small network, shorter than anyone would notice.
  private static let spinNanoseconds = 100_000

  /// Generation of the region << 32 | workers that may still enter it << 16 | workers inside it.
  private let state = Atomic<UInt64>(0)
  /// By worker: what is left of its share. Each on a line of its own.
  private let shares: UnsafeMutablePointer<Share>
  /// Workers that sleep and have not been woken.
  private let sleepers = Atomic<Int>(0)
  private let isTaken = Atomic<Bool>(false)
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>
  // The rest belongs to the caller that has taken the pool; workers read `region` only between entering and leaving it.
  private var region: Region?
  private var threadCount = 0
  /// How often the sleepers were woken, guarded by the mutex.
  private var wakeUps: UInt64 = 0

  init?() {
    mutex = .allocate(capacity: 1)
    condition = .allocate(capacity: 1)
    shares = .allocate(capacity: ThreadPool.maximumThreadCount)
    for worker in 0..<ThreadPool.maximumThreadCount { (shares + worker).initialize(to: Share()) }
    guard pthread_mutex_init(mutex, nil) == 0, pthread_cond_init(condition, nil) == 0 else {
      mutex.deallocate()
      condition.deallocate()
      shares.deallocate()
      return nil
    }
  }

  deinit {
    pthread_mutex_destroy(mutex)
    pthread_cond_destroy(condition)
    mutex.deallocate()
    condition.deallocate()
    shares.deallocate()
  }

  func acquire() -> Bool { isTaken.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged }

  func release() { isTaken.store(false, ordering: .releasing) }

  func run(_ region: Region) {
    let helpers = region.workerCount - 1
    grow(to: helpers)
    self.region = region
    for worker in 0...helpers { shares[worker].next.store(region.ranges(of: worker).lowerBound, ordering: .relaxed) }
    let generation = (state.load(ordering: .relaxed) >> 32) &+ 1
    state.store(generation << 32 | UInt64(helpers) << 16, ordering: .sequentiallyConsistent)
    if sleepers.load(ordering: .sequentiallyConsistent) > 0 { wake() }
    share(in: region, worker: 0)

    // From here on nobody enters, and only those who did are waited for.
    var inside = state.bitwiseAnd(~0xffff_0000, ordering: .acquiringAndReleasing).newValue & 0xffff
    var spins = 0
    while inside > 0 {
      spins &+= 1
      if spins % 64 == 0 { sched_yield() } else { platform_pause() }
      inside = state.load(ordering: .acquiring) & 0xffff
    }
    self.region = nil
  }

  /// Claims ranges of its own share, which lie side by side and mostly where they lay in the step before: what a core wrote is
  /// in its cache. Then helps the others.
  private func share(in region: Region, worker: Int) {
    for turn in 0..<region.workerCount {
      let owner = (worker + turn) % region.workerCount
      let end = region.ranges(of: owner).upperBound
      while shares[owner].next.load(ordering: .relaxed) < end {
        let index = shares[owner].next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard index < end else { break }
        let start = index &* region.grain
        region.body(start..<start &+ min(region.grain, region.unitCount &- start), worker)
      }
    }
  }

  /// All of them, for the whole run: one system call, however many short regions follow before they are up.
  private func wake() {
    pthread_mutex_lock(mutex)
    wakeUps &+= 1
    sleepers.store(0, ordering: .sequentiallyConsistent)
    pthread_cond_broadcast(condition)
    pthread_mutex_unlock(mutex)
  }

  /// Fewer threads than asked for are no error: the ranges are claimed by those that are there.
  private func grow(to count: Int) {
    guard threadCount < count else { return }
    var attributes = pthread_attr_t()
    guard pthread_attr_init(&attributes) == 0 else { return }
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    pthread_attr_setstacksize(&attributes, Self.stackSize)

    // Signals stay with the threads of the host: Python's handlers run in its main thread.
    var everySignal = sigset_t(), previous = sigset_t()
    sigfillset(&everySignal)
    pthread_sigmask(SIG_SETMASK, &everySignal, &previous)
    defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
    while threadCount < count {
      #if canImport(Darwin)
        var thread: pthread_t?
      #else
        var thread = pthread_t()
      #endif
      let workers = Unmanaged.passRetained(self)
      let status = pthread_create(&thread, &attributes, workerMain, workers.toOpaque())
      guard status == 0 else { return workers.release() }
      threadCount += 1
    }
  }

  func work() -> Never {
    var seen: UInt64 = 0
    while true {
      var observed = waitForRegion(after: seen)
      seen = observed >> 32
      while observed >> 32 == seen, observed & 0xffff_0000 != 0 {
        // One ticket less, one worker more inside. The number of the ticket is the number of the worker.
        let (entered, found) = state.weakCompareExchange(
          expected: observed, desired: observed &- 0x1_0000 &+ 1, ordering: .acquiring)
        if entered {
          help(as: Int(observed >> 16 & 0xffff))
          state.wrappingSubtract(1, ordering: .releasing)
          break
        }
        observed = found
      }
    }
  }

  /// Not inlined: every reference to the caller's closure is gone when this returns, before the caller is told.
  @inline(never)
  private func help(as worker: Int) {
    if let region { share(in: region, worker: worker) }
  }

  private static func nanoseconds() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int(time.tv_sec) &* 1_000_000_000 &+ Int(time.tv_nsec)
  }

  /// Spins for a moment, giving the processor away where others want it, and then sleeps.
  private func waitForRegion(after seen: UInt64) -> UInt64 {
    let start = Self.nanoseconds()
    repeat {
      for _ in 0..<32 {
        let observed = state.load(ordering: .acquiring)
        if observed >> 32 != seen { return observed }
        platform_pause()
      }
      sched_yield()
    } while Self.nanoseconds() &- start < Self.spinNanoseconds

    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    // Announced before looking once more, and `run` publishes before it looks for sleepers: one of the two sees the other.
    sleepers.wrappingAdd(1, ordering: .sequentiallyConsistent)
    let asleepSince = wakeUps
    while true {
      let observed = state.load(ordering: .sequentiallyConsistent)
      if observed >> 32 != seen {
        if wakeUps == asleepSince { sleepers.wrappingSubtract(1, ordering: .sequentiallyConsistent) }
        return observed
      }
      pthread_cond_wait(condition, mutex)
    }
  }
}

#if canImport(Darwin)
  private func workerMain(_ argument: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    Unmanaged<Workers>.fromOpaque(argument).takeUnretainedValue().work()
  }
#else
  private func workerMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    Unmanaged<Workers>.fromOpaque(argument).takeUnretainedValue().work()
  }
#endif
