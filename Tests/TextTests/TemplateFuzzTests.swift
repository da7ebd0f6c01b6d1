import Foundation
import SkeinCore
import SkeinTestSupport
import SkeinText
import Testing

@Suite struct TemplateFuzzTests {
    /// Fragments that mutations splice in, beside bytes of the templates themselves.
    private static let fragments = [
        "{{", "}}", "{%", "%}", "{#", "#}", "{%-", "-%}", "(", ")", "[", "]", "|", ".", "~", "*",
        "**", "//",
        "%", "::-1", "-1", "99999999999", "9223372036854775807", "1e308", "loop", "messages", "ns.",
        "|list",
        "|tojson(indent=9)", "|batch(99)", "|join", "|map('upper')", "|sort", " is ", " not ",
        " in ", " if ",
        " else ", "{% for x in range(99999) %}", "{% endfor %}", "{% endif %}",
        "{% set ns.x = [ns, ns.x] %}",
        "{% macro m(a) %}{{ m(a) }}{% endmacro %}", "{{ m(1) }}", "'%99999d' % 5", "'a' * 999999",
        "\u{e9}", "\\",
        "'", "\"", "recursive", "{% raw %}", "{% call m() %}", "{{ caller() }}", "|groupby('role')",
        ".format(",
    ]

    private static func mutated(_ source: [UInt8], _ random: inout SplitMix64) -> String {
        var bytes = source
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let place = Int.random(in: 0...bytes.count, using: &random)
            let end = min(bytes.count, place + Int.random(in: 0...12, using: &random))
            switch Int.random(in: 0..<4, using: &random) {
            case 0: bytes.removeSubrange(place..<end)
            case 1:
                bytes.insert(
                    contentsOf: bytes[place..<end],
                    at: Int.random(in: 0...bytes.count, using: &random)
                )
            case 2:
                let fragment = fragments[Int.random(in: 0..<fragments.count, using: &random)]
                bytes.replaceSubrange(place..<end, with: fragment.utf8)
            default:
                if place < bytes.count { bytes[place] = UInt8.random(in: 0...255, using: &random) }
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func `mutated templates end in text or an error`() throws {
        let iterations =
            ProcessInfo.processInfo.environment["SKEIN_FUZZ_ITERATIONS"].flatMap { Int($0) } ?? 3000
        let folder = Files.golden("templates")
        let sets =
            try JSON(parsing: Data(contentsOf: folder.appending(path: "conversations.json"))).array
            ?? []
        let random =
            try JSON(parsing: Data(contentsOf: folder.appending(path: "random.json"))).array ?? []
        var sources = random.compactMap { $0["template"]?.string.map { Array($0.utf8) } }
        for name in ["chatml", "thinking", "strict", "tools"] {
            let source = Array(try Data(contentsOf: folder.appending(path: "\(name).jinja")))
            sources += Array(repeating: source, count: 60)
        }
        var generator = SplitMix64(seed: 20_261_123)
        var rendered = 0
        var refused = 0
        let clock = ContinuousClock()
        for _ in 0..<iterations {
            let source = Self.mutated(
                sources[Int.random(in: 0..<sources.count, using: &generator)],
                &generator
            )
            let context = try #require(
                sets[Int.random(in: 0..<sets.count, using: &generator)].object
            )
            let start = clock.now
            do {
                _ = try ChatTemplate(source).render(context, now: TemplateTests.now)
                rendered += 1
            } catch let error as SkeinError {
                refused += 1
                #expect(error.message.hasPrefix("chat template, line "))
            }
            if clock.now - start > .seconds(30) { Issue.record("slow: \(source)") }
        }
        #expect(rendered > iterations / 20)
        #expect(refused > iterations / 20)
    }
}
