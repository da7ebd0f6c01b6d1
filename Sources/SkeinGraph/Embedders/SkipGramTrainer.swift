/// Trains two matrices on walks.
struct SkipGramTrainer: Sendable {
    var embedder: WalkEmbedder
    /// The vectors of contexts; the result.
    var input: NodeMatrix
    /// The vectors of positions.
    var output: NodeMatrix
    /// The distribution of negatives.
    var noise: AliasTable
    /// How many negatives a position gets; fewer than the nodes there are.
    var negatives: Int
    var compute: GraphCompute

    /// Trains on one walk.
    func train(
        _ path: UnsafePointer<Int32>,
        count: Int,
        progress: Float,
        _ random: inout GraphRandom
    ) {
        let (first, last) = (embedder.learningRate, embedder.finalLearningRate)
        let rate = first + (last - first) * progress
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: negatives + 1) { outputs in
            withUnsafeTemporaryAllocation(of: Int32.self, capacity: 2 * embedder.window) {
                contexts in
                guard let outputs = outputs.baseAddress, let contexts = contexts.baseAddress else {
                    return
                }
                noise.slots.withUnsafeBufferPointer { noise in
                    for center in 0..<count {
                        let reach = 1 + random.below(embedder.window)
                        var contextCount = 0
                        for index in max(center - reach, 0)..<min(center + reach + 1, count)
                        where index != center {
                            contexts[contextCount] = path[index]
                            contextCount += 1
                        }
                        outputs[0] = path[center]
                        let outputCount = Self.draw(negatives, after: outputs, noise, &random)
                        compute.skipgram(
                            input,
                            output,
                            contexts: contexts,
                            contextCount,
                            outputs: outputs,
                            outputCount,
                            rate: rate
                        )
                    }
                }
            }
        }
    }

    /// Draws negatives that differ from the positive and from each other; the number of outputs.
    @inline(__always) static func draw(
        _ negatives: Int,
        after outputs: UnsafeMutablePointer<Int32>,
        _ noise: UnsafeBufferPointer<UInt64>,
        _ random: inout GraphRandom
    ) -> Int {
        var count = 1
        var tries = 4 * negatives
        while count <= negatives, tries > 0 {
            tries -= 1
            let node = Int32(truncatingIfNeeded: AliasTable.draw(noise, &random))
            var isNew = true
            for index in 0..<count where outputs[index] == node { isNew = false }
            guard isNew else { continue }
            outputs[count] = node
            count += 1
        }
        return count
    }
}
