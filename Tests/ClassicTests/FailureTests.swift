import Foundation
import SkeinClassic
import SkeinClassicHost
import SkeinCore
import SkeinTensor
import SkeinTestSupport
import Testing

/// What is refused, and how it is said.
@Suite struct ClassicFailureTests {
    @Test func `cells are named by line and column`() throws {
        let ragged = #expect(throws: SkeinError.self) { try TextTable().commas("1,2,a\n3,b\n") }
        #expect(ragged?.message.contains("line 2 has 2 cells") == true)
        let word = #expect(throws: SkeinError.self) { try TextTable().commas("1,2,a\n1,x,b\n") }
        #expect(word?.message.contains("line 2, column 2 holds \"x\"") == true)
        let gap = #expect(throws: SkeinError.self) { try TextTable().commas("1,?,a\n1,2,b\n") }
        #expect(gap?.hint?.contains("--missing") == true)
        let pair = #expect(throws: SkeinError.self) { try TextTable().sparse("1 0:3\n") }
        #expect(pair?.message.contains("0:3") == true)
    }

    @Test func `missing cells are dropped, averaged or zero`() throws {
        let text = "x,y,name\r\n1,?,a\r\n3,4,b\r\n5,8,a\r\n"
        #expect(try TextTable(missing: .drop).commas(text).table.values == [3, 4, 5, 8])
        #expect(try TextTable(missing: .mean).commas(text).table.values == [1, 6, 3, 4, 5, 8])
        let zero = try TextTable(missing: .zero).commas(text)
        #expect(zero.table.values == [1, 0, 3, 4, 5, 8])
        #expect(zero.classes == ["a", "b"] && zero.labels == [0, 1, 0])
        let sparse = try TextTable().sparse("10 2:5\n9 1:1 3:2\n")
        #expect(sparse.table.values == [0, 5, 0, 1, 0, 2])
        #expect(sparse.classes == ["9", "10"] && sparse.labels == [1, 0])
    }

    @Test func `too many neighbours and clusters are refused`() throws {
        let table = Table([1, 2, 3], rows: 3, width: 1)
        let data = Dataset(table, labels: [0, 1, 0], classes: ["a", "b"])
        #expect(throws: SkeinError.self) { try NeighbourModel(data, k: 4) }
        let team = try team(1)
        let error = #expect(throws: SkeinError.self) {
            try CentroidFit(clusters: 4).fit(table, on: team)
        }
        #expect(error?.message.contains("4 clusters of 3 samples") == true)
        let bad = Table([1, .nan, 3], rows: 3, width: 1)
        #expect(throws: SkeinError.self) { try CentroidFit(clusters: 2).fit(bad, on: team) }
    }

    @Test func `an empty cluster keeps its centroid`() throws {
        let table = Table([0, 1, 10, 11], rows: 4, width: 1)
        let fit = CentroidFit(clusters: 3, start: [0, 10, 1000])
        #expect(try fit.fit(table, on: team(2)).centres == [0.5, 10.5, 1000])
    }

    @Test func `K-means from the same start ends where scikit-learn ends`() throws {
        let digits = try Digits()
        let team = try team()
        let start = Array(digits.fit.table.values.prefix(6 * 64))
        let model = try CentroidFit(clusters: 6, start: start).fit(digits.fit.table, on: team)
        let golden = try #require(digits.expected["k_means"]?["from_first_six"])
        let inertia = try #require(golden["inertia"]?.double)
        #expect(abs(model.inertia - inertia) <= 1e-5 * inertia)
        let labels = try model.predictions(for: digits.ask.table, on: team).labels
        #expect(labels.map(Int.init) == golden["labels"]?.array?.compactMap(\.int))
    }

    @Test func `bulk neighbours equal the kernel's`() throws {
        let digits = try Digits()
        let many = digits.fit.table.taking((0..<400).map { $0 % 200 })
        let model = try NeighbourModel(digits.fit, k: 7)
        let team = try team()
        let bulk = try model.predictions(for: many, on: team).labels
        #expect(bulk == (try model.predictions(for: many, on: team, plan: .batch).labels))
    }

    @Test func `damaged arrays and trees that loop are refused`() throws {
        let bytes = Array(try Data(contentsOf: Files.golden("classic/digits_classes.npy")))
        for cut in [0, 5, 9, 40, bytes.count - 1] {
            #expect(throws: SkeinError.self) { try NPY.parse(Array(bytes.prefix(cut))) }
        }
        var tree = LinkedTree()
        (tree.features, tree.thresholds) = ([0, 0], [1, 1])
        (tree.lefts, tree.rights, tree.values) = ([1, 0], [1, 0], [1, 0, 0, 1])
        var forest = ForestModel(.decisionTree, classes: ["a", "b"], width: 1)
        #expect(throws: SkeinError.self) { try forest.append(tree) }
    }

    @Test func `probabilities are scikit-learn's`() throws {
        let digits = try Digits()
        let model = try #require(try digits.model(.logisticRegression) as? LinearModel)
        let some = digits.ask.table.taking([0, 1, 2, 3, 4])
        let found = model.probabilities(try model.predictions(for: some, on: team()))
        let wanted = try #require(
            digits.expected["logistic_regression"]?["probabilities"]?.array
        ).compactMap(\.double)
        #expect(found.count == wanted.count)
        // The weights are rounded to 32 bits.
        for (a, b) in zip(found, wanted) { #expect(abs(a - b) < 1e-5) }
    }
}
