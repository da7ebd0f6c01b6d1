import Foundation
import SkeinCore
import SkeinTensor
import SkeinTestSupport
import Testing

/// A folder that vanishes with its last reference.
final class TemporaryFolder {
    let url = FileManager.default.temporaryDirectory.appending(path: "skein-\(UUID().uuidString)")

    init() throws {
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func path(_ name: String) -> String { url.appending(path: name).path }

    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        try Data(bytes).write(to: url.appending(path: name))
        return path(name)
    }

    var contents: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: url.path).sorted() }
    }
}

func golden(_ name: String) -> String { Files.golden("formats/\(name)").path }

func goldenBytes(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: Files.golden("formats/\(name)")))
}

/// Expects an error of one code whose message holds a text.
func expectFailure(
    _ code: SkeinError.Code,
    _ text: String,
    location: SourceLocation = #_sourceLocation,
    _ body: () throws -> Void
) {
    do {
        try body()
        Issue.record("nothing was thrown; expected \(code): \(text)", sourceLocation: location)
    } catch let error as SkeinError {
        #expect(error.code == code, "\(error)", sourceLocation: location)
        #expect(error.message.contains(text), "\(error.message)", sourceLocation: location)
    } catch {
        Issue.record("\(error) is not a SkeinError", sourceLocation: location)
    }
}

/// Little-endian bytes of a format's header.
struct HeaderBytes {
    var bytes: [UInt8] = []

    func number<Value: FixedWidthInteger>(_ value: Value) -> Self {
        var copy = self
        withUnsafeBytes(of: value.littleEndian) { copy.bytes.append(contentsOf: $0) }
        return copy
    }

    func text(_ text: String) -> Self {
        var copy = number(UInt64(text.utf8.count))
        copy.bytes.append(contentsOf: text.utf8)
        return copy
    }

    func raw(_ more: [UInt8]) -> Self {
        var copy = self
        copy.bytes += more
        return copy
    }

    /// The start of a GGUF file.
    static func gguf(version: UInt32 = 3, tensors: UInt64, values: UInt64) -> Self {
        Self().number(UInt32(0x4655_4747)).number(version).number(tensors).number(values)
    }

    /// A GGUF tensor's description.
    func tensor(_ name: String, _ sizes: [UInt64], type: UInt32 = 0, offset: UInt64) -> Self {
        var copy = text(name).number(UInt32(sizes.count))
        for size in sizes { copy = copy.number(size) }
        return copy.number(type).number(offset)
    }

    /// Zeros up to a multiple of 32, then so many bytes of data.
    func data(_ count: Int) -> [UInt8] {
        bytes + [UInt8](repeating: 0, count: (32 - bytes.count % 32) % 32 + count)
    }

    /// A safetensors file of a header and zeros.
    static func safetensors(_ header: String, data: Int = 0) -> [UInt8] {
        Self().text(header).bytes + [UInt8](repeating: 0, count: data)
    }
}
