import Foundation
import SkeinCore
import SkeinModels
import SkeinServer
import SkeinTestSupport
import Testing

/// A recurrent model beside one with attention in one server.
@Suite(.serialized) struct SeveralModelsTests {
    @Test func `a Mamba and an attention model answer side by side what each answers alone`()
        async throws
    {
        let server = try await RunningServer(others: ["mamba": RunningServer.mamba()])
        let port = server.port
        let count = 16
        @Sendable func ask(_ number: Int) throws -> String {
            let model = number % 2 == 0 ? "mamba" : "stories"
            // Every other pair shares a beginning that is remembered.
            let prompt = String(repeating: "One day a goose ", count: number % 4 < 2 ? 30 : 1)
            let answer = try HTTPClient(port: port).request(
                "POST",
                "/v1/completions",
                """
                {"model":"\(model)","prompt":"\(prompt)\(number)","seed":\(number),"max_tokens":12}
                """
            )
            #expect(answer.status == 200, "\(answer.text)")
            let json = try answer.json()
            #expect(json["model"]?.string == model)
            return json["choices"]?.array?[0]["text"]?.string ?? ""
        }
        let alone = try (0..<count).map(ask)
        #expect(Set(alone).count > count / 2)
        let together = try await withThrowingTaskGroup(of: (Int, String).self) { group in
            for number in 0..<count {
                group.addTask {
                    try await withCheckedThrowingContinuation { continuation in
                        Thread.detachNewThread {
                            continuation.resume(with: Result { (number, try ask(number)) })
                        }
                    }
                }
            }
            var answers = [String](repeating: "", count: count)
            for try await (number, answer) in group { answers[number] = answer }
            return answers
        }
        #expect(together == alone)
        let names = try server.client().request("GET", "/v1/models", "").json()["data"]?.array
        #expect(Set(names?.compactMap { $0["id"]?.string } ?? []) == ["mamba", "stories"])
        await server.stop()
    }
}
