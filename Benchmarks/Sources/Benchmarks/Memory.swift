/// Memory for kernels, aligned to 64 bytes and filled with numbers that repeat on every run.
final class Memory<Element: BitwiseCopyable> {
    let start: UnsafeMutablePointer<Element>
    private let raw: UnsafeMutableRawPointer

    init(_ count: Int, fill: (Int) -> Element) {
        raw = .allocate(byteCount: count * MemoryLayout<Element>.stride + 64, alignment: 64)
        start = raw.bindMemory(to: Element.self, capacity: count)
        for index in 0..<count { start[index] = fill(index) }
    }

    deinit { raw.deallocate() }
}

extension Memory<Float> {
    /// Values in [-1, 1).
    convenience init(_ count: Int) {
        self.init(count) { Float(($0 &* 7919 &+ 13) % 2048 - 1024) / 1024 }
    }
}

extension Memory<UInt8> {
    /// Bytes that are small positive numbers as f16 and bf16, and scales of every block type.
    convenience init(bytes count: Int) {
        self.init(count) { UInt8(0x20 + ($0 &* 7) % 16) }
    }
}
