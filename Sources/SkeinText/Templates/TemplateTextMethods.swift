/// The methods of Python's `str`.
enum TemplateTextMethods {
    static func call(
        _ name: String,
        _ text: String,
        _ arguments: TemplateCallArguments,
        _ renderer: TemplateRenderer
    ) throws -> TemplateValue {
        switch name {
        case "strip", "lstrip", "rstrip":
            let set = try optionalText(try arguments.bind(name, ["chars"])[0], name)
            return .string(text.stripped(set, left: name != "rstrip", right: name != "lstrip"))
        case "upper": return .string(text.pythonUpper)
        case "lower", "casefold": return .string(text.pythonLower)
        case "title": return .string(text.pythonTitle)
        case "capitalize": return .string(text.pythonCapitalized)
        case "swapcase":
            let swapped = text.unicodeScalars.map {
                $0.properties.isLowercase
                    ? $0.properties.uppercaseMapping : $0.properties.lowercaseMapping
            }
            return .string(swapped.joined())
        case "split", "rsplit": return try split(name, text, arguments)
        case "splitlines":
            let keeps = try arguments.bind(name, ["keepends"])[0]?.isTrue ?? false
            return try .list(text.pythonLines(keepingEnds: keeps).map { .string($0) })
        case "startswith", "endswith": return try starts(name, text, arguments)
        case "replace": return try replace(text, arguments, renderer)
        case "find", "rfind", "index", "rindex", "count": return try find(name, text, arguments)
        case "join":
            let parts = try (try arguments.bind(name, ["iterable"], required: 1)[0] ?? .none)
                .elements()
            let texts = try parts.map { part in
                guard case .string(let text) = part else {
                    throw TemplateFault("join() expected str, found \(part.typeName)")
                }
                return text
            }
            let (size, overflow) = text.utf8.count.multipliedReportingOverflow(by: parts.count)
            try renderer.spend(overflow ? .max : size)
            try renderer.spend(texts.reduce(0) { $0 + $1.utf8.count })
            return .string(texts.joined(separator: text))
        case "removeprefix":
            let part = try required(arguments, name)
            return .string(
                text.hasPythonPrefix(part)
                    ? String(scalars: text.unicodeScalars.dropFirst(part.unicodeScalars.count))
                    : text
            )
        case "removesuffix":
            let part = try required(arguments, name)
            return .string(
                text.hasPythonSuffix(part)
                    ? String(scalars: text.unicodeScalars.dropLast(part.unicodeScalars.count))
                    : text
            )
        case "partition", "rpartition": return try partition(name, text, arguments)
        case "center", "ljust", "rjust", "zfill": return try pad(name, text, arguments, renderer)
        case "format": return .string(try TemplateBraces.format(text, arguments, renderer))
        default: return .bool(try classify(name, text, arguments))
        }
    }

    private static func optionalText(_ value: TemplateValue?, _ name: String) throws -> String? {
        guard let value, !value.isNone else { return nil }
        guard let text = value.text else {
            throw TemplateFault("\(name)() expects a string, not \(value.typeName)")
        }
        return text
    }

    private static func required(
        _ arguments: TemplateCallArguments,
        _ name: String
    ) throws -> String {
        let value = try arguments.bind(name, ["text"], required: 1)[0]
        guard let text = value?.text else { throw TemplateFault("\(name)() expects a string") }
        return text
    }

    private static func split(
        _ name: String,
        _ text: String,
        _ arguments: TemplateCallArguments
    ) throws -> TemplateValue {
        let bound = try arguments.bind(name, ["sep", "maxsplit"])
        let limitValue = bound[1] ?? .int(-1)
        guard let given = limitValue.integer else {
            throw TemplateFault("\(name)() expects an integer limit")
        }
        let limit = given < 0 ? Int.max : given
        guard let separator = try optionalText(bound[0], name) else {
            return try .list(
                words(text.scalars, limit, fromEnd: name == "rsplit").map { .string($0) }
            )
        }
        guard !separator.isEmpty else { throw TemplateFault("empty separator") }
        var cuts: [Int]
        if name == "rsplit" {
            cuts = reversedOccurrences(text, separator, limit)
        } else {
            cuts = text.occurrences(of: separator, limit: limit)
        }
        cuts.sort()
        return try .list(text.pieces(at: cuts, width: separator.utf8.count).map { .string($0) })
    }

    private static func reversedOccurrences(_ text: String, _ part: String, _ limit: Int) -> [Int] {
        let hay = Array(text.utf8)
        let pin = Array(part.utf8)
        var found: [Int] = []
        var index = hay.count - pin.count
        while index >= 0, found.count < limit {
            if hay[index] == pin[0], hay[index..<index + pin.count].elementsEqual(pin) {
                found.append(index)
                index -= pin.count
            } else {
                index -= 1
            }
        }
        return found
    }

    private static func words(_ text: [UnicodeScalar], _ limit: Int, fromEnd: Bool) -> [String] {
        let all = fromEnd ? Array(text.reversed()) : text
        var out: [[UnicodeScalar]] = []
        var index = 0
        while true {
            while index < all.count, all[index].isPythonSpace { index += 1 }
            guard index < all.count else { break }
            if out.count == limit {
                out.append(Array(all[index...]))
                break
            }
            let start = index
            while index < all.count, !all[index].isPythonSpace { index += 1 }
            out.append(Array(all[start..<index]))
        }
        return fromEnd
            ? out.reversed().map { String(scalars: $0.reversed()) }
            : out.map { String(scalars: $0) }
    }

    private static func window(
        _ text: String,
        _ start: TemplateValue?,
        _ stop: TemplateValue?
    ) throws -> (text: String, offset: Int, isValid: Bool) {
        if start == nil, stop == nil { return (text, 0, true) }
        let all = text.scalars
        func bound(_ value: TemplateValue?, _ fallback: Int) throws -> Int {
            guard let value, !value.isNone else { return fallback }
            guard let index = value.integer else {
                throw TemplateFault("slice indices must be integers")
            }
            return index < 0 ? max(0, index < -all.count ? 0 : index + all.count) : index
        }
        let from = try bound(start, 0)
        let to = min(try bound(stop, all.count), all.count)
        guard from <= to else { return ("", from, false) }
        return (String(scalars: all[from..<to]), from, true)
    }

    private static func starts(
        _ name: String,
        _ text: String,
        _ arguments: TemplateCallArguments
    ) throws -> TemplateValue {
        let bound = try arguments.bind(name, ["prefix", "start", "end"], required: 1)
        let (part, _, isValid) = try window(text, bound[1], bound[2])
        var options = [bound[0] ?? .none]
        if case .tuple(let items)? = bound[0] { options = items.items }
        for option in options {
            guard case .string(let wanted) = option else {
                throw TemplateFault(
                    "\(name)() expects a string or a tuple of strings, not \(option.typeName)"
                )
            }
            if isValid,
                name == "startswith" ? part.hasPythonPrefix(wanted) : part.hasPythonSuffix(wanted)
            {
                return .bool(true)
            }
        }
        return .bool(false)
    }

    static func replace(
        _ text: String,
        _ arguments: TemplateCallArguments,
        _ renderer: TemplateRenderer
    ) throws -> TemplateValue {
        let bound = try arguments.bind("replace", ["old", "new", "count"], required: 2)
        guard let old = bound[0]?.text, let new = bound[1]?.text else {
            throw TemplateFault("replace() expects two strings")
        }
        let count = bound[2]?.integer ?? -1
        return .string(try replaced(text, old, new, count < 0 ? .max : count, renderer))
    }

    static func replaced(
        _ text: String,
        _ old: String,
        _ new: String,
        _ limit: Int,
        _ renderer: TemplateRenderer
    ) throws -> String {
        var cuts: [Int] = []
        if old.isEmpty {
            var offset = 0
            for scalar in text.unicodeScalars {
                cuts.append(offset)
                offset += UTF8.width(scalar)
            }
            cuts.append(offset)
            cuts = Array(cuts.prefix(limit))
        } else {
            cuts = text.occurrences(of: old, limit: limit)
        }
        if cuts.isEmpty { return text }
        let (size, overflow) = cuts.count.multipliedReportingOverflow(by: new.utf8.count)
        try renderer.spend(overflow ? .max : size)
        return text.pieces(at: cuts, width: old.utf8.count).joined(separator: new)
    }

    private static func find(
        _ name: String,
        _ text: String,
        _ arguments: TemplateCallArguments
    ) throws -> TemplateValue {
        let bound = try arguments.bind(name, ["sub", "start", "end"], required: 1)
        guard let part = bound[0]?.text else { throw TemplateFault("\(name)() expects a string") }
        let (inner, offset, isValid) = try window(text, bound[1], bound[2])
        if name == "count" {
            if !isValid { return .int(0) }
            return .int(
                part.isEmpty ? inner.unicodeScalars.count + 1 : inner.occurrences(of: part).count
            )
        }
        var place: Int?
        if isValid, part.isEmpty {
            place = name.hasPrefix("r") ? inner.utf8.count : 0
        } else if isValid {
            place =
                name.hasPrefix("r")
                ? reversedOccurrences(inner, part, 1).first
                : inner.occurrences(of: part, limit: 1).first
        }
        if let place {
            return .int(
                offset
                    + String(decoding: inner.utf8.prefix(place), as: UTF8.self).unicodeScalars.count
            )
        }
        guard name.hasSuffix("find") else { throw TemplateFault("substring not found") }
        return .int(-1)
    }

    private static func partition(
        _ name: String,
        _ text: String,
        _ arguments: TemplateCallArguments
    ) throws -> TemplateValue {
        let part = try required(arguments, name)
        guard !part.isEmpty else { throw TemplateFault("empty separator") }
        let isLast = name == "rpartition"
        let cuts =
            isLast ? reversedOccurrences(text, part, 1) : text.occurrences(of: part, limit: 1)
        var pieces = text.pieces(at: cuts, width: part.utf8.count)
        if pieces.count == 2 {
            pieces.insert(part, at: 1)
        } else {
            pieces = isLast ? ["", "", text] : [text, "", ""]
        }
        return .tuple(try TemplateItems(pieces.map { .string($0) }))
    }

    static func pad(
        _ name: String,
        _ text: String,
        _ arguments: TemplateCallArguments,
        _ renderer: TemplateRenderer
    ) throws -> TemplateValue {
        let bound = try arguments.bind(
            name,
            name == "zfill" ? ["width"] : ["width", "fillchar"],
            required: 1
        )
        guard let width = bound[0]?.integer else {
            throw TemplateFault("\(name)() expects an integer")
        }
        let count = text.unicodeScalars.count
        let fill = name == "zfill" ? "0" : bound.count > 1 ? bound[1]?.text ?? " " : " "
        guard fill.unicodeScalars.count == 1 else {
            throw TemplateFault("the fill must be one character")
        }
        guard width > count else { return .string(text) }
        try renderer.spend(width)
        let room = width - count
        func fills(_ count: Int) -> String { String(repeating: fill, count: count) }
        switch name {
        case "ljust": return .string(text + fills(room))
        case "rjust": return .string(fills(room) + text)
        case "zfill":
            let signed = text.hasPrefix("-") || text.hasPrefix("+")
            return .string(
                text.prefix(signed ? 1 : 0) + fills(room) + text.dropFirst(signed ? 1 : 0)
            )
        default:
            let left = room / 2 + (room & width & 1)
            return .string(fills(left) + text + fills(room - left))
        }
    }

    private static func classify(
        _ name: String,
        _ text: String,
        _ arguments: TemplateCallArguments
    ) throws -> Bool {
        _ = try arguments.bind(name, [])
        let all = text.unicodeScalars
        func each(_ test: (UnicodeScalar) -> Bool) -> Bool { !all.isEmpty && all.allSatisfy(test) }
        switch name {
        case "isdigit":
            return each {
                $0.properties.numericType == .decimal || $0.properties.numericType == .digit
            }
        case "isdecimal": return each { $0.properties.numericType == .decimal }
        case "isnumeric": return each { $0.isNumeric }
        case "isalpha": return each { $0.isAlphabetic }
        case "isalnum": return each { $0.isAlphabetic || $0.isNumeric }
        case "isspace": return each { $0.isPythonSpace }
        case "isascii": return all.allSatisfy(\.isASCII)
        case "isupper":
            return all.contains(where: \.isCased)
                && all.allSatisfy { !$0.isCased || $0.properties.isUppercase }
        default:
            return all.contains(where: \.isCased)
                && all.allSatisfy { !$0.isCased || $0.properties.isLowercase }
        }
    }
}
