import SkeinCore

/// Decimal texts of the numbers between two bounds, as expressions.
enum NumberRange {
    /// A bound as its decimal digits.
    struct Bound: Equatable {
        var isNegative: Bool
        /// Digits before the point, no leading zeros.
        var whole: [UInt8]
        /// Digits after it, no trailing zeros.
        var fraction: [UInt8]
        var isExclusive: Bool

        var isZero: Bool { whole == [0] && fraction.isEmpty }

        /// Reads what Swift prints for a number; `nil` where it has an exponent.
        init?(_ value: JSON, isExclusive: Bool) {
            var text = value.text()[...]
            isNegative = text.hasPrefix("-")
            if isNegative { text = text.dropFirst() }
            let parts = text.split(separator: ".", maxSplits: 1)
            guard let first = parts.first,
                parts.allSatisfy({ $0.utf8.allSatisfy { (48...57).contains($0) } })
            else { return nil }
            whole = first.utf8.map { $0 - 48 }
            fraction = parts.count > 1 ? parts[1].utf8.map { $0 - 48 } : []
            while fraction.last == 0 { fraction.removeLast() }
            self.isExclusive = isExclusive
            if isZero { isNegative = false }
        }

        init(whole: [UInt8], fraction: [UInt8] = [], isExclusive: Bool) {
            isNegative = false
            self.whole = whole
            self.fraction = fraction
            self.isExclusive = isExclusive
        }

        var magnitude: Self {
            Self(whole: whole, fraction: fraction, isExclusive: isExclusive)
        }
    }

    private static let zero = Bound(whole: [0], isExclusive: false)
    private static let digit = JSONPieces.digit
    private static let digits: GrammarNode = .repetition(digit, 0, nil)

    private static func digit(_ range: ClosedRange<UInt8>) -> GrammarNode {
        .scalars(ScalarSet([UInt32(range.lowerBound) + 48...UInt32(range.upperBound) + 48]))
    }

    // MARK: - Any number

    /// Numbers without an exponent between two bounds.
    static func decimals(from low: Bound?, to high: Bound?) -> GrammarNode {
        signed(low, high) { decimals($0, $1) }
    }

    /// Integers between two bounds.
    static func integers(from low: Bound?, to high: Bound?) -> GrammarNode {
        signed(low, high) { low, high in
            var least = low.whole
            if !low.fraction.isEmpty || low.isExclusive { least = successor(least) }
            guard let high else { return naturals(from: least, to: nil) }
            var most = high.whole
            if high.fraction.isEmpty && high.isExclusive {
                guard most != [0] else { return .never }
                most = predecessor(most)
            }
            return naturals(from: least, to: most)
        }
    }

    private static func signed(
        _ low: Bound?,
        _ high: Bound?,
        _ magnitudes: (Bound, Bound?) -> GrammarNode
    ) -> GrammarNode {
        var parts: [GrammarNode] = []
        if high?.isNegative != true {
            let from = low.flatMap { $0.isNegative ? nil : $0 } ?? zero
            parts.append(magnitudes(from, high))
        }
        if low?.isNegative != false {
            var from = Bound(whole: [0], isExclusive: true)
            if let high, high.isNegative { from = high.magnitude }
            parts.append(.sequence([.text("-"), magnitudes(from, low?.magnitude)]))
        }
        return .choice(parts)
    }

    private static func decimals(_ low: Bound, _ high: Bound?) -> GrammarNode {
        func with(_ whole: GrammarNode, _ fraction: GrammarNode) -> GrammarNode {
            .sequence([whole, fraction])
        }
        let lowText = GrammarNode.text(low.whole.map { $0 + 48 })
        let above = fraction(from: low.fraction, isExclusive: low.isExclusive)
        guard let high else {
            return .choice([
                with(lowText, above),
                with(naturals(from: successor(low.whole), to: nil), anyFraction),
            ])
        }
        switch compare(low.whole, high.whole) {
        case 1: return .never
        case 0:
            return with(
                lowText,
                between(low.fraction, low.isExclusive, high.fraction, high.isExclusive)
            )
        default:
            var parts = [with(lowText, above)]
            let (first, last) = (successor(low.whole), predecessor(high.whole))
            if compare(first, last) <= 0 {
                parts.append(with(naturals(from: first, to: last), anyFraction))
            }
            let highText = GrammarNode.text(high.whole.map { $0 + 48 })
            parts.append(with(highText, between([], false, high.fraction, high.isExclusive)))
            return .choice(parts)
        }
    }

    // MARK: - Fractions

    private static let anyFraction: GrammarNode = .optional(
        .sequence([.text("."), .repetition(digit, 1, nil)])
    )

    private static func fraction(from low: [UInt8], isExclusive: Bool) -> GrammarNode {
        let tail = GrammarNode.sequence([.text("."), tail(from: low, isExclusive: isExclusive)])
        guard low.isEmpty, !isExclusive else { return tail }
        return anyFraction
    }

    /// Digits after the point that reach `low`.
    private static func tail(from low: [UInt8], isExclusive: Bool) -> GrammarNode {
        guard let first = low.first else {
            guard isExclusive else { return digits }
            return .sequence([.repetition(.text("0"), 0, nil), digit(1...9), digits])
        }
        let rest = tail(from: Array(low.dropFirst()), isExclusive: isExclusive)
        var parts: [GrammarNode] = [.sequence([digit(first...first), rest])]
        if first < 9 { parts.append(.sequence([digit(first + 1...9), digits])) }
        return .choice(parts)
    }

    /// Fractions, or none, between two.
    private static func between(
        _ low: [UInt8],
        _ excludesLow: Bool,
        _ high: [UInt8],
        _ excludesHigh: Bool
    ) -> GrammarNode {
        var parts: [GrammarNode] = []
        if low.isEmpty && !excludesLow && !(high.isEmpty && excludesHigh) {
            parts.append(.nothing)
        }
        parts.append(
            .sequence([.text("."), next(low, excludesLow, high, excludesHigh)])
        )
        return .choice(parts)
    }

    /// At least one more digit, so that the number stays between the bounds' remaining digits.
    private static func next(
        _ low: [UInt8],
        _ excludesLow: Bool,
        _ high: [UInt8],
        _ excludesHigh: Bool
    ) -> GrammarNode {
        guard let most = high.first else {
            let isEmpty = excludesHigh || excludesLow || !low.isEmpty
            return isEmpty ? .never : .repetition(.text("0"), 1, nil)
        }
        let least = low.first ?? 0
        let (lowRest, highRest) = (Array(low.dropFirst()), Array(high.dropFirst()))
        guard least <= most else { return .never }
        /// What may follow when the digit equals `most`, `least` or both.
        func after(_ low: [UInt8]?, _ high: [UInt8]?) -> GrammarNode {
            guard let high else {
                guard let low else { return digits }
                return tail(from: low, isExclusive: excludesLow)
            }
            let low = low ?? []
            let bound = excludesLow
            let isFree = self.compare(low, [0]) == 0 || low.isEmpty
            var parts: [GrammarNode] = []
            if isFree && !bound && !(high.isEmpty && excludesHigh) { parts.append(.nothing) }
            parts.append(next(low, bound, high, excludesHigh))
            return .choice(parts)
        }
        if least == most { return .sequence([digit(least...least), after(lowRest, highRest)]) }
        var parts: [GrammarNode] = [.sequence([digit(least...least), after(lowRest, nil)])]
        if least + 1 < most { parts.append(.sequence([digit(least + 1...most - 1), digits])) }
        // Above `low` already, so that its bound, exclusive or not, no longer counts.
        let upper = GrammarNode.choice(
            (highRest.isEmpty && excludesHigh ? [] : [.nothing])
                + [next([], false, highRest, excludesHigh)]
        )
        parts.append(.sequence([digit(most...most), upper]))
        return .choice(parts)
    }

    // MARK: - Naturals

    private static func compare(_ a: [UInt8], _ b: [UInt8]) -> Int {
        if a.count != b.count { return a.count < b.count ? -1 : 1 }
        for (x, y) in zip(a, b) where x != y { return x < y ? -1 : 1 }
        return 0
    }

    private static func successor(_ value: [UInt8]) -> [UInt8] {
        var value = value
        for place in value.indices.reversed() {
            if value[place] < 9 {
                value[place] += 1
                return value
            }
            value[place] = 0
        }
        return [1] + value
    }

    /// One less; the value is not zero.
    private static func predecessor(_ value: [UInt8]) -> [UInt8] {
        var value = value
        for place in value.indices.reversed() {
            if value[place] > 0 {
                value[place] -= 1
                break
            }
            value[place] = 9
        }
        if value.count > 1 && value[0] == 0 { value.removeFirst() }
        return value
    }

    private static func naturals(from low: [UInt8], to high: [UInt8]?) -> GrammarNode {
        let longer: (Int, Int?) -> GrammarNode = { least, most in
            .sequence([digit(1...9), .repetition(digit, least - 1, most.map { $0 - 1 })])
        }
        guard let high else {
            return .choice([sameLength(low, nil), longer(low.count + 1, nil)])
        }
        guard compare(low, high) <= 0 else { return .never }
        if low.count == high.count { return sameLength(low, high) }
        var parts = [sameLength(low, nil)]
        if low.count + 1 < high.count { parts.append(longer(low.count + 1, high.count - 1)) }
        let first: [UInt8] = [1] + Array(repeating: 0, count: high.count - 1)
        parts.append(sameLength(first, high))
        return .choice(parts)
    }

    /// Digits of one length from `low` to `high`; either may be unbounded.
    private static func sameLength(_ low: [UInt8]?, _ high: [UInt8]?) -> GrammarNode {
        guard let count = low?.count ?? high?.count, count > 0 else { return .nothing }
        let least = low?.first ?? 0
        let most = high?.first ?? 9
        let lowRest = low.map { Array($0.dropFirst()) }
        let highRest = high.map { Array($0.dropFirst()) }
        let free = GrammarNode.repetition(digit, count - 1, count - 1)
        if low == nil && high == nil { return .repetition(digit, count, count) }
        if least == most {
            return .sequence([digit(least...least), sameLength(lowRest, highRest)])
        }
        var parts: [GrammarNode] = []
        var (first, last) = (Int(least), Int(most))
        if low != nil {
            parts.append(.sequence([digit(least...least), sameLength(lowRest, nil)]))
            first += 1
        }
        if high != nil {
            parts.append(.sequence([digit(most...most), sameLength(nil, highRest)]))
            last -= 1
        }
        if first <= last { parts.append(.sequence([digit(UInt8(first)...UInt8(last)), free])) }
        return .choice(parts)
    }
}
