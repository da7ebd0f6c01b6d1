import SkeinCore

/// One token of a template and the line where it starts.
struct TemplateToken {
    enum Kind: Equatable {
        case data(String)
        case variableBegin, variableEnd, blockBegin, blockEnd, end
        case name(String)
        case string(String)
        case integer(Int)
        case double(Double)
        case symbol(String)
    }

    var kind: Kind
    var line: Int
}

/// Splits a template into tokens under `trim_blocks` and `lstrip_blocks`.
struct TemplateLexer {
    let source: [UnicodeScalar]
    var position = 0
    var line = 1
    var tokens: [TemplateToken] = []
    /// Whether the text before `position` ends with a line break, or is empty.
    private var lineStarting = true

    init(_ text: String) {
        var scalars: [UnicodeScalar] = []
        scalars.reserveCapacity(text.utf8.count)
        var last: UnicodeScalar = " "
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\r": scalars.append("\n")
            case "\n": if last != "\r" { scalars.append("\n") }
            default: scalars.append(scalar)
            }
            last = scalar
        }
        if scalars.last == "\n" { scalars.removeLast() }
        source = scalars
    }

    static func tokens(of text: String) throws -> [TemplateToken] {
        var lexer = Self(text)
        while lexer.position < lexer.source.count { try lexer.root() }
        lexer.emit(.end)
        return lexer.tokens
    }

    func fault(_ message: String) -> SkeinError {
        SkeinError(.syntax, "chat template, line \(line): \(message)")
    }

    private mutating func emit(_ kind: TemplateToken.Kind) {
        tokens.append(TemplateToken(kind: kind, line: line))
    }

    func at(_ offset: Int, _ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard offset >= 0, offset + count <= source.count else { return false }
        for index in 0..<count where source[offset + index].value != UInt32(text.utf8Start[index]) {
            return false
        }
        return true
    }

    private func skippingSpace(_ offset: Int) -> Int {
        var offset = offset
        while offset < source.count, source[offset].isPythonSpace { offset += 1 }
        return offset
    }

    private mutating func move(to offset: Int) {
        for index in position..<offset where source[index] == "\n" { line += 1 }
        if offset > position { lineStarting = source[offset - 1] == "\n" }
        position = offset
    }

    /// Text up to the next tag, and that tag.
    private mutating func root() throws {
        var start = position
        while start < source.count {
            if source[start] == "{", at(start, "{%") || at(start, "{{") || at(start, "{#") { break }
            start += 1
        }
        guard start < source.count else {
            emitData(position..<source.count)
            move(to: source.count)
            return
        }
        let sign: UnicodeScalar? = start + 2 < source.count ? source[start + 2] : nil
        var textEnd = start
        if sign == "-" {
            while textEnd > position, source[textEnd - 1].isPythonSpace { textEnd -= 1 }
        } else if sign != "+", !at(start, "{{") {
            textEnd = leftStripped(position..<start)
        }
        emitData(position..<textEnd)
        move(to: start)
        if let bodyStart = rawStart(start) { return try raw(from: bodyStart) }
        let isVariable = at(start, "{{")
        let isComment = at(start, "{#")
        if !isComment { emit(isVariable ? .variableBegin : .blockBegin) }
        move(to: start + (sign == "-" || sign == "+" ? 3 : 2))
        if isComment { return try comment() }
        try expression(isVariable: isVariable)
    }

    private func leftStripped(_ range: Range<Int>) -> Int {
        var from = range.upperBound
        while from > range.lowerBound, source[from - 1] != "\n" {
            guard source[from - 1].isPythonSpace else { return range.upperBound }
            from -= 1
        }
        return from > range.lowerBound || lineStarting ? from : range.upperBound
    }

    private mutating func emitData(_ range: Range<Int>) {
        if !range.isEmpty { emit(.data(String(scalars: source[range]))) }
    }

    /// Where the body of a `raw` block starts, if one opens here.
    private func rawStart(_ start: Int) -> Int? {
        guard at(start, "{%") else { return nil }
        var next = start + 2
        if at(next, "-") || at(next, "+") { next += 1 }
        next = skippingSpace(next)
        guard at(next, "raw") else { return nil }
        next = skippingSpace(next + 3)
        if at(next, "-%}") { return skippingSpace(next + 3) }
        return at(next, "%}") ? next + 2 : nil
    }

    private mutating func raw(from start: Int) throws {
        move(to: start)
        var open = start
        while open < source.count {
            if at(open, "{%") {
                var next = open + 2
                let sign: UnicodeScalar? = next < source.count ? source[next] : nil
                if sign == "-" || sign == "+" { next += 1 }
                next = skippingSpace(next)
                if at(next, "endraw"), let end = blockEnd(skippingSpace(next + 6)) {
                    var textEnd = open
                    if sign == "-" {
                        while textEnd > start, source[textEnd - 1].isPythonSpace { textEnd -= 1 }
                    } else if sign != "+" {
                        textEnd = leftStripped(start..<open)
                    }
                    emitData(start..<textEnd)
                    return move(to: end)
                }
            }
            open += 1
        }
        throw fault("expected {% endraw %}, found the end of the template")
    }

    private func blockEnd(_ offset: Int) -> Int? {
        if at(offset, "+%}") { return offset + 3 }
        if at(offset, "-%}") { return skippingSpace(offset + 3) }
        guard at(offset, "%}") else { return nil }
        return at(offset + 2, "\n") ? offset + 3 : offset + 2
    }

    private mutating func comment() throws {
        var offset = position
        while offset < source.count {
            if at(offset, "+#}") { return move(to: offset + 3) }
            if at(offset, "-#}") { return move(to: skippingSpace(offset + 3)) }
            if at(offset, "#}") {
                return move(to: at(offset + 2, "\n") ? offset + 3 : offset + 2)
            }
            offset += 1
        }
        throw fault("expected #}, found the end of the template")
    }

    /// The tokens of one tag, through its end.
    private mutating func expression(isVariable: Bool) throws {
        var open: [UnicodeScalar] = []
        while position < source.count {
            if open.isEmpty {
                if isVariable {
                    if at(position, "-}}") || at(position, "}}") {
                        emit(.variableEnd)
                        let trims = source[position] == "-"
                        return move(to: trims ? skippingSpace(position + 3) : position + 2)
                    }
                } else if let end = blockEnd(position) {
                    emit(.blockEnd)
                    return move(to: end)
                }
            }
            try token(&open)
        }
    }

    private mutating func token(_ open: inout [UnicodeScalar]) throws {
        let scalar = source[position]
        if scalar.isPythonSpace { return move(to: skippingSpace(position)) }
        if ("0"..."9").contains(scalar) { return try number() }
        if scalar.isNamePart {
            guard scalar == "_" || scalar.properties.isXIDStart else {
                throw fault("expected a name, found '\(scalar)'")
            }
            var end = position + 1
            while end < source.count, source[end].isNamePart { end += 1 }
            emit(.name(String(scalars: source[position..<end])))
            return move(to: end)
        }
        if scalar == "'" || scalar == "\"" { return try string(scalar) }
        for pair in ["//", "**", "==", "!=", ">=", "<="] as [StaticString] where at(position, pair)
        {
            emit(.symbol("\(pair)"))
            return move(to: position + 2)
        }
        guard "+-/*%~[](){}><=.:|,;".unicodeScalars.contains(scalar) else {
            throw fault("expected an expression, found '\(scalar)'")
        }
        switch scalar {
        case "(": open.append(")")
        case "[": open.append("]")
        case "{": open.append("}")
        case ")", "]", "}":
            guard let wanted = open.popLast() else { throw fault("unexpected '\(scalar)'") }
            guard wanted == scalar else {
                throw fault("expected '\(wanted)', found '\(scalar)'")
            }
        default: break
        }
        emit(.symbol(String(Character(scalar))))
        move(to: position + 1)
    }
}
