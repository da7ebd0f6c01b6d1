public import SkeinCore

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

extension MappedFile {
    /// Up to `count` bytes from the start.
    public func prefix(_ count: Int) -> [UInt8] { withUnsafeBytes { Array($0.prefix(count)) } }

    /// The whole file as JSON.
    ///
    /// - Returns: The value.
    /// - Throws: `SkeinError.Code.corruptFile` naming the file and the byte.
    public func json() throws -> JSON {
        do {
            return try withUnsafeBytes { try JSON(parsing: $0) }
        } catch let error as SkeinError {
            throw SkeinError(.corruptFile, "\(path): \(error.message)")
        }
    }

    /// Whether a path names a directory; `nil` when there is nothing.
    public static func isDirectory(_ path: String) -> Bool? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return status.st_mode & S_IFMT == S_IFDIR
    }
}
