/// Constants added to the logits of given tokens; negative infinity forbids one.
package struct LogitBias: Sendable {
    private let entries: [(token: Int, bias: Float)]

    /// Whether no logit changes.
    package var isOff: Bool { entries.isEmpty }

    /// Creates the bias of a request.
    package init(_ bias: [Int32: Float]) {
        entries = bias.map { (token: Int($0.key), bias: $0.value) }
    }

    /// Adds the bias; ids outside the vocabulary are passed over.
    package func apply(to logits: inout [Float]) {
        for entry in entries where logits.indices.contains(entry.token) {
            logits[entry.token] += entry.bias
        }
    }
}
