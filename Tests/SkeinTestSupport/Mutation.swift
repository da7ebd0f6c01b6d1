/// Seeded damage to bytes, for tests that readers survive hostile files.
public struct Mutation {
    private var generator: SplitMix64

    /// Creates a stream of damage from a seed.
    public init(seed: UInt64) { generator = SplitMix64(seed: seed) }

    /// A copy with one to four random faults.
    public mutating func damaged(_ bytes: [UInt8]) -> [UInt8] {
        var result = bytes
        for _ in 0..<Int.random(in: 1...4, using: &generator) { damage(&result) }
        return result
    }

    private mutating func damage(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else {
            bytes = [UInt8.random(in: 0 ... .max, using: &generator)]
            return
        }
        // Most readers decide everything in the first bytes, so half of the faults fall there.
        let nearFront = Bool.random(using: &generator)
        let reach = nearFront ? min(bytes.count, 1024) : bytes.count
        let place = Int.random(in: 0..<reach, using: &generator)
        switch Int.random(in: 0..<7, using: &generator) {
        case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case 1: bytes[place] = UInt8.random(in: 0 ... .max, using: &generator)
        case 2: bytes.removeSubrange(place...)
        case 3: spliceWithin(&bytes, place)
        case 4: bytes.removeSubrange(place..<min(bytes.count, place + length(64)))
        case 5: changeDigit(&bytes, place)
        default: overwriteNumber(&bytes, place)
        }
    }

    private mutating func length(_ most: Int) -> Int { Int.random(in: 1...most, using: &generator) }

    private mutating func spliceWithin(_ bytes: inout [UInt8], _ place: Int) {
        let source = Int.random(in: 0..<bytes.count, using: &generator)
        let slice = Array(bytes[source..<min(bytes.count, source + length(64))])
        bytes.insert(contentsOf: slice, at: place)
    }

    /// Another digit in place of the next one, for lengths that are text.
    private mutating func changeDigit(_ bytes: inout [UInt8], _ place: Int) {
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        guard let digit = bytes[place...].firstIndex(where: digits.contains) else { return }
        bytes[digit] = UInt8.random(in: digits, using: &generator)
    }

    /// A telling little-endian number, for lengths, counts and offsets.
    private mutating func overwriteNumber(_ bytes: inout [UInt8], _ place: Int) {
        let numbers: [UInt64] = [
            0, 1, 7, 255, 65_536, 1 << 31, (1 << 32) - 1, 1 << 62, 1 << 63, .max, .max - 7,
            UInt64(bytes.count),
        ]
        let number = numbers.randomElement(using: &generator) ?? 0
        for (index, shift) in stride(from: 0, to: 64, by: 8).enumerated()
        where place + index < bytes.count {
            bytes[place + index] = UInt8(truncatingIfNeeded: number >> UInt64(shift))
        }
    }
}
