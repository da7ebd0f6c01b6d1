internal import CSkeinFirmware
internal import Foundation
internal import SkeinClassic
internal import SkeinCore
internal import SkeinTensor

/// A folder that becomes firmware: models, kernels, start-up code, linker script, build script.
///
/// It needs nothing of this package any more: the kernels' sources are carried inside the program.
public struct FirmwareFolder: Sendable {
    /// The models that it runs.
    public let blobs: [ChipBlob]
    /// Their further kernels by their Swift types: a blob's place, the type, and a name.
    public var extra: [(place: Int, typeName: String, name: String)] = []

    /// Gathers models; throws when there is none or two have one name.
    public init(_ blobs: [ChipBlob]) throws {
        guard !blobs.isEmpty, Set(blobs.map(\.name)).count == blobs.count else {
            throw SkeinError(
                .invalidArgument,
                "firmware of the models [\(blobs.map(\.name).joined(separator: ", "))]; expected at"
                    + " least one, each with its own name"
            )
        }
        self.blobs = blobs
    }

    /// A file that every folder has.
    public struct File: Sendable {
        /// The path in the folder.
        public let path: String
        /// The bytes.
        public let bytes: [UInt8]
    }

    /// The files that do not depend on the models.
    public static var files: [File] {
        var files: [File] = []
        while let file = sk_firmware_file_at(files.count)?.pointee {
            let bytes = UnsafeBufferPointer(start: file.bytes, count: file.count)
            files.append(File(path: String(cString: file.path), bytes: Array(bytes)))
        }
        return files
    }

    /// The bytes of flash and of memory that models and work take; code comes on top.
    public var budget: (flash: Int, memory: Int) {
        (blobs.reduce(0) { $0 + $1.bytes.count }, blobs.map(\.memoryBytes).max() ?? 0)
    }

    /// Writes the folder; what it held before under the same names is replaced.
    public func write(to directory: String) throws {
        for folder in ["", "/Sources", "/models"] {
            do {
                try FileManager.default.createDirectory(
                    atPath: directory + folder,
                    withIntermediateDirectories: true
                )
            } catch {
                throw SkeinError(.ioFailure, "cannot create \(directory)\(folder): \(error)")
            }
        }
        for file in Self.files {
            let path = "\(directory)/\(file.path)"
            try write(file.bytes, to: path)
            if path.hasSuffix(".sh") {
                try? FileManager.default.setAttributes(
                    [.posixPermissions: 0o755],
                    ofItemAtPath: path
                )
            }
        }
        for blob in blobs { try write(blob.bytes, to: "\(directory)/models/\(blob.name).bin") }
        try write(Array(assembly.utf8), to: directory + "/models.S")
        try write(Array(swift.utf8), to: directory + "/Models.swift")
        try write(
            Array((description.text(.indented(2)) + "\n").utf8),
            to: directory + "/models.json"
        )
        try write(Array(notes.utf8), to: directory + "/README.md")
    }

    private func write(_ bytes: [UInt8], to path: String) throws {
        let file = try AtomicFile(path: path)
        try bytes.withUnsafeBytes { try file.write($0) }
        try file.commit()
    }

    /// The models in read-only memory, and functions that say where.
    private var assembly: String {
        var text = "    .section .rodata, \"a\"\n"
        for (place, blob) in blobs.enumerated() {
            text += "    .balign 64\nmodel\(place): .incbin \"models/\(blob.name).bin\"\n"
        }
        let names = blobs.indices.map { "model\($0)" }.joined(separator: ", ")
        return text + """
                .balign 4
            places: .word \(names)

                .text
                .globl skein_model
            skein_model:
                slli a0, a0, 2
                la a1, places
                add a0, a0, a1
                lw a0, 0(a0)
                ret
                .globl skein_memory
            skein_memory:
                la a0, skein_scratch
                ret

            """
    }

    /// What the harts run.
    private var swift: String {
        var text = "func runModels(_ runner: inout Runner) {\n"
        for (place, blob) in blobs.enumerated() {
            text += "    runner.run(\(blob.typeName).self, \(place), \"\(blob.name)\")\n"
        }
        for (place, typeName, name) in extra {
            text += "    runner.run(\(typeName).self, \(place), \"\(name)\")\n"
        }
        return text + "}\n"
    }

    /// What a program needs that feeds the models.
    private var description: JSON {
        let models = blobs.map { blob -> JSON in
            let isFixed = blob.numbers != .f32
            return [
                "name": .string(blob.name), "type": .string(blob.typeName),
                "flash_bytes": .int(blob.bytes.count), "memory_bytes": .int(blob.memoryBytes),
                "saturated_parameters": .int(blob.parameters.saturated),
                "saturated_inputs": .int(blob.inputs.saturated),
                "agreement": .double(blob.agreement),
                "input_centres": .array(isFixed ? blob.input.centres.map(JSON.double) : []),
                "input_scales": .array(isFixed ? blob.input.scales.map(JSON.double) : []),
            ]
        }
        return ["format": "skein-firmware", "version": 1, "models": .array(models)]
    }

    private var notes: String {
        var text = """
            # Firmware

            `./build.sh rv32imac` and `./build.sh rv32imafc` build `build/*.elf` for RISC-V chips without and with a
            floating-point unit; `./run.sh rv32imac-ours-8` runs one on QEMU with eight harts. Every model is run
            under every plan for one to eight workers and compared with what the host computed; the last line is
            PASS or FAIL, and so is the exit status. `models.json` says how a feature becomes an input:
            `floor((x - centre) * scale + 0.5)`, saturated.

            | model | type | flash, bytes | memory, bytes | saturated parameters | saturated inputs | agrees with floats |
            |---|---|---|---|---|---|---|

            """
        for blob in blobs {
            text +=
                "| \(blob.name) | `\(blob.typeName)` | \(blob.bytes.count) | \(blob.memoryBytes)"
                + " | \(blob.parameters.saturated) of \(blob.parameters.values)"
                + " | \(blob.inputs.saturated) of \(blob.inputs.values)"
                + " | \((blob.agreement * 10000).rounded() / 100) % |\n"
        }
        return text
    }
}
