import Foundation
import SkeinTestSupport
import SkeinText
import Testing

/// Ids, offsets, text and streams against the reference libraries.
@Suite struct OracleTests {
    @Test func `committed tokenizers agree with their references`() throws {
        try compare(Files.golden("tokenizers"))
    }

    /// All random strings, where SKEIN_TOKENIZER_ORACLE names the oracle's folder.
    @Test func `the oracle's tokenizers agree with their references`() throws {
        guard let path = ProcessInfo.processInfo.environment["SKEIN_TOKENIZER_ORACLE"] else {
            return
        }
        try compare(URL(filePath: path))
    }

    private func compare(_ folder: URL) throws {
        let names = try OracleCases.names(in: folder)
        #expect(!names.isEmpty)
        for name in names {
            let oracle = try OracleCases(name, in: folder)
            let (count, first) = try oracle.disagreements()
            print("\(name): \(oracle.cases.count - count) of \(oracle.cases.count) agree")
            #expect(count == 0, "\(first.joined(separator: "\n"))")
            #expect(!oracle.cases.isEmpty)
        }
    }
}
