import SkeinCore

/// Turns expressions into deterministic automata, rule by rule.
///
/// Each rule becomes a nondeterministic automaton (Thompson's construction), then a deterministic one
/// whose alphabet is bytes and calls. Repeated expressions become rules of their own where that keeps
/// the automaton small.
struct GrammarBuilder {
    /// The deterministic nodes of all rules.
    private(set) var nodes: [GrammarAutomaton.Node] = []
    private var rules: [GrammarNode]
    private var starts: [Int32?]
    private var extracted: [GrammarNode: Int] = [:]
    /// Rules that are called and not built yet.
    private var waiting: [Int] = []
    /// The rule at work, nondeterministic.
    private var states: [State] = []
    private var stateCount = 0
    private var work = 0

    private struct State {
        var silent: [Int32] = []
        var edges: [GrammarAutomaton.Edge] = []
        /// Pairs of a rule and the state after it.
        var calls: [(rule: Int32, back: Int32)] = []
    }

    private typealias Limit = GrammarAutomaton.Limit

    init(rules: [GrammarNode]) {
        self.rules = rules
        starts = Array(repeating: nil, count: rules.count)
    }

    /// Builds what an expression needs and returns its first node.
    mutating func build(_ root: GrammarNode) throws -> Int32 {
        rules.append(root)
        starts.append(nil)
        let index = rules.count - 1
        waiting = [index]
        while let rule = waiting.popLast() {
            guard starts[rule] == nil else { continue }
            starts[rule] = try deterministic(rules[rule])
        }
        for index in nodes.indices {
            for place in nodes[index].calls.indices {
                let rule = Int(nodes[index].calls[place].start)
                guard let start = starts[rule] else { continue }
                nodes[index].calls[place].start = start
            }
        }
        return starts[index] ?? 0
    }

    private func tooLarge(_ what: String, _ limit: Int) -> SkeinError {
        SkeinError(
            .invalidArgument,
            "the grammar needs more than \(limit) \(what)",
            hint: "use smaller repetition counts and fewer alternatives"
        )
    }

    // MARK: - Nondeterministic

    private mutating func newState() throws -> Int32 {
        stateCount += 1
        guard stateCount <= Limit.states else { throw tooLarge("states", Limit.states) }
        states.append(State())
        return Int32(states.count - 1)
    }

    private mutating func skip(_ from: Int32, _ to: Int32) {
        states[Int(from)].silent.append(to)
    }

    /// Adds an expression after a state and returns the state after it.
    private mutating func add(_ node: GrammarNode, after from: Int32, level: Int) throws -> Int32 {
        guard level < Limit.nesting else { throw tooLarge("nested expressions", Limit.nesting) }
        switch node {
        case .text(let bytes):
            var state = from
            for byte in bytes { state = try read(byte...byte, after: state) }
            return state
        case .scalars(let set):
            let end = try newState()
            for sequence in set.byteSequences {
                var state = from
                for bytes in sequence.dropLast() { state = try read(bytes, after: state) }
                guard let last = sequence.last else { continue }
                let edge = GrammarAutomaton.Edge(
                    low: last.lowerBound,
                    high: last.upperBound,
                    target: end
                )
                states[Int(state)].edges.append(edge)
            }
            return end
        case .sequence(let parts):
            var state = from
            for part in parts { state = try add(part, after: state, level: level + 1) }
            return state
        case .choice(let parts):
            let end = try newState()
            for part in parts {
                let begin = try newState()
                skip(from, begin)
                skip(try add(part, after: begin, level: level + 1), end)
            }
            return end
        case .repetition(let body, let least, let most):
            return try addRepetition(of: body, least, most, after: from, level: level)
        case .list(let items, let separator, let rest):
            return try addList(items, separator, rest, after: from, level: level)
        case .rule(let index):
            let end = try newState()
            states[Int(from)].calls.append((Int32(index), end))
            if starts[index] == nil { waiting.append(index) }
            return end
        }
    }

    private mutating func read(
        _ bytes: ClosedRange<UInt8>,
        after from: Int32
    ) throws -> Int32 {
        let to = try newState()
        states[Int(from)].edges.append(
            GrammarAutomaton.Edge(low: bytes.lowerBound, high: bytes.upperBound, target: to)
        )
        return to
    }

    /// Counts above which a large repeated expression becomes a rule.
    private static let copies = 3
    /// The weight above which it does.
    private static let bodyWeight = 8

    private mutating func addRepetition(
        of whole: GrammarNode,
        _ least: Int,
        _ most: Int?,
        after from: Int32,
        level: Int
    ) throws -> Int32 {
        guard max(least, most ?? 0) <= Limit.states else {
            throw tooLarge("repetitions", Limit.states)
        }
        var body = whole
        if max(least, most ?? 0) > Self.copies, whole.weight > Self.bodyWeight {
            let index = extracted[whole] ?? rules.count
            if index == rules.count {
                rules.append(whole)
                starts.append(nil)
                extracted[whole] = index
            }
            body = .rule(index)
        }
        var state = from
        for _ in 0..<least { state = try add(body, after: state, level: level + 1) }
        let end = try newState()
        guard let most else {
            let loop = try newState()
            skip(state, loop)
            skip(try add(body, after: loop, level: level + 1), loop)
            skip(loop, end)
            return end
        }
        for _ in least..<max(least, most) {
            skip(state, end)
            let begin = try newState()
            skip(state, begin)
            state = try add(body, after: begin, level: level + 1)
        }
        skip(state, end)
        return end
    }

    /// States before each item with nothing, or something, before it; both lead to the item itself.
    private mutating func addList(
        _ items: [GrammarNode.Item],
        _ separator: GrammarNode,
        _ rest: GrammarNode?,
        after from: Int32,
        level: Int
    ) throws -> Int32 {
        let end = try newState()
        var empty: Int32? = from
        var filled: Int32?
        let all = items + (rest.map { [GrammarNode.Item(node: $0, isRequired: false)] } ?? [])
        for (index, item) in all.enumerated() {
            let begin = try newState()
            if let empty { skip(empty, begin) }
            if let filled {
                skip(try add(separator, after: filled, level: level + 1), begin)
            }
            let after = try newState()
            skip(try add(item.node, after: begin, level: level + 1), after)
            if index == items.count {
                skip(try add(separator, after: after, level: level + 1), begin)
            }
            if item.isRequired {
                (empty, filled) = (nil, after)
            } else {
                if let filled { skip(filled, after) }
                filled = after
            }
        }
        if let empty { skip(empty, end) }
        if let filled { skip(filled, end) }
        return end
    }

    // MARK: - Deterministic

    private mutating func deterministic(_ rule: GrammarNode) throws -> Int32 {
        states.removeAll(keepingCapacity: true)
        let begin = try newState()
        let final = try add(rule, after: begin, level: 0)
        var sets: [[Int32]] = []
        var index: [[Int32]: Int32] = [:]
        let base = Int32(nodes.count)
        var marks = [Int32](repeating: -1, count: states.count)
        var stamp: Int32 = 0
        var effort = 0
        let states = states
        func intern(_ seeds: [Int32]) -> Int32 {
            stamp += 1
            var closed: [Int32] = []
            var open = seeds
            while let state = open.popLast() {
                effort += 1
                guard marks[Int(state)] != stamp else { continue }
                marks[Int(state)] = stamp
                let value = states[Int(state)]
                if state == final || !value.edges.isEmpty || !value.calls.isEmpty {
                    closed.append(state)
                }
                open += value.silent
            }
            closed.sort()
            if let known = index[closed] { return known }
            let new = base + Int32(sets.count)
            index[closed] = new
            sets.append(closed)
            return new
        }
        _ = intern([begin])
        var next = 0
        while next < sets.count {
            guard nodes.count < Limit.nodes else { throw tooLarge("nodes", Limit.nodes) }
            guard work + effort < Limit.work else { throw tooLarge("steps to build", Limit.work) }
            let set = sets[next]
            next += 1
            var node = GrammarAutomaton.Node()
            node.isEnd = set.contains(final)
            var edges: [GrammarAutomaton.Edge] = []
            var calls: [(rule: Int32, back: Int32)] = []
            for state in set {
                edges += states[Int(state)].edges
                calls += states[Int(state)].calls
            }
            for (low, high, targets) in Self.split(edges) {
                effort += targets.count
                let target = intern(targets)
                if let last = node.edges.last, last.target == target, last.high &+ 1 == low {
                    node.edges[node.edges.count - 1].high = high
                } else {
                    node.edges.append(.init(low: low, high: high, target: target))
                }
            }
            var seen: [Int32] = []
            for call in calls where !seen.contains(call.rule) {
                seen.append(call.rule)
                let backs = calls.filter { $0.rule == call.rule }.map(\.back)
                let back = intern(backs)
                node.calls.append(.init(start: call.rule, back: back))
            }
            nodes.append(node)
        }
        work += effort
        return base
    }

    /// Cuts overlapping edges at their borders and gathers the targets of each piece.
    private static func split(
        _ edges: [GrammarAutomaton.Edge]
    ) -> [(low: UInt8, high: UInt8, targets: [Int32])] {
        if edges.count == 1 { return [(edges[0].low, edges[0].high, [edges[0].target])] }
        var borders: Set<Int> = []
        for edge in edges {
            borders.insert(Int(edge.low))
            borders.insert(Int(edge.high) + 1)
        }
        let cuts = borders.sorted()
        var pieces: [(low: UInt8, high: UInt8, targets: [Int32])] = []
        var starts: [Int: Int] = [:]
        for (place, cut) in cuts.enumerated() { starts[cut] = place }
        var targets: [[Int32]] = Array(repeating: [], count: cuts.count)
        for edge in edges {
            var place = starts[Int(edge.low)] ?? 0
            while place < cuts.count, cuts[place] <= Int(edge.high) {
                targets[place].append(edge.target)
                place += 1
            }
        }
        for (place, cut) in cuts.enumerated() where !targets[place].isEmpty {
            pieces.append((UInt8(cut), UInt8(cuts[place + 1] - 1), targets[place]))
        }
        return pieces
    }
}
