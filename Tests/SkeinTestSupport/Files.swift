public import Foundation

/// Where golden files and outside data lie.
public enum Files {
    /// The repository's root, found from this source file.
    public static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// A committed golden file under `Tests/Golden`.
    public static func golden(_ path: String) -> URL {
        root.appending(path: "Tests/Golden/\(path)")
    }

    /// A file of the optional data folder beside the repository, or `nil` (with a printed line) where
    /// it is absent.
    public static func shared(_ path: String) -> URL? {
        let url = root.deletingLastPathComponent().appending(path: "shared/data/\(path)")
        if FileManager.default.fileExists(atPath: url.path) { return url }
        print("skipped: optional data file \(path) is not on this machine")
        return nil
    }
}
