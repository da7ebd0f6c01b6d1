/// Python's view of text: sequences of code points.
extension UnicodeScalar {
    /// What `str.isspace` accepts.
    var isPythonSpace: Bool {
        switch value {
        case 0x09...0x0d, 0x1c...0x20, 0x85, 0xa0, 0x1680, 0x2000...0x200a, 0x2028, 0x2029, 0x202f,
            0x205f, 0x3000:
            true
        default: false
        }
    }

    /// Where `str.splitlines` splits.
    var isPythonLineBreak: Bool {
        switch value {
        case 0x0a...0x0d, 0x1c...0x1e, 0x85, 0x2028, 0x2029: true
        default: false
        }
    }

    /// Letters, digits and underscores.
    var isNamePart: Bool {
        switch value {
        case 0x30...0x39, 0x41...0x5a, 0x5f, 0x61...0x7a: true
        case ..<0x80: false
        default: properties.isXIDContinue
        }
    }

    /// What the `\w` of Python's patterns matches.
    var isWordPart: Bool { self == "_" || isAlphabetic || isNumeric }

    var isAlphabetic: Bool {
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
            true
        default: false
        }
    }

    var isNumeric: Bool { properties.numericType != nil }

    /// What `repr` writes as it is.
    var isPythonPrintable: Bool {
        switch properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
            .paragraphSeparator:
            false
        case .spaceSeparator: self == " "
        default: true
        }
    }

    var isCased: Bool { properties.isCased }
}

extension String {
    init(scalars: some Sequence<UnicodeScalar>) {
        var view = UnicodeScalarView()
        view.append(contentsOf: scalars)
        self.init(view)
    }

    var scalars: [UnicodeScalar] { Array(unicodeScalars) }

    /// Whether both hold the same bytes; `==` compares by canonical equivalence.
    func isSame(_ other: String) -> Bool { utf8.elementsEqual(other.utf8) }

    var pythonUpper: String {
        unicodeScalars.reduce(into: "") { $0 += $1.properties.uppercaseMapping }
    }

    var pythonLower: String {
        guard unicodeScalars.contains("\u{3a3}") else {
            return unicodeScalars.reduce(into: "") { $0 += $1.properties.lowercaseMapping }
        }
        return Self.lowered(scalars)
    }

    private static func lowered(_ scalars: [UnicodeScalar]) -> String {
        var out = ""
        for (index, scalar) in scalars.enumerated() {
            guard scalar == "\u{3a3}" else {
                out += scalar.properties.lowercaseMapping
                continue
            }
            let before = scalars[..<index].last { !$0.properties.isCaseIgnorable }
            let after = scalars[(index + 1)...].first { !$0.properties.isCaseIgnorable }
            let isFinal = before?.isCased == true && after?.isCased != true
            out += isFinal ? "\u{3c2}" : "\u{3c3}"
        }
        return out
    }

    var pythonCapitalized: String {
        guard let first = unicodeScalars.first else { return "" }
        return first.properties.titlecaseMapping
            + String(scalars: unicodeScalars.dropFirst()).pythonLower
    }

    /// As `str.title`: a cased letter after an uncased one is raised.
    var pythonTitle: String {
        var out = ""
        var wasCased = false
        for scalar in unicodeScalars {
            out +=
                wasCased ? scalar.properties.lowercaseMapping : scalar.properties.titlecaseMapping
            wasCased = scalar.isCased
        }
        return out
    }

    func stripped(_ characters: String? = nil, left: Bool = true, right: Bool = true) -> String {
        let set = characters.map { Set($0.unicodeScalars) }
        let view = unicodeScalars
        var start = view.startIndex
        var end = view.endIndex
        func goes(_ scalar: UnicodeScalar) -> Bool {
            set?.contains(scalar) ?? scalar.isPythonSpace
        }
        if left { while start < end, goes(view[start]) { start = view.index(after: start) } }
        if right {
            while start < end, goes(view[view.index(before: end)]) { end = view.index(before: end) }
        }
        return String(view[start..<end])
    }

    func pythonLines(keepingEnds: Bool = false) -> [String] {
        var lines: [String] = []
        let all = scalars
        var start = 0
        var index = 0
        while index < all.count {
            guard all[index].isPythonLineBreak else {
                index += 1
                continue
            }
            let next = all[index] == "\r" && index + 1 < all.count && all[index + 1] == "\n" ? 2 : 1
            lines.append(String(scalars: all[start..<(keepingEnds ? index + next : index)]))
            index += next
            start = index
        }
        if start < all.count { lines.append(String(scalars: all[start...])) }
        return lines
    }

    /// Byte offsets where `needle` occurs without overlap.
    func occurrences(of needle: String, limit: Int = .max) -> [Int] {
        let hay = Array(utf8)
        let pin = Array(needle.utf8)
        guard let first = pin.first, pin.count <= hay.count else { return [] }
        var found: [Int] = []
        var index = 0
        while index + pin.count <= hay.count, found.count < limit {
            if hay[index] == first, hay[index..<index + pin.count].elementsEqual(pin) {
                found.append(index)
                index += pin.count
            } else {
                index += 1
            }
        }
        return found
    }

    func contains(bytesOf needle: String) -> Bool {
        needle.isEmpty || !occurrences(of: needle, limit: 1).isEmpty
    }

    func hasPythonPrefix(_ prefix: String) -> Bool { utf8.starts(with: prefix.utf8) }

    func hasPythonSuffix(_ suffix: String) -> Bool {
        utf8.count >= suffix.utf8.count && utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
    }

    /// The pieces between cuts at byte offsets, each cut `width` bytes wide.
    func pieces(at cuts: [Int], width: Int) -> [String] {
        let bytes = Array(utf8)
        var out: [String] = []
        var start = 0
        for cut in cuts {
            out.append(String(decoding: bytes[start..<cut], as: UTF8.self))
            start = cut + width
        }
        out.append(String(decoding: bytes[start...], as: UTF8.self))
        return out
    }
}
