/// A model in a blob, as a chip runs it: the same code makes the expected results on the host.
public protocol ChipModel {
    /// What runs.
    associatedtype Kernel: PhasedKernel & Sendable
    /// The type of its results.
    associatedtype Outcome: ClassicSum
    /// Finds the tables.
    init(_ blob: ModelBlob)
    /// The blob.
    var blob: ModelBlob { get }
    /// Whether it can be divided so.
    func supports(_ plan: Plan) -> Bool
    /// The number of results for some samples, beside the labels.
    func outcomes(_ samples: Int) -> Int
    /// Lays out the first samples of the blob; writes nothing.
    func kernel(
        _ plan: Plan,
        samples: Int,
        workers: Int,
        memory: inout Scratch
    ) -> Kernel
    /// Writes what must be there before a run; one worker calls it.
    func prepare(_ kernel: Kernel)
    /// How many samples it was laid out for; some kernels take one at a time.
    func samples(_ kernel: Kernel) -> Int
    /// The class of a sample.
    func label(_ kernel: Kernel, _ sample: Int) -> Int32
    /// One of the results.
    func outcome(_ kernel: Kernel, _ index: Int) -> Outcome
    /// Whether the host's results for a sample are so close that rounding may decide its class.
    func isTied(_ sample: Int) -> Bool
}

extension ChipModel {
    /// By default nothing is close.
    public func isTied(_ sample: Int) -> Bool { false }

    /// The plans that a chip tries.
    public static func plan(_ number: Int) -> Plan? {
        switch number {
        case 0: .batch
        case 1: .rows
        case 2: .features
        case 3: .grid(rows: 2)
        case 4: .grid(rows: 4)
        case 5: .turns
        default: nil
        }
    }

    /// How many results differ from the host's: labels, and values for the samples that ran.
    public func mistakes(_ kernel: Kernel) -> Int {
        let samples = samples(kernel)
        let labels = blob.table(.expectedLabels, of: Int32.self)
        let values = blob.table(.expectedOutcomes, of: Outcome.self)
        var count = 0
        for sample in 0..<samples where label(kernel, sample) != labels[sample] {
            if !isTied(sample) { count &+= 1 }
        }
        for index in 0..<outcomes(samples)
        where !outcome(kernel, index).agrees(with: values[index]) {
            count &+= 1
        }
        return count
    }
}
