import Foundation

/// What a figure depends on beside the code.
struct Environment {
    let processorName: String
    let threads: Int
    let level: String
    let commit: String

    init(threads: Int, level: String, root: String) {
        self.threads = threads
        self.level = level
        processorName = Self.processor() ?? "unknown processor"
        commit = Self.commit(root) ?? "unknown commit"
    }

    private static func processor() -> String? {
        let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)
        let line = text?.split(separator: "\n").first { $0.hasPrefix("model name") }
        return line?.split(separator: ":").last?.trimmingCharacters(in: .whitespaces)
    }

    private static func commit(_ root: String) -> String? {
        let git = Process()
        let pipe = Pipe()
        git.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        git.arguments = ["git", "-C", root, "describe", "--always", "--dirty", "--abbrev=12"]
        git.standardOutput = pipe
        git.standardError = FileHandle.nullDevice
        guard (try? git.run()) != nil else { return nil }
        let found = pipe.fileHandleForReading.readDataToEndOfFile()
        git.waitUntilExit()
        guard git.terminationStatus == 0 else { return nil }
        return String(decoding: found, as: UTF8.self).trimmingCharacters(
            in: .whitespacesAndNewlines
        )
    }
}
