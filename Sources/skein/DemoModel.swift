internal import Foundation

/// The small demonstration model that comes with the sources.
enum DemoModel {
    /// Its directory: `Models/demo` under the current directory or beside the binary's checkout.
    static var path: String? {
        let binary = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        var roots = [URL(filePath: FileManager.default.currentDirectoryPath)]
        var directory = binary.deletingLastPathComponent()
        for _ in 0..<4 {
            roots.append(directory)
            directory = directory.deletingLastPathComponent()
        }
        return roots.map { $0.appending(path: "Models/demo").path }
            .first { FileManager.default.fileExists(atPath: $0 + "/config.json") }
    }
}
