import Foundation
import SkeinSpark
import SkeinTestSupport

/// The servers that `make spark` started, if any.
enum SparkServer {
    /// A session on the server called `local` or `cluster`; `nil`, with a printed line, without one.
    static func session(_ name: String = "local") async throws -> SparkSession? {
        let file = Files.root.appending(path: ".spark/\(name).url")
        guard let address = try? String(contentsOf: file, encoding: .utf8) else {
            print("skipped: no Spark server called \(name) runs here; make spark starts it")
            return nil
        }
        return try await SparkSession.connect(
            SparkURL(address.trimmingCharacters(in: .whitespacesAndNewlines))
        )
    }
}
