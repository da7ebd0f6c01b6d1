import SkeinCore

/// Reads grammars as llama.cpp spells them.
struct GBNFParser {
    private let text: [Unicode.Scalar]
    private var at = 0
    private var names: [ExactKey: Int] = [:]
    private var rules: [GrammarNode?] = []
    private var order: [String] = []
    private var depth = 0

    private static let deepest = 48
    private static let mostCopies = 65_536

    private init(_ source: String) { text = Array(source.unicodeScalars) }

    static func parse(_ source: String) throws -> Grammar {
        var parser = GBNFParser(source)
        parser.skipSpace(lines: true)
        while parser.next != nil { try parser.definition() }
        guard let root = parser.names[ExactKey("root")], parser.rules[root] != nil else {
            throw SkeinError(.invalidArgument, "the grammar has no rule named root")
        }
        var rules: [GrammarNode] = []
        for (index, rule) in parser.rules.enumerated() {
            guard let rule else {
                throw SkeinError(
                    .invalidArgument,
                    "the grammar names the rule \(parser.order[index]), which it does not define"
                )
            }
            rules.append(rule)
        }
        return Grammar(rules: rules, root: .rule(root))
    }

    private func failure(_ expected: String) -> SkeinError {
        let line = text[..<min(at, text.count)].reduce(1) { $0 + ($1 == "\n" ? 1 : 0) }
        let found = next.map { "'\($0)'" } ?? "the end"
        return SkeinError(
            .invalidArgument,
            "line \(line) of the grammar has \(found), expected \(expected)"
        )
    }

    private var next: Unicode.Scalar? { at < text.count ? text[at] : nil }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard next == scalar else { return false }
        at += 1
        return true
    }

    private mutating func skipSpace(lines: Bool) {
        while let scalar = next {
            if scalar == "#" {
                while let other = next, other != "\n" { _ = (other, at += 1) }
            } else if scalar == " " || scalar == "\t" || scalar == "\r"
                || (lines && scalar == "\n")
            {
                at += 1
            } else {
                return
            }
        }
    }

    private static func isName(_ scalar: Unicode.Scalar) -> Bool {
        ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
            || ("0"..."9").contains(scalar) || scalar == "-" || scalar == "_"
    }

    private mutating func name() throws -> String {
        let begin = at
        while let scalar = next, Self.isName(scalar) { _ = (scalar, at += 1) }
        guard at > begin else { throw failure("the name of a rule") }
        return String(String.UnicodeScalarView(text[begin..<at]))
    }

    private mutating func index(of name: String) -> Int {
        if let known = names[ExactKey(name)] { return known }
        names[ExactKey(name)] = rules.count
        rules.append(nil)
        order.append(name)
        return rules.count - 1
    }

    private mutating func definition() throws {
        let name = try name()
        skipSpace(lines: false)
        for scalar: Unicode.Scalar in [":", ":", "="] {
            guard take(scalar) else { throw failure("::= after \(name)") }
        }
        skipSpace(lines: true)
        let index = index(of: name)
        guard rules[index] == nil else {
            throw SkeinError(.invalidArgument, "the grammar defines the rule \(name) twice")
        }
        let node = try alternatives()
        rules[index] = node
        guard next == nil || next == "\n" else { throw failure("the end of rule \(name)") }
        skipSpace(lines: true)
    }

    private mutating func alternatives() throws -> GrammarNode {
        var parts = [try sequence()]
        while take("|") {
            skipSpace(lines: true)
            parts.append(try sequence())
        }
        return parts.count == 1 ? parts[0] : .choice(parts)
    }

    private mutating func sequence() throws -> GrammarNode {
        var parts: [GrammarNode] = []
        while let scalar = next {
            var node: GrammarNode
            if take("\"") {
                node = try literal()
            } else if take("[") {
                node = .scalars(try set())
            } else if take(".") {
                node = .scalars(.all)
            } else if take("(") {
                depth += 1
                guard depth <= Self.deepest else {
                    throw failure("at most \(Self.deepest) open groups")
                }
                skipSpace(lines: true)
                node = try alternatives()
                guard take(")") else { throw failure(")") }
                depth -= 1
            } else if Self.isName(scalar) {
                node = .rule(index(of: try name()))
            } else {
                break
            }
            skipSpace(lines: depth > 0)
            while let (least, most) = try quantifier() {
                node = .repetition(node, least, most)
                skipSpace(lines: depth > 0)
            }
            parts.append(node)
        }
        return parts.count == 1 ? parts[0] : .sequence(parts)
    }

    private mutating func quantifier() throws -> (Int, Int?)? {
        if take("*") { return (0, nil) }
        if take("+") { return (1, nil) }
        if take("?") { return (0, 1) }
        guard take("{") else { return nil }
        skipSpace(lines: false)
        guard let least = try count() else { throw failure("a count") }
        skipSpace(lines: false)
        var most: Int? = least
        if take(",") {
            skipSpace(lines: false)
            most = try count()
            skipSpace(lines: false)
        }
        guard take("}") else { throw failure("}") }
        if let most, most < least {
            throw SkeinError(
                .invalidArgument,
                "the grammar counts from \(least) to \(most), expected the smaller first"
            )
        }
        return (least, most)
    }

    private mutating func count() throws -> Int? {
        var value: Int?
        while let scalar = next, ("0"..."9").contains(scalar) {
            value = (value ?? 0) * 10 + Int(scalar.value - 48)
            guard (value ?? 0) <= Self.mostCopies else {
                throw failure("a count of at most \(Self.mostCopies)")
            }
            at += 1
        }
        return value
    }

    private mutating func literal() throws -> GrammarNode {
        var bytes: [UInt8] = []
        while !take("\"") { bytes += ScalarSet.encoded(try character()) }
        return .text(bytes)
    }

    private mutating func set() throws -> ScalarSet {
        let isInverted = take("^")
        var ranges: [ClosedRange<UInt32>] = []
        while !take("]") {
            let low = try character()
            guard next == "-", at + 1 < text.count, text[at + 1] != "]" else {
                ranges.append(low...low)
                continue
            }
            at += 1
            let high = try character()
            guard low <= high else { throw failure("a range whose first bound is the smaller") }
            ranges.append(low...high)
        }
        let union = ScalarSet(ranges)
        return isInverted ? union.inverted() : union
    }

    private mutating func character() throws -> UInt32 {
        guard let scalar = next, scalar != "\n" else {
            throw failure("a character or the end quote")
        }
        at += 1
        guard scalar == "\\" else { return scalar.value }
        guard let escaped = next else { throw failure("an escape") }
        at += 1
        switch escaped {
        case "n": return 10
        case "r": return 13
        case "t": return 9
        case "x": return try hexadecimal(2)
        case "u": return try hexadecimal(4)
        case "U": return try hexadecimal(8)
        case "\"", "\\", "[", "]", "-", "^", "/", "'": return escaped.value
        default:
            at -= 1
            throw failure("n, r, t, x, u, U, a quote, a bracket or a backslash after '\\'")
        }
    }

    private mutating func hexadecimal(_ digits: Int) throws -> UInt32 {
        guard at + digits <= text.count,
            let value = UInt32(
                String(String.UnicodeScalarView(text[at..<at + digits])),
                radix: 16
            ), Unicode.Scalar(value) != nil
        else { throw failure("\(digits) hexadecimal digits of a Unicode scalar") }
        at += digits
        return value
    }
}

extension Grammar {
    /// Creates the grammar of a GBNF text, as llama.cpp spells it; its rule `root` is the whole text.
    ///
    /// - Throws: `SkeinError` with code `.invalidArgument`, naming line and what was expected.
    public init(ebnf: String) throws {
        self = try GBNFParser.parse(ebnf)
    }
}
