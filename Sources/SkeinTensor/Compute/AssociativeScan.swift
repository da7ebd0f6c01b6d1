internal import Synchronization

/// What a range of a sequence comes to, in a form in which neighbouring ranges can be put together.
///
/// Which neighbours are put together first does not matter, up to rounding; their order does. Whoever
/// cuts a sequence at places that depend on nothing but positions therefore gets the same bits from any
/// number of threads.
package protocol Associative: Sendable {
    /// Puts the range that follows behind this one.
    mutating func append(_ later: Self)
}

/// What the chunks of all lanes came to, each written by the one task that computed it.
///
/// Invariant: a place is written once, by one task, and read after the fork-join that wrote it.
private final class Parts<Part: Associative>: @unchecked Sendable {
    private let places: UnsafeMutableBufferPointer<Part?>

    init(count: Int) {
        places = .allocate(capacity: count)
        places.initialize(repeating: nil)
    }

    deinit {
        places.deinitialize()
        places.deallocate()
    }

    subscript(place: Int) -> Part? {
        get { places[place] }
        set { places[place] = newValue }
    }
}

/// Chunks of lanes, numbered from the first lane's first chunk on.
private struct ChunkNumbers: Sendable {
    /// The number of each lane's first chunk, and the number of all chunks.
    private var starts = [0]

    init(_ lanes: [Int]) {
        for chunks in lanes { starts.append(starts[starts.count - 1] + chunks) }
    }

    var count: Int { starts[starts.count - 1] }

    func number(_ lane: Int, _ chunk: Int) -> Int { starts[lane] + chunk }

    func place(_ number: Int) -> (lane: Int, chunk: Int) {
        let lane = (starts.firstIndex { $0 > number } ?? starts.count) - 1
        return (lane, number - starts[lane])
    }
}

extension ThreadPool {
    /// What every lane comes to as a whole: its chunks put together from first to last.
    ///
    /// Where lanes are few, their chunks are computed at once and put together afterwards; else each lane
    /// is one task. Both do the same arithmetic in the same order.
    ///
    /// - Parameters:
    ///   - lanes: The number of chunks of each lane, at least 1.
    ///   - part: Computes a chunk.
    ///   - finish: Takes what a lane comes to.
    package func reduce<Part: Associative>(
        lanes: [Int],
        part: @escaping @Sendable (_ lane: Int, _ chunk: Int) -> Part,
        finish: @escaping @Sendable (_ lane: Int, _ whole: Part) -> Void
    ) {
        let numbers = ChunkNumbers(lanes)
        guard threads > 1, lanes.count < 4 * threads, numbers.count > lanes.count else {
            run(tasks: lanes.count) { lane in
                var whole = part(lane, 0)
                for chunk in 1..<max(lanes[lane], 1) { whole.append(part(lane, chunk)) }
                finish(lane, whole)
            }
            return
        }
        let parts = Parts<Part>(count: numbers.count)
        run(tasks: numbers.count) { number in
            let (lane, chunk) = numbers.place(number)
            parts[number] = part(lane, chunk)
        }
        run(tasks: lanes.count) { lane in
            guard var whole = parts[numbers.number(lane, 0)] else { return }
            for chunk in 1..<max(lanes[lane], 1) {
                guard let next = parts[numbers.number(lane, chunk)] else { return }
                whole.append(next)
            }
            finish(lane, whole)
        }
    }

    /// Every chunk, given what lies before it: all chunks but the last of a lane are summed up at once,
    /// then put together from first to last, then all chunks run at once.
    ///
    /// This is about twice the work of going through a lane in order, for lanes that are fewer than threads.
    ///
    /// - Parameters:
    ///   - lanes: The number of chunks of each lane, at least 1.
    ///   - start: What lies before a lane's first chunk, if anything does.
    ///   - part: Sums a chunk up.
    ///   - end: Takes what a lane comes to, its start included; `nil` saves summing up the last chunk.
    ///   - finish: Runs a chunk from what all before it comes to.
    package func scan<Part: Associative>(
        lanes: [Int],
        from start: @escaping @Sendable (_ lane: Int) -> Part? = { _ in nil },
        part: @escaping @Sendable (_ lane: Int, _ chunk: Int) -> Part,
        end: (@Sendable (_ lane: Int, _ whole: Part) -> Void)? = nil,
        finish: @escaping @Sendable (_ lane: Int, _ chunk: Int, _ before: Part?) -> Void
    ) {
        let needsLast = end != nil
        let numbers = ChunkNumbers(lanes)
        let parts = Parts<Part>(count: numbers.count)
        run(tasks: numbers.count) { number in
            let (lane, chunk) = numbers.place(number)
            guard needsLast || chunk + 1 < lanes[lane] else { return }
            parts[number] = part(lane, chunk)
        }
        run(tasks: lanes.count) { lane in
            var whole = start(lane)
            for number in numbers.number(lane, 0)..<numbers.number(lane, lanes[lane]) {
                guard let own = parts[number] else { return }
                whole?.append(own)
                whole = whole ?? own
                parts[number] = whole
            }
            if let whole, let end { end(lane, whole) }
        }
        run(tasks: numbers.count) { number in
            let (lane, chunk) = numbers.place(number)
            finish(lane, chunk, chunk == 0 ? start(lane) : parts[number - 1])
        }
    }
}
