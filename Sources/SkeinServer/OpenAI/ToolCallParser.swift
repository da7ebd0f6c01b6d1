internal import SkeinCore
internal import Synchronization

/// What becomes of an answer's text as it streams: text, or a call's name and arguments.
enum ToolCallPiece: Sendable, Equatable {
    case text(String)
    case call(index: Int, name: String)
    case arguments(index: Int, String)

    /// Whole calls in OpenAI's shape.
    static func joined(_ pieces: [ToolCallPiece], id: (Int) -> String) -> [JSON] {
        var calls: [(name: String, arguments: String)] = []
        for piece in pieces {
            switch piece {
            case .text: break
            case .call(_, let name): calls.append((name, ""))
            case .arguments(let index, let text): calls[index].arguments += text
            }
        }
        return calls.enumerated().map { index, call in
            [
                "id": .string(id(index)),
                "type": "function",
                "function": ["name": .string(call.name), "arguments": .string(call.arguments)],
            ]
        }
    }
}

extension [ToolCallPiece] {
    /// All plain text.
    var text: String {
        map { piece in if case .text(let text) = piece { text } else { "" } }.joined()
    }
}

/// Finds calls in the text of models: `<tool_call>{…}</tool_call>` (Hermes, Qwen),
/// `<|python_tag|>{…}` and a whole answer of `{"name": …, "parameters": …}` (Llama 3),
/// `[TOOL_CALLS][…]` (Mistral).
///
/// Text flows through at once unless it may be the beginning of a call. What looks like a call and is
/// none comes out as text at the end.
struct ToolCallParser: Sendable {
    private enum Mode { case text, tagged, rest }
    private static let opening = ["<tool_call>", "<|python_tag|>", "[TOOL_CALLS]"]
    private static let closing = "</tool_call>"

    private let isActive: Bool
    private var mode = Mode.text
    private var held = ""
    private var hasText = false
    private(set) var calls = 0

    init(isActive: Bool) { self.isActive = isActive }

    mutating func add(_ text: String) -> [ToolCallPiece] {
        guard isActive else { return text.isEmpty ? [] : [.text(text)] }
        held += text
        var pieces: [ToolCallPiece] = []
        while step(&pieces) {}
        return pieces
    }

    /// What is left when no more text comes.
    mutating func finish() -> [ToolCallPiece] {
        guard isActive, !held.isEmpty else { return [] }
        defer { held = "" }
        let found =
            mode == .text && !held.drop(while: \.isWhitespace).hasPrefix("{") ? nil : take(held)
        return found ?? [.text(held)]
    }

    /// Moves on if it can; false when more text is needed.
    private mutating func step(_ pieces: inout [ToolCallPiece]) -> Bool {
        switch mode {
        case .text:
            // An answer that begins with a brace may be a call as a whole.
            if !hasText, calls == 0 {
                let start = held.drop(while: \.isWhitespace)
                if start.isEmpty || start.hasPrefix("{") { return false }
            }
            for tag in Self.opening {
                guard let range = held.range(of: tag) else { continue }
                emit(String(held[..<range.lowerBound]), &pieces)
                held = String(held[range.upperBound...])
                mode = tag == "<tool_call>" ? .tagged : .rest
                return true
            }
            let kept = Self.opening.map { held.overlap(with: $0) }.max() ?? 0
            emit(String(held.dropLast(kept)), &pieces)
            held = String(held.suffix(kept))
            return false
        case .tagged:
            guard let range = held.range(of: Self.closing) else { return false }
            let body = String(held[..<range.lowerBound])
            pieces += take(body) ?? [.text("<tool_call>" + body + Self.closing)]
            held = String(held[range.upperBound...].drop(while: \.isWhitespace))
            mode = .text
            hasText = true
            return true
        case .rest: return false
        }
    }

    private mutating func emit(_ text: String, _ pieces: inout [ToolCallPiece]) {
        guard !text.isEmpty else { return }
        hasText = true
        pieces.append(.text(text))
    }

    /// The calls in a piece of JSON: one object, or an array of them.
    private mutating func take(_ text: String) -> [ToolCallPiece]? {
        guard let value = try? JSON(parsing: Array(text.utf8)) else { return nil }
        var pieces: [ToolCallPiece] = []
        for call in value.array ?? [value] {
            guard let name = call["name"]?.string else { return nil }
            let arguments = call["arguments"] ?? call["parameters"] ?? [:]
            let index = calls + pieces.count / 2
            pieces.append(.call(index: index, name: name))
            pieces.append(.arguments(index: index, arguments.string ?? arguments.text()))
        }
        calls += pieces.count / 2
        return pieces.isEmpty ? nil : pieces
    }
}

extension String {
    /// How many characters at the end are the beginning of `other`.
    fileprivate func overlap(with other: String) -> Int {
        for count in stride(from: Swift.min(count, other.count - 1), to: 0, by: -1)
        where other.hasPrefix(suffix(count)) {
            return count
        }
        return 0
    }

    fileprivate func range(of other: String) -> Range<Index>? {
        firstRange(of: other)
    }
}

/// One parser an answer, for streams that run side by side.
final class ParserShelf: Sendable {
    private let parsers: Mutex<[ToolCallParser]>

    init(_ count: Int, _ constraint: Constraint) {
        parsers = Mutex((0..<count).map { _ in constraint.makeParser() })
    }

    func add(_ text: String, to number: Int) -> [ToolCallPiece] {
        parsers.withLock { $0[number].add(text) }
    }

    func finish(_ number: Int) -> [ToolCallPiece] {
        parsers.withLock { $0[number].finish() }
    }

    func hasCalls(_ number: Int) -> Bool { parsers.withLock { $0[number].calls > 0 } }
}
