/// One reading of the text so far: the node reached, above the nodes to go on at when rules end.
///
/// Immutable and shared: readings that differ only on top share what is below.
final class GrammarFrame: Sendable {
    let node: Int32
    let parent: GrammarFrame?
    /// How many frames there are, this one included.
    let depth: Int32
    let hash: Int

    init(_ node: Int32, _ parent: GrammarFrame?) {
        self.node = node
        self.parent = parent
        depth = (parent?.depth ?? 0) + 1
        hash = ((parent?.hash ?? 0x51ED) &+ Int(node) &+ 1) &* 0x9E37_79B9_7F4A_7C1
    }

    func isEqual(_ other: GrammarFrame) -> Bool {
        guard hash == other.hash, depth == other.depth else { return false }
        var a = self
        var b = other
        while a !== b {
            guard a.node == b.node else { return false }
            guard let next = a.parent, let otherNext = b.parent else { return true }
            (a, b) = (next, otherNext)
        }
        return true
    }
}

/// All readings of the text so far.
final class GrammarConfiguration: Sendable, Hashable {
    /// Readings that wait for a byte.
    let frames: [GrammarFrame]
    /// Whether the text may end here.
    let isComplete: Bool
    /// The most calls that are open, or must be opened, in any reading considered.
    let reach: Int32
    private let hash: Int

    init(frames: [GrammarFrame], isComplete: Bool, reach: Int32) {
        self.frames = frames
        self.isComplete = isComplete
        self.reach = reach
        hash = frames.reduce(isComplete ? 1 : 0) { ($0 &* 31) &+ $1.hash }
    }

    var isDead: Bool { frames.isEmpty && !isComplete }

    static func == (a: GrammarConfiguration, b: GrammarConfiguration) -> Bool {
        a === b
            || (a.hash == b.hash && a.isComplete == b.isComplete
                && a.frames.count == b.frames.count
                && zip(a.frames, b.frames).allSatisfy { $0.isEqual($1) })
    }

    func hash(into hasher: inout Hasher) { hasher.combine(hash) }
}

extension GrammarAutomaton {
    /// Readings as they are gathered, calls and ends followed until a byte is needed.
    private struct Closure {
        let automaton: GrammarAutomaton
        var frames: [GrammarFrame] = []
        var visited: [GrammarFrame] = []
        var isComplete = false
        var reach: Int32 = 0

        var configuration: GrammarConfiguration {
            GrammarConfiguration(frames: frames, isComplete: isComplete, reach: reach)
        }

        /// Whether a reading of this depth can still end, should it come to this node.
        mutating func fits(_ depth: Int32, _ node: Int32) -> Bool {
            let height = depth + automaton.need[Int(node)]
            reach = max(reach, height)
            return height <= Limit.depth
        }

        mutating func add(_ first: GrammarFrame) {
            var open = [first]
            while let frame = open.popLast() {
                let index = Int(frame.node)
                guard fits(frame.depth, frame.node),
                    frames.count < Limit.stacks,
                    !visited.contains(where: { $0.isEqual(frame) })
                else { continue }
                let node = automaton.nodes[index]
                let isPlain = node.calls.isEmpty && !node.isEnd
                if !isPlain || !node.edges.isEmpty { visited.append(frame) }
                if !node.edges.isEmpty { frames.append(frame) }
                for call in node.calls.reversed() {
                    let isTail = automaton.nodes[Int(call.back)].isTail
                    let below = isTail ? frame.parent : GrammarFrame(call.back, frame.parent)
                    guard fits(frame.depth, call.back) else { continue }
                    open.append(GrammarFrame(call.start, below))
                }
                if node.isEnd {
                    if let parent = frame.parent { open.append(parent) } else { isComplete = true }
                }
            }
        }
    }

    /// The readings that begin with one frame.
    func configuration(_ frame: GrammarFrame) -> GrammarConfiguration {
        var closure = Closure(automaton: self)
        closure.add(frame)
        return closure.configuration
    }

    /// The readings after one more byte.
    func step(_ from: GrammarConfiguration, _ byte: UInt8) -> GrammarConfiguration {
        var closure = Closure(automaton: self)
        for frame in from.frames {
            let target = target(of: frame.node, reading: byte)
            if target >= 0 { closure.add(GrammarFrame(target, frame.parent)) }
        }
        return closure.configuration
    }
}
