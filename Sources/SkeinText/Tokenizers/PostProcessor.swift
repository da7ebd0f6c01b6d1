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
    func apply(_ encoding: inout Encoding, addSpecialTokens: Bool, _ tokenizer: Tokenizer) {
        switch self {
        case .sequence(let steps):
            for step in steps {
                step.apply(&encoding, addSpecialTokens: addSpecialTokens, tokenizer)
            }
        case .template(let parts):
            guard addSpecialTokens || !parts.contains(where: { if case .text = $0 { true } else { false } })
            else { return }
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
            trim(&encoding, addsPrefixSpace, tokenizer)
        }
    }

    private func trim(_ encoding: inout Encoding, _ addsPrefixSpace: Bool, _ tokenizer: Tokenizer) {
        for index in encoding.ids.indices {
            let scalars = TextBytes.scalars(tokenizer.content(of: encoding.ids[index]))
            let isSpace = { (scalar: UInt32) in
                scalar == 0x120 || CharacterTable.shared[scalar].contains(.plainSpace)
            }
            var leading = Int32(scalars.prefix(while: isSpace).count)
            let trailing = Int32(scalars.reversed().prefix(while: isSpace).count)
            if leading > 0 {
                let isFirst = index == 0 || encoding.starts[index] == 0
                if isFirst, addsPrefixSpace, leading == 1 { leading = 0 }
                encoding.starts[index] = min(encoding.starts[index] + leading, encoding.ends[index])
            }
            if trailing > 0, encoding.ends[index] >= trailing {
                encoding.ends[index] = max(encoding.ends[index] - trailing, encoding.starts[index])
            }
        }
    }
}

/// Tokens and, where wanted, their bytes in the original.
struct Encoding {
    var ids: [Int32] = []
    var starts: [Int32] = []
    var ends: [Int32] = []
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
