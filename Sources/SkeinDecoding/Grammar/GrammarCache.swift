/// What is remembered of an automaton at work: its transitions made deterministic, and masks.
///
/// Everything here can be computed anew, so that it is simply dropped when it grows too large.
struct GrammarCache: Sendable {
    private let automaton: GrammarAutomaton
    private let vocabulary: TokenVocabulary

    private var configurations: [GrammarConfiguration] = []
    private var index: [GrammarConfiguration: Int32] = [:]
    /// The configuration after each class of bytes: `unknown`, `dead` or an index.
    private var transitions: [Int32] = []
    private var masks: [Int32: GrammarMask] = [:]
    private var nodeMasks: [Int32: NodeMask] = [:]

    private static let unknown: Int32 = -2
    private static let dead: Int32 = -1
    /// Above this many configurations, everything is dropped.
    private static let mostConfigurations = 16384
    /// Above this many bytes of masks of either kind, those are dropped.
    private static let mostMaskBytes = 16 << 20

    /// What tokens do below one node as long as its rule lasts.
    private struct NodeMask {
        /// Tokens that stay in the rule, or end with it.
        var allowed: [UInt64]
        /// Trie nodes with children at which the rule may end: tokens beyond depend on the stack.
        var resumes: [Int32]
        /// How many of those lie on one path.
        var nesting: Int
        /// The most calls that are open in any reading, counting the node's frame as one.
        var reach: Int32
        /// The most readings side by side.
        var readings: Int
    }

    init(automaton: GrammarAutomaton, vocabulary: TokenVocabulary) {
        self.automaton = automaton
        self.vocabulary = vocabulary
    }

    // MARK: - Transitions

    private mutating func intern(_ configuration: GrammarConfiguration) -> Int32 {
        if let known = index[configuration] { return known }
        let new = Int32(configurations.count)
        configurations.append(configuration)
        index[configuration] = new
        transitions += repeatElement(Self.unknown, count: automaton.examples.count)
        return new
    }

    private mutating func next(_ from: Int32, _ byte: UInt8) -> Int32 {
        let kind = Int(automaton.classes[Int(byte)])
        let place = Int(from) * automaton.examples.count + kind
        let known = transitions[place]
        if known != Self.unknown { return known }
        let after = automaton.step(configurations[Int(from)], automaton.examples[kind])
        let target = after.isDead ? Self.dead : intern(after)
        transitions[place] = target
        return target
    }

    /// Drops what was remembered once it is too much; only between walks, which hold indices.
    private mutating func tidy() {
        let words = (vocabulary.tokens.count + 63) / 64 * 8 + 64
        if nodeMasks.count * words > Self.mostMaskBytes { nodeMasks.removeAll() }
        if masks.count * words > Self.mostMaskBytes { masks.removeAll() }
        guard configurations.count > Self.mostConfigurations else { return }
        configurations.removeAll()
        index.removeAll()
        transitions.removeAll()
        masks.removeAll()
    }

    mutating func advanced(
        _ from: GrammarConfiguration,
        over bytes: [UInt8]
    ) -> GrammarConfiguration? {
        tidy()
        var at = intern(from)
        for byte in bytes {
            at = next(at, byte)
            if at == Self.dead { return nil }
        }
        return configurations[Int(at)]
    }

    // MARK: - Masks

    mutating func mask(_ configuration: GrammarConfiguration) -> GrammarMask {
        tidy()
        let at = intern(configuration)
        if let known = masks[at] { return known }
        let made = GrammarMask(words(of: at))
        masks[at] = made
        return made
    }

    private mutating func words(of at: Int32) -> [UInt64] {
        let configuration = configurations[Int(at)]
        var words = emptyWords
        var readings = 0
        for frame in configuration.frames {
            let below = nodeMask(frame.node)
            guard Int(frame.depth) - 1 + Int(below.reach) <= GrammarAutomaton.Limit.depth else {
                let alone = GrammarConfiguration(frames: [frame], isComplete: false, reach: 0)
                readings += walk(0, intern(alone), &words)
                continue
            }
            for place in words.indices { words[place] |= below.allowed[place] }
            readings += below.readings
            guard let parent = frame.parent, !below.resumes.isEmpty else { continue }
            let beyond = intern(automaton.configuration(parent))
            var most = 0
            for node in below.resumes { most = max(most, walk(Int(node), beyond, &words)) }
            readings += below.nesting * most
        }
        guard readings >= GrammarAutomaton.Limit.stacks else { return words }
        // So many readings may have been cut off along the way: only the walk itself knows.
        words = emptyWords
        _ = walk(0, at, &words)
        return words
    }

    private var emptyWords: [UInt64] {
        Array(repeating: 0, count: (vocabulary.tokens.count + 63) / 64)
    }

    private mutating func nodeMask(_ node: Int32) -> NodeMask {
        if let known = nodeMasks[node] { return known }
        let alone = automaton.configuration(GrammarFrame(node, nil))
        var mask = NodeMask(
            allowed: emptyWords,
            resumes: [],
            nesting: 0,
            reach: alone.reach,
            readings: 0
        )
        // Where the rule may end at once, the frames below are readings of their own already.
        mask.readings = walk(0, intern(alone), &mask.allowed) { configuration, node, level in
            mask.reach = max(mask.reach, configuration.reach)
            guard configuration.isComplete else { return false }
            mask.nesting = max(mask.nesting, level)
            mask.resumes.append(node)
            return true
        }
        nodeMasks[node] = mask
        return mask
    }

    /// Walks the subtree of a trie node, adds the tokens that are read, and returns the most readings.
    private mutating func walk(_ top: Int, _ from: Int32, _ words: inout [UInt64]) -> Int {
        var states: [Int32] = Array(repeating: Self.dead, count: TokenVocabulary.longest + 1)
        let base = Int(vocabulary.depths[top])
        states[base] = from
        var most = configurations[Int(from)].frames.count
        var at = top + 1
        let end = Int(vocabulary.ends[top])
        while at < end {
            let depth = Int(vocabulary.depths[at])
            let state = next(states[depth - 1], vocabulary.bytes[at])
            guard state != Self.dead else {
                at = Int(vocabulary.ends[at])
                continue
            }
            states[depth] = state
            insertTokens(of: at, &words)
            most = max(most, configurations[Int(state)].frames.count)
            at += 1
        }
        return most
    }

    /// The same, reporting each configuration that was reached with its trie node and how many
    /// reports on its path, itself included, were answered with yes.
    private mutating func walk(
        _ top: Int,
        _ from: Int32,
        _ words: inout [UInt64],
        report: (GrammarConfiguration, Int32, Int) -> Bool
    ) -> Int {
        var states: [Int32] = Array(repeating: Self.dead, count: TokenVocabulary.longest + 1)
        var levels = [Int](repeating: 0, count: TokenVocabulary.longest + 1)
        states[0] = from
        var most = configurations[Int(from)].frames.count
        var at = top + 1
        let end = Int(vocabulary.ends[top])
        while at < end {
            let depth = Int(vocabulary.depths[at])
            let state = next(states[depth - 1], vocabulary.bytes[at])
            guard state != Self.dead else {
                at = Int(vocabulary.ends[at])
                continue
            }
            states[depth] = state
            levels[depth] = levels[depth - 1]
            insertTokens(of: at, &words)
            let configuration = configurations[Int(state)]
            most = max(most, configuration.frames.count)
            // A leaf has no tokens beyond it; report only what has.
            if Int(vocabulary.ends[at]) > at + 1 || !configuration.isComplete {
                if report(configuration, Int32(at), levels[depth] + 1) { levels[depth] += 1 }
            }
            at += 1
        }
        return most
    }

    private func insertTokens(of node: Int, _ words: inout [UInt64]) {
        var rank = Int(vocabulary.firstTokens[node])
        let end = Int(vocabulary.firstTokens[node + 1])
        while rank < end {
            let token = Int(vocabulary.sorted[rank])
            words[token >> 6] |= 1 << UInt64(token & 63)
            rank += 1
        }
    }
}
