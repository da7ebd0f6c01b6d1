internal import Foundation
internal import GRPCCore
internal import SkeinCore
internal import Synchronization

/// A session on a Spark Connect server: queries, commands, files and settings.
///
/// Queries run on the server and come back in batches as they are made. A connection that breaks while a
/// query runs is taken up again where it was. `close()` gives the session back.
public final class SparkSession: Sendable {
    /// Where the server is.
    public let url: SparkURL
    /// The session's name on the server.
    public let id: String
    /// The server's version, such as `4.3.0`.
    public let version: String
    private let channel: SparkChannel
    private let user: ProtoUserContext

    /// How far a query is: tasks done, and tasks known of.
    public typealias Progress = @Sendable (_ done: Int, _ total: Int) -> Void

    /// Opens a session.
    ///
    /// - Parameters:
    ///   - url: Where the server is.
    ///   - timeout: How long the server may take to answer.
    /// - Returns: The session.
    /// - Throws: `SkeinError` with `.sparkUnreachable`, `.sparkVersion` or `.sparkUnauthenticated`.
    public static func connect(
        _ url: SparkURL,
        timeout: Duration = .seconds(30)
    ) async throws -> SparkSession {
        let channel = try SparkChannel(url)
        var user = ProtoUserContext()
        user.userID = url.user ?? NSUserName()
        user.userName = user.userID
        let id = url.session ?? UUID().uuidString.lowercased()
        var request = ProtoAnalyzePlanRequest()
        request.sessionID = id
        request.userContext = user
        request.clientType = url.userAgent
        request.sparkVersion = .init()
        do {
            let answer = try await channel.call(
                "AnalyzePlan",
                request,
                as: ProtoAnalyzePlanResponse.self,
                timeout: timeout
            )
            let version = answer.sparkVersion.version
            guard let major = Int(version.prefix { $0 != "." }), major >= 4 else {
                throw SkeinError(
                    .sparkVersion,
                    "\(url.shown) runs Spark \"\(version)\", expected 4.0 or later"
                )
            }
            return SparkSession(url, id, version, channel, user)
        } catch {
            await channel.close()
            guard let error = error as? RPCError else { throw error }
            throw SparkFailure(error).translated(url, message: error.message)
        }
    }

    private init(
        _ url: SparkURL,
        _ id: String,
        _ version: String,
        _ channel: SparkChannel,
        _ user: ProtoUserContext
    ) {
        self.url = url
        self.id = id
        self.version = version
        self.channel = channel
        self.user = user
    }

    // MARK: Settings

    /// Changes settings of the session.
    ///
    /// - Parameter settings: Names and values.
    /// - Throws: `SkeinError`, also when a setting cannot be changed at run time.
    public func set(_ settings: [String: String]) async throws {
        var request = ProtoConfigRequest()
        request.operation.set.pairs = settings.sorted { $0.key < $1.key }.map { name, value in
            var pair = ProtoKeyValue()
            pair.key = name
            pair.value = value
            return pair
        }
        _ = try await config(request)
    }

    /// A setting's value; `nil` when it has none.
    ///
    /// - Parameter name: The setting.
    /// - Returns: The value.
    /// - Throws: `SkeinError`.
    public func setting(_ name: String) async throws -> String? {
        var request = ProtoConfigRequest()
        request.operation.getOption.keys = [name]
        let pair = try await config(request).pairs.first
        return pair?.hasValue == true ? pair?.value : nil
    }

    /// Gives a setting back to its default.
    ///
    /// - Parameter name: The setting.
    /// - Throws: `SkeinError`.
    public func unset(_ name: String) async throws {
        var request = ProtoConfigRequest()
        request.operation.unset.keys = [name]
        _ = try await config(request)
    }

    private func config(_ request: ProtoConfigRequest) async throws -> ProtoConfigResponse {
        var request = request
        request.sessionID = id
        request.userContext = user
        request.clientType = url.userAgent
        let ready = request
        return try await translating {
            try await channel.call("Config", ready, as: ProtoConfigResponse.self)
        }
    }

    // MARK: Queries

    /// Runs a query and hands out its batches as they come.
    ///
    /// - Parameters:
    ///   - query: The SQL.
    ///   - progress: Called every few seconds.
    ///   - receive: Called with every batch, in order.
    /// - Throws: `SkeinError.Code.sparkFailure` with the server's message, or what `receive` throws.
    public func stream(
        _ query: String,
        progress: Progress? = nil,
        _ receive: @Sendable @escaping (SparkTable) throws -> Void
    ) async throws {
        var plan = ProtoPlan()
        plan.root.sql.query = query
        try await execute(plan, progress) { response in
            guard case .arrowBatch(let batch) = response.responseType else { return }
            for table in try ArrowReader.tables(Array(batch.data)) { try receive(table) }
        }
    }

    /// Runs a query and returns all of its rows.
    ///
    /// - Parameter query: The SQL.
    /// - Returns: The batches.
    /// - Throws: `SkeinError.Code.sparkFailure` with the server's message.
    public func query(_ query: String) async throws -> [SparkTable] {
        let tables = Mutex<[SparkTable]>([])
        try await stream(query) { table in tables.withLock { $0.append(table) } }
        return tables.withLock { $0 }
    }

    /// Runs a statement for its effect: `CREATE VIEW`, `INSERT`, `DROP`.
    ///
    /// - Parameters:
    ///   - statement: The SQL.
    ///   - progress: Called every few seconds.
    /// - Throws: `SkeinError.Code.sparkFailure` with the server's message.
    public func run(_ statement: String, progress: Progress? = nil) async throws {
        var plan = ProtoPlan()
        plan.command.sqlCommand.input.sql.query = statement
        try await execute(plan, progress) { _ in }
    }

    /// Brings a table along and names it; each call sends one message.
    ///
    /// - Parameters:
    ///   - table: The table, at most 128 MiB as Arrow.
    ///   - view: The name of a temporary view.
    /// - Throws: `SkeinError`.
    public func upload(_ table: SparkTable, as view: String) async throws {
        let data = ArrowWriter.stream(table)
        guard data.count < SparkChannel.maximumMessageBytes - 4096 else {
            throw SkeinError(
                .invalidArgument,
                "found a table of \(data.count) bytes, expected at most 128 MiB",
                hint: "upload it in pieces and take their union"
            )
        }
        var plan = ProtoPlan()
        plan.command.createDataframeView.name = view
        plan.command.createDataframeView.replace = true
        plan.command.createDataframeView.input.localRelation.data = Data(data)
        try await execute(plan, nil) { _ in }
    }

    /// Computes a query now, keeps the rows on the executors, and names them.
    ///
    /// - Parameters:
    ///   - query: The SQL.
    ///   - view: The name of a temporary view.
    ///   - copies: On how many executors each piece is kept.
    ///   - isEager: Whether rows are computed now instead of when they are first asked for.
    /// - Returns: What to give to `drop(_:)`.
    /// - Throws: `SkeinError.Code.sparkFailure` with the server's message.
    public func checkpoint(
        _ query: String,
        as view: String,
        copies: Int = 1,
        isEager: Bool = true
    ) async throws -> SparkCheckpoint {
        var plan = ProtoPlan()
        plan.command.checkpointCommand.relation.sql.query = query
        plan.command.checkpointCommand.local = true
        plan.command.checkpointCommand.eager = isEager
        if copies > 1 {
            plan.command.checkpointCommand.storageLevel.useDisk = true
            plan.command.checkpointCommand.storageLevel.useMemory = true
            plan.command.checkpointCommand.storageLevel.replication = Int32(copies)
        }
        let result = Mutex<String?>(nil)
        try await execute(plan, nil) { response in
            guard case .checkpointCommandResult(let value) = response.responseType else { return }
            result.withLock { $0 = value.relation.relationID }
        }
        guard let id = result.withLock({ $0 }) else {
            throw SkeinError(.sparkResult, "a checkpoint brought no name for its rows")
        }
        var name = ProtoPlan()
        name.command.createDataframeView.name = view
        name.command.createDataframeView.replace = true
        name.command.createDataframeView.input.cachedRemoteRelation.relationID = id
        try await execute(name, nil) { _ in }
        return SparkCheckpoint(relation: id)
    }

    /// Lets go of a checkpoint's rows.
    ///
    /// - Parameter checkpoint: What `checkpoint` returned.
    /// - Throws: `SkeinError`.
    public func drop(_ checkpoint: SparkCheckpoint) async throws {
        var plan = ProtoPlan()
        plan.command.removeCachedRemoteRelationCommand.relation.relationID = checkpoint.relation
        try await execute(plan, nil) { _ in }
    }

    /// Runs a plan; the stream is taken up again when it ends before the plan does.
    private func execute(
        _ plan: ProtoPlan,
        _ progress: Progress?,
        _ receive: @Sendable @escaping (ProtoExecutePlanResponse) throws -> Void
    ) async throws {
        let operation = UUID().uuidString.lowercased()
        let state = Mutex<(last: String?, isComplete: Bool)>((nil, false))
        let take: @Sendable (ProtoExecutePlanResponse) async throws -> Void = { response in
            switch response.responseType {
            case .executionProgress(let value):
                progress?(
                    value.stages.reduce(0) { $0 + Int($1.numCompletedTasks) },
                    value.stages.reduce(0) { $0 + Int($1.numTasks) }
                )
            case .resultComplete: state.withLock { $0.isComplete = true }
            default: try receive(response)
            }
            state.withLock { $0.last = response.responseID }
        }
        var request = ProtoExecutePlanRequest()
        request.sessionID = id
        request.userContext = user
        request.clientType = url.userAgent
        request.operationID = operation
        request.plan = plan
        var option = ProtoExecutePlanRequest.RequestOption()
        option.reattachOptions.reattachable = true
        request.requestOptions = [option]
        let first = request
        do {
            try await translating {
                var attempts = 0
                var isStarted = false
                while !state.withLock({ $0.isComplete }) {
                    let before = state.withLock { $0.last }
                    do {
                        if isStarted {
                            try await channel.stream(
                                "ReattachExecute",
                                reattach(operation, after: before),
                                take
                            )
                        } else {
                            try await channel.stream("ExecutePlan", first, take)
                        }
                        isStarted = true
                    } catch let error as RPCError
                        where SparkFailure(error).isTransient && before != nil && attempts < 5
                    {
                        isStarted = true
                        attempts += 1
                        try await Task.sleep(for: .milliseconds(200 << attempts))
                    }
                    if state.withLock({ $0.last }) != before { attempts = 0 }
                }
            }
        } catch {
            // A cancelled caller goes on only when the server has stopped the work, too.
            if Task.isCancelled {
                await Task { _ = try? await self.interrupt(operation: operation) }.value
            }
            throw error
        }
        await release(operation)
    }

    private func reattach(_ operation: String, after last: String?) -> ProtoReattachExecuteRequest {
        var request = ProtoReattachExecuteRequest()
        request.sessionID = id
        request.userContext = user
        request.clientType = url.userAgent
        request.operationID = operation
        if let last { request.lastResponseID = last }
        return request
    }

    /// Tells the server that all answers of an operation have arrived; losing this call loses nothing.
    private func release(_ operation: String) async {
        var request = ProtoReleaseExecuteRequest()
        request.sessionID = id
        request.userContext = user
        request.clientType = url.userAgent
        request.operationID = operation
        request.releaseAll = .init()
        _ = try? await channel.call(
            "ReleaseExecute",
            request,
            as: ProtoReleaseExecuteResponse.self
        )
    }

    // MARK: Files

    /// Brings a file to the executors; they find it as `./*/name`.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - name: What it is called there; a name is given once a session.
    /// - Throws: `SkeinError` with `.notFound`, `.ioFailure`, or `.sparkFailure`.
    public func addFile(_ path: String, as name: String) async throws {
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw SkeinError(.notFound, "cannot read \(path)")
        }
        defer { try? file.close() }
        let size = Int((try? file.seekToEnd()) ?? 0)
        try? file.seek(toOffset: 0)
        var head = ProtoAddArtifactsRequest()
        head.sessionID = id
        head.userContext = user
        head.clientType = url.userAgent
        let first = head
        let source = ChunkedFile(file, path: path)
        let answer = try await translating {
            try await channel.send("AddArtifacts", as: ProtoAddArtifactsResponse.self) { write in
                var request = first
                if size <= ChunkedFile.bytes {
                    // The server takes a single chunk only as a batch of one.
                    var whole = ProtoAddArtifactsRequest.SingleChunkArtifact()
                    whole.name = "files/" + name
                    whole.data = try source.next() ?? .init()
                    request.batch.artifacts = [whole]
                    try await write(request)
                    return
                }
                request.beginChunk.name = "files/" + name
                request.beginChunk.totalBytes = Int64(size)
                request.beginChunk.numChunks = Int64(
                    (size + ChunkedFile.bytes - 1) / ChunkedFile.bytes
                )
                request.beginChunk.initialChunk = try source.next() ?? .init()
                try await write(request)
                while let chunk = try source.next() {
                    var request = first
                    request.chunk = chunk
                    try await write(request)
                }
            }
        }
        guard answer.artifacts.allSatisfy(\.isCrcSuccessful) else {
            throw SkeinError(.sparkResult, "\(path) did not arrive whole: checksums differ")
        }
    }

    // MARK: The end

    /// Stops everything that this session runs.
    ///
    /// - Returns: The names of what was stopped.
    /// - Throws: `SkeinError`.
    @discardableResult public func interruptAll() async throws -> [String] {
        var request = ProtoInterruptRequest()
        request.interruptType = .all
        return try await interrupt(request)
    }

    private func interrupt(operation: String) async throws -> [String] {
        var request = ProtoInterruptRequest()
        request.interruptType = .operationID
        request.operationID = operation
        return try await interrupt(request)
    }

    private func interrupt(_ request: ProtoInterruptRequest) async throws -> [String] {
        var request = request
        request.sessionID = id
        request.userContext = user
        request.clientType = url.userAgent
        let ready = request
        return try await translating {
            try await channel.call("Interrupt", ready, as: ProtoInterruptResponse.self)
        }.interruptedIds
    }

    /// Gives the session back and ends the connection; a server that is gone is no error.
    public func close() async {
        var request = ProtoReleaseSessionRequest()
        request.sessionID = id
        request.userContext = user
        request.clientType = url.userAgent
        _ = try? await channel.call(
            "ReleaseSession",
            request,
            as: ProtoReleaseSessionResponse.self,
            timeout: .seconds(10)
        )
        await channel.close()
    }

    /// Turns a failed call into an error for the user, with the server's whole message.
    private func translating<Result>(
        _ body: () async throws -> Result
    ) async throws -> Result {
        do {
            return try await body()
        } catch let error as RPCError {
            let failure = SparkFailure(error)
            if let cause = error.cause as? SkeinError { throw cause }
            throw failure.translated(url, message: await details(failure) ?? error.message)
        }
    }

    /// The messages of an error and of what caused it.
    private func details(_ failure: SparkFailure) async -> String? {
        guard let errorID = failure.id else { return nil }
        var request = ProtoFetchErrorDetailsRequest()
        request.sessionID = id
        request.userContext = user
        request.clientType = url.userAgent
        request.errorID = errorID
        guard
            let answer = try? await channel.call(
                "FetchErrorDetails",
                request,
                as: ProtoFetchErrorDetailsResponse.self
            ), answer.hasRootErrorIdx
        else { return nil }
        var text = ""
        var index: Int32? = answer.rootErrorIdx
        var depth = 0
        while let place = index, depth < 8, answer.errors.indices.contains(Int(place)) {
            let error = answer.errors[Int(place)]
            if !text.contains(error.message) { text += (text.isEmpty ? "" : "\n") + error.message }
            index = error.hasCauseIdx ? error.causeIdx : nil
            depth += 1
        }
        return text.isEmpty ? nil : text
    }
}

/// Rows that a session keeps on the executors.
public struct SparkCheckpoint: Sendable {
    let relation: String
}

/// A file in pieces with checksums.
private final class ChunkedFile: Sendable {
    static let bytes = 32 << 10
    private let file: Mutex<FileHandle>
    private let path: String

    init(_ file: sending FileHandle, path: String) {
        self.file = Mutex(file)
        self.path = path
    }

    func next() throws -> ProtoAddArtifactsRequest.ArtifactChunk? {
        let data: Data? = try file.withLock { file in
            do {
                return try file.read(upToCount: Self.bytes)
            } catch {
                throw SkeinError(.ioFailure, "cannot read \(path): \(error.localizedDescription)")
            }
        }
        guard let data, !data.isEmpty else { return nil }
        var chunk = ProtoAddArtifactsRequest.ArtifactChunk()
        chunk.data = data
        chunk.crc = Int64(CRC32.checksum(data))
        return chunk
    }
}
