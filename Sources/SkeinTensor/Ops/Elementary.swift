#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

extension RotaryTable {
    static func cosine(_ angle: Double) -> Double { cos(angle) }
    static func sine(_ angle: Double) -> Double { sin(angle) }
}

/// Real functions, behind a name so that `exp` stays free for other uses.
enum Elementary {
    static func exp(_ x: Float) -> Float { expf(x) }
}
