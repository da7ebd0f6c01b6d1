import Foundation
import SkeinCore
import SkeinTestSupport
import Testing

/// `skein train` as its users run and stop it.
@Suite struct TrainCommandTests {
    /// The binary beside the tests; nil, with a word, where it was not built.
    private static func binary() -> URL? {
        let folder = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        let found = [folder, Files.root.appending(path: ".build/release")]
            .map { $0.appending(path: "skein") }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
        if found == nil { print("skipped: no skein binary beside the tests; swift build makes it") }
        return found
    }

    private static func start(_ binary: URL, _ arguments: [String], log: String) throws -> Process {
        let process = Process()
        process.executableURL = binary
        process.arguments = ["train"] + arguments
        process.standardOutput = FileHandle.nullDevice
        try Data().write(to: URL(fileURLWithPath: log))
        process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: log))
        try process.run()
        return process
    }

    @Test(arguments: [SIGTERM, SIGINT])
    func `a signal saves the run, and it goes on from there`(signal: Int32) throws {
        guard let binary = Self.binary() else { return }
        let folder = try TrainingRunTests.Folder()
        let corpus = try folder.write("texts.jsonl", TrainingRunTests.texts)
        let configuration = try folder.write(
            "run.yaml",
            """
            model: {model_type: llama, hidden_size: 32, num_hidden_layers: 2,
              num_attention_heads: 2, intermediate_size: 48}
            tokenizer: {vocabulary: 300}
            data: {train: "\(corpus)", held_out: 0}
            batch: {sequences: 3, length: 24}
            steps: 1000000
            checkpoints: {every: 1000000}
            """
        )
        let (run, log) = (folder.path + "/run", folder.path + "/log")
        let process = try Self.start(
            binary,
            ["--config", configuration, "--output", run],
            log: log
        )
        func steps() -> Int {
            guard let text = try? String(contentsOfFile: run + "/metrics.jsonl", encoding: .utf8)
            else { return 0 }
            return text.split(separator: "\n").count
        }
        for _ in 0..<800 where steps() < 5 && process.isRunning {
            Thread.sleep(forTimeInterval: 0.025)
        }
        kill(process.processIdentifier, signal)
        for _ in 0..<800 where process.isRunning {
            Thread.sleep(forTimeInterval: 0.025)
        }
        #expect(!process.isRunning && process.terminationStatus == 0)
        let taken = steps()
        #expect(taken >= 5)
        let saved = try FileManager.default.contentsOfDirectory(atPath: run + "/checkpoints")
        #expect(saved.count == 1)
        #expect(Int(saved.first?.dropFirst(5) ?? "") == taken)
        let words = try String(contentsOfFile: log, encoding: .utf8)
        #expect(words.contains("--resume goes on"))
        // Four more steps, and no more.
        let second = try Self.start(
            binary,
            ["--output", run, "--resume", "--steps", "\(taken + 4)"],
            log: log
        )
        for _ in 0..<800 where second.isRunning {
            Thread.sleep(forTimeInterval: 0.025)
        }
        #expect(!second.isRunning && second.terminationStatus == 0)
        #expect(steps() == taken + 4)
        #expect(FileManager.default.fileExists(atPath: run + "/model/model.safetensors"))
        // Without --resume the folder is left alone.
        let third = try Self.start(
            binary,
            ["--config", configuration, "--output", run],
            log: log
        )
        third.waitUntilExit()
        #expect(third.terminationStatus != 0)
        #expect(try String(contentsOfFile: log, encoding: .utf8).contains("holds a run already"))
        #expect(steps() == taken + 4)
    }
}
