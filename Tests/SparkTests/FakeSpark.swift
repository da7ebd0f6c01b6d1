import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import GRPCProtobuf
import SwiftProtobuf
import Synchronization

import SkeinSpark

/// A server that answers as Spark does, and breaks when it is told to.
final class FakeSpark: RegistrableRPCService {
    let version: String
    let token: String?
    /// After how many batches the first stream ends without its end.
    let cutAfter: Int?
    let batches: [SparkTable]
    let seen = Mutex<(released: [String], files: [String: [UInt8]], badChecksums: Int)>(
        ([], [:], 0)
    )

    init(
        version: String = "4.3.0",
        token: String? = nil,
        cutAfter: Int? = nil,
        batches: [SparkTable] = []
    ) {
        self.version = version
        self.token = token
        self.cutAfter = cutAfter
        self.batches = batches
    }

    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        register(&router, "AnalyzePlan") { (_: [ProtoAnalyzePlanRequest], write) in
            var answer = ProtoAnalyzePlanResponse()
            answer.sparkVersion.version = self.version
            try await write(answer)
        }
        register(&router, "ExecutePlan") { (_: [ProtoExecutePlanRequest], write) in
            try await self.answers(from: 0, cut: self.cutAfter, write)
        }
        register(&router, "ReattachExecute") { (requests: [ProtoReattachExecuteRequest], write) in
            try await self.answers(
                from: (Int(requests[0].lastResponseID) ?? 0) + 1,
                cut: nil,
                write
            )
        }
        register(&router, "ReleaseExecute") { (requests: [ProtoReleaseExecuteRequest], write) in
            self.seen.withLock { $0.released.append(requests[0].operationID) }
            try await write(ProtoReleaseExecuteResponse())
        }
        register(&router, "ReleaseSession") { (_: [ProtoReleaseSessionRequest], write) in
            try await write(ProtoReleaseSessionResponse())
        }
        register(&router, "AddArtifacts") { (requests: [ProtoAddArtifactsRequest], write) in
            var (name, data): (String, [UInt8]) = ("", [])
            for request in requests {
                var chunk = request.chunk
                if case .beginChunk(let begin) = request.payload {
                    // As the real server, which never ends an artifact that its first chunk completes.
                    guard begin.numChunks > 1 else {
                        throw RPCError(code: .internalError, message: "requirement failed")
                    }
                    name = begin.name
                    chunk = begin.initialChunk
                }
                if case .batch(let batch) = request.payload {
                    name = batch.artifacts[0].name
                    chunk = batch.artifacts[0].data
                }
                data += Array(chunk.data)
                if Int64(CRC32.checksum(chunk.data)) != chunk.crc {
                    self.seen.withLock { $0.badChecksums += 1 }
                }
            }
            let (path, bytes) = (name, data)
            self.seen.withLock { $0.files[path] = bytes }
            var answer = ProtoAddArtifactsResponse()
            answer.artifacts = [.init()]
            answer.artifacts[0].name = name
            answer.artifacts[0].isCrcSuccessful = true
            try await write(answer)
        }
    }

    private func answers(
        from first: Int,
        cut: Int?,
        _ write: (ProtoExecutePlanResponse) async throws -> Void
    ) async throws {
        for index in first...batches.count {
            if let cut, index >= cut { return }
            var answer = ProtoExecutePlanResponse()
            answer.responseID = "\(index)"
            if index < batches.count {
                answer.arrowBatch.data = Data(ArrowWriter.stream(batches[index]))
            } else {
                answer.resultComplete = .init()
            }
            try await write(answer)
        }
    }

    private func register<Transport: ServerTransport, Request: Message, Response: Message>(
        _ router: inout RPCRouter<Transport>,
        _ name: String,
        _ answer:
            @escaping @Sendable (
                [Request], (Response) async throws -> Void
            ) async throws -> Void
    ) {
        router.registerHandler(
            forMethod: MethodDescriptor(
                fullyQualifiedService: "spark.connect.SparkConnectService",
                method: name
            ),
            deserializer: ProtobufDeserializer<Request>(),
            serializer: ProtobufSerializer<Response>()
        ) { request, _ in
            if let token = self.token {
                let found = Array(request.metadata[stringValues: "authorization"])
                guard found == ["Bearer \(token)"] else {
                    throw RPCError(code: .unauthenticated, message: "wrong token")
                }
            }
            var requests: [Request] = []
            for try await message in request.messages { requests.append(message) }
            let all = requests
            return StreamingServerResponse { writer in
                try await answer(all) { try await writer.write($0) }
                return [:]
            }
        }
    }

    /// Serves while `body` runs, with TLS where a certificate is given.
    func serve<Result: Sendable>(
        tls: (certificate: String, key: String)? = nil,
        _ body: @Sendable @escaping (Int) async throws -> Result
    ) async throws -> Result {
        var security = HTTP2ServerTransport.Posix.TransportSecurity.plaintext
        if let tls {
            security = .tls(
                certificateChain: [.file(path: tls.certificate, format: .pem)],
                privateKey: .file(path: tls.key, format: .pem)
            )
        }
        let transport = HTTP2ServerTransport.Posix(
            address: .ipv4(host: "127.0.0.1", port: 0),
            transportSecurity: security
        )
        let server = GRPCServer(transport: transport, services: [self])
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.serve() }
            let port = try await transport.listeningAddress.ipv4?.port ?? 0
            let result: Swift.Result<Result, any Error>
            do { result = .success(try await body(port)) } catch { result = .failure(error) }
            server.beginGracefulShutdown()
            group.cancelAll()
            return try result.get()
        }
    }
}
