internal import Foundation
internal import SkeinCore
internal import SkeinDecoding
public import SkeinModels
public import SkeinTensor
internal import Synchronization

/// Serves a workload in real time, each server in turn, and records when every token came.
///
/// Prompts are random tokens and answers greedy without an end token, so that all servers do the same
/// work and must give the same answers.
///
/// - Paper: Yao et al. 2023, arXiv:2305.13484, its comparison with concurrent instances and with dynamic
///   batching.
public struct ServingBenchmark: Sendable {
    private let model: any LanguageModel
    private let processor: Processor
    private let options: EngineOptions
    private let seed: UInt64

    /// Prepares to serve a model.
    public init(
        model: any LanguageModel,
        processor: Processor,
        options: EngineOptions,
        seed: UInt64 = 1
    ) {
        self.model = model
        self.processor = processor
        self.options = options
        self.seed = seed
    }

    /// Seconds that a request takes alone on all threads: the least of some runs after a warm-up.
    public func loneTime(_ request: ServingRequest, repetitions: Int = 2) throws -> Double {
        var lone = request
        lone.arrival = 0
        lone.number = 0
        var warmUp = lone
        warmUp.outputTokens = min(lone.outputTokens, 8)
        _ = try serve([warmUp], by: .fifo)
        var best = Double.infinity
        for _ in 0..<max(repetitions, 1) {
            best = min(best, try serve([lone], by: .fifo).totalTime)
        }
        return best
    }

    /// Serves requests as they arrive.
    ///
    /// - Parameters:
    ///   - requests: In order of arrival, numbered from 0.
    ///   - server: How.
    /// - Returns: When every token came, and which it was.
    /// - Throws: Errors of the model.
    public func serve(
        _ requests: [ServingRequest],
        by server: ServingServer
    ) throws -> ServingRecording {
        let before = clock()
        var recording =
            if case .instances = server {
                try serveByInstances(requests)
            } else {
                try serveInBatches(requests, by: server)
            }
        recording.processorTime = Double(clock() - before) / 1e6  // As POSIX defines the unit.
        return recording
    }

    private func engine(
        _ requests: [ServingRequest],
        _ pool: ServingPool,
        on processor: Processor
    ) throws -> Engine {
        var options = options
        options.slotLimit = max(options.slotLimit, requests.count)
        guard pool != .paged else {
            return Engine(model: model, processor: processor, options: options)
        }
        let contiguous = try ContiguousModel(
            model,
            slots: requests.count,
            capacity: requests.map { $0.promptTokens + $0.outputTokens }.max() ?? 1,
            reorders: pool == .contiguous
        )
        return Engine(model: contiguous, processor: processor, options: options)
    }

    /// One batch that requests join when the server lets them.
    private func serveInBatches(
        _ requests: [ServingRequest],
        by server: ServingServer
    ) throws -> ServingRecording {
        var pool = ServingPool.paged
        if case .fused(let chosen) = server { pool = chosen }
        let engine = try engine(requests, pool, on: processor)
        let isPadded = if case .windows = server { true } else { false }
        var answers = requests.map { ServingRecording.Answer(request: $0, start: 0) }
        var numbers: [Int32: Int] = [:]
        var waiting: [ServingRequest] = []
        var arrived = 0
        let clock = ContinuousClock()
        let start = clock.now
        while arrived < requests.count || !waiting.isEmpty || engine.active > 0 {
            let now = (clock.now - start).seconds
            while arrived < requests.count, requests[arrived].arrival <= now {
                waiting.append(requests[arrived])
                arrived += 1
            }
            switch server.admission(waiting, running: engine.active, now: now) {
            case .join(let count):
                let joining = waiting.prefix(count)
                // A static batch computes every row until its longest answer is complete.
                let longest = joining.map(\.outputTokens).max() ?? 1
                for request in joining {
                    let tokens = isPadded ? longest : request.outputTokens
                    numbers[try engine.admit(strategy(request, tokens: tokens))] = request.number
                    answers[request.number].start = now
                }
                waiting.removeFirst(count)
            case .wait(let until):
                let next = arrived < requests.count ? requests[arrived].arrival : .infinity
                if engine.active == 0 {
                    Thread.sleep(forTimeInterval: max(min(next, until) - now, 0))
                    continue
                }
            }
            for event in try engine.step() {
                switch event {
                case .tokens(let slot, let tokens, _):
                    guard let number = numbers[slot] else { continue }
                    answers[number].append(tokens, at: (clock.now - start).seconds)
                case .failed(_, let error): throw error
                default: break
                }
            }
        }
        return ServingRecording(server: server.name, answers: answers)
    }

    /// A thread, an engine and a memory for every request; only the weights are shared.
    private func serveByInstances(_ requests: [ServingRequest]) throws -> ServingRecording {
        let results = Mutex<[Int: Swift.Result<ServingRecording.Answer, any Error>]>([:])
        let done = DispatchGroup()
        let clock = ContinuousClock()
        let start = clock.now
        let level = processor.instructionSet
        for request in requests {
            done.enter()
            let thread = Thread {
                let result = Swift.Result { try answer(request, level, start) }
                results.withLock { $0[request.number] = result }
                done.leave()
            }
            thread.stackSize = 4 << 20
            thread.start()
        }
        done.wait()
        return ServingRecording(
            server: ServingServer.instances.name,
            answers: try results.withLock { found in
                try requests.compactMap { try found[$0.number]?.get() }
            }
        )
    }

    /// One instance's whole life.
    private func answer(
        _ request: ServingRequest,
        _ level: InstructionSet,
        _ start: ContinuousClock.Instant
    ) throws -> ServingRecording.Answer {
        let clock = ContinuousClock()
        Thread.sleep(forTimeInterval: max(request.arrival - (clock.now - start).seconds, 0))
        var answer = ServingRecording.Answer(
            request: request,
            start: (clock.now - start).seconds
        )
        let processor = try Processor(threads: 1, instructionSet: level)
        let engine = try engine([request], .paged, on: processor)
        _ = try engine.admit(strategy(request, tokens: request.outputTokens))
        while engine.active > 0 {
            for event in try engine.step() {
                switch event {
                case .tokens(_, let tokens, _):
                    answer.append(tokens, at: (clock.now - start).seconds)
                case .failed(_, let error): throw error
                default: break
                }
            }
        }
        return answer
    }

    private func strategy(
        _ request: ServingRequest,
        tokens: Int
    ) throws -> Autoregressive<SamplingRule> {
        let noise = Philox(NoiseKey(seed: seed &+ UInt64(request.number), stream: 13))
        let size = Double(model.description.vocabularySize)
        var parameters = SamplingParameters.greedy
        parameters.maxTokens = tokens
        return try Autoregressive(
            prompt: (0..<request.promptTokens).map {
                Int32(noise.uniform(at: UInt64($0)) * size)
            },
            parameters: parameters,
            contextLimit: request.promptTokens + tokens
        )
    }
}

extension ServingRecording.Answer {
    /// Adds tokens, as far as the request asked for them.
    fileprivate mutating func append(_ new: [Int32], at time: Double) {
        for token in new where tokens.count < request.outputTokens {
            tokens.append(token)
            times.append(time)
        }
    }
}
