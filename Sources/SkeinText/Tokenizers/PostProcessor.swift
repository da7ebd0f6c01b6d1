/// What is done to the tokens of one text at the end.
indirect enum PostProcessor: Sendable {
    /// A part of a template.
    enum Part: Sendable {
        case text
        case tokens([Int32])
    }

    case sequence([PostProcessor])
    case template([Part])
    case trimOffsets(addsPrefixSpace: Bool)

    /// Adds the special tokens and trims offsets.
    func apply(
        _ encoding: inout Encoding,
        addSpecialTokens: Bool,
        _ tokenizer: Tokenizer,
        _ text: UnsafeBufferPointer<UInt8>
    ) {
        switch self {
        case .sequence(let steps):
            for step in steps {
                step.apply(&encoding, addSpecialTokens: addSpecialTokens, tokenizer, text)
            }
        case .template(let parts):
            var result = Encoding(tracks: encoding.tracks)
            for part in parts {
                switch part {
                case .text: result.append(encoding)
                case .tokens(let ids):
                    guard addSpecialTokens else { continue }
                    for id in ids { result.append(id, 0, 0) }
                }
            }
            encoding = result
        case .trimOffsets(let addsPrefixSpace):
            guard encoding.tracks else { return }
            trim(&encoding, addsPrefixSpace, tokenizer, text)
        }
    }

    /// Takes white space off the ranges, by characters of the text as the reference counts them.
    private func trim(
        _ encoding: inout Encoding,
        _ addsPrefixSpace: Bool,
        _ tokenizer: Tokenizer,
        _ text: UnsafeBufferPointer<UInt8>
    ) {
        for index in encoding.ids.indices {
            let token = encoding.matched[index] ?? tokenizer.content(of: encoding.ids[index])
            let scalars = TextBytes.scalars(token)
            let isSpace = { (scalar: UInt32) in
                scalar == 0x120 || CharacterTable.shared[scalar].contains(.plainSpace)
            }
            var leading = scalars.prefix(while: isSpace).count
            let trailing = scalars.reversed().prefix(while: isSpace).count
            var start = Int(encoding.starts[index])
            var end = Int(encoding.ends[index])
            let isFirst = index == 0 || start == 0
            if isFirst, addsPrefixSpace, leading == 1 { leading = 0 }
            for _ in 0..<leading where start < end { start += TextBytes.length(text[start]) }
            var back = end
            for _ in 0..<trailing where back >= 0 {
                back = back == 0 ? -1 : TextBytes.previous(text, back)
            }
            if back >= 0 { end = max(back, start) }
            encoding.starts[index] = Int32(truncatingIfNeeded: start)
            encoding.ends[index] = Int32(truncatingIfNeeded: end)
        }
    }
}

/// Tokens and, where wanted, their bytes in the original.
struct Encoding {
    var ids: [Int32] = []
    var starts: [Int32] = []
    var ends: [Int32] = []
    /// The text of added tokens by index, which may hold white space beside the token's own.
    var matched: [Int: [UInt8]] = [:]
    let tracks: Bool

    init(tracks: Bool) { self.tracks = tracks }

    @inline(__always)
    mutating func append(_ id: Int32, _ start: Int32, _ end: Int32) {
        ids.append(id)
        if tracks {
            starts.append(start)
            ends.append(end)
        }
    }

    mutating func append(_ other: Encoding) {
        ids += other.ids
        starts += other.starts
        ends += other.ends
    }
}
