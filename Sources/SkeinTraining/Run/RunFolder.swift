internal import Foundation
internal import SkeinCore
internal import SkeinTensor

/// The files of a run: configuration, data, metrics, checkpoints, report.
struct RunFolder {
    let path: String

    var configuration: String { path + "/run.json" }
    var tokenizer: String { path + "/tokenizer.json" }
    var tokenizerConfiguration: String { path + "/tokenizer_config.json" }
    var trainingTokens: String { path + "/train.tokens" }
    var validationTokens: String { path + "/validation.tokens" }
    var metrics: String { path + "/metrics.jsonl" }
    var report: String { path + "/report.html" }
    var checkpoints: String { path + "/checkpoints" }
    var model: String { path + "/model" }
    var adapter: String { path + "/adapter" }

    func checkpoint(_ step: Int) -> String {
        let digits = String(step)
        let zeros = String(repeating: "0", count: max(0, 8 - digits.count))
        return "\(checkpoints)/step-\(zeros)\(digits)"
    }

    /// The steps of complete checkpoints, oldest first.
    func savedSteps() -> [Int] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: checkpoints)) ?? []
        return names.compactMap { name in
            name.hasPrefix("step-") ? Int(name.dropFirst(5)) : nil
        }.sorted()
    }

    /// Makes a folder appear complete or not at all.
    func writeFolder(_ target: String, _ body: (String) throws -> Void) throws {
        let temporary = "\(target).\(getpid()).partial"
        try? FileManager.default.removeItem(atPath: temporary)
        try Self.create(temporary)
        do {
            try body(temporary)
            try? FileManager.default.removeItem(atPath: target)
            guard rename(temporary, target) == 0 else {
                throw SkeinError(
                    .ioFailure,
                    "cannot move \(temporary) to \(target): \(String(cString: strerror(errno)))"
                )
            }
        } catch {
            try? FileManager.default.removeItem(atPath: temporary)
            throw error
        }
    }

    static func create(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: path,
                withIntermediateDirectories: true
            )
        } catch {
            throw SkeinError(
                .ioFailure,
                "cannot create the folder \(path): \(error.localizedDescription)"
            )
        }
    }

    static func write(_ text: String, to path: String) throws {
        let file = try AtomicFile(path: path)
        try Array(text.utf8).withUnsafeBytes { try file.write($0) }
        try file.commit()
    }

    static func json(_ path: String) throws -> JSON { try MappedFile(path: path).json() }

    /// Adds a line.
    func appendMetrics(_ line: JSON) throws {
        let bytes = Array((line.text(.compact) + "\n").utf8)
        let descriptor = open(metrics, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
        defer { if descriptor >= 0 { close(descriptor) } }
        let written = descriptor < 0 ? -1 : Foundation.write(descriptor, bytes, bytes.count)
        guard written == bytes.count else {
            throw SkeinError(
                .ioFailure,
                "cannot write \(metrics): \(String(cString: strerror(errno)))"
            )
        }
    }

    /// The lines up to a step; later ones are forgotten, as are lines cut off in their middle.
    func readMetrics(upTo step: Int, forgettingLater: Bool) throws -> [JSON] {
        guard FileManager.default.fileExists(atPath: metrics) else { return [] }
        let lines = try MappedFile(path: metrics).withUnsafeBytes { bytes in
            bytes.split(separator: 0x0a).compactMap {
                try? JSON(parsing: UnsafeRawBufferPointer(rebasing: $0))
            }
        }.filter { ($0["step"]?.int ?? .max) <= step }
        if forgettingLater {
            try Self.write(lines.map { $0.text(.compact) + "\n" }.joined(), to: metrics)
        }
        return lines
    }
}
