import CPCRE2
import SkeinCore

/// A compiled regular expression; PCRE2 with JIT, UTF and Unicode properties.
///
/// Scalars whose category changed after PCRE2's Unicode version are replaced, for matching only, by
/// one of the same class and length.
final class Pattern: @unchecked Sendable {
    // Invariant: `code` is written once in `init` and PCRE2 codes are read-only while matching.
    private let code: OpaquePointer

    /// The source of the pattern.
    let source: String

    /// Compiles `source`.
    ///
    /// - Throws: `SkeinError.Code.syntax` with PCRE2's words and the field that held the pattern.
    init(_ source: String, field: String) throws {
        self.source = source
        var number: Int32 = 0
        var offset = 0
        let options = UInt32(PCRE2_UTF) | UInt32(PCRE2_UCP) | UInt32(PCRE2_NEVER_BACKSLASH_C)
        let bytes = Array(source.utf8)
        let compiled = bytes.withUnsafeBufferPointer {
            pcre2_compile_8($0.baseAddress, bytes.count, options, &number, &offset, nil)
        }
        guard let compiled else {
            var words = [UInt8](repeating: 0, count: 200)
            pcre2_get_error_message_8(number, &words, words.count)
            let text = String(decoding: words.prefix { $0 != 0 }, as: UTF8.self)
            throw SkeinError(
                .syntax,
                "\(field): the pattern is not valid at byte \(offset): \(text)"
            )
        }
        code = compiled
        pcre2_jit_compile_8(compiled, UInt32(PCRE2_JIT_COMPLETE))
    }

    deinit { pcre2_code_free_8(code) }

    /// Calls `body` with every match inside `range`, treating the range as a whole text.
    func matches(
        _ bytes: UnsafeBufferPointer<UInt8>,
        _ range: Range<Int>,
        _ body: (Range<Int>) -> Void
    ) {
        let part = UnsafeBufferPointer(rebasing: bytes[range])
        if Self.needsStandIns(part) {
            let copy = Self.standingIn(part)
            copy.withUnsafeBufferPointer { scan($0, range.lowerBound, body) }
        } else {
            scan(part, range.lowerBound, body)
        }
    }

    private func scan(
        _ part: UnsafeBufferPointer<UInt8>,
        _ base: Int,
        _ body: (Range<Int>) -> Void
    ) {
        guard let subject = part.baseAddress, part.count > 0,
            let data = pcre2_match_data_create_from_pattern_8(code, nil),
            let context = pcre2_match_context_create_8(nil)
        else { return }
        defer {
            pcre2_match_data_free_8(data)
            pcre2_match_context_free_8(context)
        }
        pcre2_set_match_limit_8(context, 10_000_000)
        guard let vector = pcre2_get_ovector_pointer_8(data) else { return }
        var position = 0
        var lastEnd = -1
        while position <= part.count {
            let options = UInt32(PCRE2_NO_UTF_CHECK)
            let count = pcre2_match_8(code, subject, part.count, position, options, data, context)
            guard count > 0 else { return }
            let (start, end) = (vector[0], vector[1])
            guard start <= end else { return }
            if start == end {
                // An empty match right after a match is not one.
                if start != lastEnd { body(base + start..<base + end) }
                guard end < part.count else { return }
                position = end + TextBytes.length(part[end])
            } else {
                body(base + start..<base + end)
                position = end
            }
            lastEnd = end
        }
    }

    private static func needsStandIns(_ part: UnsafeBufferPointer<UInt8>) -> Bool {
        var position = 0
        while position < part.count {
            let lead = part[position]
            if lead >= 0xe0,
                CharacterTable.shared[TextBytes.scalar(part, position)].contains(.recent)
            {
                return true
            }
            position += TextBytes.length(lead)
        }
        return false
    }

    private static func standingIn(_ part: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(part.count)
        var position = 0
        while position < part.count {
            let scalar = TextBytes.scalar(part, position)
            let length = TextBytes.length(part[position])
            let flags = CharacterTable.shared[scalar]
            if scalar >= 0x800, flags.contains(.recent) {
                TextBytes.append(standIn(flags, isLong: length == 4), to: &result)
            } else {
                TextBytes.append(scalar, to: &result)
            }
            position += length
        }
        return result
    }

    /// A scalar of Unicode 5 with the same categories and UTF-8 length.
    private static func standIn(_ flags: CharacterFlags, isLong: Bool) -> UInt32 {
        if flags.contains(.upper) { return isLong ? 0x10400 : 0x1e00 }
        if flags.contains(.lower) { return isLong ? 0x10428 : 0x1e01 }
        if flags.contains(.letter) { return isLong ? 0x10000 : 0x4e00 }
        if flags.contains(.number) { return isLong ? 0x104a0 : 0x0966 }
        if flags.contains(.mark) { return isLong ? 0x1d165 : 0x0941 }
        if flags.contains(.punctuation) { return isLong ? 0x10100 : 0x2014 }
        if flags.contains(.symbol) { return isLong ? 0x1d100 : 0x2190 }
        return isLong ? 0xf0000 : 0xe000
    }
}
