/// Canonical and compatibility decomposition and composition, from the generated tables.
struct NormalForms: Sendable {
    /// One of the four normal forms.
    enum Form: Sendable { case nfc, nfd, nfkc, nfkd }

    /// A scalar and how many replaced scalars it stands for: 0 one, 1 none, -n one and n more.
    typealias Change = (scalar: UInt32, change: Int)

    private var canonical: [UInt32: [UInt32]] = [:]
    private var compatible: [UInt32: [UInt32]] = [:]
    private var pairs: [UInt64: UInt32] = [:]
    private var lower: [UInt32: [UInt32]] = [:]
    private var classes: [UInt8]

    /// The one set of tables, built at first use.
    static let shared = NormalForms()

    private init() {
        classes = [UInt8](repeating: 0, count: 0x1f000)
        var position = 0
        var classes = classes
        RunReader.read(UnicodeData.classes) { length, value in
            if value != 0 {
                for scalar in position..<position + Int(length) where scalar < classes.count {
                    classes[scalar] = UInt8(truncatingIfNeeded: value)
                }
            }
            position += Int(length)
        }
        self.classes = classes
        canonical = Self.map(UnicodeData.canonical)
        compatible = Self.map(UnicodeData.compatible)
        lower = Self.map(UnicodeData.lower)
        var pairs: [UInt64: UInt32] = [:]
        RunReader.words(UnicodeData.pairs) { numbers in
            if numbers.count == 3 {
                pairs[UInt64(numbers[0]) << 32 | UInt64(numbers[1])] = numbers[2]
            }
        }
        self.pairs = pairs
    }

    private static func map(_ text: StaticString) -> [UInt32: [UInt32]] {
        var result: [UInt32: [UInt32]] = [:]
        RunReader.words(text) { numbers in
            if let key = numbers.first { result[key] = Array(numbers.dropFirst()) }
        }
        return result
    }

    /// The canonical combining class.
    func combiningClass(_ scalar: UInt32) -> UInt8 {
        Int(scalar) < classes.count ? classes[Int(scalar)] : 0
    }

    /// The lower case of a scalar, `nil` where it does not change.
    func lowercase(_ scalar: UInt32) -> [UInt32]? { lower[scalar] }

    /// The normal form of some scalars, each with its change.
    func normalized(_ scalars: [UInt32], _ form: Form) -> [Change] {
        let compatible = form == .nfkc || form == .nfkd
        let decomposed = decomposed(scalars, compatible: compatible)
        return form == .nfc || form == .nfkc ? composed(decomposed) : decomposed
    }

    private func decomposed(_ scalars: [UInt32], compatible isCompatible: Bool) -> [Change] {
        var result: [Change] = []
        result.reserveCapacity(scalars.count)
        var sorted = 0
        func push(_ scalar: UInt32, _ change: Int) {
            if combiningClass(scalar) == 0 {
                sort(&result, from: sorted)
                result.append((scalar, change))
                sorted = result.count
            } else {
                result.append((scalar, change))
            }
        }
        for scalar in scalars {
            if scalar < 0x80 {
                push(scalar, 0)
            } else if let syllable = Self.hangul(scalar) {
                for (index, part) in syllable.enumerated() { push(part, index == 0 ? 0 : 1) }
            } else if let parts = (isCompatible ? compatible[scalar] : nil) ?? canonical[scalar] {
                for (index, part) in parts.enumerated() { push(part, index == 0 ? 0 : 1) }
            } else {
                push(scalar, 0)
            }
        }
        sort(&result, from: sorted)
        return result
    }

    /// Sorts a run of marks by class, equal classes staying in order.
    private func sort(_ changes: inout [Change], from start: Int) {
        guard changes.count - start > 1 else { return }
        let ordered = changes[start...].enumerated().sorted { a, b in
            let first = combiningClass(a.element.scalar)
            let second = combiningClass(b.element.scalar)
            return first == second ? a.offset < b.offset : first < second
        }
        for (place, entry) in ordered.enumerated() { changes[start + place] = entry.element }
    }

    private static func hangul(_ scalar: UInt32) -> [UInt32]? {
        guard (0xac00...0xd7a3).contains(scalar) else { return nil }
        let index = scalar - 0xac00
        let head = [0x1100 + index / 588, 0x1161 + index % 588 / 28]
        return index % 28 == 0 ? head : head + [0x11a7 + index % 28]
    }

    private func compose(_ a: UInt32, _ b: UInt32) -> UInt32? {
        if (0x1100..<0x1113).contains(a), (0x1161..<0x1176).contains(b) {
            return 0xac00 + ((a - 0x1100) * 21 + (b - 0x1161)) * 28
        }
        if (0xac00...0xd7a3).contains(a), (a - 0xac00) % 28 == 0, (0x11a8..<0x11c3).contains(b) {
            return a + b - 0x11a7
        }
        return pairs[UInt64(a) << 32 | UInt64(b)]
    }

    /// Composes; what a scalar swallows is subtracted from its change.
    private func composed(_ changes: [Change]) -> [Change] {
        var result: [Change] = []
        result.reserveCapacity(changes.count)
        var starter: Int?
        var lastClass: UInt8?
        for entry in changes {
            let currentClass = combiningClass(entry.scalar)
            if let place = starter {
                let isBlocked = lastClass.map { $0 >= currentClass } ?? false
                if !isBlocked, let whole = compose(result[place].scalar, entry.scalar) {
                    result[place].scalar = whole
                    result[place].change += entry.change - 1
                    continue
                }
            }
            if currentClass == 0 {
                starter = result.count
                lastClass = nil
            } else {
                lastClass = currentClass
            }
            result.append(entry)
        }
        return result
    }
}
