import SkeinCore
import SkeinDecoding
import SkeinTensor
import SkeinTestSupport
import Testing

@Suite struct SamplingRuleTests {
    static func plain(_ change: (inout SamplingParameters) -> Void = { _ in }) -> SamplingParameters
    {
        var p = SamplingParameters()
        (p.temperature, p.topK, p.topP, p.minP) = (1, 0, 1, 0)
        change(&p)
        return p
    }

    @Test func `greedy takes the first of equals and passes over what is not finite`() {
        let rule = SamplingRule(.greedy)
        #expect(rule.takesBest)
        let logits: [Float] = [.nan, 1, .infinity, 3, 3, -.infinity]
        #expect(rule.choose(logits.span, position: 0) == 3)
    }

    @Test(arguments: [(0.25, 1), (0.5, 2), (0.51, 3), (0.75, 3), (1.0, 4)])
    func `a nucleus ends with the candidate that reaches its mass`(_ mass: Double, _ size: Int) {
        let rule = SamplingRule(Self.plain { $0.topP = mass })
        let logits = [Float](repeating: 2, count: 4)
        #expect(rule.distribution(logits.span).count == size)
    }

    @Test(arguments: [0.0, 1.0])
    func `no finite logit is no token`(_ temperature: Double) {
        let rule = SamplingRule(Self.plain { $0.temperature = temperature })
        #expect(rule.choose([Float]().span, position: 0) == nil)
        let logits: [Float] = [.nan, .infinity, -.infinity]
        #expect(rule.choose(logits.span, position: 0) == nil)
        #expect(rule.distribution(logits.span).isEmpty)
    }

    @Test func `frequencies over positions follow the distribution`() {
        let logits = (0..<12).map { Float($0 % 5) * 0.7 }
        let draws = 40_000
        for seed in [UInt64(1), 2, .max] {
            let rule = SamplingRule(Self.plain { $0.seed = seed })
            var counts = [Int](repeating: 0, count: logits.count)
            for position in 0..<draws {
                if let token = rule.choose(logits.span, position: Int32(position)) {
                    counts[Int(token)] += 1
                }
            }
            let total = logits.reduce(0.0) { $0 + Self.exponential($1) }
            var chiSquare = 0.0
            for (count, logit) in zip(counts, logits) {
                let expected = Double(draws) * Self.exponential(logit) / total
                chiSquare += (Double(count) - expected) * (Double(count) - expected) / expected
            }
            // The 99.9 % point of chi-square with 11 degrees of freedom.
            #expect(chiSquare < 31.26)
            #expect(counts.reduce(0, +) == draws)
        }
    }

    /// e^x by its series: an oracle that shares nothing with the sampler.
    static func exponential(_ x: Float) -> Double {
        var (sum, term) = (1.0, 1.0)
        for n in 1..<40 {
            term *= Double(x) / Double(n)
            sum += term
        }
        return sum
    }

    @Test func `a growing head draws what a full sort draws`() {
        var random = SplitMix64(seed: 7)
        let logits = random.normals(20_000, deviation: 0.3)
        for (minP, topP) in [(0.0, 1.0), (0.2, 1.0), (0.0, 0.9), (0.1, 0.99)] {
            let rule = SamplingRule(
                Self.plain { ($0.minP, $0.topP, $0.temperature) = (minP, topP, 1.3) }
            )
            var whole = rule.parameters
            whole.topK = logits.count
            let sorted = SamplingRule(whole)
            #expect(
                rule.distribution(logits.span).map(\.token)
                    == sorted.distribution(logits.span).map(\.token)
            )
            for position in Int32(0)..<40 {
                #expect(
                    rule.choose(logits.span, position: position)
                        == sorted.choose(logits.span, position: position)
                )
            }
        }
    }

    @Test(arguments: [1, 2, 31, 32, 33, 64, 65, 999, 1000, 5000])
    func `top-k is the head of a full sort`(_ k: Int) {
        var random = SplitMix64(seed: UInt64(k))
        let random1000 = random.normals(1000).map { ($0 * 8).rounded() / 8 }
        for logits in [random1000, random1000.sorted(), random1000.sorted(by: >)] {
            let order = logits.indices.sorted { (-logits[$0], $0) < (-logits[$1], $1) }
            let found = TopK.select(k, from: logits.span)
            #expect(found.map { Int($0.token) } == Array(order.prefix(k)))
            #expect(found.map(\.logit) == order.prefix(k).map { logits[$0] })
        }
    }

    @Test func `a draw depends on seed and position, not on what was drawn before`() {
        var random = SplitMix64(seed: 3)
        let logits = random.normals(200)
        let rule = SamplingRule(Self.plain { $0.seed = 5 })
        let forward = (Int32(0)..<50).map { rule.choose(logits.span, position: $0) }
        let backward = (Int32(0)..<50).reversed().map { rule.choose(logits.span, position: $0) }
        #expect(forward == backward.reversed())
        let other = SamplingRule(Self.plain { $0.seed = 6 })
        #expect(forward != (Int32(0)..<50).map { other.choose(logits.span, position: $0) })
    }

    @Test func `penalties are a function of the window, and copies are apart`() {
        let parameters = Self.plain { ($0.frequencyPenalty, $0.repetitionWindow) = (1, 4) }
        let path: [Int32] = [5, 1, 1, 2, 3, 1, 2, 2, 0]
        var stepped = SamplingRule(parameters)
        let logits = [Float](repeating: 0.5, count: 6)
        for (i, token) in path.enumerated() {
            let before = stepped.distribution(logits.span)
            var branch = stepped
            branch.advance(4)
            #expect(stepped.distribution(logits.span) == before)
            stepped.advance(token)
            let fresh = SamplingRule(parameters, prompt: Array(path[...i]))
            #expect(stepped.distribution(logits.span) == fresh.distribution(logits.span))
        }
    }

    @Test func `stop tokens are barred below the minimum`() {
        var p = SamplingParameters.greedy
        (p.stopTokens, p.minTokens) = ([1], 2)
        var rule = SamplingRule(p, prompt: [0, 0, 0])
        let logits: [Float] = [0, 2, 1]
        for expected in [Int32(2), 2, 1] {
            #expect(rule.takesBest == (expected == 1))
            #expect(rule.choose(logits.span, position: 0) == expected)
            rule.advance(expected)
        }
    }

    @Test func `values outside their domain are named`() throws {
        let wrong: [(String, (inout SamplingParameters) -> Void)] = [
            ("temperature is -1.0, expected 0 ... finite", { $0.temperature = -1 }),
            ("temperature is nan, expected 0 ... finite", { $0.temperature = .nan }),
            ("top_p is 1.5, expected 0 ... 1.0", { $0.topP = 1.5 }),
            ("min_p is -0.1, expected 0 ... 1.0", { $0.minP = -0.1 }),
            ("typical_p is nan, expected 0 ... 1.0", { $0.typicalP = .nan }),
            (
                "repetition_penalty is 0.0, expected a finite number above 0",
                { $0.repetitionPenalty = 0 }
            ),
            (
                "frequency_penalty is inf, expected a finite number",
                { $0.frequencyPenalty = .infinity }
            ),
            ("presence_penalty is nan, expected a finite number", { $0.presencePenalty = .nan }),
            ("top_k is -1, expected at least 0", { $0.topK = -1 }),
            ("repetition_window is -2, expected at least -1", { $0.repetitionWindow = -2 }),
            ("min_tokens is -1, expected at least 0", { $0.minTokens = -1 }),
            ("max_tokens is 0, expected at least 1", { $0.maxTokens = 0 }),
            (
                "min_tokens is 3, expected at most max_tokens, which is 2",
                { ($0.minTokens, $0.maxTokens) = (3, 2) }
            ),
            (
                "logit_bias of token 4 is nan, expected a number or -inf",
                { $0.logitBias = [4: .nan] }
            ),
            ("logit_bias names token 32, expected 0 ..< 32", { $0.logitBias = [32: 1] }),
            ("stop token names token -1, expected 0 ..< 32", { $0.stopTokens = [-1] }),
        ]
        for (message, change) in wrong {
            var p = SamplingParameters()
            change(&p)
            #expect(throws: SkeinError.self) { try p.validated(vocabularySize: 32) }
            do { _ = try p.validated(vocabularySize: 32) } catch let error as SkeinError {
                #expect(error.code == .invalidArgument)
                #expect(error.message == message)
            }
        }
        #expect(try SamplingParameters().validated() == SamplingParameters())
    }
}
