internal import Foundation
internal import SkeinCore
internal import SkeinModels
internal import SkeinNN
internal import SkeinTensor

extension TrainingRun {
    /// How a run ended.
    public enum Ending: Sendable, Hashable {
        /// All steps were taken; the model lies in the run's folder `model`.
        case finished
        /// It was asked to stop; a checkpoint was written.
        case stopped
    }

    /// Takes steps until all are taken or `stops` says so, then writes a checkpoint.
    ///
    /// - Parameter stops: Asked after each step.
    /// - Returns: How it ended.
    /// - Throws: `SkeinError.Code.notFinite` naming the step, the tensor and the last checkpoint;
    ///   `.ioFailure` when the disk is full.
    public func run(until stops: () -> Bool = { false }) throws -> Ending {
        _ = try folder.readMetrics(upTo: step, forgettingLater: true)
        var savedStep = folder.savedSteps().last
        while step < configuration.steps {
            let report = try takeStep()
            var line: [(String, JSON)] = [
                ("step", .int(report.step)), ("loss", .double(report.loss)),
                ("learning_rate", .double(report.learningRate)),
                ("gradient_norm", .double(report.gradientNorm)), ("tokens", .int(report.tokens)),
                ("seconds", .double(report.seconds)),
            ]
            notify(.step(report))
            if step % configuration.evaluationInterval == 0 || step == configuration.steps,
                let (loss, bits) = try evaluate()
            {
                line += [("validation_loss", .double(loss)), ("bits_per_byte", .double(bits))]
                notify(.evaluation(step: step, loss: loss, bitsPerByte: bits))
            }
            var object = JSONObject()
            for (key, value) in line { object[key] = value }
            try folder.appendMetrics(.object(object))
            if step % configuration.checkpointInterval == 0 {
                try save()
                try writeReport()
                savedStep = step
            }
            if stops(), step < configuration.steps { break }
        }
        if savedStep != step {
            try save()
            try writeReport()
        }
        guard step == configuration.steps else { return .stopped }
        try writeFinalModel()
        return .finished
    }

    /// One step of the optimiser over all its batches.
    private func takeStep() throws -> StepReport {
        let start = ContinuousClock.now
        var next = place
        let batches = (0..<configuration.accumulation).map { _ in source.next(&next) }
        let count = batches.reduce(0) { $0 + $1.targets.count }
        var sum = 0.0
        for (index, batch) in batches.enumerated() {
            sum += try learn(batch, of: count, pass: place.batch + index)
        }
        let loss = sum / Double(count)
        guard loss.isFinite else { throw notFinite("the loss is \(loss)") }
        if !adapters.isEmpty {
            for adapter in adapters { adapter.takeGradient() }
            for parameter in parameters.parameters { parameter.clearGradient() }
        }
        let rate = configuration.schedule.rate(at: step)
        let norm = optimizer.step(
            learningRate: Float(rate),
            clippingTo: configuration.clippingNorm > 0 ? Float(configuration.clippingNorm) : nil
        )
        guard norm.isFinite else {
            throw notFinite("the norm of the gradients is \(norm)")
        }
        for adapter in adapters { adapter.apply() }
        average?.update()
        place = next
        step += 1
        return StepReport(
            step: step,
            loss: loss,
            learningRate: rate,
            gradientNorm: norm,
            tokens: count,
            seconds: (ContinuousClock.now - start) / .seconds(1)
        )
    }

    /// Adds a batch's gradients; returns the sum of its losses.
    private func learn(_ batch: TokenBatch, of count: Int, pass: Int) throws -> Double {
        var rule = Tape.Rule(
            recomputesBlocks: configuration.recomputesBlocks,
            precision: configuration.precision
        )
        if configuration.dropout > 0 {
            rule.dropout = Dropout(
                rate: Float(configuration.dropout),
                seed: configuration.seed,
                pass: UInt64(pass)
            )
        }
        let tape = Tape(rule)
        let recording = processor.recording(on: tape)
        var execution = Execution(processor: recording, state: model.makePassMemory())
        let hidden = try model.forward(batch.rows, &execution)
        let outcome = try model.loss(
            hidden,
            targets: batch.targets,
            rule: CrossEntropy(
                labelSmoothing: Float(configuration.labelSmoothing),
                zLossWeight: Float(configuration.zLoss),
                gradientScale: 1 / Float(count)
            ),
            recording
        )
        guard outcome.sum.isFinite else { return outcome.sum }
        tape.backward(on: processor)
        return outcome.sum
    }

    /// Puts the averaged weights in place of the weights, or back.
    func exchangeAverage() {
        guard let average else { return }
        average.exchange()
        for adapter in adapters { adapter.apply() }
    }

    /// The loss of held-out text; nil when there is none.
    func evaluate() throws -> (loss: Double, bitsPerByte: Double)? {
        guard let validation else { return nil }
        exchangeAverage()
        defer { exchangeAverage() }
        var (sum, count) = (0.0, 0)
        try validation.inOrder(limit: configuration.evaluationTokens) { batch in
            var execution = Execution(processor: processor, state: model.makePassMemory())
            let hidden = try model.forward(batch.rows, &execution)
            let outcome = try model.loss(
                hidden,
                targets: batch.targets,
                rule: CrossEntropy(),
                processor
            )
            sum += outcome.sum
            count += outcome.count
        }
        // Ends of documents are predicted too; they are told apart from text by no one who reads it, so
        // their loss counts.
        let file = validation.file
        let bytesPerToken = Double(file.textBytes) / Double(file.tokens + file.documents)
        let loss = sum / Double(count)
        return (loss, loss / log(2) / bytesPerToken)
    }

    private func notFinite(_ what: String) -> SkeinError {
        let bad = parameters.parameters.first { parameter in
            !parameter.gradientValues.allSatisfy(\.isFinite)
                || !parameter.values.allSatisfy(\.isFinite)
        }
        let last = folder.savedSteps().last.map { folder.checkpoint($0) }
        return SkeinError(
            .notFinite,
            "step \(step + 1): \(what); first tensor: \(bad?.name ?? "the logits")",
            hint: (last.map { "the last good checkpoint is \($0); " } ?? "no checkpoint yet; ")
                + "lower optimizer.learning_rate or raise schedule.warmup"
        )
    }
}
