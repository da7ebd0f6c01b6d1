internal import Dispatch
internal import Foundation
internal import Hummingbird
internal import SkeinCore
public import SkeinEngine

/// A model that turns texts into vectors, under the name that requests ask for.
public struct ServedEmbedder: Sendable {
    /// The name.
    public var name: String
    private let embedder: TextEmbedder
    private let queue: DispatchQueue

    /// Names a loaded model.
    public init(name: String, embedder: TextEmbedder) {
        self.name = name
        self.embedder = embedder
        queue = DispatchQueue(label: "skein-embedder")
    }

    /// The most tokens of a text.
    var contextLength: Int { embedder.contextLength }

    func tokens(of text: String) throws -> [Int32] { try embedder.tokens(of: text) }

    /// Vectors, computed on a thread that may block.
    func embed(_ tokens: [[Int32]]) async throws -> [[Float]] {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result { try embedder.embed(tokens) }) }
        }
    }
}

/// `POST /v1/embeddings`.
enum Embeddings {
    static func respond(_ request: Fields, _ state: ServerState) async throws -> Response {
        let model = try state.registry.embedder(named: request.string("model"))
        let texts = try texts(request, model)
        let format = try request.string("encoding_format") ?? "float"
        guard format == "float" || format == "base64" else {
            throw APIError.invalid(
                "encoding_format",
                "encoding_format is \"\(format)\", expected float or base64"
            )
        }
        let dimensions = try request.int("dimensions", in: 1...1_000_000)
        let vectors = try await model.embed(texts)
        let data = try vectors.enumerated().map { number, vector -> JSON in
            [
                "object": "embedding", "index": .int(number),
                "embedding": encoded(try cut(vector, to: dimensions), format),
            ]
        }
        let count = texts.reduce(0) { $0 + $1.count }
        return .json([
            "object": "list",
            "data": .array(data),
            "model": .string(model.name),
            "usage": ["prompt_tokens": .int(count), "total_tokens": .int(count)],
        ])
    }

    private static func texts(_ request: Fields, _ model: ServedEmbedder) throws -> [[Int32]] {
        guard let input = request["input"] else { throw request.missing("input") }
        func wrong() -> APIError {
            .invalid(
                "input",
                "input is \(input.kind), expected a string, an array of strings, of token ids, or of"
                    + " arrays of token ids"
            )
        }
        if let text = input.string { return [try model.tokens(of: text)] }
        if let ids = input.tokenIDs, !ids.isEmpty { return [ids] }
        guard let elements = input.array, !elements.isEmpty, elements.count <= 2048 else {
            throw wrong()
        }
        return try elements.map { element in
            if let text = element.string { return try model.tokens(of: text) }
            guard let ids = element.tokenIDs, !ids.isEmpty else { throw wrong() }
            return ids
        }
    }

    /// The first values of a vector, of unit length again.
    private static func cut(_ vector: [Float], to count: Int?) throws -> [Float] {
        guard let count, count != vector.count else { return vector }
        guard count < vector.count else {
            throw APIError.invalid(
                "dimensions",
                "dimensions is \(count), the model's vectors have \(vector.count)"
            )
        }
        let head = Array(vector.prefix(count))
        let norm = head.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
        return norm > 0 ? head.map { Float(Double($0) / norm) } : head
    }

    private static func encoded(_ vector: [Float], _ format: String) -> JSON {
        guard format == "base64" else { return .array(vector.map { .double(Double($0)) }) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(vector.count * 4)
        for value in vector {
            let bits = value.bitPattern
            for shift in stride(from: 0, to: 32, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(shift)))
            }
        }
        return .string(Data(bytes).base64EncodedString())
    }
}
