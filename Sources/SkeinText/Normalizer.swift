internal import Foundation

/// What happens to text before it is cut into words.
indirect enum Normalizer: Sendable {
    case sequence([Normalizer])
    case prepend([UInt8])
    case replace([UInt8], with: [UInt8])
    case replacePattern(Pattern, with: [UInt8])
    case nfc, nfd, nfkc, nfkd, lowercase
    case strip(left: Bool, right: Bool)

    func apply(_ text: [UInt8], isFirst: Bool) -> [UInt8] {
        switch self {
        case .sequence(let steps): return steps.reduce(text) { $1.apply($0, isFirst: isFirst) }
        case .prepend(let bytes): return text.isEmpty ? text : bytes + text
        case .replace(let old, let new): return Self.replaced(text, old, new)
        case .replacePattern(let pattern, let new):
            var result: [UInt8] = []
            var end = 0
            text.withUnsafeBufferPointer { bytes in
                pattern.forEachMatch(in: bytes) { match in
                    result += bytes[end..<match.lowerBound]
                    result += new
                    end = match.upperBound
                }
            }
            return result + text[end...]
        case .nfc: return Self.mapped(text) { $0.precomposedStringWithCanonicalMapping }
        case .nfd: return Self.mapped(text) { $0.decomposedStringWithCanonicalMapping }
        case .nfkc: return Self.mapped(text) { $0.precomposedStringWithCompatibilityMapping }
        case .nfkd: return Self.mapped(text) { $0.decomposedStringWithCompatibilityMapping }
        case .lowercase: return Array(String(decoding: text, as: UTF8.self).lowercased().utf8)
        case .strip(let left, let right):
            var slice = String(decoding: text, as: UTF8.self).unicodeScalars[...]
            while left, let first = slice.first, first.properties.isWhitespace {
                slice.removeFirst()
            }
            while right, let last = slice.last, last.properties.isWhitespace { slice.removeLast() }
            return Array(String(String.UnicodeScalarView(slice)).utf8)
        }
    }

    /// ASCII is its own normal form.
    private static func mapped(_ text: [UInt8], _ map: (String) -> String) -> [UInt8] {
        guard text.contains(where: { $0 >= 0x80 }) else { return text }
        return Array(map(String(decoding: text, as: UTF8.self)).utf8)
    }

    private static func replaced(_ text: [UInt8], _ old: [UInt8], _ new: [UInt8]) -> [UInt8] {
        guard let first = old.first else { return text }
        var result: [UInt8] = []
        result.reserveCapacity(text.count + 16)
        var index = 0
        while index < text.count {
            if text[index] == first, text[index...].starts(with: old) {
                result += new
                index += old.count
            } else {
                result.append(text[index])
                index += 1
            }
        }
        return result
    }
}
