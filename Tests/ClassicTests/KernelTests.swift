import SkeinClassic
import Testing

/// Fixed-point kernels and plans, on data made by a formula.
@Suite struct ClassicKernelTests {
    private func values(_ count: Int, _ step: Int) -> [Int] {
        (0..<count).map { ($0 * step + $0 * $0 * 7) % 201 - 100 }
    }

    private func scores<S: ClassicScalar>(
        _ make: (Int) -> S,
        plan: Plan,
        workers: Int
    ) -> (scores: [S.Sum], labels: [Int32]) {
        let (rows, width, samples) = (3, 13, 5)
        let weights = values(rows * width, 31).map(make)
        let x = values(samples * width, 17).map(make)
        let biases = [S.Sum](repeating: .zero, count: rows)
        var result = [S.Sum](repeating: .zero, count: samples * rows)
        var labels = [Int32](repeating: -1, count: samples)
        let count = ScoreKernel<LinearTerms<S>>.scratchCount(
            plan: plan,
            samples: samples,
            rows: rows,
            workers: workers
        )
        var scratch = [S.Sum](repeating: .zero, count: count)
        weights.withUnsafeBufferPointer { w in
            biases.withUnsafeBufferPointer { b in
                x.withUnsafeBufferPointer { x in
                    guard let w = w.baseAddress, let b = b.baseAddress, let x = x.baseAddress
                    else { return }
                    let terms = LinearTerms<S>(rows: rows, width: width, weights: w, biases: b)
                    SerialTeam(workers: workers).run(
                        ScoreKernel(
                            terms,
                            x: x,
                            samples: samples,
                            scores: &result,
                            labels: &labels,
                            scratch: &scratch,
                            plan: plan,
                            workers: workers
                        )
                    )
                }
            }
        }
        return (result, labels)
    }

    @Test(arguments: [Plan.batch, .rows, .features, .grid(rows: 2)], [1, 2, 3, 5, 8])
    func `fixed point is bit for bit the same under every plan`(plan: Plan, workers: Int) {
        let (w, x) = (values(39, 31), values(65, 17))
        var exact: [Int] = []
        for index in 0..<15 {
            let (row, sample) = (index % 3 * 13, index / 3 * 13)
            var sum = 0
            for column in 0..<13 { sum += w[row + column] * x[sample + column] }
            exact.append(sum)
        }
        let q15 = scores({ Q15(bits: Int16($0)) }, plan: plan, workers: workers)
        #expect(q15.scores.map { Int($0) } == exact)
        let i8 = scores({ I8(bits: Int8($0)) }, plan: plan, workers: workers)
        #expect(i8.scores.map { Int($0) } == exact)
        let q31 = scores({ Q31(bits: Int32($0) << 20) }, plan: plan, workers: workers)
        #expect(q31.scores.map { Int($0 >> 24) } == exact)
        let float = scores({ Float($0) }, plan: plan, workers: workers)
        #expect(float.scores.map { Int($0) } == exact)
        #expect(q15.labels == float.labels && i8.labels == float.labels)
    }

    @Test func `extreme fixed-point values stay inside their sums`() {
        let width = Q15.maximumWidth
        let low = [Q15](repeating: Q15(bits: .min), count: width)
        let high = [Q15](repeating: Q15(bits: .max), count: width)
        #expect(Q15.dot(low, low, width) == Int64(width) << 30)
        #expect(Q15.distance(low, high, width) == Int64(width) * 65535 * 65535)
        #expect(
            Q15.weightedDistance(low, high, high, width) == Int64(width) * 65535 * 65535 * 32767
        )
        let few = I8.maximumWidth
        let bytes = [I8](repeating: I8(bits: .min), count: few)
        let others = [I8](repeating: I8(bits: .max), count: few)
        #expect(I8.weightedDistance(bytes, others, others, few) > 0)
        let wide = [Q31](repeating: Q31(bits: .min), count: Q31.maximumWidth)
        let top = [Q31](repeating: Q31(bits: .max), count: Q31.maximumWidth)
        #expect(Q31.dot(wide, wide, wide.count) == Int64(wide.count) << 46)
        #expect(Q31.distance(wide, top, wide.count) > 0)
        #expect(Q31.weightedDistance(wide, top, top, wide.count) > 0)
    }

    @Test func `the cost model splits features where classes are few`() {
        let model = CostModel(barrier: 10)
        #expect(model.choose(samples: 1, rows: 1, width: 512, workers: 8) == .features)
        #expect(model.choose(samples: 1, rows: 64, width: 16, workers: 8) == .rows)
        #expect(model.choose(samples: 64, rows: 4, width: 16, workers: 8) == .batch)
    }

    @Test func `trees go to the least busy worker, dearest first`() {
        var (order, bounds) = ([Int32](repeating: 0, count: 5), [Int32](repeating: 0, count: 3))
        var (load, owner) = ([Float](repeating: 0, count: 2), [Int32](repeating: 0, count: 5))
        assignTrees(
            costs: [5, 4, 3, 3, 3],
            trees: 5,
            workers: 2,
            order: &order,
            bounds: &bounds,
            load: &load,
            owner: &owner
        )
        #expect(order == [0, 3, 1, 2, 4] && bounds == [0, 2, 5])
        #expect(load == [8, 10])
    }

    @Test(arguments: [false, true])
    func `one iteration of K-means agrees for any number of workers`(isShared: Bool) {
        let x: [Float] = [0, 0, 1, 0, 10, 10, 11, 10, 0, 1, 10, 11]
        for workers in [1, 2, 3, 8] {
            var centres: [Float] = [0, 0, 10, 10, 500, 500]
            var assignment = [Int32](repeating: -1, count: 6)
            var (changed, moved): (Int32, Float) = (0, 0)
            typealias Kernel = CentroidKernel<Float>
            let sumCount = Kernel.sumCount(
                clusters: 3,
                width: 2,
                copies: isShared ? 1 : workers,
                workers: workers
            )
            var sums = [Float](repeating: 0, count: sumCount)
            let counterCount = Kernel.counterCount(
                clusters: 3,
                copies: isShared ? 1 : workers,
                workers: workers
            )
            var counters = [Int32](repeating: 0, count: counterCount)
            x.withUnsafeBufferPointer { buffer in
                guard let x = buffer.baseAddress else { return }
                SerialTeam(workers: workers).run(
                    Kernel(
                        x: x,
                        samples: 6,
                        width: 2,
                        clusters: 3,
                        centres: &centres,
                        assignment: &assignment,
                        sums: &sums,
                        counters: &counters,
                        changed: &changed,
                        moved: &moved,
                        isShared: isShared,
                        workers: workers
                    )
                )
            }
            let third: Float = 1 / 3
            #expect(assignment == [0, 0, 1, 1, 0, 1])
            #expect(centres == [third, third, 31 / 3, 31 / 3, 500, 500])
            #expect(changed == 6 && moved > 0)
        }
    }
}
