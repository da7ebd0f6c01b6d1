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

    /// Makes sure that a checkpoint may be written to a path; what an interrupted run set aside there comes
    /// back.
    ///
    /// - Returns: The path without a slash at its end.
    /// - Throws: `SkeinError.Code.invalidArgument` when the path is taken.
    @discardableResult
    public static func target(_ path: String, replaces: Bool) throws -> String {
        let path = path.hasSuffix("/") ? String(path.dropLast()) : path
        try restore(path)
        guard replaces || MappedFile.isDirectory(path) == nil else {
            throw SkeinError(
                .invalidArgument,
                "there is something at \(path) already",
                hint: "choose another path or pass --force"
            )
        }
        return path
    }

    /// Carries out a plan and writes the new checkpoint.
    ///
    /// Nothing appears at the path until all of it is written: a run that is interrupted leaves what was
    /// there, and can simply be started again.
    ///
    /// - Parameters:
    ///   - treatments: As `plan` made them.
    ///   - path: A GGUF file, by its ending `.gguf`, or of a directory's weights a directory.
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
        let path = try Self.target(path, replaces: replaces)
        let all = source.tensors.reduce(0) { $0 + $1.count }
        var done = 0
        func note(_ tensor: QuantizedTensor) {
            done += tensor.record.count
            onTensor(Progress(name: tensor.record.name, weights: done, allWeights: all))
        }
        switch (source.origin, path.hasSuffix(".gguf")) {
        case (.directory(let directory), false):
            return try writeDirectory(treatments, Container(), to: path, note) { partial in
                try copySmallFiles(directory, partial, treatments)
            }
        case (.directory(let directory), true):
            return try writeGGUF(treatments, try exported(directory), to: path, note)
        case (.gguf(let file), true):
            return try writeGGUF(treatments, try copied(file), to: path, note)
        case (.gguf(let file), false):
            let export = try DirectoryExport(file, source.path)
            let container = Container(targets: export.targets())
            let unknown = source.tensors.first {
                container.targets[$0.name] == nil && $0.name != "rope_freqs.weight"
            }
            if let unknown {
                throw SkeinError(
                    .unsupported,
                    "tensor \(unknown.name) has no place in a Hugging Face directory"
                )
            }
            return try writeDirectory(treatments, container, to: path, note) { partial in
                try writeSmallFiles(export, partial, treatments, container)
            }
        }
    }

    /// What is written, and how tensors are called there.
    struct Container: Sendable {
        var isGGUF = false
        var architecture = ""
        var metadata: [(key: String, value: GGUFWriter.Value)] = []
        /// Of a directory that becomes a GGUF file: each tensor's place, by its name.
        var targets: [String: GGUFExport.Target] = [:]
        /// Further tensors, of floats.
        var additions: [(name: String, values: [Float])] = []

        func target(of record: TensorRecord) -> GGUFExport.Target? { targets[record.name] }
        func name(of record: TensorRecord) -> String { targets[record.name]?.name ?? record.name }
        func holds(_ record: TensorRecord) -> Bool {
            targets.isEmpty || targets[record.name] != nil
        }
    }

    /// A GGUF file like another.
    private func copied(_ file: GGUF) throws -> Container {
        var container = Container(isGGUF: true)
        for key in file.keys where key != "general.alignment" && key != "general.file_type" {
            guard let value = file.metadata[key] else { continue }
            if key == "general.architecture", let name = value.string {
                container.architecture = name
            } else {
                container.metadata.append((key, try Self.writable(value, key)))
            }
        }
        return container
    }

    /// A GGUF file from a directory.
    private func exported(_ directory: String) throws -> Container {
        let words = ["embed_tokens.weight", "wte.weight", "embeddings.weight", "embedding.weight"]
        func matrix(_ endings: [String]) -> TensorRecord? {
            source.tensors.first { tensor in
                tensor.shape.count == 2 && endings.contains { tensor.name.hasSuffix($0) }
            }
        }
        let embedding = matrix(words)
        // A checkpoint with a tied head may store the two under the head's name.
        guard let table = embedding ?? (source.isTied ? matrix(["lm_head.weight"]) : nil) else {
            throw SkeinError(.missingTensor, "\(directory) has no token embedding")
        }
        let export = try GGUFExport(directory: directory, vocabulary: table.shape[0])
        var container = Container(
            isGGUF: true,
            architecture: export.architecture,
            metadata: export.metadata
        )
        for tensor in source.tensors {
            container.targets[tensor.name] = try export.target(of: tensor.name)
        }
        if embedding == nil {
            container.targets[table.name] = GGUFExport.Target(name: "token_embd.weight")
        }
        if !export.rotaryFactors.isEmpty {
            container.additions = [("rope_freqs.weight", export.rotaryFactors)]
        }
        return container
    }

    private func formats(_ treatments: [TensorTreatment], _ container: Container) -> JSON {
        var (formats, recipes) = (JSONObject(), JSONObject())
        for (tensor, treatment) in zip(source.tensors, treatments) where container.holds(tensor) {
            guard case .grouped(let recipe) = treatment else { continue }
            let name = container.name(of: tensor)
            formats[name] = .string(recipe.format.name)
            recipes[name] = .string(recipe.name)
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
        _ container: Container,
        to path: String,
        _ note: (QuantizedTensor) -> Void,
        _ writeSmall: (String) throws -> Void
    ) throws -> [QuantizedTensorReport] {
        if let bad = treatments.first(where: {
            if case .blocks(let dtype) = $0 { dtype.isQuantized } else { false }
        }) {
            throw SkeinError(
                .unsupported,
                "safetensors cannot hold \(bad.name) blocks",
                hint: "start from a GGUF file of the model to write a GGUF type"
            )
        }
        let files = FileManager.default
        let partial = path + ".partial"
        if files.fileExists(atPath: partial) { try files.removeItem(atPath: partial) }
        try files.createDirectory(atPath: partial, withIntermediateDirectories: true)
        var isDone = false
        defer { if !isDone { try? files.removeItem(atPath: partial) } }
        try writeSmall(partial)
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
        for (tensor, treatment) in zip(source.tensors, treatments) where container.holds(tensor) {
            let next = try QuantizedTensor(tensor, treatment, self, container)
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
        try Self.replace(path, by: partial)
        isDone = true
        return reports
    }

    /// What stands in the place of a directory for the moment of its replacement.
    private static func aside(_ path: String) -> String { path + ".replaced" }

    /// Gives a finished directory its name; what was there goes only then.
    private static func replace(_ path: String, by partial: String) throws {
        let files = FileManager.default
        if files.fileExists(atPath: path) {
            try files.moveItem(atPath: path, toPath: aside(path))
        }
        try files.moveItem(atPath: partial, toPath: path)
        if files.fileExists(atPath: aside(path)) { try files.removeItem(atPath: aside(path)) }
    }

    /// Brings back what a run put aside that was killed in the moment of replacing it.
    static func restore(_ path: String) throws {
        let files = FileManager.default
        guard files.fileExists(atPath: aside(path)) else { return }
        if files.fileExists(atPath: path) {
            try files.removeItem(atPath: aside(path))
        } else {
            try files.moveItem(atPath: aside(path), toPath: path)
        }
    }

    /// Removes what killed runs left beside a file: `NAME.PROCESS.NUMBER.partial` of processes that are
    /// no more.
    private static func removeLeftovers(of path: String) {
        let files = FileManager.default
        let url = URL(fileURLWithPath: path)
        let folder = url.deletingLastPathComponent().path
        for name in (try? files.contentsOfDirectory(atPath: folder)) ?? [] {
            guard name.hasPrefix(url.lastPathComponent + "."), name.hasSuffix(".partial") else {
                continue
            }
            let rest = name.dropFirst(url.lastPathComponent.count + 1).split(separator: ".")
            guard rest.count == 3, let process = Int32(rest[0]), UInt32(rest[1]) != nil,
                kill(process, 0) != 0, errno == ESRCH
            else { continue }
            try? files.removeItem(atPath: "\(folder)/\(name)")
        }
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
        if treatments.contains(where: { if case .grouped = $0 { true } else { false } }) {
            config["quantization_config"] = formats(treatments, Container())
        }
        try Data((JSON.object(config).text(.indented(2)) + "\n").utf8).write(
            to: URL(fileURLWithPath: "\(target)/config.json")
        )
    }

    /// Configuration and tokenizer of a GGUF file.
    private func writeSmallFiles(
        _ export: DirectoryExport,
        _ target: String,
        _ treatments: [TensorTreatment],
        _ container: Container
    ) throws {
        var config = export.configuration
        if treatments.contains(where: { if case .grouped = $0 { true } else { false } }) {
            config["quantization_config"] = formats(treatments, container)
        }
        var files = [("config.json", JSON.object(config))]
        if let tokenizer = export.tokenizer {
            files += [("tokenizer.json", tokenizer), ("tokenizer_config.json", export.settings)]
        }
        for (name, json) in files {
            try Data((json.text(.indented(2)) + "\n").utf8).write(
                to: URL(fileURLWithPath: "\(target)/\(name)")
            )
        }
    }

    // MARK: GGUF

    private func writeGGUF(
        _ treatments: [TensorTreatment],
        _ container: Container,
        to path: String,
        _ note: (QuantizedTensor) -> Void
    ) throws -> [QuantizedTensorReport] {
        let work = zip(source.tensors, treatments).filter { container.holds($0.0) }
        let isGrouped = work.contains { if case .grouped = $0.1 { true } else { false } }
        let prefix = isGrouped ? GGUFCheckpoint.architecturePrefix : ""
        var metadata = container.metadata
        metadata.insert(
            ("general.architecture", .string(prefix + container.architecture)),
            at: 0
        )
        if isGrouped {
            let text = formats(treatments, container).text(.compact)
            metadata.append((GGUFCheckpoint.quantizationKey, .string(text)))
        } else if !metadata.contains(where: { $0.key == "general.quantization_version" }) {
            metadata.append(("general.quantization_version", .uint32(2)))
        }
        Self.removeLeftovers(of: path)
        let additions = try container.additions.map {
            try TensorPlan(name: $0.name, dtype: .f32, shape: [$0.values.count])
        }
        // Outliers are counted only by taking them: the header gets the sizes in the end, and no more
        // than one tensor is held at a time.
        let writer = try GGUFWriter(
            path: path,
            metadata: metadata,
            tensors: work.flatMap { try QuantizedTensor.plans($0.0, $0.1, source, container) }
                + additions
        )
        var reports: [QuantizedTensorReport] = []
        for (tensor, treatment) in work {
            let next = try QuantizedTensor(tensor, treatment, self, container)
            for part in next.parts {
                try Self.withBytes(part, of: next) { try writer.write(part.plan, $0) }
            }
            reports.append(next.report)
            note(next)
        }
        for (plan, addition) in zip(additions, container.additions) {
            let bytes = try BlockEncoder.encode(addition.values, as: .f32)
            try bytes.withUnsafeBytes { try writer.write(plan.name, $0) }
        }
        try writer.finish()
        return reports
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
