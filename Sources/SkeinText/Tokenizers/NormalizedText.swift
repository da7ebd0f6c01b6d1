/// Text under normalisation, with each byte's place in the original where offsets are wanted.
struct NormalizedText {
    /// The text as it is now, valid UTF-8.
    var bytes: [UInt8]
    /// The first original byte of each byte; empty unless tracked.
    var starts: [Int32] = []
    /// The end of the original bytes of each byte; empty unless tracked.
    var ends: [Int32] = []
    /// Whether `starts` and `ends` are kept.
    let tracks: Bool
    /// Where this text begins in the original.
    var origin: Int32

    /// Part of the original.
    init(_ part: UnsafeBufferPointer<UInt8>, origin: Int, tracks: Bool) {
        bytes = Array(part)
        self.origin = Int32(truncatingIfNeeded: origin)
        self.tracks = tracks
        guard tracks else { return }
        starts.reserveCapacity(part.count)
        ends.reserveCapacity(part.count)
        var position = 0
        while position < part.count {
            let length = min(TextBytes.length(part[position]), part.count - position)
            for _ in 0..<length {
                starts.append(Int32(truncatingIfNeeded: origin + position))
                ends.append(Int32(truncatingIfNeeded: origin + position + length))
            }
            position += length
        }
    }

    /// A slice.
    init(slice range: Range<Int>, of whole: Self) {
        bytes = Array(whole.bytes[range])
        tracks = whole.tracks
        if tracks {
            starts = Array(whole.starts[range])
            ends = Array(whole.ends[range])
            origin = starts.first ?? Int32(truncatingIfNeeded: range.lowerBound)
        } else {
            origin = whole.origin + Int32(truncatingIfNeeded: range.lowerBound)
        }
    }

    /// Replaces the whole text by scalars with changes, as the reference library's `transform` does.
    mutating func transform(_ changes: [NormalForms.Change], skipping removed: Int = 0) {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count)
        guard tracks else {
            for entry in changes { TextBytes.append(entry.scalar, to: &output) }
            bytes = output
            return
        }
        var newStarts: [Int32] = []
        var newEnds: [Int32] = []
        var offset = 0
        func skip(_ count: Int) {
            for _ in 0..<max(count, 0) where offset < bytes.count {
                offset += TextBytes.length(bytes[offset])
            }
        }
        skip(removed)
        for entry in changes {
            let place = entry.change > 0 ? offset - 1 : offset
            let isKnown = place >= 0 && place < starts.count
            let start = isKnown ? starts[place] : origin
            let end = isKnown ? ends[place] : origin
            if entry.change <= 0 { skip(1 - entry.change) }
            TextBytes.append(entry.scalar, to: &output)
            for _ in 0..<TextBytes.width(entry.scalar) {
                newStarts.append(start)
                newEnds.append(end)
            }
        }
        bytes = output
        starts = newStarts
        ends = newEnds
    }

    /// Keeps the scalars that pass.
    mutating func filter(_ keep: (UInt32) -> Bool) {
        var changes: [NormalForms.Change] = []
        var leading = 0
        for scalar in TextBytes.scalars(bytes) {
            if keep(scalar) {
                changes.append((scalar, 0))
            } else if changes.isEmpty {
                leading += 1
            } else {
                changes[changes.count - 1].change -= 1
            }
        }
        transform(changes, skipping: leading)
    }

    /// Replaces scalars one by one.
    mutating func map(_ body: (UInt32) -> UInt32) {
        transform(TextBytes.scalars(bytes).map { (body($0), 0) })
    }

    /// Puts text in front, if there is text.
    mutating func prepend(_ text: [UInt8]) {
        guard let lead = bytes.first, !text.isEmpty else { return }
        if tracks {
            // The first new character takes the place of the first old one, which then follows it.
            let length = TextBytes.length(lead)
            let first = (starts[0], ends[0])
            for index in 0..<min(length, starts.count) {
                starts[index] = first.0
                ends[index] = first.1
            }
            starts.insert(contentsOf: repeatElement(first.0, count: text.count), at: 0)
            ends.insert(contentsOf: repeatElement(first.1, count: text.count), at: 0)
        }
        bytes.insert(contentsOf: text, at: 0)
    }

    /// Replaces ranges, in order and disjoint, by `content`.
    mutating func replace(_ ranges: [Range<Int>], with content: [UInt8]) {
        guard !ranges.isEmpty else { return }
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count)
        var newStarts: [Int32] = []
        var newEnds: [Int32] = []
        var last = 0
        for range in ranges {
            output += bytes[last..<range.lowerBound]
            output += content
            if tracks {
                newStarts += starts[last..<range.lowerBound]
                newEnds += ends[last..<range.lowerBound]
                let place = range.upperBound - 1
                let start = place >= 0 ? starts[place] : origin
                let end = place >= 0 ? ends[place] : origin
                newStarts += repeatElement(start, count: content.count)
                newEnds += repeatElement(end, count: content.count)
            }
            last = range.upperBound
        }
        output += bytes[last...]
        if tracks {
            newStarts += starts[last...]
            newEnds += ends[last...]
        }
        bytes = output
        starts = newStarts
        ends = newEnds
    }
}
