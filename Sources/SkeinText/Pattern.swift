internal import CPCRE2
internal import SkeinCore

/// A compiled regular expression over UTF-8, matched by PCRE2's just-in-time code.
///
/// Invariant: the code is immutable after `init`; every search uses match data of its own.
final class Pattern: @unchecked Sendable {
    private let code: OpaquePointer

    /// Compiles a pattern written for Oniguruma or Rust's regex; both agree with PCRE2 on what
    /// tokenizers use.
    ///
    /// - Throws: `SkeinError.Code.syntax` with the place and PCRE2's words.
    init(_ source: String) throws {
        var errorCode: Int32 = 0
        var offset = 0
        let options = UInt32(PCRE2_UTF) | UInt32(PCRE2_UCP) | UInt32(PCRE2_NO_UTF_CHECK)
        let bytes = Array(source.utf8)
        let compiled = pcre2_compile_8(bytes, bytes.count, options, &errorCode, &offset, nil)
        guard let compiled else {
            var message = [UInt8](repeating: 0, count: 256)
            pcre2_get_error_message_8(errorCode, &message, message.count)
            let text = String(decoding: message.prefix { $0 != 0 }, as: UTF8.self)
            throw SkeinError(
                .syntax,
                "regular expression \"\(source)\": \(text) at byte \(offset)"
            )
        }
        pcre2_jit_compile_8(compiled, UInt32(PCRE2_JIT_COMPLETE))
        code = compiled
    }

    deinit { pcre2_code_free_8(code) }

    /// Calls a closure with the byte range of every match, in order; empty matches are skipped.
    func forEachMatch(
        in text: UnsafeBufferPointer<UInt8>,
        _ body: (Range<Int>) -> Void
    ) {
        guard let base = text.baseAddress, let data = pcre2_match_data_create_8(1, nil) else {
            return
        }
        defer { pcre2_match_data_free_8(data) }
        guard let vector = pcre2_get_ovector_pointer_8(data) else { return }
        var start = 0
        while start <= text.count {
            let found = pcre2_match_8(
                code,
                base,
                text.count,
                start,
                UInt32(PCRE2_NO_UTF_CHECK),
                data,
                nil
            )
            guard found >= 0 else { return }
            let range = Int(vector[0])..<max(Int(vector[1]), Int(vector[0]))
            if range.isEmpty {
                guard range.upperBound < text.count else { return }
                start = range.upperBound + BytePairEncoding.characterLength(text, range.upperBound)
            } else {
                body(range)
                start = range.upperBound
            }
        }
    }
}
