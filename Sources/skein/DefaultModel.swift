internal import Foundation

/// The small model that comes with the sources.
enum DefaultModel {
    /// Its directory: `Models/stories` under the current directory or beside the binary's checkout.
    static var path: String? {
        let binary = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        var roots = [URL(filePath: FileManager.default.currentDirectoryPath)]
        var directory = binary.deletingLastPathComponent()
        for _ in 0..<4 {
            roots.append(directory)
            directory = directory.deletingLastPathComponent()
        }
        return roots.map { $0.appending(path: "Models/stories").path }
            .first { FileManager.default.fileExists(atPath: $0 + "/config.json") }
    }
}
