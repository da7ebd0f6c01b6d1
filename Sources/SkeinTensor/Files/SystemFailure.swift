#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

/// The system's own words for its error numbers.
enum SystemFailure {
    /// The text of an `errno` value.
    static func text(_ number: Int32) -> String {
        guard let text = strerror(number) else { return "system error \(number)" }
        return String(cString: text)
    }
}
