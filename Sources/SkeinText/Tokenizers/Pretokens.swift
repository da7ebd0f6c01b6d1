/// Text with the ranges it has been cut into.
struct Pretokens {
    /// The text all ranges lie in.
    var text: NormalizedText
    /// The pieces in order, none empty.
    var ranges: [Range<Int32>]
    /// Where each piece begins in the original; empty while `text` is one untouched part of it.
    var origins: [Int32] = []

    /// One piece: all of it.
    init(_ text: NormalizedText) {
        self.text = text
        ranges = text.bytes.isEmpty ? [] : [0..<Int32(truncatingIfNeeded: text.bytes.count)]
    }

    /// Where piece `index` begins in the original.
    func origin(_ index: Int) -> Int32 {
        if text.tracks { return text.starts[Int(ranges[index].lowerBound)] }
        return origins.isEmpty ? text.origin + ranges[index].lowerBound : origins[index]
    }

    /// Rewrites each piece by itself.
    mutating func rewrite(_ body: (inout NormalizedText) -> Void) {
        if ranges.count == 1, Int(ranges[0].lowerBound) == 0,
            Int(ranges[0].upperBound) == text.bytes.count
        {
            let place = origin(0)
            text.origin = place
            body(&text)
            ranges = text.bytes.isEmpty ? [] : [0..<Int32(truncatingIfNeeded: text.bytes.count)]
            origins = ranges.isEmpty ? [] : [place]
            return
        }
        var whole = text
        whole.bytes.removeAll()
        whole.starts.removeAll()
        whole.ends.removeAll()
        var newRanges: [Range<Int32>] = []
        var newOrigins: [Int32] = []
        for (index, range) in ranges.enumerated() {
            var part = NormalizedText(
                slice: Int(range.lowerBound)..<Int(range.upperBound),
                of: text
            )
            part.origin = origin(index)
            body(&part)
            guard !part.bytes.isEmpty else { continue }
            let start = Int32(truncatingIfNeeded: whole.bytes.count)
            whole.bytes += part.bytes
            whole.starts += part.starts
            whole.ends += part.ends
            newRanges.append(start..<Int32(truncatingIfNeeded: whole.bytes.count))
            newOrigins.append(part.origin)
        }
        text = whole
        ranges = newRanges
        origins = newOrigins
    }

    /// Cuts each piece at the matches that `find` emits, in order and disjoint.
    mutating func refine(
        _ behavior: PreTokenizer.Behavior,
        invert: Bool,
        _ find: (UnsafeBufferPointer<UInt8>, Range<Int>, (Range<Int>) -> Void) -> Void
    ) {
        var result: [Range<Int32>] = []
        result.reserveCapacity(ranges.count)
        var newOrigins: [Int32] = []
        let keepsOrigins = !text.tracks && !origins.isEmpty
        text.bytes.withUnsafeBufferPointer { bytes in
            for (index, range) in ranges.enumerated() {
                var cutter = Cutter(behavior: behavior, invert: invert, position: range.lowerBound)
                let first = result.count
                find(bytes, Int(range.lowerBound)..<Int(range.upperBound)) { match in
                    cutter.match(match, &result, from: first)
                }
                cutter.finish(range.upperBound, &result, from: first)
                if behavior == .mergedWithNext { cutter.mergeBackwards(&result, from: first) }
                if keepsOrigins {
                    for piece in result[first...] {
                        newOrigins.append(origins[index] + piece.lowerBound - range.lowerBound)
                    }
                }
            }
        }
        ranges = result
        origins = newOrigins
    }
}

/// Turns matches into pieces under one behaviour.
private struct Cutter {
    let behavior: PreTokenizer.Behavior
    let invert: Bool
    var position: Int32
    var previousMatched = false
    /// For `mergedWithNext`: whether each raw piece was a match.
    var flags: [Bool] = []

    init(behavior: PreTokenizer.Behavior, invert: Bool, position: Int32) {
        self.behavior = behavior
        self.invert = invert
        self.position = position
    }

    @inline(__always)
    mutating func match(_ match: Range<Int>, _ result: inout [Range<Int32>], from first: Int) {
        let lower = Int32(truncatingIfNeeded: match.lowerBound)
        let upper = Int32(truncatingIfNeeded: match.upperBound)
        if position != lower { add(position..<lower, invert, &result, first) }
        add(lower..<upper, !invert, &result, first)
        position = upper
    }

    mutating func finish(_ end: Int32, _ result: inout [Range<Int32>], from first: Int) {
        if position != end { add(position..<end, invert, &result, first) }
    }

    @inline(__always)
    private mutating func add(
        _ range: Range<Int32>,
        _ isMatch: Bool,
        _ result: inout [Range<Int32>],
        _ first: Int
    ) {
        switch behavior {
        case .isolated:
            if !range.isEmpty { result.append(range) }
        case .removed:
            if !isMatch, !range.isEmpty { result.append(range) }
        case .contiguous:
            if isMatch == previousMatched, result.count > first {
                result[result.count - 1] = result[result.count - 1].lowerBound..<range.upperBound
            } else {
                result.append(range)
            }
        case .mergedWithPrevious:
            if isMatch, !previousMatched, result.count > first {
                result[result.count - 1] = result[result.count - 1].lowerBound..<range.upperBound
            } else {
                result.append(range)
            }
        case .mergedWithNext:
            result.append(range)
            flags.append(isMatch)
        }
        previousMatched = isMatch
    }

    /// Joins each match that no other match follows to the piece after it.
    func mergeBackwards(_ result: inout [Range<Int32>], from first: Int) {
        var merged: [Range<Int32>] = []
        var previous = false
        for (range, isMatch) in zip(result[first...], flags).reversed() {
            if isMatch, !previous, let last = merged.last {
                merged[merged.count - 1] = range.lowerBound..<last.upperBound
            } else {
                merged.append(range)
            }
            previous = isMatch
        }
        result.replaceSubrange(first..., with: merged.reversed().filter { !$0.isEmpty })
    }
}
