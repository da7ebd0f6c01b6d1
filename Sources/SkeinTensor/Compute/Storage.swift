internal import Synchronization

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// A block of memory, aligned for the widest vectors.
///
/// Large blocks are mapped on their own, aligned to huge pages and advised as such; what is left over
/// at their end lies in small pages, so that a little more than a huge page costs only a little more.
///
/// Invariant: the bytes are written only by the one owner that created the block, before it shares it.
public final class Storage: @unchecked Sendable {
    /// The first byte.
    public let base: UnsafeMutableRawPointer
    /// The number of usable bytes.
    public let byteCount: Int
    private let mapped: Int
    /// The block that this one is a part of.
    private let whole: Storage?

    /// 2 MiB: the size of a huge page.
    static let hugePage = 2 << 20

    /// Reserves memory; its contents are undefined for small blocks and zero for large ones.
    ///
    /// - Parameter byteCount: The number of bytes.
    public init(byteCount: Int) {
        self.byteCount = byteCount
        whole = nil
        if byteCount >= Self.hugePage, let base = Self.map(byteCount) {
            self.base = base
            mapped = Self.rounded(byteCount, to: Self.smallPage)
        } else {
            base = UnsafeMutableRawPointer.allocate(byteCount: max(byteCount, 64), alignment: 64)
            mapped = 0
        }
    }

    /// A part of another block, which lives as long as its parts.
    ///
    /// - Precondition: The part lies within the block.
    init(of whole: Storage, at offset: Int, byteCount: Int) {
        precondition(
            offset >= 0 && byteCount >= 0 && offset + byteCount <= whole.byteCount,
            "\(byteCount) bytes at \(offset) of a block of \(whole.byteCount)"
        )
        self.byteCount = byteCount
        self.whole = whole
        base = whole.base + offset
        mapped = 0
    }

    /// Copies bytes from another block.
    ///
    /// - Precondition: Both ranges lie within their blocks.
    package func copy(from source: Storage, at offset: Int, to target: Int, byteCount: Int) {
        precondition(
            offset >= 0 && target >= 0 && offset + byteCount <= source.byteCount
                && target + byteCount <= self.byteCount,
            "copy of \(byteCount) bytes from \(offset) to \(target)"
        )
        (base + target).copyMemory(from: source.base + offset, byteCount: byteCount)
    }

    /// Copies bytes in.
    ///
    /// - Precondition: They fit.
    package func copy(_ bytes: ArraySlice<UInt8>, to target: Int) {
        precondition(
            target >= 0 && target + bytes.count <= byteCount,
            "copy of \(bytes.count) bytes to \(target)"
        )
        bytes.withUnsafeBytes { source in
            if let start = source.baseAddress {
                (base + target).copyMemory(from: start, byteCount: source.count)
            }
        }
    }

    /// Some of the bytes.
    ///
    /// - Precondition: The range lies within the block.
    package func bytes(at offset: Int, count: Int) -> UnsafeRawBufferPointer {
        precondition(offset >= 0 && offset + count <= byteCount, "bytes \(offset) + \(count)")
        return UnsafeRawBufferPointer(start: base + offset, count: count)
    }

    deinit {
        if whole != nil { return }
        if mapped > 0 { munmap(base, mapped) } else { base.deallocate() }
    }

    /// 64 KiB: a multiple of every machine's ordinary page.
    private static let smallPage = 64 << 10

    fileprivate static func rounded(_ byteCount: Int, to unit: Int) -> Int {
        (byteCount + unit - 1) / unit * unit
    }

    /// Maps memory aligned to huge pages by mapping one too many and giving back the ends.
    private static func map(_ byteCount: Int) -> UnsafeMutableRawPointer? {
        let size = rounded(byteCount, to: smallPage)
        let protection = PROT_READ | PROT_WRITE
        let flags = MAP_PRIVATE | MAP_ANONYMOUS
        guard let start = mmap(nil, size + hugePage, protection, flags, -1, 0), start != MAP_FAILED
        else { return nil }
        let address = Int(bitPattern: start)
        let head = rounded(address, to: hugePage) - address
        if head > 0 { munmap(start, head) }
        if head < hugePage { munmap(start + head + size, hugePage - head) }
        #if os(Linux)
        madvise(start + head, size / hugePage * hugePage, MADV_HUGEPAGE)
        #endif
        return start + head
    }
}

/// Lets matrices that are no multiple of a huge page share huge pages: lays them one behind another in
/// large blocks.
///
/// What a block has left once the next matrix does not fit is never touched, so it costs addresses and
/// no memory.
package final class Slabs: Sendable {
    private struct Block {
        var storage: Storage
        var used = 0
    }

    /// Larger matrices get memory of their own.
    private static let largestPart = 16 << 20
    private static let blockBytes = 64 << 20

    private let current = Mutex<Block?>(nil)

    package init() {}

    /// Memory that is never given out again; its contents are undefined.
    package func take(_ byteCount: Int) -> Storage {
        guard byteCount > 0, byteCount <= Self.largestPart else {
            return Storage(byteCount: byteCount)
        }
        return current.withLock { current in
            var block = current ?? Block(storage: Storage(byteCount: Self.blockBytes))
            if block.used + byteCount > Self.blockBytes {
                block = Block(storage: Storage(byteCount: Self.blockBytes))
            }
            defer {
                block.used = Storage.rounded(block.used + byteCount, to: 64)
                current = block
            }
            return Storage(of: block.storage, at: block.used, byteCount: byteCount)
        }
    }
}

/// Recycles the activations of forward passes, so that no step pays for fresh pages.
public final class Arena: Sendable {
    private let free = Mutex<[Int: [Storage]]>([:])
    /// Where blocks that are no small matter, but less than a huge page, share huge pages.
    private let slabs = Slabs()
    private static let smallestPart = 64 << 10

    /// Creates an empty arena.
    public init() {}

    /// A block of at least `byteCount` bytes; its contents are undefined.
    package func take(_ byteCount: Int) -> Storage {
        let size = Self.sizeClass(byteCount)
        if let storage = free.withLock({ $0[size]?.popLast() }) { return storage }
        let isMiddling = size >= Self.smallestPart && size < Storage.hugePage
        return isMiddling ? slabs.take(size) : Storage(byteCount: size)
    }

    /// Takes a block back.
    package func give(_ storage: Storage) {
        free.withLock { $0[storage.byteCount, default: []].append(storage) }
    }

    /// Bytes of the blocks that wait to be used again.
    package var byteCount: Int {
        free.withLock { $0.reduce(0) { $0 + $1.key * $1.value.count } }
    }

    /// Sizes in eighths of powers of two, so that a little more rows find the same block.
    private static func sizeClass(_ byteCount: Int) -> Int {
        let small = max(byteCount, 256)
        let step = 1 << (Int.bitWidth - 1 - (small - 1).leadingZeroBitCount - 3 + 1)
        return (small + step - 1) / step * step
    }
}
