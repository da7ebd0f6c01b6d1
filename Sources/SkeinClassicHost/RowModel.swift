internal import SkeinClassic

/// Scores a table against rows of a model with the plan that is forced or cheapest.
func scoreRows<Terms: RowTerms>(
    _ terms: Terms,
    _ table: Table,
    on team: PoolTeam,
    plan forced: Plan?
) -> Prediction where Terms.Scalar == Float {
    let workers = team.workers
    let plan =
        forced
        ?? CostModel(barrier: 5000).choose(
            samples: table.rows,
            rows: terms.rows,
            width: terms.width,
            workers: workers
        )
    let count = table.rows * terms.rows
    var scores = [Float](repeating: 0, count: count)
    var labels = [Int32](repeating: 0, count: table.rows)
    var scratch = [Float](
        repeating: 0,
        count: ScoreKernel<Terms>.scratchCount(
            plan: plan,
            samples: table.rows,
            rows: terms.rows,
            workers: workers
        )
    )
    table.values.withUnsafeBufferPointer { x in
        scores.withUnsafeMutableBufferPointer { scores in
            labels.withUnsafeMutableBufferPointer { labels in
                scratch.withUnsafeMutableBufferPointer { scratch in
                    guard let x = x.baseAddress, let scores = scores.baseAddress,
                        let labels = labels.baseAddress, let scratch = scratch.baseAddress
                    else { return }
                    team.run(
                        ScoreKernel(
                            terms,
                            x: x,
                            samples: table.rows,
                            scores: scores,
                            labels: labels,
                            scratch: scratch,
                            plan: plan,
                            workers: workers
                        )
                    )
                }
            }
        }
    }
    return Prediction(labels: labels, scores: scores.map(Double.init), columns: terms.rows)
}

/// Lends the first elements of three arrays.
func lend<A, B, C, R>(
    _ a: [A],
    _ b: [B],
    _ c: [C],
    _ body: (UnsafePointer<A>, UnsafePointer<B>, UnsafePointer<C>) throws -> R
) rethrows -> R {
    try a.withUnsafeBufferPointer { a in
        try b.withUnsafeBufferPointer { b in
            try c.withUnsafeBufferPointer { c in
                guard let a = a.baseAddress, let b = b.baseAddress, let c = c.baseAddress else {
                    preconditionFailure("a model has no empty arrays")
                }
                return try body(a, b, c)
            }
        }
    }
}
