/// Memory handed out front to back and never taken back: what a chip has instead of an allocator.
@frozen
public struct Scratch {
    /// Where the memory begins.
    public let start: UnsafeMutableRawPointer
    /// How many bytes are handed out.
    public private(set) var used = 0

    /// Lends memory whose start is a multiple of 64.
    public init(_ start: UnsafeMutableRawPointer) { self.start = start }

    /// Takes memory for `count` elements, from a multiple of 64 bytes.
    public mutating func take<Element: BitwiseCopyable>(
        _ count: Int,
        of type: Element.Type = Element.self
    ) -> UnsafeMutablePointer<Element> {
        let place = (start + used).assumingMemoryBound(to: type)
        used = (used + count * MemoryLayout<Element>.stride + 63) & ~63
        return place
    }
}
