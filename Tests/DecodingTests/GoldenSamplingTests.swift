import Foundation
import SkeinCore
import SkeinDecoding
import SkeinTensor
import SkeinTestSupport
import Testing

/// The distributions of `Scripts/golden_sampling.py`.
@Suite struct GoldenSamplingTests {
    /// Log-probabilities are stored with seven decimals and rounded to single precision.
    static let tolerance: Float = 2e-6

    @Test func `distributions and draws agree with numpy`() throws {
        let bytes = try Data(contentsOf: Files.golden("decoding/sampling.json"))
        let cases = try #require(try JSON(parsing: Array(bytes))["cases"]?.array)
        #expect(cases.count > 80)
        for (number, entry) in cases.enumerated() {
            let parameters = try Self.parameters(try #require(entry["parameters"]))
            let bits = try Self.integers(entry["bits"])
            let logits = bits.map { Float(bitPattern: UInt32($0)) }
            let path = try Self.integers(entry["path"]).map { Int32($0) }
            let rule = SamplingRule(try parameters.validated(), prompt: path)
            let name = Comment(rawValue: "case \(number), \(entry["parameters"]?.text() ?? "")")

            let found = rule.distribution(logits.span)
            #expect(found.map { Int($0.token) } == (try Self.integers(entry["ids"])), name)
            let expected = try #require(entry["logProbabilities"]?.array).compactMap(\.double)
            for (a, b) in zip(found, expected) {
                let bound = Self.tolerance * max(1, abs(Float(b)))
                // Beyond the range of single precision both are negative infinity.
                #expect(
                    a.logProbability == Float(b) || abs(a.logProbability - Float(b)) <= bound,
                    name
                )
            }
            let tokens = try Self.integers(entry["positions"]).map {
                rule.choose(logits.span, position: Int32($0)).map { Int($0) }
            }
            #expect(tokens == (try Self.integers(entry["tokens"])), name)
        }
    }

    static func integers(_ value: JSON?) throws -> [Int] {
        try #require(value?.array).map { try #require($0.int) }
    }

    static func parameters(_ value: JSON) throws -> SamplingParameters {
        func number(_ key: String) throws -> Double { try #require(value[key]?.double) }
        var p = SamplingParameters()
        p.temperature = try number("temperature")
        p.topK = Int(try number("topK"))
        p.topP = try number("topP")
        p.minP = try number("minP")
        p.typicalP = try number("typicalP")
        p.repetitionPenalty = try number("repetition")
        p.repetitionWindow = Int(try number("window"))
        p.frequencyPenalty = try number("frequency")
        p.presencePenalty = try number("presence")
        p.seed = UInt64(try #require(value["seed"]?.int))
        for (key, bias) in try #require(value["bias"]?.object).members {
            p.logitBias[try #require(Int32(key))] = Float(try #require(bias.double))
        }
        return p
    }
}
