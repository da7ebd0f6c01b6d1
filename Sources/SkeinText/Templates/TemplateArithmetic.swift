#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Python's arithmetic on numbers, text and sequences.
enum TemplateArithmetic {
    static func apply(
        _ operation: TemplateOperator,
        _ a: TemplateValue,
        _ b: TemplateValue,
        _ renderer: TemplateRenderer
    ) throws -> TemplateValue {
        switch (operation, a, b) {
        case (_, .undefined(let what), _), (.add, _, .undefined(let what)),
            (.subtract, _, .undefined(let what)), (.multiply, _, .undefined(let what)):
            throw TemplateFault("\(what) is undefined")
        case (.add, .string(let x), .string(let y)):
            try renderer.spend(x.utf8.count + y.utf8.count)
            return .string(x + y)
        case (.add, .list(let x), .list(let y)):
            try renderer.spend(x.items.count + y.items.count)
            return try .list(x.items + y.items)
        case (.add, .tuple(let x), .tuple(let y)):
            try renderer.spend(x.items.count + y.items.count)
            return .tuple(try TemplateItems(x.items + y.items))
        case (.multiply, _, _) where a.number == nil || b.number == nil:
            if let count = b.integer { return try repeated(a, count, renderer) }
            if let count = a.integer { return try repeated(b, count, renderer) }
        case (.modulo, .string(let format), _):
            return .string(try TemplateFormat.percent(format, b, renderer))
        default:
            if operation != .divide, let x = a.integer, let y = b.integer {
                return try integers(operation, x, y)
            }
            if let x = a.number, let y = b.number { return .double(try floats(operation, x, y)) }
        }
        throw TemplateFault(
            "unsupported operands for \(operation.rawValue): '\(a.typeName)' and '\(b.typeName)'"
        )
    }

    private static func repeated(
        _ value: TemplateValue,
        _ count: Int,
        _ renderer: TemplateRenderer
    ) throws -> TemplateValue {
        let count = max(0, count)
        let (size, overflow) = value.weight.multipliedReportingOverflow(by: count)
        try renderer.spend(overflow ? .max : size)
        switch value {
        case .string(let text): return .string(String(repeating: text, count: count))
        case .list(let items):
            return try .list((0..<count).flatMap { _ in items.items })
        case .tuple(let items):
            return .tuple(try TemplateItems((0..<count).flatMap { _ in items.items }))
        default: throw TemplateFault("cannot repeat a value of type '\(value.typeName)'")
        }
    }

    private static func integers(
        _ operation: TemplateOperator,
        _ x: Int,
        _ y: Int
    ) throws -> TemplateValue {
        let result: (partialValue: Int, overflow: Bool)
        switch operation {
        case .add: result = x.addingReportingOverflow(y)
        case .subtract: result = x.subtractingReportingOverflow(y)
        case .multiply: result = x.multipliedReportingOverflow(by: y)
        case .divide: return .double(try floats(.divide, Double(x), Double(y)))
        case .floorDivide:
            guard y != 0 else { throw TemplateFault("division by zero") }
            result = x.dividedReportingOverflow(by: y)
            if !result.overflow, x % y != 0, (x < 0) != (y < 0) {
                return .int(result.partialValue - 1)
            }
        case .modulo:
            guard y != 0 else { throw TemplateFault("division by zero") }
            if y == -1 { return .int(0) }
            let rest = x % y
            return .int(rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest)
        case .power:
            if y < 0 { return .double(try floats(.power, Double(x), Double(y))) }
            result = power(x, y)
        }
        guard !result.overflow else {
            throw TemplateFault("the integer result of '\(operation.rawValue)' exceeds 64 bits")
        }
        return .int(result.partialValue)
    }

    private static func power(_ x: Int, _ y: Int) -> (partialValue: Int, overflow: Bool) {
        var (base, rest, value) = (x, y, 1)
        while rest > 0 {
            if rest & 1 == 1 {
                let next = value.multipliedReportingOverflow(by: base)
                if next.overflow { return next }
                value = next.partialValue
            }
            rest >>= 1
            if rest > 0 {
                let next = base.multipliedReportingOverflow(by: base)
                if next.overflow { return next }
                base = next.partialValue
            }
        }
        return (value, false)
    }

    private static func floats(
        _ operation: TemplateOperator,
        _ x: Double,
        _ y: Double
    ) throws -> Double {
        switch operation {
        case .add: return x + y
        case .subtract: return x - y
        case .multiply: return x * y
        case .divide:
            guard y != 0 else { throw TemplateFault("division by zero") }
            return x / y
        case .floorDivide, .modulo:
            guard y != 0 else { throw TemplateFault("division by zero") }
            var rest = fmod(x, y)
            var quotient = (x - rest) / y
            if rest != 0 {
                if (y < 0) != (rest < 0) {
                    rest += y
                    quotient -= 1
                }
            } else {
                rest = y < 0 ? -0.0 : 0.0
            }
            if operation == .modulo { return rest }
            guard quotient != 0 else { return (x / y).sign == .minus ? -0.0 : 0.0 }
            let whole = quotient.rounded(.down)
            return quotient - whole > 0.5 ? whole + 1 : whole
        case .power:
            if x == 0, y < 0 { throw TemplateFault("0.0 cannot be raised to a negative power") }
            let result = pow(x, y)
            if x < 0, x.isFinite, result.isNaN, !y.isNaN {
                throw TemplateFault("complex numbers are not supported")
            }
            if result.isInfinite, x.isFinite, y.isFinite { throw TemplateFault("result too large") }
            return result
        }
    }

    static func negated(_ value: TemplateValue) throws -> TemplateValue {
        if case .double(let number) = value { return .double(-number) }
        guard let number = value.integer, number != .min else {
            throw TemplateFault("bad operand for unary -: '\(value.typeName)'")
        }
        return .int(-number)
    }

    static func plus(_ value: TemplateValue) throws -> TemplateValue {
        if case .double = value { return value }
        guard let number = value.integer else {
            throw TemplateFault("bad operand for unary +: '\(value.typeName)'")
        }
        return .int(number)
    }
}
