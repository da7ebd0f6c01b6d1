import SkeinCore

/// One step that cuts normalised text into the pieces a model sees.
indirect enum PreTokenizer: Sendable {
    /// What becomes of the text that a splitter matches.
    enum Behavior: String, Sendable {
        case removed = "Removed"
        case isolated = "Isolated"
        case mergedWithPrevious = "MergedWithPrevious"
        case mergedWithNext = "MergedWithNext"
        case contiguous = "Contiguous"
    }

    /// When a metaspace is put in front.
    enum PrependScheme: String, Sendable { case always, first, never }

    case sequence([PreTokenizer])
    case byteLevel(addsPrefixSpace: Bool, splitter: Splitter?)
    case split(Splitter, Behavior, invert: Bool)
    case flagged(CharacterFlags, Behavior)
    case whitespace
    case bert
    case delimiter(UInt32)
    case metaspace(replacement: UInt32, PrependScheme, splits: Bool)
    case fixedLength(Int)

    /// Whether pieces must know their place in the original to be cut.
    var needsOrigins: Bool {
        switch self {
        case .sequence(let steps): steps.contains { $0.needsOrigins }
        case .metaspace(_, .first, _): true
        default: false
        }
    }

    /// Cuts and rewrites; `writesBytes` says whether byte-level steps write their alphabet.
    func apply(_ pieces: inout Pretokens, writesBytes: Bool) {
        switch self {
        case .sequence(let steps):
            for (index, step) in steps.enumerated() {
                step.apply(&pieces, writesBytes: writesBytes || index < steps.count - 1)
            }
        case .byteLevel(let addsPrefixSpace, let splitter):
            if addsPrefixSpace {
                pieces.rewrite { if $0.bytes.first != 0x20 { $0.prepend([0x20]) } }
            }
            if let splitter { Self.split(&pieces, splitter, .isolated, false) }
            if writesBytes { pieces.rewrite { Normalizer.byteLevel(&$0) } }
        case .split(let splitter, let behavior, let invert):
            Self.split(&pieces, splitter, behavior, invert)
        case .flagged(let flags, let behavior):
            Self.cut(&pieces, flags, behavior)
        case .whitespace:
            Self.words(&pieces)
        case .bert:
            Self.cut(&pieces, .plainSpace, .removed)
            Self.cut(&pieces, .isolated, .isolated)
        case .delimiter(let scalar):
            pieces.refine(.removed, invert: false) { bytes, range, emit in
                Self.each(bytes, range) { place, length in
                    if TextBytes.scalar(bytes, place) == scalar { emit(place..<place + length) }
                }
            }
        case .metaspace(let replacement, let scheme, let splits):
            Self.metaspace(&pieces, replacement, scheme, splits)
        case .fixedLength(let count):
            pieces.refine(.isolated, invert: false) { bytes, range, emit in
                var start = range.lowerBound
                var seen = 0
                Self.each(bytes, range) { place, length in
                    seen += 1
                    if seen == count || place + length == range.upperBound {
                        emit(start..<place + length)
                        start = place + length
                        seen = 0
                    }
                }
            }
        }
    }

    @inline(__always)
    private static func each(
        _ bytes: UnsafeBufferPointer<UInt8>,
        _ range: Range<Int>,
        _ body: (Int, Int) -> Void
    ) {
        var position = range.lowerBound
        while position < range.upperBound {
            let length = TextBytes.length(bytes[position])
            body(position, length)
            position += length
        }
    }

    private static func cut(
        _ pieces: inout Pretokens,
        _ flags: CharacterFlags,
        _ behavior: Behavior
    ) {
        let table = CharacterTable.shared
        pieces.refine(behavior, invert: false) { bytes, range, emit in
            each(bytes, range) { place, length in
                if !table[TextBytes.scalar(bytes, place)].isDisjoint(with: flags) {
                    emit(place..<place + length)
                }
            }
        }
    }

    private static func split(
        _ pieces: inout Pretokens,
        _ splitter: Splitter,
        _ behavior: Behavior,
        _ invert: Bool
    ) {
        pieces.refine(behavior, invert: invert) { bytes, range, emit in
            splitter.matches(bytes, range, emit)
        }
    }

    /// Runs of word characters and runs of neither word nor space.
    private static func words(_ pieces: inout Pretokens) {
        let table = CharacterTable.shared
        pieces.refine(.removed, invert: true) { bytes, range, emit in
            var start = range.lowerBound
            var kind = 0
            each(bytes, range) { place, _ in
                let flags = table[TextBytes.scalar(bytes, place)]
                let now = flags.contains(.word) ? 1 : flags.contains(.plainSpace) ? 0 : 2
                if now != kind {
                    if kind != 0 { emit(start..<place) }
                    start = place
                    kind = now
                }
            }
            if kind != 0 { emit(start..<range.upperBound) }
        }
    }

    private static func metaspace(
        _ pieces: inout Pretokens,
        _ replacement: UInt32,
        _ scheme: PrependScheme,
        _ splits: Bool
    ) {
        let mark = TextBytes.bytes(replacement)
        pieces.rewrite { text in
            if !text.tracks {
                // One pass: nothing to align.
                var output: [UInt8] = []
                output.reserveCapacity(text.bytes.count + text.bytes.count / 2)
                let prepends = scheme == .always || scheme == .first && text.origin == 0
                if prepends, let first = text.bytes.first, first != 0x20,
                    !text.bytes.starts(with: mark)
                {
                    output += mark
                }
                for byte in text.bytes {
                    if byte == 0x20 { output += mark } else { output.append(byte) }
                }
                text.bytes = output
                return
            }
            let spaces = text.bytes.indices.filter { text.bytes[$0] == 0x20 }.map { $0..<$0 + 1 }
            text.replace(spaces, with: mark)
            let prepends = scheme == .always || scheme == .first && text.origin == 0
            if prepends, !text.bytes.starts(with: mark) { text.prepend(mark) }
        }
        guard splits else { return }
        pieces.refine(.mergedWithNext, invert: false) { bytes, range, emit in
            each(bytes, range) { place, length in
                if TextBytes.scalar(bytes, place) == replacement { emit(place..<place + length) }
            }
        }
    }
}
