internal import SkeinTensor

extension ContiguousKeyValuePool {
    /// One block of memory a layer: `[2, slots, capacity, width]`, keys before values.
    struct Slab {
        let layers: Int
        let tokenBytes: Int
        private(set) var slots: Int
        private(set) var capacity: Int
        private var blocks: [Storage]

        init(_ layout: Layout) {
            layers = layout.layers
            tokenBytes = layout.width * layout.dtype.blockBytes
            slots = layout.slots
            capacity = layout.capacity
            let bytes = 2 * slots * capacity * tokenBytes
            blocks = (0..<layers).map { _ in Storage(byteCount: bytes) }
        }

        /// Bytes of one slot in all layers.
        var slotBytes: Int { Self.slotBytes(capacity, layers: layers, tokenBytes: tokenBytes) }

        static func slotBytes(_ capacity: Int, layers: Int, tokenBytes: Int) -> Int {
            layers * 2 * capacity * tokenBytes
        }

        private func offset(part: Int, slot: Int, token: Int) -> Int {
            ((part * slots + slot) * capacity + token) * tokenBytes
        }

        /// Tokens of a slot in a layer.
        func run(layer: Int, slot: Int, tokens: Range<Int>) -> KeyValueRun {
            KeyValueRun(
                storage: blocks[layer],
                keyOffset: offset(part: 0, slot: slot, token: tokens.lowerBound),
                valueOffset: offset(part: 1, slot: slot, token: tokens.lowerBound),
                count: tokens.count
            )
        }

        /// Copies tokens of a slot to another one.
        ///
        /// - Returns: The bytes copied.
        func copy(_ tokens: Range<Int>, of source: Int, to target: Int, at token: Int) -> Int {
            for block in blocks {
                for part in 0..<2 {
                    block.copy(
                        from: block,
                        at: offset(part: part, slot: source, token: tokens.lowerBound),
                        to: offset(part: part, slot: target, token: token),
                        byteCount: tokens.count * tokenBytes
                    )
                }
            }
            return layers * 2 * tokens.count * tokenBytes
        }

        /// Copies staged tokens, `[layers, 2, rows, width]`, into a slot.
        func write(_ staging: Storage, rows: Range<Int>, of count: Int, to slot: Int, at token: Int)
        {
            for layer in 0..<layers {
                for part in 0..<2 {
                    blocks[layer].copy(
                        from: staging,
                        at: ((layer * 2 + part) * count + rows.lowerBound) * tokenBytes,
                        to: offset(part: part, slot: slot, token: token),
                        byteCount: rows.count * tokenBytes
                    )
                }
            }
        }

        /// A slot's first tokens' keys (0) or values (1), `[layers, tokens, width]`.
        func image(part: Int, slot: Int, tokens: Int) -> [UInt8] {
            let start = offset(part: part, slot: slot, token: 0)
            var result: [UInt8] = []
            result.reserveCapacity(layers * tokens * tokenBytes)
            for block in blocks {
                unsafe result.append(
                    contentsOf: block.bytes(at: start, count: tokens * tokenBytes)
                )
            }
            return result
        }

        /// Copies an image of keys (0) or values (1) into a slot.
        func load(_ bytes: [UInt8], part: Int, into slot: Int, tokens: Int) {
            for (layer, block) in blocks.enumerated() {
                let from = layer * tokens * tokenBytes
                block.copy(
                    bytes[from..<from + tokens * tokenBytes],
                    to: offset(part: part, slot: slot, token: 0)
                )
            }
        }

        /// A larger slab with the same contents.
        ///
        /// - Parameters:
        ///   - slots: How many slots it has.
        ///   - capacity: How many tokens each of them has.
        ///   - used: The number of tokens of each slot that holds any.
        /// - Returns: The slab and the bytes copied.
        func grown(slots: Int, capacity: Int, keeping used: [Int: Int]) -> (Slab, copied: Int) {
            var result = self
            result.slots = slots
            result.capacity = capacity
            let bytes = 2 * slots * capacity * tokenBytes
            result.blocks = blocks.map { block in
                let larger = Storage(byteCount: bytes)
                for (slot, tokens) in used {
                    for part in 0..<2 {
                        larger.copy(
                            from: block,
                            at: offset(part: part, slot: slot, token: 0),
                            to: result.offset(part: part, slot: slot, token: 0),
                            byteCount: tokens * tokenBytes
                        )
                    }
                }
                return larger
            }
            return (result, layers * 2 * used.values.reduce(0, +) * tokenBytes)
        }
    }
}
