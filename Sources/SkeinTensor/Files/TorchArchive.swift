internal import SkeinCore

/// A file of `torch.save`: a zip archive whose pickle describes tensors that lie beside it.
///
/// The pickle is read by a reader that knows tensors only and executes nothing. Tensors stay in the
/// file, as those of safetensors do.
public struct TorchArchive: TensorFile {
    /// The names in the order of the pickle.
    public let names: [String]
    /// The tensors by name.
    public let tensors: [String: TensorRecord]

    private static let types: [String: DType] = [
        "FloatStorage": .f32, "HalfStorage": .f16, "BFloat16Storage": .bf16, "DoubleStorage": .f64,
        "LongStorage": .i64, "IntStorage": .i32, "ShortStorage": .i16, "CharStorage": .i8,
        "ByteStorage": .u8, "BoolStorage": .bool,
    ]

    /// Maps and checks a file.
    ///
    /// - Throws: `SkeinError` with `.notFound`, `.ioFailure`, `.corruptFile`, or `.unsupported` for
    ///   pickles of other things than tensors, compressed archives and strided views.
    public init(contentsOf path: String) throws {
        try self.init(parsing: MappedFile(path: path))
    }

    /// Checks bytes that are already mapped.
    ///
    /// - Throws: `SkeinError` with `.corruptFile` or `.unsupported`.
    public init(parsing file: MappedFile) throws {
        let path = file.path
        var names: [String] = []
        var tensors: [String: TensorRecord] = [:]
        try file.withUnsafeBytes { bytes in
            let archive = try ZipDirectory(bytes, path: path)
            guard let pickle = archive.names.first(where: { $0.hasSuffix("/data.pkl") }),
                let place = archive.places[pickle]
            else {
                throw SkeinError(
                    .unsupported,
                    "\(path) holds no stored data.pkl",
                    hint: "save it with torch.save of version 1.6 or later, or as safetensors"
                )
            }
            let root = String(pickle.dropLast("data.pkl".count))
            if let order = archive.places["\(root)byteorder"],
                String(decoding: bytes[order], as: UTF8.self) != "little"
            {
                throw SkeinError(.unsupported, "\(path) holds big-endian numbers")
            }
            let found = try Pickle.tensors(
                UnsafeRawBufferPointer(rebasing: bytes[place]),
                path: path
            )
            for (name, tensor) in found {
                let record = try Self.record(name, tensor, archive, root, file)
                guard tensors.updateValue(record, forKey: name) == nil else {
                    throw SkeinError(.corruptFile, "\(path): tensor \(name) appears twice")
                }
                names.append(name)
            }
        }
        self.names = names
        self.tensors = tensors
    }

    private static func record(
        _ name: String,
        _ tensor: Pickle.Tensor,
        _ archive: ZipDirectory,
        _ root: String,
        _ file: MappedFile
    ) throws -> TensorRecord {
        guard let dtype = types[tensor.type] else {
            throw SkeinError(
                .unsupported,
                "\(file.path): tensor \(name) lies in a \(tensor.type); known are"
                    + " \(types.keys.sorted().joined(separator: ", "))"
            )
        }
        guard let place = archive.places["\(root)data/\(tensor.key)"] else {
            throw SkeinError(
                .corruptFile,
                "\(file.path): the values of \(name) should lie in \(root)data/\(tensor.key), which is"
                    + " not there"
            )
        }
        guard let count = Checked.product(tensor.shape), let bytes = dtype.bytes(for: count),
            tensor.offset >= 0,
            let (start, overflow) = Optional(
                tensor.offset.multipliedReportingOverflow(by: dtype.blockBytes)
            ), !overflow, start <= place.count, bytes <= place.count - start
        else {
            throw SkeinError(
                .corruptFile,
                "\(file.path): tensor \(name) \(tensor.shape) from value \(tensor.offset) on does not"
                    + " fit its storage of \(place.count) bytes"
            )
        }
        var stride = 1
        for (size, found) in zip(tensor.shape, tensor.strides).reversed() {
            guard size <= 1 || found == stride else {
                throw SkeinError(
                    .unsupported,
                    "\(file.path): tensor \(name) \(tensor.shape) has strides \(tensor.strides)",
                    hint: "save contiguous tensors"
                )
            }
            stride *= max(size, 1)
        }
        guard tensor.strides.count == tensor.shape.count else {
            throw SkeinError(
                .corruptFile,
                "\(file.path): tensor \(name) has \(tensor.shape.count) axes and"
                    + " \(tensor.strides.count) strides"
            )
        }
        let first = place.lowerBound + start
        return TensorRecord(
            name: name,
            dtype: dtype,
            shape: tensor.shape,
            file: file,
            byteRange: first..<first + bytes
        )
    }
}
