public import SkeinTensor

/// A state of softmax attention: what a forward pass reads keys and values from and stages them in.
public protocol KeyValueMemory: StatePool {
    /// The type of keys and values.
    var dtype: DType { get }
    /// The positions of the keys that a staged segment reads.
    func pastPositions(ofSegment segment: Int) -> [Int32]
    /// Where a layer's staged keys and values go: as many tokens as the batch has rows.
    func stagedRun(layer: Int) -> KeyValueRun
    /// What a staged segment's rows may read in a layer: the past, then the segment's own rows.
    func runs(layer: Int, ofSegment segment: Int) -> [KeyValueRun]
}

extension KeyValuePool: KeyValueMemory {
    /// The type of keys and values.
    public var dtype: DType { layout.dtype }
}
