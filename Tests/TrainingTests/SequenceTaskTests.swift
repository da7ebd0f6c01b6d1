import SkeinCore
import SkeinTensor
import SkeinTestSupport
import SkeinTraining
import Testing

/// Synthetic tasks, and small models that learn them.
@Suite struct SequenceTaskTests {
    @Test func `copying asks for the data tokens in order and for nothing else`() {
        let task = SequenceTask.selectiveCopying(length: 40, count: 6)
        var places: Set<[Int]> = []
        for number in 0..<200 {
            let example = task.example(UInt64(number), seed: 3, stream: 1)
            #expect(example.tokens.count == 46 && example.targets.count == 46)
            let data = example.tokens[..<40].enumerated().filter { $0.element != 0 }
            #expect(data.map(\.element) == Array(example.targets[40...]))
            #expect(data.allSatisfy { (2..<16).contains($0.element) })
            #expect(example.tokens[40...].allSatisfy { $0 == 1 })
            #expect(example.targets[..<40].allSatisfy { $0 == CrossEntropy.ignored })
            places.insert(data.map(\.offset))
        }
        #expect(places.count > 195)
        #expect(task.resized(14) == .selectiveCopying(length: 14, count: 2))
        #expect(task.resized(2) == .selectiveCopying(length: 2, count: 1))
    }

    @Test func `an induction asks for what followed the one trigger before the last`() {
        let task = SequenceTask.inductionHeads(length: 9)
        for number in 0..<300 {
            let example = task.example(UInt64(number), seed: 4, stream: 1)
            let triggers = example.tokens.indices.filter { example.tokens[$0] == 15 }
            #expect(triggers.count == 2 && triggers.last == 8)
            #expect(example.targets[8] == example.tokens[triggers[0] + 1])
            #expect(example.targets[..<8].allSatisfy { $0 == CrossEntropy.ignored })
        }
        let again = task.resized(50).example(7, seed: 4, stream: 1)
        #expect(again == SequenceTask.inductionHeads(length: 50).example(7, seed: 4, stream: 1))
        #expect(again != task.resized(50).example(7, seed: 4, stream: 2))
    }

    private static func learn(
        _ task: SequenceTask,
        isTimeInvariant: Bool = false,
        steps: Int,
        threads: Int = 2
    ) throws -> (TaskRun, [TaskRun.Point]) {
        var settings = TaskSettings(
            task: task,
            isTimeInvariant: isTimeInvariant,
            batch: 16,
            steps: steps,
            learningRate: 4e-3
        )
        (settings.width, settings.states) = (32, 8)
        let run = try TaskRun(settings, processor: Processor(threads: threads))
        return (run, try run.learn(every: steps) { _ in })
    }

    @Test func `a selective model learns to copy where a time-invariant one lags`() throws {
        let task = SequenceTask.selectiveCopying(length: 30, count: 3)
        let selective = try #require(Self.learn(task, steps: 500).1.last)
        let invariant = try #require(Self.learn(task, isTimeInvariant: true, steps: 500).1.last)
        #expect(selective.accuracy > 0.9, "\(selective)")
        #expect(selective.accuracy - invariant.accuracy > 0.3, "\(invariant)")
    }

    @Test func `short lengths come first, and none takes more than its share`() throws {
        var settings = TaskSettings(
            task: .inductionHeads(length: 64),
            batch: 4,
            steps: 240,
            learningRate: 4e-3
        )
        (settings.width, settings.states) = (32, 8)
        settings.curriculum = [8, 16]
        let run = try TaskRun(settings, processor: Processor(threads: 2))
        let points = try run.learn(every: 20) { _ in }
        #expect(points.first?.tokens == 8)
        let turn = try #require(points.first { $0.tokens > 8 })
        #expect(points.last?.tokens == 64 && points.map(\.tokens) == points.map(\.tokens).sorted())
        // A quarter of the steps is a length's share at most.
        #expect(turn.step <= 60)
        #expect(throws: SkeinError.self) {
            settings.curriculum = [2]
            _ = try TaskRun(settings, processor: Processor(threads: 1))
        }
    }

    @Test func `threads change no bit, and long examples are judged in pieces`() throws {
        let task = SequenceTask.inductionHeads(length: 12)
        let (one, first) = try Self.learn(task, steps: 12, threads: 1)
        let (two, second) = try Self.learn(task, steps: 12, threads: 2)
        #expect(first == second)
        let long = task.resized(9000)
        #expect(try one.accuracy(long, examples: 3) == two.accuracy(long, examples: 3))
    }

    @Test func `sizes that no task has are refused`() throws {
        for task in [
            SequenceTask.inductionHeads(length: 3), .selectiveCopying(length: 4, count: 5),
            .selectiveCopying(length: 4, count: 0),
        ] {
            let settings = TaskSettings(task: task, batch: 1, steps: 1, learningRate: 1e-3)
            #expect(throws: SkeinError.self) {
                try TaskRun(settings, processor: Processor(threads: 1))
            }
        }
    }
}
