internal import Foundation
internal import SkeinCore
internal import SkeinModels
internal import SkeinTensor

extension QuantizationJob {
    /// How far a job is.
    public struct Progress: Sendable {
        /// The tensor that was done last.
        public var name: String
        /// Weights that are done, and all.
        public var weights: Int, allWeights: Int
    }

    /// Carries out a plan and writes the new checkpoint.
    ///
    /// Nothing appears at the path until all of it is written: a run that is interrupted leaves what was
    /// there, and can simply be started again.
    ///
    /// - Parameters:
    ///   - treatments: As `plan` made them.
    ///   - path: A directory where the source is one, a GGUF file where the source is one.
    ///   - replaces: Whether something at the path may be replaced.
    ///   - onTensor: Called after each tensor.
    /// - Returns: What became of each tensor.
    /// - Throws: `SkeinError.Code.invalidArgument` for a path that is taken or of the other kind, and
    ///   errors of the files and of the codes.
    public func write(
        _ treatments: [TensorTreatment],
        to path: String,
        replaces: Bool = false,
        onTensor: (Progress) -> Void = { _ in }
    ) throws -> [QuantizedTensorReport] {
        guard replaces || MappedFile.isDirectory(path) == nil else {
            throw SkeinError(
                .invalidArgument,
                "there is something at \(path) already",
                hint: "choose another path or pass --force"
            )
        }
        let all = source.tensors.reduce(0) { $0 + $1.count }
        var done = 0
        func note(_ tensor: QuantizedTensor) {
            done += tensor.record.count
            onTensor(Progress(name: tensor.record.name, weights: done, allWeights: all))
        }
        switch source.origin {
        case .directory(let directory):
            guard !path.hasSuffix(".gguf") else {
                throw SkeinError(
                    .unsupported,
                    "\(source.path) is a Hugging Face directory, and \(path) names a GGUF file",
                    hint: "name a directory, or start from a GGUF file of the same model"
                )
            }
            return try writeDirectory(treatments, from: directory, to: path, note)
        case .gguf(let file):
            guard path.hasSuffix(".gguf") else {
                throw SkeinError(
                    .unsupported,
                    "\(source.path) is a GGUF file, and \(path) does not end in .gguf",
                    hint: "name a GGUF file, or start from the Hugging Face directory"
                )
            }
            return try writeGGUF(treatments, from: file, to: path, note)
        }
    }

    private func formats(_ treatments: [TensorTreatment]) -> JSON {
        var formats = JSONObject()
        for (tensor, treatment) in zip(source.tensors, treatments) {
            if case .grouped(let recipe) = treatment {
                formats[tensor.name] = .string(recipe.format.name)
            }
        }
        var recipes = JSONObject()
        for (tensor, treatment) in zip(source.tensors, treatments) {
            if case .grouped(let recipe) = treatment { recipes[tensor.name] = .string(recipe.name) }
        }
        var object = JSONObject()
        object["quant_method"] = .string(GroupedFormat.method)
        object["formats"] = .object(formats)
        object["recipes"] = .object(recipes)
        return .object(object)
    }

    // MARK: Directories

    /// Bytes of a shard.
    private static let shardBytes = 1 << 30

    private func writeDirectory(
        _ treatments: [TensorTreatment],
        from directory: String,
        to path: String,
        _ note: (QuantizedTensor) -> Void
    ) throws -> [QuantizedTensorReport] {
        if let bad = treatments.first(where: {
            if case .blocks = $0 { true } else { false }
        }) {
            throw SkeinError(
                .unsupported,
                "safetensors cannot hold \(bad.name) blocks",
                hint: "start from a GGUF file of the model to write a GGUF type"
            )
        }
        let files = FileManager.default
        let trimmed = path.hasSuffix("/") ? String(path.dropLast()) : path
        let partial = trimmed + ".partial"
        if files.fileExists(atPath: partial) { try files.removeItem(atPath: partial) }
        try files.createDirectory(atPath: partial, withIntermediateDirectories: true)
        var isDone = false
        defer { if !isDone { try? files.removeItem(atPath: partial) } }
        try copySmallFiles(directory, partial, treatments)
        var shard: [QuantizedTensor] = []
        var reports: [QuantizedTensorReport] = []
        var map = JSONObject()
        var shards = 0
        func flush() throws {
            shards += 1
            let name =
                "model-\(String(repeating: "0", count: 5 - min(5, "\(shards)".count)))\(shards).safetensors"
            try writeShard(shard, to: "\(partial)/\(name)")
            for part in shard.flatMap(\.parts) { map[part.plan.name] = .string(name) }
            shard = []
        }
        for (tensor, treatment) in zip(source.tensors, treatments) {
            let next = try QuantizedTensor(tensor, treatment, self)
            reports.append(next.report)
            shard.append(next)
            note(next)
            if shard.reduce(0, { $0 + $1.byteCount }) > Self.shardBytes { try flush() }
        }
        if shards == 0 {
            try writeShard(shard, to: "\(partial)/model.safetensors")
        } else {
            if !shard.isEmpty { try flush() }
            var index = JSONObject()
            index["metadata"] = .object(JSONObject())
            index["weight_map"] = .object(map)
            try Data(JSON.object(index).text(.compact).utf8).write(
                to: URL(fileURLWithPath: "\(partial)/model.safetensors.index.json")
            )
        }
        if files.fileExists(atPath: trimmed) { try files.removeItem(atPath: trimmed) }
        try files.moveItem(atPath: partial, toPath: trimmed)
        isDone = true
        return reports
    }

    private func writeShard(_ tensors: [QuantizedTensor], to path: String) throws {
        var sources: [String: (QuantizedTensor, QuantizedTensor.Part)] = [:]
        for tensor in tensors {
            for part in tensor.parts { sources[part.plan.name] = (tensor, part) }
        }
        let writer = try SafetensorsWriter(
            path: path,
            tensors: tensors.flatMap { $0.parts.map(\.plan) },
            metadata: ["format": "pt"]
        )
        for plan in writer.plans {
            guard let (tensor, part) = sources[plan.name] else { continue }
            try Self.withBytes(part, of: tensor) { try writer.write(plan.name, $0) }
        }
        try writer.finish()
    }

    private static func withBytes(
        _ part: QuantizedTensor.Part,
        of tensor: QuantizedTensor,
        _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        if let bytes = part.bytes {
            try bytes.withUnsafeBytes(body)
        } else {
            try tensor.record.withUnsafeBytes(body)
            tensor.record.release()
        }
    }

    /// Configuration and tokenizer; weights of any kind stay behind.
    private func copySmallFiles(
        _ directory: String,
        _ target: String,
        _ treatments: [TensorTreatment]
    ) throws {
        let files = FileManager.default
        let weights = [".safetensors", ".bin", ".pt", ".pth", ".gguf", ".h5", ".msgpack", ".onnx"]
        for name in try files.contentsOfDirectory(atPath: directory).sorted() {
            let isWeight = weights.contains { name.hasSuffix($0) } || name.contains(".index.json")
            guard !isWeight, !name.hasPrefix("."), name != "config.json",
                MappedFile.isDirectory("\(directory)/\(name)") == false
            else { continue }
            try files.copyItem(atPath: "\(directory)/\(name)", toPath: "\(target)/\(name)")
        }
        var config = try MappedFile(path: "\(directory)/config.json").json().object ?? JSONObject()
        config["quantization_config"] = formats(treatments)
        try Data((JSON.object(config).text(.indented(2)) + "\n").utf8).write(
            to: URL(fileURLWithPath: "\(target)/config.json")
        )
    }

    // MARK: GGUF

    private func writeGGUF(
        _ treatments: [TensorTreatment],
        from file: GGUF,
        to path: String,
        _ note: (QuantizedTensor) -> Void
    ) throws -> [QuantizedTensorReport] {
        let isGrouped = treatments.contains { if case .grouped = $0 { true } else { false } }
        var metadata: [(key: String, value: GGUFWriter.Value)] = []
        for key in file.keys where key != "general.alignment" && key != "general.file_type" {
            guard let value = file.metadata[key] else { continue }
            if key == "general.architecture", isGrouped, let name = value.string {
                metadata.append((key, .string(GGUFCheckpoint.architecturePrefix + name)))
            } else {
                metadata.append((key, try Self.writable(value, key)))
            }
        }
        if isGrouped {
            let text = formats(treatments).text(.compact)
            metadata.append((GGUFCheckpoint.quantizationKey, .string(text)))
        } else if !metadata.contains(where: { $0.key == "general.quantization_version" }) {
            metadata.append(("general.quantization_version", .uint32(2)))
        }
        // The header names every size, and outliers are counted only by taking them: codes are held
        // until all are there, the source's own tensors are not.
        var tensors: [QuantizedTensor] = []
        for (tensor, treatment) in zip(source.tensors, treatments) {
            let next = try QuantizedTensor(tensor, treatment, self)
            tensors.append(next)
            note(next)
        }
        let writer = try GGUFWriter(
            path: path,
            metadata: metadata,
            tensors: tensors.flatMap { $0.parts.map(\.plan) }
        )
        for tensor in tensors {
            for part in tensor.parts {
                try Self.withBytes(part, of: tensor) { try writer.write(part.plan.name, $0) }
            }
        }
        try writer.finish()
        return tensors.map(\.report)
    }

    private static func writable(_ value: GGUFValue, _ key: String) throws -> GGUFWriter.Value {
        switch value {
        case .uint8(let value): return .uint8(value)
        case .int8(let value): return .int8(value)
        case .uint16(let value): return .uint16(value)
        case .int16(let value): return .int16(value)
        case .uint32(let value): return .uint32(value)
        case .int32(let value): return .int32(value)
        case .float32(let value): return .float32(value)
        case .bool(let value): return .bool(value)
        case .string(let value): return .string(value)
        case .uint64(let value): return .uint64(value)
        case .int64(let value): return .int64(value)
        case .float64(let value): return .float64(value)
        case .array(let array):
            switch array.elementType {
            case .string: return .strings(try array.strings() ?? [])
            case .float32: return .floats((array.doubles() ?? []).map { Float($0) })
            case .bool: return .booleans(array.booleans() ?? [])
            case .int32, .uint32, .int16, .uint16, .int8, .uint8:
                return .integers((array.integers() ?? []).map { Int32(truncatingIfNeeded: $0) })
            default:
                throw SkeinError(
                    .unsupported,
                    "metadata \(key) is an array of \(array.elementType), which cannot be copied"
                )
            }
        }
    }
}
