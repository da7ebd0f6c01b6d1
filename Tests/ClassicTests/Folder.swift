import Foundation

/// A folder that goes with its owner.
final class Folder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "classic-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
