/// Runs a scanner and the pattern it stands for side by side, for tests.
package enum PatternComparison {
    /// The ends of the words of `bytes`, by the scanner and by PCRE2.
    package static func cuts(_ name: String, _ bytes: [UInt8]) throws -> ([Int], [Int]) {
        let source =
            switch name {
            case "llama3": Splitter.llama3
            case "qwen2": Splitter.qwen2
            default: Splitter.gpt2
            }
        let scanner = try Splitter(pattern: source, field: name)
        let pattern = Splitter.pattern(try compiled(source))
        return bytes.withUnsafeBufferPointer { buffer in
            var results: [[Int]] = []
            for splitter in [scanner, pattern] {
                var ends: [Int] = []
                splitter.matches(buffer, 0..<buffer.count) { ends.append($0.upperBound) }
                results.append(ends)
            }
            return (results[0], results[1])
        }
    }

    private static func compiled(_ source: String) throws -> Pattern {
        try Pattern(source, field: "pattern")
    }
}
