public import SkeinTensor

/// How one parameter follows its gradient.
public protocol UpdateRule: Sendable {
    /// How many moments, each as large as the parameter, the rule keeps.
    var momentCount: Int { get }

    /// Moves a parameter one step and clears its gradient.
    ///
    /// - Parameters:
    ///   - parameter: The parameter, with its gradient.
    ///   - moments: What the rule remembers of it.
    ///   - step: The numbers of the step.
    ///   - processor: Where it runs.
    func update(
        _ parameter: Parameter,
        _ moments: inout [Tensor],
        _ step: UpdateStep,
        _ processor: Processor
    )
}

/// The numbers of one step that all rules share.
public struct UpdateStep: Sendable, Hashable {
    /// The step's number, from 1.
    public var number: Int
    /// η of the parameter's group.
    public var learningRate: Float
    /// λ of the parameter's group; values shrink by η · λ.
    public var weightDecay: Float
    /// What gradients are multiplied by first: below one when they are clipped.
    public var gradientScale: Float

    /// Joins the numbers.
    public init(
        number: Int,
        learningRate: Float,
        weightDecay: Float = 0,
        gradientScale: Float = 1
    ) {
        self.number = number
        self.learningRate = learningRate
        self.weightDecay = weightDecay
        self.gradientScale = gradientScale
    }
}

/// Parameters that follow one rule.
public struct ParameterGroup: Sendable {
    /// The parameters.
    public var parameters: [Parameter]
    /// The rule.
    public var rule: any UpdateRule
    /// What the schedule's rate is multiplied by for this group.
    public var learningRateScale: Float
    /// λ, the weight decay.
    public var weightDecay: Float

    /// Joins parameters and a rule.
    public init(
        _ parameters: [Parameter],
        rule: any UpdateRule,
        learningRateScale: Float = 1,
        weightDecay: Float = 0
    ) {
        self.parameters = parameters
        self.rule = rule
        self.learningRateScale = learningRateScale
        self.weightDecay = weightDecay
    }
}

/// Moves groups of parameters along their gradients and remembers their moments.
public final class Optimizer {
    /// The groups.
    public let groups: [ParameterGroup]
    /// Steps taken so far.
    public private(set) var stepCount = 0
    private var moments: [[[Tensor]]]
    private let processor: Processor

    /// Creates an optimiser whose moments are zeros.
    ///
    /// - Parameters:
    ///   - groups: The groups; a parameter belongs to one of them.
    ///   - processor: Where steps run.
    public init(_ groups: [ParameterGroup], processor: Processor) {
        self.groups = groups
        self.processor = processor
        moments = groups.map { group in
            group.parameters.map { parameter in
                (0..<group.rule.momentCount).map { _ in processor.moment(of: parameter) }
            }
        }
    }

    /// All parameters, group by group.
    public var parameters: [Parameter] { groups.flatMap(\.parameters) }

    /// The norm of all gradients together.
    public func gradientNorm() -> Double {
        parameters.reduce(0) { $0 + processor.squaredGradientNorm($1) }.squareRoot()
    }

    /// Takes one step and clears the gradients; gradients that are not finite move nothing and stay.
    ///
    /// - Parameters:
    ///   - learningRate: The schedule's rate.
    ///   - maximumNorm: Gradients whose norm together is larger are scaled down to it.
    /// - Returns: The norm of all gradients before they were clipped.
    @discardableResult
    public func step(learningRate: Float, clippingTo maximumNorm: Float? = nil) -> Double {
        let norm = gradientNorm()
        guard norm.isFinite else { return norm }
        let clip = maximumNorm.map { min(1, Double($0) / (norm + 1e-6)) } ?? 1
        stepCount += 1
        for (index, group) in groups.enumerated() {
            let step = UpdateStep(
                number: stepCount,
                learningRate: learningRate * group.learningRateScale,
                weightDecay: group.weightDecay,
                gradientScale: Float(clip)
            )
            for (place, parameter) in group.parameters.enumerated() {
                group.rule.update(parameter, &moments[index][place], step, processor)
            }
        }
        return norm
    }

    /// What the optimiser remembers, named after its parameters: `NAME.moment0`, `NAME.moment1`.
    public var state: [(name: String, values: Tensor)] {
        zip(groups, moments).flatMap { group, moments in
            zip(group.parameters, moments).flatMap { parameter, moments in
                moments.enumerated().map { ("\(parameter.name).moment\($0.offset)", $0.element) }
            }
        }
    }

    /// Replaces what the optimiser remembers.
    ///
    /// - Parameters:
    ///   - stepCount: Steps taken.
    ///   - values: Returns the values of a name of `state`.
    /// - Throws: What `values` throws.
    public func restore(stepCount: Int, values: (String, Int) throws -> [Float]) rethrows {
        for (index, group) in groups.enumerated() {
            for (place, parameter) in group.parameters.enumerated() {
                for moment in 0..<group.rule.momentCount {
                    let name = "\(parameter.name).moment\(moment)"
                    moments[index][place][moment] = Tensor(
                        try values(name, parameter.count),
                        rows: parameter.rows,
                        width: parameter.width,
                        arena: processor.arena
                    )
                }
            }
        }
        self.stepCount = stepCount
    }
}
