internal import Foundation

/// Real functions, behind a name so that `log` stays free for other uses.
enum Elementary {
    static func log(_ x: Double) -> Double { Foundation.log(x) }
    static func cosine(_ x: Double) -> Double { Foundation.cos(x) }
    static func sine(_ x: Double) -> Double { Foundation.sin(x) }
    static func exp(_ x: Float) -> Float { Foundation.exp(x) }
    static func exp(_ x: Double) -> Double { Foundation.exp(x) }
    static func expm1(_ x: Double) -> Double { Foundation.expm1(x) }
    static func tanh(_ x: Float) -> Float { Foundation.tanh(x) }
}
