internal import SkeinCore

/// Reads the part of Python's pickle format that holds a dictionary of tensors, and executes nothing.
///
/// Names of classes and functions are only compared with the few that describe tensors; any other, and
/// any instruction that such files do not need, is refused.
struct Pickle {
    /// A value; containers are numbers of an arena, so that no nesting of them can exhaust a stack.
    enum Value {
        case none
        case bool(Bool)
        case int(Int)
        case string(String)
        case global(String)
        case tuple(Int)
        case list(Int)
        case dictionary(Int)
        case storage(type: String, key: String, count: Int)
        case tensor(Tensor)
        case opaque
        case mark
    }

    /// What the pickle says of a tensor.
    struct Tensor {
        /// The storage class: `FloatStorage`.
        var type: String
        /// The name of the storage's file.
        var key: String
        /// Values of the storage.
        var storageCount: Int
        /// The tensor's first value in it.
        var offset: Int
        var shape: [Int]
        var strides: [Int]
    }

    private var cursor: ByteCursor
    private var stack: [Value] = []
    private var memo: [Int: Value] = [:]
    private var tuples: [[Value]] = []
    private var lists: [[Value]] = []
    private var dictionaries: [[(key: Value, value: Value)]] = []

    /// Runs the pickle and returns its top dictionary's tensors, in order.
    ///
    /// - Throws: `SkeinError.Code.corruptFile` for bytes that do not fit, `.unsupported` for what is
    ///   refused.
    static func tensors(
        _ bytes: UnsafeRawBufferPointer,
        path: String
    ) throws -> [(name: String, tensor: Tensor)] {
        var pickle = Pickle(cursor: ByteCursor(bytes, path: path))
        var top = try pickle.run()
        for wrapper in ["state_dict", "model"] {
            if case .dictionary(let index) = top,
                let inner = pickle.dictionaries[index].first(where: { $0.key.string == wrapper })
            {
                top = inner.value
                break
            }
        }
        guard case .dictionary(let index) = top else {
            throw pickle.damaged("the top value is no dictionary of tensors")
        }
        return try pickle.dictionaries[index].compactMap { key, value in
            guard case .tensor(let tensor) = value else { return nil }
            guard let name = key.string else {
                throw pickle.damaged("the name of a tensor is no string")
            }
            return (name, tensor)
        }
    }

    private init(cursor: ByteCursor) { self.cursor = cursor }

    private func damaged(_ what: String) -> SkeinError {
        SkeinError(
            .corruptFile,
            "\(cursor.path), byte \(cursor.position) of its pickle: \(what)",
            hint: "the file is damaged; if it comes from torch.save, save it again as safetensors"
        )
    }

    private func refused(_ what: String) -> SkeinError {
        SkeinError(
            .unsupported,
            "\(cursor.path), byte \(cursor.position) of its pickle: \(what), which a file of plain"
                + " tensors does not need",
            hint: "nothing of it was executed; save the tensors alone, or as safetensors"
        )
    }

    private mutating func pop() throws -> Value {
        guard let value = stack.popLast() else { throw damaged("the stack is empty") }
        return value
    }

    private mutating func popToMark() throws -> [Value] {
        guard
            let mark = stack.lastIndex(where: { if case .mark = $0 { true } else { false } })
        else { throw damaged("there is no mark") }
        let values = Array(stack[(mark + 1)...])
        stack.removeSubrange(mark...)
        return values
    }

    private mutating func push(tuple values: [Value]) {
        tuples.append(values)
        stack.append(.tuple(tuples.count - 1))
    }

    private mutating func remember(_ index: Int) throws {
        guard let value = stack.last else { throw damaged("the stack is empty") }
        memo[index] = value
    }

    private mutating func recall(_ index: Int) throws {
        guard let value = memo[index] else { throw damaged("nothing was remembered as \(index)") }
        stack.append(value)
    }

    private mutating func text(_ count: Int) throws -> String {
        let range = try cursor.skip(count, "a string")
        guard let text = String(validating: cursor.bytes[range], as: UTF8.self) else {
            throw damaged("a string is not UTF-8")
        }
        return text
    }

    private mutating func line() throws -> String {
        let start = cursor.position
        while try cursor.read(UInt8.self, "a line") != UInt8(ascii: "\n") {}
        guard
            let text = String(validating: cursor.bytes[start..<cursor.position - 1], as: UTF8.self)
        else { throw damaged("a line is not UTF-8") }
        return text
    }

    private mutating func run() throws -> Value {
        while true {
            let code = try cursor.read(UInt8.self, "an instruction")
            if code == UInt8(ascii: ".") { return try pop() }
            if try readNumber(code) || readMemo(code) || readContainer(code) { continue }
            try readObject(code)
        }
    }

    /// Constants.
    private mutating func readNumber(_ code: UInt8) throws -> Bool {
        switch code {
        case 0x80:
            let version = try cursor.read(UInt8.self, "the protocol")
            guard version <= 5 else { throw refused("protocol \(version)") }
        case 0x95: _ = try cursor.skip(8, "a frame's length")
        case UInt8(ascii: "N"): stack.append(.none)
        case 0x88: stack.append(.bool(true))
        case 0x89: stack.append(.bool(false))
        case UInt8(ascii: "J"): stack.append(.int(Int(try cursor.read(Int32.self, "a number"))))
        case UInt8(ascii: "K"): stack.append(.int(Int(try cursor.read(UInt8.self, "a number"))))
        case UInt8(ascii: "M"): stack.append(.int(Int(try cursor.read(UInt16.self, "a number"))))
        case UInt8(ascii: "G"):
            _ = try cursor.skip(8, "a number")
            stack.append(.opaque)
        case 0x8a:
            let count = Int(try cursor.read(UInt8.self, "a number's length"))
            guard count <= 8 else { throw refused("a number of \(count) bytes") }
            var value: UInt64 = 0
            for place in 0..<count {
                value |= UInt64(try cursor.read(UInt8.self, "a number")) << (8 * UInt64(place))
            }
            let unused = UInt64(64 - 8 * count)
            stack.append(.int(count == 0 ? 0 : Int(Int64(bitPattern: value << unused) >> unused)))
        case UInt8(ascii: "X"):
            stack.append(.string(try text(Int(try cursor.read(UInt32.self, "a length")))))
        case 0x8c: stack.append(.string(try text(Int(try cursor.read(UInt8.self, "a length")))))
        default: return false
        }
        return true
    }

    /// What was seen before.
    private mutating func readMemo(_ code: UInt8) throws -> Bool {
        switch code {
        case UInt8(ascii: "q"): try remember(Int(try cursor.read(UInt8.self, "a memo")))
        case UInt8(ascii: "r"): try remember(Int(try cursor.read(UInt32.self, "a memo")))
        case 0x94: try remember(memo.count)
        case UInt8(ascii: "h"): try recall(Int(try cursor.read(UInt8.self, "a memo")))
        case UInt8(ascii: "j"): try recall(Int(try cursor.read(UInt32.self, "a memo")))
        default: return false
        }
        return true
    }

    /// Tuples, lists and dictionaries.
    private mutating func readContainer(_ code: UInt8) throws -> Bool {
        switch code {
        case UInt8(ascii: "("): stack.append(.mark)
        case UInt8(ascii: ")"): push(tuple: [])
        case UInt8(ascii: "t"): push(tuple: try popToMark())
        case 0x85...0x87:
            var values: [Value] = []
            for _ in 0...(code - 0x85) { values.insert(try pop(), at: 0) }
            push(tuple: values)
        case UInt8(ascii: "]"):
            lists.append([])
            stack.append(.list(lists.count - 1))
        case UInt8(ascii: "a"): try append([try pop()])
        case UInt8(ascii: "e"): try append(try popToMark())
        case UInt8(ascii: "}"): pushDictionary()
        case UInt8(ascii: "s"):
            let value = try pop()
            try setItems([try pop(), value])
        case UInt8(ascii: "u"): try setItems(try popToMark())
        default: return false
        }
        return true
    }

    private mutating func pushDictionary() {
        dictionaries.append([])
        stack.append(.dictionary(dictionaries.count - 1))
    }

    private mutating func append(_ values: [Value]) throws {
        guard case .list(let index) = stack.last else { throw damaged("there is no list") }
        lists[index] += values
    }

    private mutating func setItems(_ values: [Value]) throws {
        guard case .dictionary(let index) = stack.last, values.count.isMultiple(of: 2) else {
            throw damaged("there is no dictionary for \(values.count) keys and values")
        }
        for place in stride(from: 0, to: values.count, by: 2) {
            dictionaries[index].append((values[place], values[place + 1]))
        }
    }

    /// Names, and what they would be called with.
    private mutating func readObject(_ code: UInt8) throws {
        switch code {
        case UInt8(ascii: "c"):
            let module = try line()
            stack.append(.global("\(module).\(try line())"))
        case 0x93:
            let name = try pop().string
            guard let module = try pop().string, let name else {
                throw damaged("a global's name is no string")
            }
            stack.append(.global("\(module).\(name)"))
        case UInt8(ascii: "Q"): stack.append(try storage(try pop()))
        case UInt8(ascii: "R"):
            let arguments = try pop()
            let function = try pop()
            guard case .tuple(let index) = arguments, case .global(let name) = function else {
                throw refused("a call of something without a name")
            }
            try call(name, tuples[index])
        case UInt8(ascii: "b"):
            // The attributes of a dictionary: versions of modules.
            _ = try pop()
            guard case .dictionary = stack.last else { throw refused("an object with attributes") }
        default: throw refused("instruction \(code)")
        }
    }

    private mutating func call(_ name: String, _ arguments: [Value]) throws {
        switch name {
        case "collections.OrderedDict" where arguments.isEmpty: pushDictionary()
        case "torch._utils._rebuild_tensor_v2":
            guard arguments.count >= 4, case .storage(let type, let key, let count) = arguments[0],
                case .int(let offset) = arguments[1], let shape = integers(arguments[2]),
                let strides = integers(arguments[3])
            else { throw damaged("the description of a tensor is incomplete") }
            stack.append(
                .tensor(
                    Tensor(
                        type: type,
                        key: key,
                        storageCount: count,
                        offset: offset,
                        shape: shape,
                        strides: strides
                    )
                )
            )
        case "torch._utils._rebuild_parameter":
            guard let first = arguments.first, case .tensor = first else {
                throw damaged("a parameter holds no tensor")
            }
            stack.append(first)
        default: throw refused("a call of \(name)")
        }
    }

    private func integers(_ value: Value) -> [Int]? {
        guard case .tuple(let index) = value else { return nil }
        let integers = tuples[index].compactMap {
            if case .int(let value) = $0 { value } else { nil }
        }
        return integers.count == tuples[index].count ? integers : nil
    }

    private func storage(_ value: Value) throws -> Value {
        guard case .tuple(let index) = value, tuples[index].count >= 5,
            tuples[index][0].string == "storage", case .global(let type) = tuples[index][1],
            let key = tuples[index][2].string, case .int(let count) = tuples[index][4]
        else { throw damaged("the description of a storage is incomplete") }
        guard type.hasPrefix("torch."), type.hasSuffix("Storage") else {
            throw refused("a storage of class \(type)")
        }
        return .storage(type: String(type.dropFirst("torch.".count)), key: key, count: count)
    }
}

extension Pickle.Value {
    /// The text of a string.
    fileprivate var string: String? {
        if case .string(let text) = self { text } else { nil }
    }
}
