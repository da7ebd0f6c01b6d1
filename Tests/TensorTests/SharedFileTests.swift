import Foundation
import SkeinTensor
import SkeinTestSupport
import Testing

@Suite struct SharedFileTests {
    /// From the data folder's notes: a trained Llama of 656 000 parameters, head tied.
    @Test func `a real safetensors model is read whole`() throws {
        guard let url = Files.shared("llm-tinystories656k/model.safetensors") else { return }
        let model = try SafetensorsDirectory(path: url.deletingLastPathComponent().path)
        #expect(model.names.count == 20)
        let total = model.tensors.values.reduce(0) { $0 + $1.count }
        #expect(total == 656_000)
    }
}
