internal import SkeinCore

/// A file, or several that belong together, holding named tensors.
public protocol TensorFile: Sendable {
    /// The names in the order of the file.
    var names: [String] { get }
    /// The tensors by name.
    var tensors: [String: TensorRecord] { get }
}

extension TensorFile {
    /// The tensor of a name.
    ///
    /// - Throws: `SkeinError` with `.missingTensor`.
    public func tensor(named name: String) throws -> TensorRecord {
        guard let tensor = tensors[name] else {
            throw SkeinError(
                .missingTensor,
                "there is no tensor \(name) among the \(names.count) of the file"
            )
        }
        return tensor
    }
}

/// What a file says about one tensor, whether its type can be read or not.
public struct TensorEntry: Sendable {
    /// The name in the checkpoint.
    public let name: String
    /// The type as the format spells it.
    public let typeName: String
    /// The type, or `nil` when values of this type cannot be read.
    public let dtype: DType?
    /// The sizes of the axes, outermost first.
    public let shape: [Int]
    /// The file that holds the bytes.
    public let file: MappedFile
    /// Where in the file the bytes lie; empty when the type's size is not known.
    public let byteRange: Range<Int>

    /// The record of a tensor whose type can be read.
    var record: TensorRecord? {
        dtype.map {
            TensorRecord(name: name, dtype: $0, shape: shape, file: file, byteRange: byteRange)
        }
    }
}

/// Products of sizes that come from files.
enum Checked {
    /// The product of sizes, or `nil` when one is negative or the product overflows.
    static func product(_ sizes: [Int]) -> Int? {
        var product = 1
        var containsZero = false
        for size in sizes {
            guard size >= 0 else { return nil }
            if size == 0 {
                containsZero = true
                continue
            }
            let (next, overflow) = product.multipliedReportingOverflow(by: size)
            guard !overflow else { return nil }
            product = next
        }
        return containsZero ? 0 : product
    }
}
