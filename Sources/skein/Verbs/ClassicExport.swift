internal import ArgumentParser
internal import Foundation
internal import SkeinClassic
internal import SkeinClassicHost
internal import SkeinCore

/// Where a model is exported to.
enum ExportTarget: String, CaseIterable {
    case safetensors
    case riscv32
    case armv7em
}

/// `skein classic export`.
struct ClassicExport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write a model as safetensors, or models as firmware for a chip.",
        discussion: """
            With --target riscv32 the output is a folder that builds with the Swift toolchain alone and runs on \
            QEMU: models, Embedded Swift sources, start-up code, linker script, scripts to build and run. It \
            needs --samples: fixed point spans their ranges, and some of them become the firmware's self-test.
            """
    )

    @Option(
        name: [.customShort("m"), .long],
        help: "A model's directory, scikit-learn's too; firmware takes several."
    )
    var model: [String]

    @Option(name: [.customShort("o"), .long], help: "The directory to write.")
    var output: String

    @Option(help: "safetensors, riscv32 or armv7em.", transform: named)
    var target = ExportTarget.safetensors

    @Option(help: "Firmware: f32, q15, q31, i8, or several with commas.")
    var numbers = "f32"

    @Option(help: "Firmware: the samples that fixed point is fitted to.")
    var samples: String?

    @Option(help: "Firmware: samples to compare with floats; those of --samples by default.")
    var on: String?

    @Option(help: "Firmware: how many samples the self-test has.")
    var tests = 16

    @OptionGroup var reading: ClassicReadFlags

    func run() throws {
        guard target == .safetensors else { return try firmware() }
        guard model.count == 1 else {
            throw SkeinError(
                .invalidArgument,
                "\(model.count) models for safetensors, expected one"
            )
        }
        let loaded = try ModelStore.load(model[0])
        try FileManager.default.createDirectory(
            atPath: output,
            withIntermediateDirectories: true
        )
        try ModelStore.save(loaded, to: output)
    }

    private func firmware() throws {
        guard let samples, (1...4096).contains(tests) else {
            throw SkeinError(
                .invalidArgument,
                samples == nil
                    ? "--target \(target.rawValue) without --samples"
                    : "--tests is \(tests), expected 1 to 4096",
                hint: "give the training data: fixed point spans its ranges"
            )
        }
        let kinds = try numbers.split(separator: ",").map { try BlobNumbers(flag: String($0)) }
        let calibration = try reading.read(samples, labels: nil)
        let asked = try on.map { try reading.read($0, labels: nil) } ?? calibration
        var blobs: [ChipBlob] = []
        for path in model {
            let model = try ModelStore.load(path)
            for numbers in kinds {
                let blob = try ChipBlob(
                    model.tables,
                    name: "\(model.kind.rawValue).\(numbers)",
                    width: model.width,
                    numbers: numbers,
                    calibration: calibration.table,
                    asked: asked.table,
                    tests: tests
                )
                blobs.append(blob)
                Environment.out(line(blob, model, asked))
            }
        }
        let folder = try FirmwareFolder(blobs)
        try folder.write(to: output)
        let (flash, memory) = folder.budget
        Environment.out(
            "tables \(flash) bytes, memory for eight workers \(memory) bytes; build with"
                + " \(output)/build.sh \(target == .riscv32 ? "rv32imac" : target.rawValue)\n"
        )
    }

    private func line(_ blob: ChipBlob, _ model: any ClassicModel, _ asked: Dataset) -> String {
        var text =
            "\(blob.name): \(blob.bytes.count) bytes, as in floats \(rounded(blob.agreement)),"
            + " saturated \(blob.inputs.saturated) of \(blob.inputs.values) inputs and"
            + " \(blob.parameters.saturated) of \(blob.parameters.values) parameters"
        if !model.kind.isClustering, asked.classes == model.classes {
            let right = zip(blob.labels, asked.labels).count { $0 == $1 }
            text += ", accuracy \(rounded(Double(right) / Double(max(asked.labels.count, 1))))"
        }
        return text + "\n"
    }
}

extension BlobNumbers {
    /// The numbers that a flag names.
    init(flag: String) throws {
        switch flag {
        case "f32": self = .f32
        case "q15": self = .q15
        case "q31": self = .q31
        case "i8": self = .i8
        default:
            throw SkeinError(
                .invalidArgument,
                "--numbers holds \(flag), expected f32, q15, q31 or i8"
            )
        }
    }
}
