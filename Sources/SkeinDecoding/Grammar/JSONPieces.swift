import SkeinCore

/// The parts that grammars of JSON are made of.
///
/// White space is bounded: after `:` at most one space; elsewhere between tokens nothing, one space, or
/// one newline with at most 40 spaces or 20 tabs; none before or after the whole text.
enum JSONPieces {
    /// What may stand between brackets, commas and elements.
    static let space: GrammarNode = .optional(
        .choice([
            .text(" "),
            .sequence([
                .text("\n"),
                .choice([
                    .repetition(.text(" "), 0, 40),
                    .repetition(.text("\t"), 1, 20),
                ]),
            ]),
        ])
    )
    static let comma: GrammarNode = .sequence([.text(","), space])
    static let colon: GrammarNode = .sequence([.text(":"), .optional(.text(" "))])

    /// Characters that stand for themselves in a string.
    static let plain = ScalarSet([0x20...0x21, 0x23...0x5B, 0x5D...0x10FFFF])

    private static func ascii(_ ranges: ClosedRange<Unicode.Scalar>...) -> GrammarNode {
        .scalars(ScalarSet(ranges.map { $0.lowerBound.value...$0.upperBound.value }))
    }

    private static let hexadecimal = ascii("0"..."9", "a"..."f", "A"..."F")

    /// One character of a string in any of its spellings.
    static let character: GrammarNode = .choice([
        .scalars(plain),
        .sequence([
            .text("\\"),
            .choice([
                .scalars(ScalarSet(of: "\"\\/bfnrt")),
                .sequence([
                    .text("u"),
                    .choice([
                        .sequence([
                            ascii("0"..."9", "a"..."c", "e"..."f", "A"..."C", "E"..."F"),
                            hexadecimal, hexadecimal, hexadecimal,
                        ]),
                        .sequence([
                            ascii("d"..."d", "D"..."D"), ascii("0"..."7"),
                            hexadecimal, hexadecimal,
                        ]),
                        .sequence([
                            ascii("d"..."d", "D"..."D"), ascii("8"..."9", "a"..."b", "A"..."B"),
                            hexadecimal, hexadecimal,
                            .text("\\u"), ascii("d"..."d", "D"..."D"),
                            ascii("c"..."f", "C"..."F"), hexadecimal, hexadecimal,
                        ]),
                    ]),
                ]),
            ]),
        ]),
    ])

    /// A string with so many characters.
    static func string(_ least: Int = 0, _ most: Int? = nil) -> GrammarNode {
        .sequence([.text("\""), .repetition(character, least, most), .text("\"")])
    }

    static let digit = ascii("0"..."9")
    static let positive: GrammarNode = .sequence([
        ascii("1"..."9"), .repetition(digit, 0, nil),
    ])
    static let natural: GrammarNode = .choice([.text("0"), positive])
    static let integer: GrammarNode = .sequence([.optional(.text("-")), natural])
    static let number: GrammarNode = .sequence([
        integer,
        .optional(.sequence([.text("."), .repetition(digit, 1, nil)])),
        .optional(
            .sequence([
                .scalars(ScalarSet(of: "eE")),
                .choice([
                    .sequence([.optional(.text("+")), .repetition(digit, 1, 2)]),
                    .sequence([.text("-"), .repetition(digit, 1, 3)]),
                ]),
            ])
        ),
    ])
    static let boolean: GrammarNode = .choice([.text("true"), .text("false")])

    /// An array of items with separators.
    static func array(_ list: GrammarNode) -> GrammarNode {
        .sequence([.text("["), space, list, .text("]")])
    }

    /// The one way in which a character is spelled in keys, constants and patterns.
    static func spelling(_ value: UInt32) -> [UInt8] {
        switch value {
        case 0x22: Array("\\\"".utf8)
        case 0x5C: Array("\\\\".utf8)
        case 0x08: Array("\\b".utf8)
        case 0x09: Array("\\t".utf8)
        case 0x0A: Array("\\n".utf8)
        case 0x0C: Array("\\f".utf8)
        case 0x0D: Array("\\r".utf8)
        case ..<0x20:
            Array("\\u00".utf8) + Array((value < 16 ? "0" : "").utf8)
                + Array(String(value, radix: 16).utf8)
        default: ScalarSet.encoded(value)
        }
    }

    /// A set of characters, each in its one spelling.
    static func spelled(_ set: ScalarSet) -> GrammarNode {
        var parts: [GrammarNode] = [.scalars(set.intersection(plain))]
        for value in [0x22, 0x5C] + Array(UInt32(0)..<0x20) where set.contains(value) {
            parts.append(.text(spelling(value)))
        }
        return .choice(parts)
    }

    /// A text between quotes in its one spelling.
    static func quoted(_ text: String) -> GrammarNode {
        .text([0x22] + text.unicodeScalars.flatMap { spelling($0.value) } + [0x22])
    }

    /// An expression over characters as it is spelled inside a string.
    static func spelled(_ node: GrammarNode) -> GrammarNode {
        switch node {
        case .scalars(let set): spelled(set)
        case .sequence(let parts): .sequence(parts.map(spelled))
        case .choice(let parts): .choice(parts.map(spelled))
        case .repetition(let body, let least, let most):
            .repetition(spelled(body), least, most)
        case .text, .list, .rule: node
        }
    }

    /// A constant, with white space as anywhere.
    static func constant(_ value: JSON) -> GrammarNode {
        switch value {
        case .string(let text): return quoted(text)
        case .array(let elements):
            let items = elements.map { GrammarNode.Item(node: constant($0), isRequired: true) }
            return array(list(items, rest: nil))
        case .object(let object):
            let items = object.members.map {
                GrammarNode.Item(
                    node: .sequence([quoted($0.key), colon, constant($0.value)]),
                    isRequired: true
                )
            }
            return .sequence([.text("{"), space, list(items, rest: nil), .text("}")])
        case .null, .bool, .int, .double:
            return .text(value.text())
        }
    }

    /// Items with commas between them and space at the end where there are any.
    static func list(_ items: [GrammarNode.Item], rest: GrammarNode?) -> GrammarNode {
        .sequence([.list(items, separator: comma, rest: rest), space])
    }
}

extension Grammar {
    /// Any JSON object: OpenAI's JSON mode.
    public static func jsonObject() -> Grammar {
        var schema = SchemaCompiler(isStrict: false)
        return Grammar(root: .rule(schema.anyObject)).with(&schema)
    }

    /// Any JSON value.
    public static func jsonValue() -> Grammar {
        var schema = SchemaCompiler(isStrict: false)
        return Grammar(root: .rule(schema.anyValue)).with(&schema)
    }

    private func with(_ schema: inout SchemaCompiler) -> Grammar {
        Grammar(rules: schema.rules, root: root)
    }
}
