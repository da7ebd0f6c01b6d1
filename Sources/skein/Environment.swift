internal import CSkeinStart
internal import Foundation

/// Process-wide facts: environment, peak memory, standard streams.
enum Environment {
    /// The arguments after the program's name, also where there is no /proc.
    static var arguments: [String] {
        let count = sk_argument_count()
        guard count > 0 else { return Array(CommandLine.arguments.dropFirst()) }
        return (1..<max(count, 1)).compactMap { index in
            unsafe sk_argument(index).map { unsafe String(cString: $0) }
        }
    }

    /// A variable's value, if it is set and not empty.
    static func value(_ name: String) -> String? {
        guard let value = ProcessInfo.processInfo.environment[name], !value.isEmpty else {
            return nil
        }
        return value
    }

    /// The most memory this process has held, in bytes.
    static var peakMemory: Int {
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
            let kilobytes = line.split(whereSeparator: { " \t".contains($0) }).dropFirst().first
        else { return 0 }
        return (Int(kilobytes) ?? 0) << 10
    }

    /// Writes to standard output at once.
    static func out(_ text: String) { FileHandle.standardOutput.write(Data(text.utf8)) }

    /// Writes to standard error at once.
    static func error(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
