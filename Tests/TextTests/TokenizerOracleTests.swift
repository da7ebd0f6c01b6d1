import Foundation
import SkeinCore
import SkeinTestSupport
import SkeinText
import Testing

@Suite struct TokenizerOracleTests {
    /// Folders with a tokenizer and its cases.
    private static func folders(_ root: URL) -> [URL] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: root.path)) ?? []
        return names.sorted().map { root.appending(path: $0) }
            .filter {
                FileManager.default.fileExists(atPath: $0.appending(path: "cases.jsonl").path)
            }
    }

    @Test func `committed kinds agree with the reference libraries`() throws {
        let folders = Self.folders(Files.golden("tokenizers"))
        #expect(folders.count >= 8)
        for folder in folders {
            let outcome = try TokenizerOracle.run(folder)
            #expect(outcome.isExact, "\(folder.lastPathComponent): \(outcome.first)")
        }
    }

    @Test(.enabled(if: ProcessInfo.processInfo.environment["SKEIN_TOKENIZER_ORACLE"] != nil))
    func `every kind of the oracle folder agrees`() throws {
        let root = ProcessInfo.processInfo.environment["SKEIN_TOKENIZER_ORACLE"] ?? ""
        let folders = Self.folders(URL(filePath: root))
        #expect(!folders.isEmpty)
        for folder in folders {
            let outcome = try TokenizerOracle.run(folder)
            print(
                "\(folder.lastPathComponent): \(outcome.cases) cases; differ: ids \(outcome.ids),"
                    + " offsets \(outcome.offsets), decoded \(outcome.decoded),"
                    + " streamed \(outcome.streamed)"
            )
            #expect(outcome.isExact, "\(folder.lastPathComponent): \(outcome.first)")
        }
    }
}
