internal import CSkeinKernels
public import SkeinTensor

/// The kernels and the threads that a subgraph's work runs on.
///
/// Results never depend on the number of threads: work is split into pieces of fixed size, and sums
/// are added in the pieces' order.
public struct GraphCompute: @unchecked Sendable {
    // Invariant: the kernel table is constant for the life of the process.

    private let kernels: UnsafePointer<sk_kernels>
    private let pool: ThreadPool?

    /// Takes a processor's kernels and, if asked, its threads.
    ///
    /// - Parameters:
    ///   - processor: The kernels and the threads.
    ///   - isParallel: Whether the threads are free; they are not inside a parallel part.
    public init(_ processor: Processor, isParallel: Bool = true) {
        let level = processor.instructionSet.rawValue
        guard let table = sk_kernels_for(level) ?? sk_kernels_for(0) else {
            preconditionFailure("the portable kernels are always there")
        }
        kernels = table
        pool = isParallel ? processor.pool : nil
    }

    /// How many threads work.
    var threads: Int { pool?.threads ?? 1 }

    /// Runs pieces of work, each once.
    func run(tasks: Int, _ body: @escaping @Sendable (Int) -> Void) {
        guard let pool else {
            for task in 0..<tasks { body(task) }
            return
        }
        pool.run(tasks: tasks, body)
    }

    /// Runs ranges of `size` items; which thread takes which is open.
    func run(count: Int, size: Int, _ body: @escaping @Sendable (Range<Int>) -> Void) {
        run(tasks: (count + size - 1) / size) { body($0 * size..<min(count, ($0 + 1) * size)) }
    }

    /// Moves context rows towards one output and away from others; see `sk_kernels.skipgram`.
    @inline(__always) func skipgram(
        _ input: NodeMatrix,
        _ output: NodeMatrix,
        contexts: UnsafePointer<Int32>,
        _ contextCount: Int,
        outputs: UnsafePointer<Int32>,
        _ outputCount: Int,
        rate: Float
    ) {
        kernels.pointee.skipgram(
            input.base,
            output.base,
            input.stride,
            contexts,
            contextCount,
            outputs,
            outputCount,
            rate
        )
    }

    /// y = A x for a sparse A with a graph's pattern.
    func multiply(_ graph: Graph, values: [Float]?, _ x: NodeMatrix) -> NodeMatrix {
        let y = NodeMatrix(rows: graph.nodeCount, dimensions: x.dimensions)
        let weights = values.map { $0.withUnsafeBufferPointer { Pinned($0) } }
        run(count: graph.nodeCount, size: 512) { range in
            self.kernels.pointee.sparse_times_dense(
                y.base,
                graph.offsets,
                graph.targets,
                weights?.base,
                x.base,
                x.stride,
                range.lowerBound,
                range.upperBound
            )
        }
        return y
    }

    /// aᵀ b in doubles, `a.stride` by `b.stride`, row-major.
    func gram(_ a: NodeMatrix, _ b: NodeMatrix) -> [Double] {
        let (p, q, size) = (a.stride, b.stride, 8192)
        let pieces = max((a.rows + size - 1) / size, 1)
        let partial = DoubleScratch(count: pieces * p * q)
        run(count: a.rows, size: size) { range in
            self.kernels.pointee.gram(
                partial.base + range.lowerBound / size * p * q,
                a.base + range.lowerBound * p,
                p,
                b.base + range.lowerBound * q,
                q,
                range.count
            )
        }
        var sum = [Double](repeating: 0, count: p * q)
        for piece in 0..<pieces {
            for index in 0..<p * q { sum[index] += partial.base[piece * p * q + index] }
        }
        return sum
    }

    /// x w for a small w, `x.stride` by `dimensions`, row-major.
    func multiply(_ x: NodeMatrix, _ w: [Double], columns: Int) -> NodeMatrix {
        let y = NodeMatrix(rows: x.rows, dimensions: columns)
        let small = NodeMatrix(rows: x.stride, dimensions: columns)
        for row in 0..<x.stride {
            for column in 0..<columns { small[row, column] = Float(w[row * columns + column]) }
        }
        run(count: x.rows, size: 2048) { range in
            self.kernels.pointee.tall_times_small(
                y.base + range.lowerBound * y.stride,
                x.base + range.lowerBound * x.stride,
                x.stride,
                small.base,
                y.stride,
                range.count
            )
        }
        return y
    }
}

/// Doubles that pieces of work write side by side.
private final class DoubleScratch: @unchecked Sendable {
    // Invariant: every piece writes its own range.
    let base: UnsafeMutablePointer<Double>

    init(count: Int) {
        base = .allocate(capacity: count)
        base.initialize(repeating: 0, count: count)
    }

    deinit { base.deallocate() }
}

/// A copy of floats that threads may read.
private final class Pinned: @unchecked Sendable {
    // Invariant: never written after `init`.
    let base: UnsafeMutablePointer<Float>

    init(_ values: UnsafeBufferPointer<Float>) {
        base = .allocate(capacity: max(values.count, 1))
        for index in values.indices { base[index] = values[index] }
    }

    deinit { base.deallocate() }
}
