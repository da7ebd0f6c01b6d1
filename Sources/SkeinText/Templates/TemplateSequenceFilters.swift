/// The filters that walk sequences and mappings.
enum TemplateSequenceFilters {
    static func apply(
        _ name: String,
        _ value: TemplateValue,
        _ arguments: TemplateCallArguments,
        _ renderer: TemplateRenderer
    ) throws -> TemplateValue {
        func bind(_ names: [String], _ required: Int = 0) throws -> [TemplateValue?] {
            try arguments.bind(name, names, required: required)
        }
        switch name {
        case "list": return try .list(value.elements())
        case "first":
            if case .iterator(let iterator) = value {
                return iterator.next() ?? .undefined("the first item")
            }
            return try value.elements().first ?? .undefined("the first item")
        case "last":
            if case .iterator = value {
                throw TemplateFault("'generator' object is not reversible")
            }
            return try value.elements().last ?? .undefined("the last item")
        case "reverse":
            if case .string(let text) = value {
                return .string(String(scalars: text.unicodeScalars.reversed()))
            }
            return .generator(try value.elements().reversed())
        case "join":
            let bound = try bind(["d", "attribute"])
            let separator = try (bound[0] ?? .string("")).printed()
            let texts = try attributes(value.elements(), bound[1], renderer).map {
                try $0.printed()
            }
            let (size, overflow) = separator.utf8.count.multipliedReportingOverflow(by: texts.count)
            try renderer.spend(overflow ? .max : size)
            try renderer.spend(texts.reduce(0) { $0 + $1.utf8.count })
            return .string(texts.joined(separator: separator))
        case "items":
            if value.isUndefined { return .generator([]) }
            guard case .dict(let dict) = value else {
                throw TemplateFault("items() expects a mapping, not \(value.typeName)")
            }
            return .generator(try TemplateView(.items, dict).elements())
        case "dictsort": return try dictsort(value, try bind(["case_sensitive", "by", "reverse"]))
        case "sort":
            let bound = try bind(["reverse", "case_sensitive", "attribute"])
            let sorted = try TemplateOrder.sorted(
                try value.elements(),
                reversed: bound[0]?.isTrue == true
            ) { item in
                try sortKey(item, bound[2], bound[1]?.isTrue == true, renderer)
            }
            return try .list(sorted)
        case "unique":
            let bound = try bind(["case_sensitive", "attribute"])
            var seen: Set<TemplateKey> = []
            return .generator(
                try value.elements().filter { item in
                    let key = folded(
                        try attribute(item, bound[1], renderer),
                        bound[0]?.isTrue == true
                    )
                    return seen.insert(try TemplateKey(key)).inserted
                }
            )
        case "min", "max":
            let bound = try bind(["case_sensitive", "attribute"])
            let items = try value.elements()
            guard var best = items.first else {
                return .undefined("the aggregate of an empty sequence")
            }
            func key(_ item: TemplateValue) throws -> TemplateValue {
                folded(try attribute(item, bound[1], renderer), bound[0]?.isTrue == true)
            }
            var bestKey = try key(best)
            for item in items.dropFirst() {
                let next = try key(item)
                if try name == "min"
                    ? TemplateOrder.isLess(next, bestKey) : TemplateOrder.isLess(bestKey, next)
                {
                    (best, bestKey) = (item, next)
                }
            }
            return best
        case "sum":
            let bound = try bind(["attribute", "start"])
            let start = bound[1] ?? .int(0)
            if case .string = start { throw TemplateFault("sum() cannot sum strings") }
            return try attributes(value.elements(), bound[0], renderer).reduce(start) {
                try TemplateArithmetic.apply(.add, $0, $1, renderer)
            }
        case "map": return try map(value, arguments, renderer)
        case "select", "reject", "selectattr", "rejectattr":
            return try select(name, value, arguments, renderer)
        case "batch": return try batch(value, try bind(["linecount", "fill_with"], 1), renderer)
        case "slice": return try slices(value, try bind(["slices", "fill_with"], 1), renderer)
        case "groupby":
            return try groups(
                value,
                try bind(["attribute", "default", "case_sensitive"], 1),
                renderer
            )
        default: throw TemplateFault("no filter named '\(name)'")
        }
    }

    private static func folded(_ value: TemplateValue, _ isExact: Bool) -> TemplateValue {
        guard !isExact, case .string(let text) = value else { return value }
        return .string(text.pythonLower)
    }

    /// An attribute by a dotted path or an index.
    private static func attribute(
        _ item: TemplateValue,
        _ path: TemplateValue?,
        _ renderer: TemplateRenderer
    ) throws -> TemplateValue {
        guard let path, !path.isNone else { return item }
        guard case .string(let text) = path else {
            return try TemplateLookup.item(path, of: item, renderer)
        }
        return try text.split(separator: ".", omittingEmptySubsequences: false).reduce(item) {
            item,
            part in
            let key: TemplateValue =
                part.allSatisfy(\.isNumber) ? .int(Int(part) ?? 0) : .string(String(part))
            return try TemplateLookup.item(key, of: item, renderer)
        }
    }

    private static func attributes(
        _ items: [TemplateValue],
        _ path: TemplateValue?,
        _ renderer: TemplateRenderer
    ) throws -> [TemplateValue] {
        try items.map { try attribute($0, path, renderer) }
    }

    private static func sortKey(
        _ item: TemplateValue,
        _ path: TemplateValue?,
        _ isExact: Bool,
        _ renderer: TemplateRenderer
    ) throws -> TemplateValue {
        guard case .string(let text)? = path else {
            return folded(try attribute(item, path, renderer), isExact)
        }
        let keys = try text.split(separator: ",", omittingEmptySubsequences: false).map {
            folded(try attribute(item, .string(String($0)), renderer), isExact)
        }
        return try .list(keys)
    }

    private static func dictsort(
        _ value: TemplateValue,
        _ bound: [TemplateValue?]
    ) throws -> TemplateValue {
        guard case .dict(let dict) = value else {
            throw TemplateFault("dictsort() expects a mapping")
        }
        let by = bound[1]?.text ?? "key"
        guard by == "key" || by == "value" else {
            throw TemplateFault("dictsort() sorts by 'key' or 'value'")
        }
        let sorted = try TemplateOrder.sorted(dict.entries, reversed: bound[2]?.isTrue == true) {
            entry in
            folded(by == "key" ? entry.key : entry.value, bound[0]?.isTrue == true)
        }
        return try .list(sorted.map { .tuple(try TemplateItems([$0.key, $0.value])) })
    }

    private static func map(
        _ value: TemplateValue,
        _ arguments: TemplateCallArguments,
        _ renderer: TemplateRenderer
    ) throws -> TemplateValue {
        guard value.isTrue else { return .generator([]) }
        let items = try value.elements()
        var rest = arguments
        if rest.positional.isEmpty {
            let bound = try rest.bind("map", ["attribute", "default"], required: 1)
            return .generator(
                try attributes(items, bound[0], renderer).map {
                    $0.isUndefined ? bound[1] ?? $0 : $0
                }
            )
        }
        guard let name = rest.positional.removeFirst().text, TemplateFilters.names.contains(name)
        else {
            throw TemplateFault("map() expects the name of a filter")
        }
        return .generator(
            try items.map { item in
                try renderer.nested { try TemplateFilters.apply(name, item, rest, renderer) }
            }
        )
    }

    private static func select(
        _ name: String,
        _ value: TemplateValue,
        _ arguments: TemplateCallArguments,
        _ renderer: TemplateRenderer
    ) throws -> TemplateValue {
        guard value.isTrue else { return .generator([]) }
        var rest = arguments.positional
        var path: TemplateValue?
        if name.hasSuffix("attr") {
            guard !rest.isEmpty else { throw TemplateFault("\(name)() expects an attribute") }
            path = rest.removeFirst()
        }
        let wanted = name.hasPrefix("select")
        let items = try value.elements()
        guard let test = rest.first else {
            return .generator(
                try items.filter { try attribute($0, path, renderer).isTrue == wanted }
            )
        }
        guard let test = test.text, TemplatePredicates.names.contains(test) else {
            throw TemplateFault("\(name)() expects the name of a test")
        }
        rest.removeFirst()
        return .generator(
            try items.filter { item in
                let subject = try attribute(item, path, renderer)
                return try TemplatePredicates.holds(test, subject, rest, renderer) == wanted
            }
        )
    }

    private static func batch(
        _ value: TemplateValue,
        _ bound: [TemplateValue?],
        _ renderer: TemplateRenderer
    ) throws -> TemplateValue {
        guard let count = bound[0]?.integer else {
            throw TemplateFault("batch() expects an integer")
        }
        var rows: [TemplateValue] = []
        var row: [TemplateValue] = []
        for item in try value.elements() {
            if row.count == count {
                rows.append(try .list(row))
                row = []
            }
            row.append(item)
        }
        if !row.isEmpty {
            if let fill = bound[1], !fill.isNone, row.count < count {
                try renderer.spend(count)
                row += Array(repeating: fill, count: count - row.count)
            }
            rows.append(try .list(row))
        }
        return .generator(rows)
    }

    private static func slices(
        _ value: TemplateValue,
        _ bound: [TemplateValue?],
        _ renderer: TemplateRenderer
    ) throws -> TemplateValue {
        guard let count = bound[0]?.integer, count != 0 else {
            throw TemplateFault("slice() expects an integer but 0")
        }
        let items = try value.elements()
        if count < 0 { return .generator([]) }
        try renderer.spend(count)
        let (size, extra) = (items.count / count, items.count % count)
        var start = 0
        return .generator(
            try (0..<count).map { index in
                let end = start + size + (index < extra ? 1 : 0)
                var part = Array(items[start..<end])
                start = end
                if let fill = bound[1], !fill.isNone, index >= extra { part.append(fill) }
                return try .list(part)
            }
        )
    }

    private static func groups(
        _ value: TemplateValue,
        _ bound: [TemplateValue?],
        _ renderer: TemplateRenderer
    ) throws -> TemplateValue {
        let isExact = bound[2]?.isTrue == true
        func plain(_ item: TemplateValue) throws -> TemplateValue {
            let key = try attribute(item, bound[0], renderer)
            return key.isUndefined ? bound[1] ?? key : key
        }
        let sorted = try TemplateOrder.sorted(try value.elements()) {
            folded(try plain($0), isExact)
        }
        var groups: [(TemplateValue, [TemplateValue])] = []
        for item in sorted {
            let key = try plain(item)
            if let last = groups.last,
                try TemplateOrder.areEqual(folded(last.0, isExact), folded(key, isExact))
            {
                groups[groups.count - 1].1.append(item)
            } else {
                groups.append((key, [item]))
            }
        }
        return try .list(
            groups.map {
                .tuple(try TemplateItems([$0.0, try .list($0.1)], names: ["grouper", "list"]))
            }
        )
    }
}
