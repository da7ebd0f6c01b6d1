import Foundation
import SkeinDecoding
import SkeinEngine
import SkeinModels
import SkeinTensor
import SkeinText

/// Tokenizer, samplers and the engine's step, with the model that comes with the project.
struct TextBenchmarks {
    let folder: String
    let processor: Processor

    var all: [Benchmark] { [encoding] + samplers + steps }

    /// Text of the samples beside the model, told over and over to a megabyte.
    private var encoding: Benchmark {
        Benchmark(name: "tokenizer/encode/1MB", unit: .text, work: 1e6) { [folder] in
            let tokenizer = try TokenizerLoader.load(folder)
            let sample = try String(contentsOfFile: folder + "/SAMPLES.md", encoding: .utf8)
            var bytes: [UInt8] = []
            while bytes.count < 1_000_000 { bytes += Array(sample.utf8) }
            let text = String(decoding: bytes.prefix(1_000_000), as: UTF8.self)
            return { _ = tokenizer.encode(text) }
        }
    }

    private var samplers: [Benchmark] {
        var typical = SamplingParameters()
        typical.typicalP = 0.9
        var penalized = SamplingParameters()
        penalized.repetitionPenalty = 1.1
        let rules = [
            ("greedy", SamplingParameters.greedy), ("default", SamplingParameters()),
            ("typical", typical), ("penalties", penalized),
        ]
        return rules.map { name, parameters in
            Benchmark(name: "sampler/\(name)/128256", unit: .tokens, work: 1) {
                let rule = SamplingRule(parameters, prompt: [1, 2, 3])
                let logits = (0..<128_256).map { Float(($0 &* 7919) % 4096) / 256 }
                return { _ = rule.choose(logits.span, position: 7) }
            }
        }
    }

    /// One token for each of some requests.
    ///
    /// They never end, so every call does the same work but for the context, which grows by one.
    private var steps: [Benchmark] {
        [1, 16].map { slots in
            Benchmark(
                name: "engine/step/stories x\(slots)",
                unit: .tokens,
                work: Double(slots)
            ) { [folder, processor] in
                let model = try LanguageModelLoader.load(
                    LanguageModelLoader.checkpoint(folder),
                    processor: processor
                )
                let engine = Engine(model: model, processor: processor, options: EngineOptions())
                for slot in 0..<slots {
                    let prompt = (0..<16).map { Int32((slot * 31 + $0 * 17) % 256 + 300) }
                    let request = EngineRequest(prompt: prompt) { remembered in
                        try Autoregressive(
                            prompt: prompt,
                            parameters: .greedy,
                            contextLimit: Int(Int32.max),
                            startingAt: remembered
                        )
                    }
                    _ = try engine.enqueue(request)
                }
                while engine.lastStep?.decodeRows ?? 0 < slots { _ = try engine.step() }
                return { _ = try engine.step() }
            }
        }
    }
}
