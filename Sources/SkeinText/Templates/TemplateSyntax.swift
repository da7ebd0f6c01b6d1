/// A constant written in a template.
enum TemplateLiteral: Sendable {
    case none
    case bool(Bool)
    case int(Int)
    case double(Double)
    case string(String)
}

/// An expression; immutable, with its height known so that no tree is too deep to walk.
final class TemplateNode: Sendable {
    enum Kind: Sendable {
        case literal(TemplateLiteral)
        case name(String)
        case list([TemplateNode])
        case tuple([TemplateNode])
        case dict([(key: TemplateNode, value: TemplateNode)])
        case attribute(TemplateNode, String)
        case item(TemplateNode, TemplateNode)
        case slice(TemplateNode, TemplateNode?, TemplateNode?, TemplateNode?)
        case call(TemplateNode, TemplateArguments)
        case filter(TemplateNode, TemplateFilterCall)
        case test(TemplateNode, String, TemplateArguments)
        case not(TemplateNode)
        case negate(TemplateNode)
        case plus(TemplateNode)
        case and(TemplateNode, TemplateNode)
        case or(TemplateNode, TemplateNode)
        case binary(TemplateOperator, TemplateNode, TemplateNode)
        case concat([TemplateNode])
        case compare(TemplateNode, [(TemplateComparison, TemplateNode)])
        case conditional(TemplateNode, TemplateNode, TemplateNode?)
    }

    let kind: Kind
    let height: Int
    let line: Int

    init(_ kind: Kind, height: Int, line: Int) {
        self.kind = kind
        self.height = height
        self.line = line
    }
}

enum TemplateOperator: String, Sendable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case floorDivide = "//"
    case modulo = "%"
    case power = "**"
}

enum TemplateComparison: String, Sendable {
    case equal = "=="
    case notEqual = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case isIn = "in"
    case isNotIn = "not in"
}

/// The arguments of a call as written.
struct TemplateArguments: Sendable {
    var positional: [TemplateNode] = []
    var named: [(name: String, value: TemplateNode)] = []
    var spread: TemplateNode?
    var spreadNamed: TemplateNode?

    var nodes: [TemplateNode] {
        positional + named.map(\.value) + [spread, spreadNamed].compactMap(\.self)
    }
}

/// A filter and its arguments, without the value it applies to.
struct TemplateFilterCall: Sendable {
    var name: String
    var arguments: TemplateArguments
}

/// What an assignment writes to.
indirect enum TemplateTarget: Sendable {
    case name(String)
    case attribute(String, String)
    case tuple([TemplateTarget])
}

/// The signature and body of a macro or of a call block.
struct TemplateMacro: Sendable {
    var name: String
    var parameters: [String]
    /// The defaults of the last parameters.
    var defaults: [TemplateNode]
    var body: [TemplateStatement]
    var catchesPositional = false
    var catchesNamed = false
    var usesCaller = false
}

/// One loop as written.
struct TemplateForLoop: Sendable {
    var target: TemplateTarget
    var sequence: TemplateNode
    var filter: TemplateNode?
    var isRecursive: Bool
    var body: [TemplateStatement]
    var otherwise: [TemplateStatement]
}

/// One statement of a template.
struct TemplateStatement: Sendable {
    indirect enum Kind: Sendable {
        case text(String)
        case output([TemplateNode])
        case assign(TemplateTarget, TemplateNode)
        case assignBlock(TemplateTarget, [TemplateFilterCall], [TemplateStatement])
        case loop(TemplateForLoop)
        case branch([(TemplateNode, [TemplateStatement])], [TemplateStatement])
        case macro(TemplateMacro)
        case callBlock(TemplateNode, TemplateArguments, TemplateMacro)
        case filterBlock([TemplateFilterCall], [TemplateStatement])
        case with([(TemplateTarget, TemplateNode)], [TemplateStatement])
        case scope([TemplateStatement])
        case leaveLoop
        case nextRound
    }

    var kind: Kind
    var line: Int
}
