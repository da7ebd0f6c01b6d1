internal import CSkeinKernels

/// A record of the operations of one forward pass, and the way back through them.
///
/// Invariant: one thread calls operations on a recording processor and then `backward`.
public final class Tape: @unchecked Sendable {
    /// One operation: given the gradient of its output, it adds to those of its inputs.
    private struct Entry {
        let output: Int
        let backward: (Tensor, Tape) -> Void
    }

    private var entries: [Entry] = []
    private var gradients: [Int: Tensor] = [:]
    private var nodes = 0

    /// What the pass does beyond recording.
    public let rule: Rule

    /// Creates an empty tape.
    public init(_ rule: Rule = Rule()) { self.rule = rule }

    /// The number of operations recorded.
    public var count: Int { entries.count }

    /// Names a tensor that gradients reach.
    func node() -> Int {
        nodes += 1
        return nodes
    }

    /// Records an operation and gives its output a node.
    func record(_ output: inout Tensor, _ backward: @escaping (Tensor, Tape) -> Void) {
        let node = node()
        output.node = node
        entries.append(Entry(output: node, backward: backward))
    }

    /// Adds to the gradient of a tensor, if any gradient reaches it.
    ///
    /// - Parameters:
    ///   - gradient: What to add.
    ///   - node: An operation's input.
    ///   - processor: Where it runs.
    func add(_ gradient: consuming Tensor, to node: Int?, _ processor: Processor) {
        guard let node else { return }
        guard var sum = gradients.removeValue(forKey: node) else {
            gradients[node] = gradient
            return
        }
        nonisolated(unsafe) let target = sum.mutablePointer(processor.pool)
        let source = gradient
        processor.pool.run(count: sum.count, grain: 1 << 15) {
            [kernels = processor.kernels] range in
            let place = target + range.lowerBound
            kernels.add(place, place, source.pointer + range.lowerBound, range.count)
        }
        gradients[node] = sum
    }

    /// Takes the gradient that a tensor has so far, to be added to in place; zeros when none.
    func takeGradient(of tensor: Tensor, _ processor: Processor) -> Tensor {
        if let node = tensor.node, let sum = gradients.removeValue(forKey: node) { return sum }
        return processor.zeros(rows: tensor.rows, width: tensor.width)
    }

    /// Puts back what `takeGradient` took.
    func putGradient(_ gradient: consuming Tensor, of tensor: Tensor) {
        guard let node = tensor.node else { return }
        gradients[node] = gradient
    }

    /// Runs all operations backwards and forgets them.
    ///
    /// - Parameters:
    ///   - seeds: Gradients of outputs, if the pass does not end in a loss of its own.
    ///   - processor: Where it runs.
    public func backward(
        _ seeds: [(output: Tensor, gradient: Tensor)] = [],
        on processor: Processor
    ) {
        for (output, gradient) in seeds { add(gradient, to: output.node, processor) }
        while let entry = entries.popLast() {
            guard let gradient = gradients.removeValue(forKey: entry.output) else { continue }
            entry.backward(gradient, self)
        }
        leaves = gradients
        gradients = [:]
        nodes = 0
    }

    /// Gradients of tensors that no operation produced, by node.
    private var leaves: [Int: Tensor] = [:]

    /// Makes a tensor one whose gradient is wanted.
    public func watch(_ tensor: Tensor) -> Tensor {
        var watched = tensor
        watched.node = node()
        return watched
    }

    /// The gradient of a watched tensor after `backward`, if any reached it.
    public func gradient(of tensor: Tensor) -> Tensor? { tensor.node.flatMap { leaves[$0] } }
}

extension Processor {
    /// A tensor of zeros.
    func zeros(rows: Int, width: Int) -> Tensor {
        let zeros = Tensor(rows: rows, width: width, arena: arena)
        pool.run(count: zeros.count, grain: 1 << 16) { range in
            (zeros.pointer + range.lowerBound).update(repeating: 0, count: range.count)
        }
        return zeros
    }
}
