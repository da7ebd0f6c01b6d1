import SkeinCore
import Testing

@Suite struct JSONTests {
    @Test func `keys keep their order and bytes`() throws {
        let value = try JSON(
            parsing: Array("{\"b\":1,\"a\":2.5,\"e\\u0301\":3,\"\\u00e9\":4}".utf8)
        )
        #expect(value.object?.members.map(\.key.utf8.count) == [1, 1, 3, 2])
        #expect(value["a"]?.double == 2.5)
        #expect(value["\u{e9}"]?.int == 4)
        #expect(value.text() == "{\"b\":1,\"a\":2.5,\"e\u{301}\":3,\"\u{e9}\":4}")
    }

    @Test(arguments: ["", "[1,]", "{\"a\" 1}", "01", "\"\u{01}\"", "[1] x", "nul", "\"\\x\"", "-"])
    func `malformed text names the byte`(_ text: String) {
        #expect { try JSON(parsing: Array(text.utf8)) } throws: { error in
            (error as? SkeinError)?.code == .syntax && "\(error)".contains("byte ")
        }
    }

    @Test func `nesting is bounded`() {
        let text = String(repeating: "[", count: 100_000)
        #expect(throws: SkeinError.self) { try JSON(parsing: Array(text.utf8)) }
    }
}
