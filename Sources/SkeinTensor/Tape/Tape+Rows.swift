internal import CSkeinKernels

/// A table of embeddings: in its file, or a parameter.
public enum Table: Sendable {
    /// In its file, of any type.
    case file(WeightTable)
    /// A parameter `[V, C]`.
    case parameter(Parameter)
}

extension Processor {
    /// Rows of a table, as floats.
    ///
    /// - Parameters:
    ///   - table: `[V, C]`.
    ///   - ids: Row numbers.
    ///   - y: When given, the rows are added to it instead.
    /// - Returns: `[ids.count, C]`.
    /// - Throws: `SkeinError.Code.invalidArgument` for an id outside the table.
    public func lookUp(
        _ table: Table,
        ids: [Int32],
        addingTo y: consuming Tensor? = nil
    ) throws -> Tensor {
        switch table {
        case .file(let record): return try lookUp(record, ids: ids, addingTo: y)
        case .parameter(let parameter):
            try Self.check(ids, rows: parameter.rows, of: parameter.name)
            let before = y?.node
            let (adds, width) = (y != nil, parameter.width)
            var result = y ?? Tensor(rows: ids.count, width: width, arena: arena)
            precondition(result.rows == ids.count && result.width == width, "sum is misshapen")
            nonisolated(unsafe) let target = result.mutablePointer()
            pool.run(count: ids.count, grain: 64) { [kernels] range in
                for row in range {
                    let source = parameter.pointer + Int(ids[row]) * width
                    let place = target + row * width
                    if adds {
                        kernels.add(place, place, source, width)
                    } else {
                        place.update(from: source, count: width)
                    }
                }
            }
            record(&result, lookUp: parameter, ids, addingTo: before)
            return result
        }
    }

    private func record(
        _ y: inout Tensor,
        lookUp parameter: Parameter,
        _ ids: [Int32],
        addingTo before: Int?
    ) {
        guard let tape else { return }
        let processor = unrecorded
        tape.record(&y) { dy, tape in
            tape.add(dy, to: before, processor)
            let width = parameter.width
            // Tasks own columns, so that rows are added in order.
            processor.pool.run(count: width, grain: 64) { range in
                for (row, id) in ids.enumerated() {
                    let source = dy.pointer + row * width
                    let target = parameter.gradient + Int(id) * width
                    for column in range { target[column] += source[column] }
                }
            }
        }
    }

    /// Records chosen rows.
    func record(_ y: inout Tensor, gather x: Tensor, _ rows: [Int32]) {
        guard let tape else { return }
        let processor = unrecorded
        let (node, count, width) = (x.node, x.rows, x.width)
        tape.record(&y) { dy, tape in
            let dx = processor.zeros(rows: count, width: width)
            for (place, row) in rows.enumerated() {
                let target = dx.pointer + Int(row) * width
                processor.kernels.add(target, target, dy.pointer + place * width, width)
            }
            tape.add(dx, to: node, processor)
        }
    }
}
