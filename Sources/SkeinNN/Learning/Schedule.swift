internal import Foundation

/// The learning rate of each step.
public struct Schedule: Sendable, Hashable {
    /// What follows the warm-up.
    public enum Shape: Sendable, Hashable {
        /// The peak to the end.
        case constant
        /// A straight line down to the floor.
        case linear
        /// Half a cosine down to the floor.
        case cosine
        /// The peak, then a straight line to the floor over the last steps.
        case warmupStableDecay(decaySteps: Int)
    }

    /// The highest rate.
    public var peak: Double
    /// The lowest rate after the warm-up.
    public var floor: Double
    /// Steps of a straight line up to the peak.
    public var warmupSteps: Int
    /// All steps.
    public var totalSteps: Int
    /// What follows the warm-up.
    public var shape: Shape

    /// Creates a schedule.
    public init(
        peak: Double,
        floor: Double = 0,
        warmupSteps: Int = 0,
        totalSteps: Int,
        shape: Shape = .cosine
    ) {
        self.peak = peak
        self.floor = floor
        self.warmupSteps = warmupSteps
        self.totalSteps = totalSteps
        self.shape = shape
    }

    /// The rate of a step, counted from 0.
    public func rate(at step: Int) -> Double {
        if step < warmupSteps { return peak * Double(step + 1) / Double(warmupSteps) }
        let progress = Self.share(step - warmupSteps, of: totalSteps - warmupSteps)
        switch shape {
        case .constant: return peak
        case .linear: return peak + (floor - peak) * progress
        case .cosine: return floor + (peak - floor) * (1 + cos(.pi * progress)) / 2
        case .warmupStableDecay(let steps):
            return peak + (floor - peak) * Self.share(step - (totalSteps - steps), of: steps)
        }
    }

    private static func share(_ step: Int, of steps: Int) -> Double {
        steps <= 0 ? 1 : min(max(Double(step) / Double(steps), 0), 1)
    }
}
