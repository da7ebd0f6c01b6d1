import Foundation
import SkeinCore
import SkeinTestSupport
import SkeinText
import Testing

@Suite struct TemplateTests {
    static let now = LocalTime(year: 2025, month: 7, day: 4, hour: 9, minute: 5, second: 3)

    /// Compares every case of a file with jinja2's answer; `nil` where the file's answers all agree.
    static func mismatches(in url: URL) throws -> [String] {
        let folder = url.deletingLastPathComponent()
        let cases = try JSON(parsing: Data(contentsOf: url)).array ?? []
        let sets = try? JSON(
            parsing: Data(contentsOf: folder.appending(path: "conversations.json"))
        ).array
        var shared = JSONObject()
        var found: [String] = []
        for item in cases {
            if let context = item["context"]?.object { shared = context }
            if let index = item["set"]?.int, let context = sets?[index].object { shared = context }
            var source = item["template"]?.string ?? ""
            if let file = item["file"]?.string {
                source = try String(contentsOf: folder.appending(path: file), encoding: .utf8)
            }
            let result: String?
            var reason = ""
            do {
                result = try ChatTemplate(source).render(shared, now: now)
            } catch {
                result = nil
                reason = "\(error)"
            }
            let wanted = item["output"]?.string
            if result.map({ Array($0.utf8) }) != wanted.map({ Array($0.utf8) }) {
                let name = item["name"]?.string ?? item["file"]?.string ?? source
                found.append("\(name)\n  got \(result ?? reason)\n  want \(wanted ?? "an error")")
            }
        }
        return found
    }

    @Test(arguments: ["templates.json", "random.json"])
    func `golden cases agree with jinja2`(_ name: String) throws {
        let found = try Self.mismatches(in: Files.golden("templates/\(name)"))
        #expect(found == [])
    }

    @Test(.enabled(if: ProcessInfo.processInfo.environment["SKEIN_TEMPLATE_ORACLE"] != nil))
    func `an outside oracle agrees`() throws {
        let path = try #require(ProcessInfo.processInfo.environment["SKEIN_TEMPLATE_ORACLE"])
        let found = try Self.mismatches(in: URL(filePath: path))
        for text in found.prefix(60) { print("MISMATCH", text.prefix(1500)) }
        #expect(found.count == 0)
    }

    @Test(arguments: [
        "{% if x %}", "{{ 1", "{% for %}", "{{ x|nofilter }}", "{% raw %}", "{# never", "{{ 'a }}",
        "{{ (1] }}",
    ])
    func `syntax errors name the line`(_ source: String) {
        #expect { try ChatTemplate("a\n" + source) } throws: { error in
            (error as? SkeinError)?.code == .syntax && "\(error)".contains("line 2")
        }
    }

    @Test(arguments: [
        "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
        "{{ range(100001) }}", "{{ 'a' * 1000000000 }}", "{{ 'x'.ljust(9000000000) }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% set n = namespace(x='aaaaaaaaaaaaaaaa') %}{% for i in range(90) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
        "{% set n = namespace(x=[1]) %}{% for i in range(900) %}{% set n.x = [n.x, n.x] %}{% endfor %}",
        "{% set n = namespace() %}{% set n.n = n %}{{ n }}", "{{ [[1]]|tojson(indent=100000000) }}",
    ])
    func `runaway templates end in an error`(_ source: String) throws {
        let template = try ChatTemplate(source)
        #expect { try template.render(JSONObject(), now: Self.now) } throws: { error in
            (error as? SkeinError)?.code == .invalidArgument
        }
    }

    @Test(arguments: ["(", "[", "{{", "{% if x %}", "a.", "not ", "- ", "x|", "{1:"])
    func `deep nesting is refused`(_ part: String) {
        let source = part.hasPrefix("{%") ? "" : "{{ "
        #expect(throws: SkeinError.self) {
            try ChatTemplate(source + String(repeating: part, count: 20_000))
        }
    }

    @Test func `safe text adds to other text without escaping it`() throws {
        let template = try ChatTemplate("{{ '[' | safe + '<b>' + ('&' | e) }}")
        #expect(try template.render(JSONObject(), now: Self.now) == "[<b>&amp;")
    }

    @Test func `messages render with the usual variables`() throws {
        let template = try ChatTemplate(
            "{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m['content'] | trim }}\n{% endfor %}"
                + "{% if add_generation_prompt %}[assistant]{% endif %}"
        )
        let text = try template.render(messages: [ChatMessage("user", " Hi ")], bos: "<s>")
        #expect(text == "<s>[user] Hi\n[assistant]")
    }
}
