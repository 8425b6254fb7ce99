#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The processor time that a container leaves this process, in whole processors (rounded up).
///
/// A limit of any ancestor group holds, and a container often sees its own group as the root: every folder from the
/// process's group up to the root of the mount is asked.
enum CgroupQuota {
  /// nil where there is no limit. The paths are parameters for tests.
  static func current(membership: String = "/proc/self/cgroup", root: String = "/sys/fs/cgroup") -> Int? {
    guard let text = contents(of: membership) else { return nil }
    var limits: [Int] = []
    for line in text.split(separator: "\n") {
      // "0::/group" is version 2, "4:cpu,cpuacct:/group" version 1.
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let controllers = fields[1].split(separator: ",")
      if fields[0] == "0", controllers.isEmpty {
        limits += folders(from: fields[2], under: root).compactMap { quotaV2(in: $0) }
      } else if controllers.contains("cpu") {
        limits += folders(from: fields[2], under: "\(root)/\(fields[1])").compactMap { quotaV1(in: $0) }
        limits += folders(from: fields[2], under: "\(root)/cpu").compactMap { quotaV1(in: $0) }
      }
    }
    return limits.min()
  }

  private static func folders(from group: Substring, under mount: String) -> [String] {
    var parts = group.split(separator: "/")
    if parts.contains("..") { parts = [] }
    return (0...parts.count).map { ([mount] + parts.prefix($0).map(String.init)).joined(separator: "/") }
  }

  /// cpu.max is "quota period" in microseconds, or "max period".
  private static func quotaV2(in folder: String) -> Int? {
    let fields = contents(of: "\(folder)/cpu.max")?.split(whereSeparator: \.isWhitespace) ?? []
    guard fields.count == 2 else { return nil }
    return processors(quota: fields[0], period: fields[1])
  }

  private static func quotaV1(in folder: String) -> Int? {
    guard let quota = contents(of: "\(folder)/cpu.cfs_quota_us")?.split(whereSeparator: \.isWhitespace).first,
      let period = contents(of: "\(folder)/cpu.cfs_period_us")?.split(whereSeparator: \.isWhitespace).first
    else { return nil }
    return processors(quota: quota, period: period)
  }

  private static func processors(quota: Substring, period: Substring) -> Int? {
    guard let quota = Int(quota), let period = Int(period), quota > 0, period > 0 else { return nil }
    return quota / period + (quota % period == 0 ? 0 : 1)
  }

  /// The first 4 KiB of a file, nil where it cannot be read.
  private static func contents(of path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = read(descriptor, &bytes, bytes.count)
    return count >= 0 ? String(decoding: bytes.prefix(count), as: UTF8.self) : nil
  }
}
