internal import SkeinCore
internal import SkeinTensor

extension KeyValuePool {
    /// Copies a branch out: `keys` and `values`, each `[layers, rows, width]`.
    public func image(of key: BranchKey) -> StateImage {
        let extents = extents(of: key)
        let rows = extents.reduce(0) { $0 + $1.count }
        let parts = ["keys", "values"].enumerated().map { part, name in
            var bytes: [UInt8] = []
            bytes.reserveCapacity(layout.layers * rows * layout.tokenBytes)
            for layer in 0..<layout.layers {
                for extent in extents {
                    let start = layout.offset(
                        layer: layer,
                        part: part,
                        token: extent.start,
                        of: layout.pageTokens
                    )
                    unsafe bytes.append(
                        contentsOf: extent.storage.bytes(
                            at: start,
                            count: extent.count * layout.tokenBytes
                        )
                    )
                }
            }
            return StateImage.Part(
                name: name,
                dtype: layout.dtype,
                shape: [layout.layers, rows, layout.width],
                bytes: bytes
            )
        }
        return StateImage(positions: positions(of: key), parts: parts)
    }

    /// Makes a branch of what was copied out.
    ///
    /// - Throws: `SkeinError.Code.shapeMismatch` when the image is of another layout.
    public func load(_ image: StateImage, into key: BranchKey) throws {
        let rows = image.positions.count
        let expected = [layout.layers, rows, layout.width]
        for (part, name) in zip(image.parts, ["keys", "values"])
        where part.name != name || part.shape != expected || part.dtype != layout.dtype
            || part.bytes.count != layout.layers * rows * layout.tokenBytes
        {
            throw SkeinError(
                .shapeMismatch,
                "the saved state's \(part.name) are \(part.dtype.name) \(part.shape), expected \(name)"
                    + " \(layout.dtype.name) \(expected)",
                hint: "it was saved by another model or with another type of keys and values"
            )
        }
        guard image.parts.count == 2 else {
            throw SkeinError(
                .shapeMismatch,
                "the saved state has \(image.parts.count) arrays, expected keys and values"
            )
        }
        drop(key)
        var place = 0
        while place < rows {
            let count = min(layout.pageTokens, rows - place)
            let storage = append(
                positions: Array(image.positions[place..<place + count]),
                to: key
            )
            for layer in 0..<layout.layers {
                for part in 0..<2 {
                    let from = (layer * rows + place) * layout.tokenBytes
                    let target = layout.offset(
                        layer: layer,
                        part: part,
                        token: 0,
                        of: layout.pageTokens
                    )
                    storage.copy(
                        image.parts[part].bytes[from..<from + count * layout.tokenBytes],
                        to: target
                    )
                }
            }
            place += count
        }
    }
}
