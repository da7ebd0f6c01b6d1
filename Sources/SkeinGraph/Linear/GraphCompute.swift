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

    /// The portable kernels on the calling thread.
    public init() {
        guard let table = sk_kernels_for(0) else {
            preconditionFailure("the portable kernels are always there")
        }
        kernels = table
        pool = nil
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

    /// y = s A x + o x + a p + b q, then sum += c y, for a sparse A with a graph's pattern.
    ///
    /// - Parameters:
    ///   - graph: The pattern.
    ///   - values: The entries of A; ones without them.
    ///   - x: What is multiplied.
    ///   - y: The product; it may be a term's matrix but not `x`.
    ///   - terms: What follows the product.
    func multiply(
        _ graph: Graph,
        values: FloatArray? = nil,
        _ x: NodeMatrix,
        into y: NodeMatrix,
        _ terms: SparseTerms = SparseTerms()
    ) {
        precondition(x.rows == graph.nodeCount && y.rows == x.rows && y.stride == x.stride)
        // Pieces of about the same work: rows are as uneven as degrees.
        let work = graph.entryCount + 8 * graph.nodeCount
        let pieces = max(work / (1 << 16), 1)
        run(tasks: pieces) { piece in
            var args = sk_sparse(
                offsets: graph.offsets,
                targets: graph.targets,
                values: values?.base,
                x: x.base,
                halves: terms.operandHalves?.base,
                width: x.stride,
                y: y.base,
                y_halves: terms.resultHalves?.base,
                scale: terms.scale?.base,
                own: terms.own?.base,
                first: terms.first?.base,
                second: terms.second?.base,
                sum: terms.sum?.base,
                first_factor: terms.firstFactor,
                second_factor: terms.secondFactor,
                sum_factor: terms.sumFactor
            )
            self.kernels.pointee.sparse_times_dense(
                &args,
                graph.row(atWork: work * piece / pieces),
                graph.row(atWork: work * (piece + 1) / pieces)
            )
        }
    }

    /// Rounds a matrix to half precision.
    func narrow(_ x: NodeMatrix, into halves: HalfMatrix) {
        run(count: x.rows, size: 4096) { range in
            self.kernels.pointee.narrow(
                sk_type(SK_F16),
                halves.base + range.lowerBound * x.stride,
                x.base + range.lowerBound * x.stride,
                range.count * x.stride
            )
        }
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
        multiply(x, w, into: y)
        return y
    }

    /// y = x w for a small w, `x.stride` by `y.dimensions`, row-major.
    func multiply(_ x: NodeMatrix, _ w: [Double], into y: NodeMatrix) {
        let columns = y.dimensions
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

/// Floats that threads read, and fill side by side.
final class FloatArray: @unchecked Sendable {
    // Invariant: every piece of work writes its own range, and nobody reads before all are done.
    let base: UnsafeMutablePointer<Float>
    let count: Int
    private let owner: AnyObject

    init(count: Int) {
        let storage = Storage(byteCount: max(count, 1) * 4)
        self.count = count
        owner = storage
        base = storage.base.bindMemory(to: Float.self, capacity: max(count, 1))
    }

    /// Floats that somebody else keeps, to be read only.
    init(borrowing values: UnsafePointer<Float>, _ count: Int, from owner: AnyObject) {
        base = UnsafeMutablePointer(mutating: values)
        self.count = count
        self.owner = owner
    }

    /// Every value times a factor.
    func scaled(by factor: Float) -> FloatArray {
        let result = FloatArray(count: count)
        for index in 0..<count { result.base[index] = factor * base[index] }
        return result
    }
}

/// A matrix in half precision, laid out like the one it was rounded from.
final class HalfMatrix: @unchecked Sendable {
    // Invariant: as `NodeMatrix`.
    let base: UnsafeMutablePointer<UInt16>
    private let storage: Storage

    init(like matrix: NodeMatrix) {
        let count = max(matrix.rows * matrix.stride, 8)
        storage = Storage(byteCount: 2 * count)
        base = storage.base.bindMemory(to: UInt16.self, capacity: count)
    }
}

/// What follows a sparse product, row by row.
struct SparseTerms: Sendable {
    /// s: what each row of the product is multiplied by.
    var scale: FloatArray?
    /// o: how much of its own row of x each row gets.
    var own: FloatArray?
    /// p and a.
    var first: NodeMatrix?
    var firstFactor: Float = 0
    /// q and b.
    var second: NodeMatrix?
    var secondFactor: Float = 0
    /// The matrix that c y is added to, and c.
    var sum: NodeMatrix?
    var sumFactor: Float = 0
    /// x in half precision, which the product is then taken from.
    var operandHalves: HalfMatrix?
    /// Where y goes in half precision.
    var resultHalves: HalfMatrix?
}

extension Graph {
    /// The first row before which lies at least so much work, counting entries and eight a row.
    fileprivate func row(atWork work: Int) -> Int {
        var (low, high) = (0, nodeCount)
        while low < high {
            let middle = (low + high) / 2
            if Int(offsets[middle]) + 8 * middle < work { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
