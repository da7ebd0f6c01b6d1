internal import Foundation
internal import SkeinCore

/// The programs that build firmware and run it on QEMU.
public struct Emulator: Sendable {
    /// A firmware folder.
    public let folder: String

    /// What a build is for.
    public enum Build: String, Sendable, CaseIterable {
        /// No unit for floats, our routines.
        case ours = "rv32imac-ours"
        /// No unit for floats, libgcc's routines.
        case libgcc = "rv32imac-libgcc"
        /// A unit for 32-bit floats.
        case unit = "rv32imafc-unit"
        /// Cortex-M, compiled only.
        case cortex = "armv7em-none"
    }

    /// Works on a folder.
    public init(folder: String) { self.folder = folder }

    /// The programs that are missing for building and running; `libgcc` needs one more.
    public static func missing(libgcc: Bool = false) -> [String] {
        let names =
            ["swiftc", "qemu-system-riscv32"] + (libgcc ? ["riscv64-unknown-elf-gcc"] : [])
        let paths = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        return names.filter { name in
            !paths.contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(name)") }
        }
    }

    /// Builds for some harts.
    public func build(_ build: Build, harts: Int) throws {
        let words = build.rawValue.split(separator: "-").map(String.init)
        let result = try call(
            ["build.sh", words[0], words[1] == "libgcc" ? "libgcc" : "ours"],
            environment: ["HARTS": "\(harts)"]
        )
        guard result.status == 0 else {
            throw SkeinError(
                .ioFailure,
                "\(folder)/build.sh for \(build.rawValue) ended with \(result.status): \(result.text)"
            )
        }
    }

    /// Runs what was built; `isCounting` makes counts of instructions exact.
    public func run(
        _ build: Build,
        harts: Int,
        isCounting: Bool = false,
        options: [String] = []
    ) throws -> (status: Int32, text: String) {
        let flags = isCounting ? ["--count"] : []
        return try call(["run.sh", "\(build.rawValue)-\(harts)"] + flags + options)
    }

    /// Builds, runs and reads the report; throws unless the firmware found all results right.
    public func report(
        _ build: Build,
        harts: Int,
        isCounting: Bool = false
    ) throws -> FirmwareReport {
        try self.build(build, harts: harts)
        let result = try run(build, harts: harts, isCounting: isCounting)
        let report = try FirmwareReport(result.text)
        guard result.status == 0, report.isPassed else {
            let wrong = report.models.filter { !$0.wrong.isEmpty }.map { "\($0.name) \($0.wrong)" }
            throw SkeinError(
                .incapable,
                "firmware \(build.rawValue) on \(harts) harts ended with \(result.status); wrong:"
                    + " \(wrong.joined(separator: ", "))"
            )
        }
        return report
    }

    private func call(
        _ arguments: [String],
        environment: [String: String] = [:]
    ) throws -> (status: Int32, text: String) {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["bash"] + arguments
        process.currentDirectoryURL = URL(filePath: folder)
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let pipe = Pipe()
        (process.standardOutput, process.standardError) = (pipe, pipe)
        process.standardInput = FileHandle.nullDevice
        do {
            try process.run()
        } catch {
            throw SkeinError(.ioFailure, "cannot run bash \(arguments[0]) in \(folder): \(error)")
        }
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }
}
