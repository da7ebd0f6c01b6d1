import SkeinCore

/// Reads the regular part of ECMA 262's expressions; what has no automaton is refused by name.
struct RegexParser {
    private let text: [Unicode.Scalar]
    private var at = 0
    private let source: String
    /// Groups that are open.
    private var depth = 0
    /// Whether a `^` or `$` bound the alternative being read.
    private var startsAnchored = false
    private var endsAnchored = false

    private static let deepest = 48
    private static let mostCopies = 65_536

    private init(_ source: String) {
        self.source = source
        text = Array(source.unicodeScalars)
    }

    /// The texts that the expression matches as a whole, or where `searching`, the texts in which it
    /// matches anywhere.
    static func parse(_ source: String, searching: Bool) throws -> GrammarNode {
        var parser = RegexParser(source)
        var alternatives: [GrammarNode] = []
        let anything = GrammarNode.repetition(.scalars(.all), 0, nil)
        repeat {
            parser.startsAnchored = false
            parser.endsAnchored = false
            var parts = [try parser.sequence()]
            if searching && !parser.startsAnchored { parts.insert(anything, at: 0) }
            if searching && !parser.endsAnchored { parts.append(anything) }
            alternatives.append(.sequence(parts))
        } while parser.take("|")
        guard parser.at == parser.text.count else {
            throw parser.failure("'\(parser.text[parser.at])' where nothing is open")
        }
        return alternatives.count == 1 ? alternatives[0] : .choice(alternatives)
    }

    private func failure(_ what: String) -> SkeinError {
        SkeinError(
            .invalidArgument,
            "the pattern \"\(source.prefix(80))\" has \(what) at character \(at)"
        )
    }

    private var next: Unicode.Scalar? { at < text.count ? text[at] : nil }

    private func looksAt(_ word: String) -> Bool {
        let word = Array(word.unicodeScalars)
        return at + word.count <= text.count && Array(text[at..<at + word.count]) == word
    }

    private mutating func take(_ word: String) -> Bool {
        guard looksAt(word) else { return false }
        at += word.unicodeScalars.count
        return true
    }

    private mutating func sequence() throws -> GrammarNode {
        var parts: [GrammarNode] = []
        while let scalar = next, scalar != "|", scalar != ")" {
            if scalar == "^" {
                guard depth == 0, parts.isEmpty else {
                    throw failure("an anchor that is not at its start or end")
                }
                startsAnchored = true
                at += 1
                continue
            }
            if scalar == "$" {
                at += 1
                guard depth == 0, next == nil || next == "|" else {
                    throw failure("an anchor that is not at its start or end")
                }
                endsAnchored = true
                continue
            }
            parts.append(try quantified(try atom()))
        }
        return parts.count == 1 ? parts[0] : .sequence(parts)
    }

    private mutating func quantified(_ atom: GrammarNode) throws -> GrammarNode {
        var node = atom
        var quantifiers = 0
        while true {
            let bounds: (Int, Int?)
            if take("*") {
                bounds = (0, nil)
            } else if take("+") {
                bounds = (1, nil)
            } else if take("?") {
                bounds = (0, 1)
            } else if let counted = try counts() {
                bounds = counted
            } else {
                return node
            }
            quantifiers += 1
            guard quantifiers == 1 else { throw failure("a quantifier after a quantifier") }
            node = .repetition(node, bounds.0, bounds.1)
            if take("?") { continue }
            if next == "+" { throw failure("a possessive quantifier, which is not supported,") }
        }
    }

    private mutating func counts() throws -> (Int, Int?)? {
        guard next == "{" else { return nil }
        let begin = at
        at += 1
        guard let least = try count() else {
            at = begin
            throw failure("a '{' without a count")
        }
        var most: Int? = least
        if take(",") { most = try count() }
        guard take("}") else { throw failure("a count without '}'") }
        if let most, most < least { throw failure("a count whose bounds are reversed") }
        return (least, most)
    }

    private mutating func count() throws -> Int? {
        var value: Int?
        while let scalar = next, ("0"..."9").contains(scalar) {
            value = (value ?? 0) * 10 + Int(scalar.value - 48)
            guard (value ?? 0) <= Self.mostCopies else {
                throw failure("a count above \(Self.mostCopies)")
            }
            at += 1
        }
        return value
    }

    private mutating func atom() throws -> GrammarNode {
        guard let scalar = next else { throw failure("an end where an atom was expected") }
        switch scalar {
        case "(": return try group()
        case "[": return .scalars(try bracket())
        case ".":
            at += 1
            return .scalars(ScalarSet(of: "\n\r\u{2028}\u{2029}").inverted())
        case "*", "+", "?", "{": throw failure("a quantifier without anything to repeat")
        case "\\":
            at += 1
            return .scalars(try escape(inBracket: false))
        default:
            at += 1
            return .scalars(ScalarSet([scalar.value...scalar.value]))
        }
    }

    private mutating func group() throws -> GrammarNode {
        at += 1
        if take("?") {
            if next == "<", at + 1 < text.count, text[at + 1] != "=", text[at + 1] != "!" {
                while let scalar = next, scalar != ">" { _ = (scalar, at += 1) }
                guard take(">") else { throw failure("a group name without '>'") }
            } else if !take(":") {
                throw failure("a look-around or flag group, which is not supported,")
            }
        }
        depth += 1
        guard depth <= Self.deepest else { throw failure("more than \(Self.deepest) open groups") }
        var alternatives = [try sequence()]
        while take("|") { alternatives.append(try sequence()) }
        guard take(")") else { throw failure("a group without ')'") }
        depth -= 1
        return alternatives.count == 1 ? alternatives[0] : .choice(alternatives)
    }

    // MARK: - Sets

    private static let digits = ScalarSet([48...57])
    private static let word = ScalarSet([48...57, 65...90, 95...95, 97...122])
    private static let space = ScalarSet(
        of: "\t\n\u{0B}\u{0C}\r \u{A0}\u{1680}\u{2028}\u{2029}\u{202F}\u{205F}\u{3000}\u{FEFF}"
    ).union(ScalarSet([0x2000...0x200A]))

    private mutating func escape(inBracket: Bool) throws -> ScalarSet {
        guard let scalar = next else { throw failure("a '\\' at its end") }
        at += 1
        switch scalar {
        case "d": return Self.digits
        case "D": return Self.digits.inverted()
        case "w": return Self.word
        case "W": return Self.word.inverted()
        case "s": return Self.space
        case "S": return Self.space.inverted()
        case "t": return ScalarSet([9...9])
        case "n": return ScalarSet([10...10])
        case "v": return ScalarSet([11...11])
        case "f": return ScalarSet([12...12])
        case "r": return ScalarSet([13...13])
        case "0": return ScalarSet([0...0])
        case "b" where inBracket: return ScalarSet([8...8])
        case "x": return try value(digits: 2)
        case "u":
            if take("{") {
                let begin = at
                while let digit = next, digit != "}" { _ = (digit, at += 1) }
                let text = String(String.UnicodeScalarView(self.text[begin..<at]))
                guard take("}"), let value = UInt32(text, radix: 16), value <= 0x10FFFF else {
                    throw failure("an escape \\u{...} without a scalar value")
                }
                return ScalarSet([value...value])
            }
            return try value(digits: 4)
        default:
            let isLetter = ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
            guard !isLetter, !("1"..."9").contains(scalar) else {
                throw failure("the escape \\\(scalar), which is not supported,")
            }
            return ScalarSet([scalar.value...scalar.value])
        }
    }

    private mutating func value(digits: Int) throws -> ScalarSet {
        guard at + digits <= text.count,
            let value = UInt32(
                String(String.UnicodeScalarView(text[at..<at + digits])),
                radix: 16
            )
        else { throw failure("an escape without \(digits) hexadecimal digits") }
        at += digits
        return ScalarSet([value...value])
    }

    private mutating func bracket() throws -> ScalarSet {
        at += 1
        let isInverted = take("^")
        var set: [ClosedRange<UInt32>] = []
        while !take("]") {
            let low = try member()
            let isRange = next == "-" && at + 1 < text.count && text[at + 1] != "]"
            guard isRange else {
                set += low.ranges
                continue
            }
            at += 1
            let high = try member()
            guard let first = low.single, let last = high.single else {
                throw failure("a range between sets")
            }
            guard first <= last else { throw failure("a range whose bounds are reversed") }
            set.append(first...last)
        }
        let union = ScalarSet(set)
        return isInverted ? union.inverted() : union
    }

    private mutating func member() throws -> ScalarSet {
        guard let scalar = next else { throw failure("a set without ']'") }
        at += 1
        if scalar == "\\" { return try escape(inBracket: true) }
        return ScalarSet([scalar.value...scalar.value])
    }
}

extension ScalarSet {
    /// The only member, where there is just one.
    var single: UInt32? {
        guard ranges.count == 1, ranges[0].count == 1 else { return nil }
        return ranges[0].lowerBound
    }
}

extension Grammar {
    /// Creates the grammar of texts that a regular expression matches as a whole.
    ///
    /// Literals, classes, groups, alternatives and counts; `^` and `$` at the ends only. Look-around,
    /// back references and word boundaries are refused.
    ///
    /// - Throws: `SkeinError` with code `.invalidArgument`, naming what and where.
    public init(regex: String) throws {
        self.init(root: try RegexParser.parse(regex, searching: false))
    }
}
