/// What a Split step looks for: fixed bytes, a pattern, or a pattern that has a scanner of its own.
enum Splitter: Sendable {
    case literal([UInt8])
    case pattern(Pattern)
    case scanner(WordScanner)

    /// GPT-2's pattern.
    static let gpt2 =
        #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
    /// Llama 3's pattern.
    static let llama3 =
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"#
        + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    /// Qwen 2's pattern.
    static let qwen2 =
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"#
        + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

    /// Compiles a pattern, or takes the scanner that equals it.
    init(pattern: String, field: String) throws {
        switch pattern {
        case Self.gpt2: self = .scanner(.gpt2)
        case Self.llama3: self = .scanner(WordScanner(kind: .modern, maximumDigits: 3))
        case Self.qwen2: self = .scanner(WordScanner(kind: .modern, maximumDigits: 1))
        default: self = .pattern(try Pattern(pattern, field: field))
        }
    }

    /// Calls `emit` for every match in order.
    func matches(
        _ bytes: UnsafeBufferPointer<UInt8>,
        _ range: Range<Int>,
        _ emit: (Range<Int>) -> Void
    ) {
        switch self {
        case .pattern(let pattern):
            pattern.matches(bytes, range, emit)
        case .scanner(let scanner):
            scanner.matches(bytes, range, emit)
        case .literal(let needle):
            guard let first = needle.first else { return }
            var position = range.lowerBound
            while position + needle.count <= range.upperBound {
                if bytes[position] == first,
                    needle.indices.allSatisfy({ bytes[position + $0] == needle[$0] })
                {
                    emit(position..<position + needle.count)
                    position += needle.count
                } else {
                    position += 1
                }
            }
        }
    }
}
