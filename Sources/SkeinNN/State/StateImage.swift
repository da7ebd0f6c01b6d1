public import SkeinTensor

/// What a branch remembers, outside its pool: to be written to disk and read back.
public struct StateImage: Sendable, Equatable {
    /// One array of the image.
    public struct Part: Sendable, Equatable {
        /// Its name.
        public var name: String
        /// The type of its values.
        public var dtype: DType
        /// Its shape; rows are one of the axes.
        public var shape: [Int]
        /// Its values, in order.
        public var bytes: [UInt8]

        /// Creates a part.
        public init(name: String, dtype: DType, shape: [Int], bytes: [UInt8]) {
            self.name = name
            self.dtype = dtype
            self.shape = shape
            self.bytes = bytes
        }

        /// The same under another name.
        public func named(_ name: String) -> Self {
            Self(name: name, dtype: dtype, shape: shape, bytes: bytes)
        }
    }

    /// The position of each row.
    public var positions: [Int32]
    /// The arrays.
    public var parts: [Part]

    /// Joins positions and arrays.
    public init(positions: [Int32], parts: [Part]) {
        self.positions = positions
        self.parts = parts
    }
}
