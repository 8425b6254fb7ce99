import CSwiftVis
import SwiftVis

@c @implementation
public func sv_version() -> Int32 { SV_VERSION_MAJOR * 10000 + SV_VERSION_MINOR * 100 + SV_VERSION_PATCH }

@c @implementation
public func sv_default_threads() -> Int32 { Int32(clamping: ThreadPool.defaultThreadCount) }
