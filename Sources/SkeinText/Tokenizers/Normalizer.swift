import SkeinCore

/// One step that rewrites text before it is split.
indirect enum Normalizer: Sendable {
    case sequence([Normalizer])
    case form(NormalForms.Form)
    case lowercase
    case strip(left: Bool, right: Bool)
    case stripAccents
    case replace(Finder, with: [UInt8])
    case prepend([UInt8])
    /// Put in front of the beginning of the original only.
    case prependAtStart([UInt8])
    case bert(cleans: Bool, spacesHan: Bool, stripsAccents: Bool, lowercases: Bool)
    case precompiled(PrecompiledMap)
    case nmt
    case byteLevel
    /// Takes every occurrence off the end.
    case stripEnd([UInt8])
    /// SentencePiece's squeezing of spaces: none at the ends, one between words.
    case squeezeSpaces

    /// Rewrites `text`.
    func apply(_ text: inout NormalizedText) {
        switch self {
        case .sequence(let steps):
            for step in steps { step.apply(&text) }
        case .form(let form):
            if text.bytes.allSatisfy({ $0 < 0x80 }) { return }
            text.transform(NormalForms.shared.normalized(TextBytes.scalars(text.bytes), form))
        case .lowercase:
            Self.lowercase(&text)
        case .strip(let left, let right):
            Self.strip(&text, left: left, right: right)
        case .stripAccents:
            if text.bytes.allSatisfy({ $0 < 0x80 }) { return }
            text.filter { !CharacterTable.shared[$0].contains(.combining) }
        case .replace(let finder, let content):
            text.replace(finder.ranges(text.bytes), with: content)
        case .prepend(let prefix):
            text.prepend(prefix)
        case .prependAtStart(let prefix):
            if text.origin == 0 { text.prepend(prefix) }
        case .stripEnd(let suffix):
            var end = text.bytes.count
            while end >= suffix.count, text.bytes[..<end].suffix(suffix.count).elementsEqual(suffix)
            {
                end -= suffix.count
            }
            if end < text.bytes.count { text = NormalizedText(slice: 0..<end, of: text) }
        case .bert(let cleans, let spacesHan, let stripsAccents, let lowercases):
            Self.bert(&text, cleans, spacesHan, stripsAccents, lowercases)
        case .precompiled(let map):
            map.apply(&text)
        case .nmt:
            Self.nmt(&text)
        case .byteLevel:
            Self.byteLevel(&text)
        case .squeezeSpaces:
            Self.squeeze(&text)
        }
    }

    private static func lowercase(_ text: inout NormalizedText) {
        if !text.tracks, text.bytes.allSatisfy({ $0 < 0x80 }) {
            for index in text.bytes.indices where (0x41...0x5a).contains(text.bytes[index]) {
                text.bytes[index] |= 0x20
            }
            return
        }
        var changes: [NormalForms.Change] = []
        for scalar in TextBytes.scalars(text.bytes) {
            if let lower = NormalForms.shared.lowercase(scalar) {
                for (index, part) in lower.enumerated() {
                    changes.append((part, index == 0 ? 0 : 1))
                }
            } else {
                changes.append((scalar, 0))
            }
        }
        text.transform(changes)
    }

    private static func strip(_ text: inout NormalizedText, left: Bool, right: Bool) {
        let scalars = TextBytes.scalars(text.bytes)
        let isSpace = { CharacterTable.shared[$0].contains(.plainSpace) }
        let leading = left ? scalars.prefix(while: isSpace).count : 0
        let trailing = right ? scalars.reversed().prefix(while: isSpace).count : 0
        guard leading > 0 || trailing > 0 else { return }
        let upper = max(leading, scalars.count - trailing)
        text.transform(scalars[leading..<upper].map { ($0, 0) }, skipping: leading)
    }

    private static func isHan(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x4e00...0x9fff, 0x3400...0x4dbf, 0x20000...0x2a6df, 0x2a700...0x2b73f,
            0x2b740...0x2b81f, 0x2b920...0x2ceaf, 0xf900...0xfaff, 0x2f800...0x2fa1f:
            true
        default: false
        }
    }

    private static func bert(
        _ text: inout NormalizedText,
        _ cleans: Bool,
        _ spacesHan: Bool,
        _ stripsAccents: Bool,
        _ lowercases: Bool
    ) {
        let table = CharacterTable.shared
        if !text.tracks, text.bytes.allSatisfy({ $0 < 0x7f && $0 >= 0x20 || $0 == 0x0a }) {
            if cleans {
                for index in text.bytes.indices where text.bytes[index] == 0x0a {
                    text.bytes[index] = 0x20
                }
            }
            if lowercases { lowercase(&text) }
            return
        }
        if cleans {
            text.filter { $0 != 0 && $0 != 0xfffd && !table[$0].contains(.control) }
            text.map { scalar in
                let isSpace = scalar == 9 || scalar == 10 || scalar == 13
                return isSpace || table[scalar].contains(.plainSpace) ? 0x20 : scalar
            }
        }
        if spacesHan {
            var changes: [NormalForms.Change] = []
            for scalar in TextBytes.scalars(text.bytes) {
                if isHan(scalar) {
                    changes += [(0x20, 0), (scalar, 1), (0x20, 1)]
                } else {
                    changes.append((scalar, 0))
                }
            }
            text.transform(changes)
        }
        if stripsAccents {
            text.transform(NormalForms.shared.normalized(TextBytes.scalars(text.bytes), .nfd))
            text.filter { !table[$0].contains(.nonspacing) }
        }
        if lowercases { lowercase(&text) }
    }

    private static func nmt(_ text: inout NormalizedText) {
        text.filter { scalar in
            switch scalar {
            case 0x01...0x08, 0x0b, 0x0e...0x1f, 0x7f, 0x8f, 0x9f: false
            default: true
            }
        }
        text.map { scalar in
            switch scalar {
            case 0x09, 0x0a, 0x0c, 0x0d, 0x1680, 0x200b...0x200f, 0x2028, 0x2029, 0x2581, 0xfeff,
                0xfffd:
                0x20
            default: scalar
            }
        }
    }

    /// Writes every byte as its printable character.
    static func byteLevel(_ text: inout NormalizedText) {
        var changes: [NormalForms.Change] = []
        changes.reserveCapacity(text.bytes.count)
        for byte in text.bytes {
            changes.append((ByteAlphabet.scalars[Int(byte)], byte & 0xc0 == 0x80 ? 1 : 0))
        }
        text.transform(changes)
    }

    private static func squeeze(_ text: inout NormalizedText) {
        var changes: [NormalForms.Change] = []
        var leading = 0
        var pending = 0
        for scalar in TextBytes.scalars(text.bytes) {
            if scalar == 0x20 {
                if changes.isEmpty { leading += 1 } else { pending += 1 }
                continue
            }
            if pending > 0 {
                changes.append((0x20, 1 - pending))
                pending = 0
            }
            changes.append((scalar, 0))
        }
        text.transform(changes, skipping: leading)
    }
}

/// What Replace and Split look for: fixed bytes or a pattern.
enum Finder: Sendable {
    case literal([UInt8])
    case pattern(Pattern)

    /// The matches in order.
    func ranges(_ bytes: [UInt8]) -> [Range<Int>] {
        switch self {
        case .literal(let needle):
            var result: [Range<Int>] = []
            var position = 0
            while let match = TextBytes.find(needle, in: bytes, from: position) {
                position = match + needle.count
                result.append(match..<position)
            }
            return result
        case .pattern(let pattern):
            var result: [Range<Int>] = []
            bytes.withUnsafeBufferPointer { buffer in
                pattern.matches(buffer, 0..<buffer.count) { result.append($0) }
            }
            return result
        }
    }
}
