/// Conversions to 64 bits that stay within registers on 32-bit chips.
///
/// The standard library's go through arrays of words there, which the compiler removes too late for its own
/// check that nothing allocates.
extension Int64 {
    /// A number of 32 bits.
    @inlinable
    init(wide value: Int32) {
        let bits = UInt64(_truncatingBits: UInt(bitPattern: Int(value)))
        self = (Int64(bitPattern: bits) &<< 32) &>> 32
    }
}

extension UInt64 {
    /// A number of 32 bits.
    @inlinable
    init(wide value: UInt32) { self.init(_truncatingBits: UInt(value)) }
}
