public import SkeinTensor

/// The exponential moving average of parameters: what a run gives when it is evaluated.
public final class MovingAverage {
    /// What remains of the average at each step.
    public let decay: Float
    private let parameters: [Parameter]
    private var averages: [[Float]]

    /// Creates an average that starts at the parameters' values.
    public init(_ parameters: [Parameter], decay: Float) {
        self.parameters = parameters
        self.decay = decay
        averages = parameters.map(\.values)
    }

    /// Takes in the parameters' values.
    public func update() {
        for (index, parameter) in parameters.enumerated() {
            let values = parameter.values
            for place in values.indices {
                averages[index][place] += (1 - decay) * (values[place] - averages[index][place])
            }
        }
    }

    /// The averages, named after their parameters: `NAME.average`.
    public var state: [(name: String, values: [Float])] {
        zip(parameters, averages).map { ("\($0.name).average", $1) }
    }

    /// Replaces the averages.
    ///
    /// - Parameter values: Returns the values of a name of `state`, as many as it is told.
    /// - Throws: What `values` throws.
    public func restore(values: (String, Int) throws -> [Float]) rethrows {
        for (index, parameter) in parameters.enumerated() {
            averages[index] = try values("\(parameter.name).average", parameter.count)
        }
    }

    /// Exchanges averages and values; a second exchange undoes the first.
    public func exchange() {
        for (index, parameter) in parameters.enumerated() {
            let values = parameter.values
            parameter.set(averages[index])
            averages[index] = values
        }
    }
}
