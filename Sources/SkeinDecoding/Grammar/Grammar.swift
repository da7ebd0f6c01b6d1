/// A context-free grammar over bytes that says which texts an answer may be.
///
/// Made from a JSON Schema, a GBNF text, a regular expression, a list of choices, or other grammars;
/// `CompiledGrammar` turns it into an automaton over the tokens of a vocabulary.
public struct Grammar: Sendable, Hashable {
    /// What the rules that `.rule` names stand for.
    var rules: [GrammarNode]
    /// What the whole text is.
    var root: GrammarNode

    init(rules: [GrammarNode] = [], root: GrammarNode) {
        self.rules = rules
        self.root = root
    }

    /// Creates the grammar of one text.
    public init(literal: String) {
        self.init(root: .text(Array(literal.utf8)))
    }

    /// Creates the grammar of any one of some texts.
    public init(choices: [String]) {
        self.init(root: .choice(choices.map { .text(Array($0.utf8)) }))
    }

    /// The grammar of texts that are one text of each grammar, in order.
    public static func sequence(_ parts: [Grammar]) -> Grammar {
        joined(parts) { .sequence($0) }
    }

    /// The grammar of texts that any of the grammars accepts.
    public static func any(_ parts: [Grammar]) -> Grammar {
        joined(parts) { .choice($0) }
    }

    /// The grammar of between `least` and `most` texts of one grammar in a row.
    public func repeated(_ least: Int = 0, atMost most: Int? = nil) -> Grammar {
        Grammar(rules: rules, root: .repetition(root, least, most))
    }

    private static func joined(
        _ parts: [Grammar],
        _ join: ([GrammarNode]) -> GrammarNode
    ) -> Grammar {
        var rules: [GrammarNode] = []
        var roots: [GrammarNode] = []
        for part in parts {
            let offset = rules.count
            rules += part.rules.map { $0.shifted(by: offset) }
            roots.append(part.root.shifted(by: offset))
        }
        return Grammar(rules: rules, root: join(roots))
    }
}

/// One expression of a grammar.
indirect enum GrammarNode: Hashable, Sendable {
    /// One Unicode scalar of a set, in UTF-8.
    case scalars(ScalarSet)
    /// Exactly these bytes.
    case text([UInt8])
    /// All of these in order; nothing where there are none.
    case sequence([GrammarNode])
    /// Any of these; no text at all where there are none.
    case choice([GrammarNode])
    /// At least and at most so many of one expression.
    case repetition(GrammarNode, Int, Int?)
    /// Items in order, some of which may be left out, then any number of `rest`, with separators
    /// between those that are there.
    case list([Item], separator: GrammarNode, rest: GrammarNode?)
    /// What the rule of this index stands for.
    case rule(Int)

    /// A member of a list.
    struct Item: Hashable, Sendable {
        var node: GrammarNode
        var isRequired: Bool
    }

    static func text(_ text: String) -> Self { .text(Array(text.utf8)) }
    static func optional(_ node: Self) -> Self { .repetition(node, 0, 1) }
    static let nothing = Self.sequence([])
    /// What no text matches.
    static let never = Self.choice([])

    /// The same expression over rules that were moved.
    func shifted(by offset: Int) -> Self {
        switch self {
        case .scalars, .text: self
        case .sequence(let parts): .sequence(parts.map { $0.shifted(by: offset) })
        case .choice(let parts): .choice(parts.map { $0.shifted(by: offset) })
        case .repetition(let node, let least, let most):
            .repetition(node.shifted(by: offset), least, most)
        case .list(let items, let separator, let rest):
            .list(
                items.map { Item(node: $0.node.shifted(by: offset), isRequired: $0.isRequired) },
                separator: separator.shifted(by: offset),
                rest: rest?.shifted(by: offset)
            )
        case .rule(let index): .rule(index + offset)
        }
    }

    /// About how many automaton states the expression takes.
    var weight: Int {
        switch self {
        case .scalars(let set): set.ranges.allSatisfy { $0.upperBound < 0x80 } ? 1 : 12
        case .text(let bytes): bytes.count
        case .sequence(let parts), .choice(let parts): parts.reduce(1) { $0 &+ $1.weight }
        case .repetition(let node, let least, let most):
            node.weight.multipliedReportingOverflow(by: max(least, most ?? 1)).partialValue
        case .list(let items, let separator, let rest):
            items.reduce((rest?.weight ?? 0) &+ separator.weight) { $0 &+ $1.node.weight }
        case .rule: 1
        }
    }
}
