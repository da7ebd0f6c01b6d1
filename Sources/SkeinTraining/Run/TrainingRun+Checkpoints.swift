internal import Foundation
internal import SkeinCore
internal import SkeinModels
internal import SkeinNN
internal import SkeinTensor

extension TrainingRun {
    /// Writes a checkpoint and forgets the oldest ones.
    ///
    /// A checkpoint is a folder that `skein generate` and transformers load, with the optimiser's state
    /// beside the model. It appears whole or not at all.
    ///
    /// - Throws: `SkeinError.Code.ioFailure`; checkpoints that were there stay.
    func save() throws {
        let target = folder.checkpoint(step)
        try folder.writeFolder(target) { path in
            try writeModel(to: path)
            var tensors = optimizer.state.map { ($0.name, $0.values.values) }
            tensors += average?.state ?? []
            for adapter in adapters {
                tensors += [adapter.down, adapter.up].map { ($0.name, $0.values) }
            }
            try Self.write(
                tensors.map { ($0.0, [$0.1.count], $0.1) },
                to: path + "/optimizer.safetensors"
            )
            let state: JSON = [
                "step": .int(step), "batch": .int(place.batch), "epoch": .int(place.epoch),
                "part": .int(place.part),
                "tokens_key": .string(String(source.file.key, radix: 16)),
            ]
            try RunFolder.write(state.text(.indented(2)), to: path + "/trainer_state.json")
        }
        for old in folder.savedSteps().dropLast(configuration.keptCheckpoints) {
            try? FileManager.default.removeItem(atPath: folder.checkpoint(old))
        }
        notify(.checkpoint(step: step, path: target))
    }

    /// Writes the model alone, as transformers stores it; averaged when the run averages.
    func writeFinalModel() throws {
        exchangeAverage()
        defer { exchangeAverage() }
        if !adapters.isEmpty {
            try folder.writeFolder(folder.adapter) { try writeAdapter(to: $0) }
        }
        try folder.writeFolder(folder.model) { try writeModel(to: $0) }
    }

    private func writeModel(to path: String) throws {
        try Self.write(
            parameters.entries.map { entry in
                let parameter = entry.parameter
                return entry.isTransposed
                    ? (
                        parameter.name, parameter.shape.reversed(),
                        Self.transposed(parameter.values, rows: parameter.rows)
                    )
                    : (parameter.name, parameter.shape, parameter.values)
            },
            to: path + "/model.safetensors"
        )
        try RunFolder.write(modelConfiguration.text(.indented(2)), to: path + "/config.json")
        for file in [folder.tokenizer, folder.tokenizerConfiguration]
        where MappedFile.isDirectory(file) == false {
            let name = (file as NSString).lastPathComponent
            try RunFolder.write(try RunFolder.json(file).text(.indented(2)), to: path + "/" + name)
        }
    }

    /// Writes the adapter as PEFT stores it.
    private func writeAdapter(to path: String) throws {
        guard let rule = configuration.lowRank else { return }
        try Self.write(
            adapters.flatMap { adapter in
                let stem = "base_model.model." + adapter.target.name.dropLast(".weight".count)
                return [
                    (stem + ".lora_A.weight", adapter.down.shape, adapter.down.values),
                    (stem + ".lora_B.weight", adapter.up.shape, adapter.up.values),
                ]
            },
            to: path + "/adapter_model.safetensors"
        )
        let modules = Set(
            adapters.compactMap {
                $0.target.name.split(separator: ".").dropLast().last.map(String.init)
            }
        )
        let settings: JSON = [
            "peft_type": "LORA", "task_type": "CAUSAL_LM", "r": .int(rule.rank),
            "lora_alpha": .double(rule.alpha), "lora_dropout": 0.0, "bias": "none",
            "fan_in_fan_out": false, "inference_mode": true,
            "base_model_name_or_path": .string(configuration.startingPoint ?? ""),
            "target_modules": .array(modules.sorted().map { .string($0) }),
        ]
        try RunFolder.write(settings.text(.indented(2)), to: path + "/adapter_config.json")
    }

    private static func transposed(_ values: [Float], rows: Int) -> [Float] {
        let width = values.count / max(rows, 1)
        return (0..<values.count).map { values[$0 % rows * width + $0 / rows] }
    }

    private static func write(
        _ tensors: [(name: String, shape: [Int], values: [Float])],
        to path: String
    ) throws {
        let plans = try tensors.map {
            try TensorPlan(name: $0.name, dtype: .f32, shape: $0.shape)
        }
        let writer = try SafetensorsWriter(path: path, tensors: plans, metadata: ["format": "pt"])
        let values = Dictionary(
            tensors.map { (ExactKey($0.name), $0.values) },
            uniquingKeysWith: { first, _ in first }
        )
        for plan in writer.plans {
            try (values[ExactKey(plan.name)] ?? []).withUnsafeBytes {
                try writer.write(plan.name, $0)
            }
        }
        try writer.finish()
    }

    /// Takes up what a checkpoint holds beside the model.
    func restore(_ saved: Int) throws {
        let path = folder.checkpoint(saved)
        let state = try RunFolder.json(path + "/trainer_state.json")
        func integer(_ key: String) throws -> Int {
            guard let value = state[key]?.int, value >= 0 else {
                throw SkeinError(
                    .corruptFile,
                    "\(path)/trainer_state.json: \(key) is \(state[key]?.text() ?? "missing"), expected"
                        + " a count"
                )
            }
            return value
        }
        step = try integer("step")
        place.batch = try integer("batch")
        place.epoch = try integer("epoch")
        place.part = try integer("part")
        let key = String(source.file.key, radix: 16)
        guard state["tokens_key"]?.string == key else {
            throw SkeinError(
                .invalidArgument,
                "\(folder.trainingTokens) holds other texts than the run began with",
                hint: "put the file back, or start another run"
            )
        }
        let file = try Safetensors(contentsOf: path + "/optimizer.safetensors").tensors
        let tensors = Dictionary(
            file.map { (ExactKey($0.key), $0.value) },
            uniquingKeysWith: { first, _ in first }
        )
        func values(_ name: String, _ count: Int) throws -> [Float] {
            guard let record = tensors[ExactKey(name)], record.count == count else {
                throw SkeinError(
                    .corruptFile,
                    "\(path)/optimizer.safetensors: \(name) is missing or has another size",
                    hint: "was the optimizer changed? start another run from: \(path)"
                )
            }
            return try record.floats()
        }
        try optimizer.restore(stepCount: step, values: values)
        try average?.restore(values: values)
        for adapter in adapters {
            for parameter in [adapter.down, adapter.up] {
                parameter.set(try values(parameter.name, parameter.count))
            }
            adapter.apply()
        }
    }
}
