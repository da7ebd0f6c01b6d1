internal import SkeinCore
internal import SkeinTensor

/// Models as directories: `model.json` and either `model.safetensors` or one `.npy` an array.
///
/// The names are scikit-learn's, so that a few lines of Python write a directory that loads here.
public enum ModelStore {
    /// Writes a model; the directory must exist.
    public static func save(_ model: any ClassicModel, to directory: String) throws {
        let arrays = model.arrays
        let plans = try arrays.map { name, array in
            try TensorPlan(name: name, dtype: array.isWide ? .f64 : .f32, shape: array.shape)
        }
        let writer = try SafetensorsWriter(path: directory + "/model.safetensors", tensors: plans)
        for plan in writer.plans {
            guard let array = arrays[plan.name] else { continue }
            if array.isWide {
                try array.values.withUnsafeBytes { try writer.write(plan.name, $0) }
            } else {
                try array.floats.withUnsafeBytes { try writer.write(plan.name, $0) }
            }
        }
        try writer.finish()
        var parameters = JSONObject()
        for (name, value) in model.parameters.sorted(by: { $0.key < $1.key }) {
            parameters[name] = .double(value)
        }
        let description: JSON = [
            "format": "skein-classic",
            "version": 1,
            "kind": .string(model.kind.rawValue),
            "classes": .array(model.classes.map(JSON.string)),
            "parameters": .object(parameters),
        ]
        let file = try AtomicFile(path: directory + "/model.json")
        try Array((description.text(.indented(2)) + "\n").utf8).withUnsafeBytes {
            try file.write($0)
        }
        try file.commit()
    }

    /// Reads a model that `save` or a Python script wrote.
    public static func load(_ directory: String) throws -> any ClassicModel {
        let description = try MappedFile(path: directory + "/model.json").json()
        guard description["format"]?.string == "skein-classic",
            let kind = description["kind"]?.string.flatMap(ClassicKind.init)
        else {
            throw SkeinError(
                .unsupported,
                "\(directory)/model.json is of format \(description["format"]?.string ?? "none") and"
                    + " kind \(description["kind"]?.string ?? "none"); expected skein-classic and one of"
                    + " \(ClassicKind.allCases.map(\.rawValue).joined(separator: ", "))"
            )
        }
        let file = directory + "/model.safetensors"
        let source = Source(
            directory: directory,
            tensors: MappedFile.isDirectory(file) == false
                ? try Safetensors(contentsOf: file) : nil,
            classes: (description["classes"]?.array ?? []).map { $0.string ?? $0.text() },
            parameters: description["parameters"] ?? [:]
        )
        return try source.model(kind)
    }
}

/// The arrays of a model's directory.
private struct Source {
    let directory: String
    let tensors: Safetensors?
    let classes: [String]
    let parameters: JSON

    func array(_ name: String, rank: Int) throws -> NumberArray {
        let array = try read(name)
        guard array.shape.count == rank, !array.values.isEmpty else {
            throw SkeinError(
                .shapeMismatch,
                "\(directory): \(name) has shape \(array.shape); expected \(rank) axes that are not empty"
            )
        }
        return array
    }

    func read(_ name: String) throws -> NumberArray {
        guard let tensors else { return try NPY.read(path: "\(directory)/\(name).npy") }
        let tensor = try tensors.tensor(named: name)
        guard tensor.dtype == .f64 else {
            return NumberArray(try tensor.floats(), shape: tensor.shape)
        }
        let values = tensor.withUnsafeBytes { raw in
            (0..<raw.count / 8).map { raw.loadUnaligned(fromByteOffset: $0 * 8, as: Double.self) }
        }
        return NumberArray(values, shape: tensor.shape, isWide: true)
    }

    func expect(_ name: String, _ array: NumberArray, _ shape: [Int]) throws {
        guard array.shape == shape else {
            throw SkeinError(
                .shapeMismatch,
                "\(directory): \(name) has shape \(array.shape), expected \(shape)"
            )
        }
    }

    func model(_ kind: ClassicKind) throws -> any ClassicModel {
        switch kind {
        case .linearSVM, .logisticRegression:
            let coef = try array("coef", rank: 2)
            let intercept = try array("intercept", rank: 1)
            try expect("intercept", intercept, [coef.shape[0]])
            let rows = classes.count == 2 ? 1 : classes.count
            try expect("coef", coef, [rows, coef.shape[1]])
            return LinearModel(
                kind: kind,
                classes: classes,
                width: coef.shape[1],
                weights: coef.floats,
                biases: intercept.floats
            )
        case .gaussianNaiveBayes:
            let (theta, variance) = (try array("theta", rank: 2), try array("var", rank: 2))
            let prior = try array("class_prior", rank: 1)
            try expect("theta", theta, [classes.count, theta.shape[1]])
            try expect("var", variance, theta.shape)
            try expect("class_prior", prior, [classes.count])
            return GaussianModel(
                classes: classes,
                width: theta.shape[1],
                means: theta.values,
                variances: variance.values,
                priors: prior.values
            )
        case .nearestNeighbours:
            let (samples, targets) = (try array("samples", rank: 2), try array("targets", rank: 1))
            try expect("targets", targets, [samples.shape[0]])
            let labels = try targets.values.map { value in
                guard let label = Int32(exactly: value), classes.indices.contains(Int(label)) else {
                    throw SkeinError(.corruptFile, "\(directory): target \(value) is no class")
                }
                return label
            }
            let table = Table(samples.floats, rows: samples.shape[0], width: samples.shape[1])
            let data = Dataset(table, labels: labels, classes: classes)
            return try NeighbourModel(data, k: parameters["k"]?.int ?? 5)
        case .kMeans:
            let centres = try array("cluster_centers", rank: 2)
            return CentroidModel(
                width: centres.shape[1],
                centres: centres.floats,
                iterations: parameters["iterations"]?.int ?? 0,
                inertia: parameters["inertia"]?.double ?? 0
            )
        case .decisionTree, .randomForest:
            return try forest(kind)
        case .gaussianMixture:
            let (weights, means) = (try array("weights", rank: 1), try array("means", rank: 2))
            let covariances = try read("covariances")
            let (k, d) = (weights.shape[0], means.shape[1])
            let isFull = covariances.shape.count == 3
            try expect("means", means, [k, d])
            try expect("covariances", covariances, isFull ? [k, d, d] : [k, d])
            return try MixtureModel(
                width: d,
                isFull: isFull,
                weights: weights.values,
                means: means.values,
                covariances: covariances.values
            )
        }
    }

    func integers(_ array: NumberArray, _ range: Range<Int>) throws -> [Int] {
        try array.values[range].map { value in
            guard let number = Int32(exactly: value) else {
                throw SkeinError(.corruptFile, "\(directory): \(value) is no index of a tree")
            }
            return Int(number)
        }
    }

    func forest(_ kind: ClassicKind) throws -> ForestModel {
        let names = ["feature", "threshold", "children_left", "children_right"]
        let nodes = try names.map { try array($0, rank: 1) }
        let (value, offsets) = (try array("value", rank: 2), try array("tree_offset", rank: 1))
        let count = nodes[0].values.count
        for (name, array) in zip(names, nodes) { try expect(name, array, [count]) }
        try expect("value", value, [count, classes.count])
        guard let width = parameters["width"]?.int, width > 0 else {
            throw SkeinError(.missingTensor, "\(directory)/model.json lacks parameters.width")
        }
        var model = ForestModel(kind, classes: classes, width: width)
        let starts = offsets.values.compactMap { Int(exactly: $0) }
        guard starts.count > 1, starts.first == 0, starts.last == count, starts == starts.sorted()
        else {
            throw SkeinError(
                .corruptFile,
                "\(directory): tree_offset does not rise from 0 to \(count)"
            )
        }
        for (start, end) in zip(starts, starts.dropFirst()) {
            var tree = LinkedTree()
            tree.features = try integers(nodes[0], start..<end)
            tree.thresholds = Array(nodes[1].values[start..<end])
            tree.lefts = try integers(nodes[2], start..<end)
            tree.rights = try integers(nodes[3], start..<end)
            tree.values = Array(value.values[start * classes.count..<end * classes.count])
            try model.append(tree)
        }
        return model
    }
}
