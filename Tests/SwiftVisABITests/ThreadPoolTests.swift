import Synchronization
import Testing

@testable import SwiftVis

#if canImport(Glibc)
  import Glibc
#endif

@Suite(.serialized) struct ThreadPoolTests {
  @Test(arguments: [0, 1, 2, 5, 97, 1000], [1, 3, 64])
  func everyUnitOnce(unitCount: Int, grain: Int) {
    let visits = (0..<unitCount).map { _ in Counter() }
    for threads in [0, 1, 2, 3, 9] {
      for counter in visits { counter.value.store(0, ordering: .relaxed) }
      ThreadPool.run(unitCount: unitCount, grain: grain, threads: threads) { units, worker in
        #expect(worker < max(1, threads))
        for unit in units { visits[unit].value.wrappingAdd(1, ordering: .relaxed) }
      }
      #expect(visits.allSatisfy { $0.value.load(ordering: .relaxed) == 1 })
    }
  }

  @Test func shortRegionsInARow() {
    let sum = Counter()
    for _ in 0..<20_000 {
      ThreadPool.run(unitCount: 8, grain: 1, threads: 4) { units, _ in
        sum.value.wrappingAdd(units.count, ordering: .relaxed)
      }
    }
    #expect(sum.value.load(ordering: .relaxed) == 160_000)
  }

  @Test func sleepingWorkersWake() {
    let workersSeen = Counter()
    for _ in 0..<5 {
      usleep(2000)
      ThreadPool.run(unitCount: 2, grain: 1, threads: 2) { _, worker in
        workersSeen.value.bitwiseOr(1 << worker, ordering: .relaxed)
        usleep(5000)
      }
    }
    #expect(workersSeen.value.load(ordering: .relaxed) == 0b11)
  }

  @Test func callersAtOnceAndNested() async {
    await withTaskGroup(of: Int.self) { group in
      for _ in 0..<4 {
        group.addTask {
          let sum = Counter()
          for _ in 0..<500 {
            ThreadPool.run(unitCount: 10, grain: 1, threads: 3) { units, _ in
              ThreadPool.run(unitCount: units.count * 2, grain: 1, threads: 3) { inner, worker in
                #expect(worker < 3)
                sum.value.wrappingAdd(inner.count, ordering: .relaxed)
              }
            }
          }
          return sum.value.load(ordering: .relaxed)
        }
      }
      for await sum in group { #expect(sum == 10_000) }
    }
  }

  @Test func workersBlockSignals() {
    let unblocked = Counter()
    for _ in 0..<3 {
      ThreadPool.run(unitCount: 2, grain: 1, threads: 2) { _, worker in
        usleep(5000)
        var mask = sigset_t()
        pthread_sigmask(SIG_BLOCK, nil, &mask)
        if worker > 0, sigismember(&mask, SIGINT) == 0 { unblocked.value.wrappingAdd(1, ordering: .relaxed) }
      }
    }
    #expect(unblocked.value.load(ordering: .relaxed) == 0)
  }

  @Test func quotaOfContainers() throws {
    let folder = "/tmp/swiftvis-cgroup-\(getpid())"
    defer { for path in ["a/b", "a", "cpu", ""] { remove(folder, path) } }
    for path in ["", "a", "a/b", "cpu"] { mkdir("\(folder)/\(path)", 0o700) }
    write("0::/a/b\n", to: "\(folder)/cgroup")
    let quota = { CgroupQuota.current(membership: "\(folder)/cgroup", root: folder) }
    #expect(quota() == nil)
    write("max 100000\n", to: "\(folder)/a/b/cpu.max")
    #expect(quota() == nil)
    write("350000 100000\n", to: "\(folder)/a/cpu.max")
    #expect(quota() == 4)
    write("50000 100000\n", to: "\(folder)/cpu.max")
    #expect(quota() == 1)
    write("3:cpu:/elsewhere\n", to: "\(folder)/cgroup")
    write("-1\n", to: "\(folder)/cpu/cpu.cfs_quota_us")
    write("100000\n", to: "\(folder)/cpu/cpu.cfs_period_us")
    #expect(quota() == nil)
    write("200000\n", to: "\(folder)/cpu/cpu.cfs_quota_us")
    #expect(quota() == 2)
    #expect(CgroupQuota.current(membership: "\(folder)/none", root: folder) == nil)
    #expect(ThreadPool.defaultThreadCount >= 1)
  }
}

private final class Counter: Sendable { let value = Atomic<Int>(0) }

private func write(_ text: String, to path: String) {
  guard let file = fopen(path, "w") else { return }
  fputs(text, file)
  fclose(file)
}

private func remove(_ folder: String, _ path: String) {
  for name in ["cpu.max", "cgroup", "cpu.cfs_quota_us", "cpu.cfs_period_us"] { unlink("\(folder)/\(path)/\(name)") }
  rmdir("\(folder)/\(path)")
}
