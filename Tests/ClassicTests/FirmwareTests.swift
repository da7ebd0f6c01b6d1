import Foundation
import SkeinClassic
import SkeinClassicHost
import SkeinCore
import SkeinTestSupport
import Testing

/// Firmware folders, and what they do on an emulated chip where its tools are installed.
@Suite(.serialized) struct FirmwareTests {
    /// Whether firmware can be built and run here; says what is missing if not.
    private func canRun() -> Bool {
        let missing = Emulator.missing()
        if missing.isEmpty { return true }
        print("skipped: firmware needs \(missing.joined(separator: ", ")); make setup-riscv")
        return false
    }

    private func blobs(_ digits: Digits) throws -> [ChipBlob] {
        var blobs: [ChipBlob] = []
        for kind in ClassicKind.allCases {
            // All numbers where kernels differ by them most; the others keep the test short.
            let isThorough = kind == .gaussianNaiveBayes || kind == .nearestNeighbours
            let numbers: [BlobNumbers] = isThorough ? [.f32, .q15, .q31, .i8] : [.f32, .q15]
            for numbers in numbers { blobs.append(try FixedPointTests.blob(digits, kind, numbers)) }
        }
        for numbers in [BlobNumbers.f32, .q15] {
            let blob = try ChipBlob(
                .iteration(Array(digits.fit.table.values.prefix(6 * 64))),
                name: "iteration.\(numbers)",
                width: 64,
                numbers: numbers,
                calibration: digits.fit.table,
                asked: digits.ask.table,
                tests: 40
            )
            blobs.append(blob)
        }
        return blobs
    }

    @Test func `the program carries every kernel as it is`() throws {
        let carried = Dictionary(
            uniqueKeysWithValues: FirmwareFolder.files.map { ($0.path, $0.bytes) }
        )
        var paths: [String: URL] = [:]
        for (folder, prefix) in [("SkeinClassic", "Sources/"), ("CSkeinFirmware/folder", "")] {
            let root = Files.root.appending(path: "Sources/\(folder)")
            let names = try FileManager.default.subpathsOfDirectory(atPath: root.path)
            for name in names where name.contains(".") {
                let file = root.appending(path: name)
                paths[prefix + file.lastPathComponent] = file
            }
        }
        #expect(Set(carried.keys) == Set(paths.keys))
        for (path, file) in paths {
            #expect(carried[path] == Array(try Data(contentsOf: file)), "\(path)")
        }
    }

    @Test func `every model gives the host's results on one to eight harts`() throws {
        guard canRun() else { return }
        let blobs = try blobs(try Digits())
        let folder = try Folder()
        try FirmwareFolder(blobs).write(to: folder.path)
        let emulator = Emulator(folder: folder.path)
        var floats: [[UInt64]] = []
        for (build, harts) in [(Emulator.Build.unit, 1), (.unit, 3), (.unit, 8), (.ours, 8)] {
            let report = try emulator.report(build, harts: harts)
            #expect(report.harts == harts && report.models.count == blobs.count)
            for (model, blob) in zip(report.models, blobs) {
                #expect(model.isIntact && model.wrong.isEmpty, "\(model.name) \(model.wrong)")
                #expect(model.name == blob.name && model.labels == blob.expectedLabels)
                #expect(model.runs == blob.mistakes().runs)
                if blob.numbers != .f32 {
                    #expect(model.patterns == blob.expectedPatterns, "\(model.name)")
                } else {
                    #expect(model.patterns.count == blob.expectedPatterns.count)
                    for (a, b) in zip(model.patterns, blob.expectedPatterns) {
                        let found = Float(bitPattern: UInt32(truncatingIfNeeded: a))
                        #expect(
                            found.agrees(with: Float(bitPattern: UInt32(truncatingIfNeeded: b)))
                        )
                    }
                }
            }
            // Soft floats give the unit's bits.
            let bits = report.models.map(\.patterns)
            if floats.isEmpty { floats = bits }
            #expect(bits == floats, "\(build.rawValue) on \(harts)")
        }
        try refuses(emulator, folder.path, blobs)
    }

    /// What goes wrong is noticed: a chip without the unit, and a damaged table.
    private func refuses(_ emulator: Emulator, _ folder: String, _ blobs: [ChipBlob]) throws {
        let trapped = try emulator.run(.unit, harts: 1, options: ["-cpu", "rv32,f=false,d=false"])
        #expect(trapped.status == 2)
        var bytes = blobs[0].bytes
        bytes[bytes.count / 2] ^= 1
        try Data(bytes).write(to: URL(filePath: "\(folder)/models/\(blobs[0].name).bin"))
        try emulator.build(.unit, harts: 1)
        let damaged = try emulator.run(.unit, harts: 1)
        #expect(damaged.status == 1)
        #expect(damaged.text.contains("model \(blobs[0].name) damaged"))
    }

    @Test func `kernels compile for Cortex-M without allocating`() throws {
        guard canRun() else { return }
        let digits = try Digits()
        let folder = try Folder()
        try FirmwareFolder([
            FixedPointTests.blob(digits, .logisticRegression, .f32),
            FixedPointTests.blob(digits, .randomForest, .q15),
        ]).write(to: folder.path)
        try Emulator(folder: folder.path).build(.cortex, harts: 1)
        #expect(FileManager.default.fileExists(atPath: folder.path + "/build/armv7em.o"))
    }

    @Test func `counted instructions become speed-ups`() throws {
        let text = """
            skein harts 1
            barrier 19
            model a.f32 intact
            run 1 1 right
            count 1 1 64
            count 1 1 a
            count 1 2 32 30
            count 1 2 a 0
            PASS
            """
        let report = try FirmwareReport(text)
        let model = try #require(report.models.first)
        #expect(report.isPassed && report.barrier == 25 && model.runs == 1)
        #expect(report.steps(model, plan: 1, workers: 1) == 110)
        // Two phases, each with the busier worker and a barrier of 25 + 6.
        #expect(report.steps(model, plan: 1, workers: 2) == 50 + 31 + 10 + 31)
        #expect(report.steps(model, plan: 2, workers: 2) == nil)
        #expect(throws: SkeinError.self) { try FirmwareReport("nonsense") }
        #expect(throws: SkeinError.self) { try FirmwareReport("model a intact\nlabels zz") }
        #expect(throws: SkeinError.self) { try FirmwareFolder([]) }
    }
}
