import Foundation
import SkeinTensor
import SkeinTestSupport
import Testing

/// Chunks put together by what they come to: the driver, and its two users against plain loops.
@Suite struct AssociativeScanTests {
    /// Text: putting together is exact, and its order shows.
    private struct Text: Associative {
        var letters: String

        mutating func append(_ later: Self) { letters += later.letters }
    }

    @Test(arguments: [1, 2, 5])
    func `lanes come to their chunks in order`(_ threads: Int) {
        let pool = ThreadPool(threads: threads)
        for lanes in [[1], [5], [3, 1, 4], [Int](repeating: 2, count: 40), [7, 2]] {
            let found = Found(lanes)
            pool.reduce(lanes: lanes) { lane, chunk in
                Text(letters: "\(lane).\(chunk) ")
            } finish: { lane, whole in
                found.set(lane, 0, whole.letters)
            }
            for (lane, chunks) in lanes.enumerated() {
                let expected = (0..<chunks).map { "\(lane).\($0) " }.joined()
                #expect(found[lane, 0] == expected)
            }
        }
    }

    @Test(arguments: [1, 2, 5])
    func `chunks are given what lies before them`(_ threads: Int) {
        let pool = ThreadPool(threads: threads)
        for lanes in [[1], [2], [6], [3, 1, 5]] {
            let found = Found(lanes)
            pool.scan(
                lanes: lanes,
                part: { lane, chunk in Text(letters: "\(lane).\(chunk) ") },
                finish: { lane, chunk, before in
                    found.set(lane, chunk, before?.letters ?? "nothing")
                }
            )
            let (continued, ends) = (Found(lanes), Found(lanes))
            pool.scan(
                lanes: lanes,
                from: { lane in Text(letters: "before \(lane) ") },
                part: { lane, chunk in Text(letters: "\(lane).\(chunk) ") },
                end: { lane, whole in ends.set(lane, 0, whole.letters) },
                finish: { lane, chunk, before in
                    continued.set(lane, chunk, before?.letters ?? "nothing")
                }
            )
            for (lane, chunks) in lanes.enumerated() {
                let texts = (0..<chunks).map { "\(lane).\($0) " }
                for chunk in 0..<chunks {
                    let before = texts[..<chunk].joined()
                    #expect(found[lane, chunk] == (chunk == 0 ? "nothing" : before))
                    #expect(continued[lane, chunk] == "before \(lane) " + before)
                }
                #expect(ends[lane, 0] == "before \(lane) " + texts.joined())
            }
        }
    }

    /// What tasks found, each in a place of its own.
    private final class Found: @unchecked Sendable {
        private let lock = NSLock()
        private var texts: [[String]]

        init(_ lanes: [Int]) { texts = lanes.map { [String](repeating: "", count: $0) } }

        func set(_ lane: Int, _ chunk: Int, _ text: String) {
            lock.withLock { texts[lane][chunk] = text }
        }

        subscript(lane: Int, chunk: Int) -> String { lock.withLock { texts[lane][chunk] } }
    }

    // MARK: The selective scan

    private static let (rows, channels, states) = (300, 37, 5)

    /// A scan of drawn rows in pieces that end at `cuts`.
    private static func scan(
        _ processor: Processor,
        cuts: [Int] = [],
        from position: Int = 0
    ) -> (y: [Float], state: [Float]) {
        var random = SplitMix64(seed: 3)
        let rates = random.normals(channels * states).map { -abs($0) }
        let scan = SelectiveScan(
            rates: rates,
            skip: Vector(random.normals(channels)),
            states: states
        )
        func tensor(_ width: Int, deviation: Float = 1) -> Tensor {
            let values = random.normals(rows * width, deviation: deviation)
            return Tensor(values, rows: rows, width: width, arena: processor.arena)
        }
        let inputs = ScanInputs(
            x: tensor(channels),
            step: tensor(channels, deviation: 3),
            mixed: (tensor(2 * states), 0),
            gate: (tensor(channels), 0)
        )
        let start = Storage(byteCount: 4 * scan.stateCount)
        start.base.initializeMemory(as: Float.self, repeating: 0.5, count: scan.stateCount)
        var (past, pieces) = (start, [RecurrentPiece]())
        for (first, last) in zip([0] + cuts, cuts + [rows]) {
            let next = Storage(byteCount: 4 * scan.stateCount)
            pieces.append(
                RecurrentPiece(
                    rows: first..<last,
                    position: position + first,
                    past: past,
                    next: next
                )
            )
            past = next
        }
        let y = processor.scan(inputs, scan, segments: [pieces], at: 0)
        let state = past.base.assumingMemoryBound(to: Float.self)
        return (y.values, (0..<scan.stateCount).map { state[$0] })
    }

    @Test(arguments: InstructionSet.available)
    func `a scan over time is the scan in order up to rounding`(_ level: InstructionSet) throws {
        let plain = Self.scan(try Processor(threads: 2, instructionSet: level))
        for (chunk, position) in [(1, 0), (7, 3), (64, 0), (64, 50), (299, 0), (1000, 990)] {
            let processor = try Processor(threads: 2, instructionSet: level, scanChunk: chunk)
            let found = Self.scan(processor, from: position)
            let largest = plain.y.map(abs).max() ?? 0
            #expect(
                zip(found.y, plain.y).allSatisfy { abs($0 - $1) <= 4e-6 * largest },
                "chunks of \(chunk)"
            )
            let most = plain.state.map(abs).max() ?? 0
            #expect(zip(found.state, plain.state).allSatisfy { abs($0 - $1) <= 4e-6 * most })
        }
    }

    @Test func `threads and cuts at chunks change no bit of a scan over time`() throws {
        let one = Self.scan(try Processor(threads: 1, scanChunk: 32))
        for threads in [2, 3] {
            let processor = try Processor(threads: threads, scanChunk: 32)
            let found = Self.scan(processor)
            #expect(found.y == one.y && found.state == one.state)
            let cut = Self.scan(processor, cuts: [32, 192, 256])
            #expect(cut.y == one.y && cut.state == one.state)
        }
        #expect(throws: (any Error).self) { try Processor(threads: 1, scanChunk: 0) }
    }

    // MARK: Attention over many keys

    private static let shape = AttentionShape(heads: 6, kvHeads: 3, headDim: 16)

    /// Rows after `past` keys, all of them drawn by position, so that the same row can be asked alone.
    private static func attend(
        _ processor: Processor,
        past: Int,
        rows: Int,
        scoreDeviation: Float = 1,
        visibility: Visibility = .causal
    ) -> (answers: [Float], expected: [Float]) {
        let (width, total) = (shape.kvWidth, past + rows)
        func draw(_ position: Int, _ purpose: UInt64, _ count: Int, _ deviation: Float) -> [Float] {
            var random = SplitMix64(seed: UInt64(position) * 8 + purpose)
            return random.normals(count, deviation: deviation)
        }
        let keys = (0..<total).flatMap { draw($0, 0, width, scoreDeviation) }
        let values = (0..<total).flatMap { draw($0, 1, width, 1) }
        let queries = (past..<total).flatMap { draw($0, 2, shape.heads * shape.headDim, 1) }
        let storage = Storage(byteCount: 8 * total * width)
        let floats = storage.base.assumingMemoryBound(to: Float.self)
        for (index, value) in (keys + values).enumerated() { floats[index] = value }
        let segment = Segment(rows: 0..<rows, slot: 0, reads: .all(.main), visibility: visibility)
        let span = AttentionSpan(
            segment,
            pastPositions: (0..<past).map { Int32($0) },
            positions: (past..<total).map { Int32($0) }
        )
        let answers = processor.attend(
            Tensor(
                queries,
                rows: rows,
                width: shape.heads * shape.headDim,
                arena: processor.arena
            ),
            shape: shape,
            dtype: .f32,
            spans: [span],
            runs: [
                [
                    KeyValueRun(
                        storage: storage,
                        keyOffset: 0,
                        valueOffset: 4 * total * width,
                        count: total
                    )
                ]
            ]
        ).values
        var expected: [Float] = []
        for row in 0..<rows {
            let seen =
                Array(0..<past)
                + visibility.visibleRanges(of: row, count: rows).flatMap {
                    $0.map { past + Int($0) }
                }
            for head in 0..<shape.heads {
                let column = head / (shape.heads / shape.kvHeads) * shape.headDim
                let scores = seen.map { key in
                    (0..<shape.headDim).reduce(0.0) { sum, d in
                        let q = queries[(row * shape.heads + head) * shape.headDim + d]
                        return sum + Double(q) * Double(keys[key * width + column + d])
                    } * Double(shape.scale)
                }
                let most = scores.max() ?? 0
                let weights = scores.map { exp($0 - most) }
                let all = weights.reduce(0, +)
                for d in 0..<shape.headDim {
                    let sum = zip(seen, weights).reduce(0.0) {
                        $0 + $1.1 * Double(values[$1.0 * width + column + d])
                    }
                    expected.append(Float(sum / all))
                }
            }
        }
        return (answers, expected)
    }

    @Test(arguments: InstructionSet.available)
    func `attention over several parts of keys is exact`(_ level: InstructionSet) throws {
        let processor = try Processor(threads: 2, instructionSet: level)
        for (past, rows, deviation) in [(1023, 2, Float(1)), (2600, 1, 1), (2100, 3, 30)] {
            let (answers, expected) = Self.attend(
                processor,
                past: past,
                rows: rows,
                scoreDeviation: deviation
            )
            #expect(Tolerance.nmse(answers, expected) < 1e-11, "\(past) keys, \(deviation)")
        }
    }

    @Test func `parts of keys leave a row's bits alone`() throws {
        let single = try Processor(threads: 1)
        let width = Self.shape.heads * Self.shape.headDim
        let together = Self.attend(single, past: 1000, rows: 70).answers
        for threads in [2, 5] {
            let processor = try Processor(threads: threads)
            #expect(Self.attend(processor, past: 1000, rows: 70).answers == together)
            for row in [0, 23, 24, 25, 69] {
                let alone = Self.attend(processor, past: 1000 + row, rows: 1).answers
                #expect(alone == Array(together[row * width..<(row + 1) * width]), "row \(row)")
            }
        }
    }
}
