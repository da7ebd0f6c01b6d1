internal import Foundation
internal import SkeinCore
internal import SkeinTensor

/// Reads a text of numbers line by line, and knows where it is.
struct LineScanner {
    let bytes: UnsafeRawBufferPointer
    let path: String
    var position = 0
    /// The number of the line whose fields are read, from one.
    var line = 0
    /// Where this line ends; before the first line, one before its start.
    private var end = -1

    /// Where the next line starts.
    var nextPosition: Int { end + 1 }

    init(bytes: UnsafeRawBufferPointer, path: String) {
        self.bytes = bytes
        self.path = path
    }

    /// Goes to the next line that is neither empty nor a comment.
    mutating func nextLine() -> Bool {
        position = end + 1
        while position < bytes.count {
            line += 1
            end = position
            while end < bytes.count, bytes[end] != 0x0a { end += 1 }
            skipSeparators()
            if position < end, bytes[position] != 0x23, bytes[position] != 0x25 { return true }
            position = end + 1
        }
        return false
    }

    /// Passes over the first lines, whatever they hold.
    mutating func skip(lines: Int) {
        while line < lines, end + 1 < bytes.count {
            end += 1
            while end < bytes.count, bytes[end] != 0x0a { end += 1 }
            line += 1
        }
    }

    private mutating func skipSeparators() {
        while position < end, Self.isSeparator(bytes[position]) { position += 1 }
    }

    private static func isSeparator(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x2c || byte == 0x0d
    }

    /// The next field of this line.
    mutating func field() -> Range<Int>? {
        skipSeparators()
        guard position < end else { return nil }
        let start = position
        while position < end, !Self.isSeparator(bytes[position]) { position += 1 }
        return start..<position
    }

    /// The next field as a 64-bit integer; `nil` at the line's end.
    mutating func integer(_ what: String) throws -> Int64? {
        guard let range = field() else { return nil }
        var value: Int64 = 0
        var index = range.lowerBound
        let isNegative = bytes[index] == 0x2d
        if isNegative { index += 1 }
        guard index < range.upperBound else { throw malformed(range, "expected \(what)") }
        for at in index..<range.upperBound {
            let digit = Int64(bytes[at]) - 0x30
            guard (0...9).contains(digit) else { throw malformed(range, "expected \(what)") }
            let (tens, over) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) =
                isNegative
                ? tens.subtractingReportingOverflow(digit) : tens.addingReportingOverflow(digit)
            guard !over, !carry else { throw malformed(range, "\(what) must fit 64 bits") }
            value = sum
        }
        return value
    }

    /// The next field as a positive finite weight; `nil` at the line's end.
    mutating func weight() throws -> Float? {
        guard let range = field() else { return nil }
        let text = String(decoding: bytes[range], as: UTF8.self)
        guard let value = Float(text) else { throw malformed(range, "expected a weight") }
        guard value > 0, value.isFinite else {
            throw malformed(range, "expected a positive finite weight")
        }
        return value
    }

    /// The error of a field, with the file and the line.
    func malformed(_ range: Range<Int>, _ expectation: String) -> SkeinError {
        let text = String(decoding: bytes[range.prefix(40)], as: UTF8.self)
        return failure("found \"\(text)\", \(expectation)")
    }

    /// An error with the file and the line.
    func failure(_ message: String, hint: String? = nil) -> SkeinError {
        SkeinError(.syntax, "\(path), line \(line): \(message)", hint: hint)
    }
}
