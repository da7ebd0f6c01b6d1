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

    /// Both layouts of the same trained weights hold the same values under the same names.
    @Test func `both llama2.c layouts agree`() throws {
        guard let old = Files.shared("llm-stories260k/stories260K.bin"),
            let new = Files.shared("llm-stories260k/stories260K_v1.bin")
        else { return }
        let (first, second) = (
            try Llama2C(contentsOf: old.path), try Llama2C(contentsOf: new.path)
        )
        #expect(first.configuration == second.configuration)
        #expect(first.configuration.width == 64 && first.configuration.hiddenWidth == 172)
        #expect(first.configuration.layers == 5 && first.configuration.keyValueHeads == 4)
        #expect(Set(first.names) == Set(second.names) && first.names.count == 47)
        for name in first.names {
            let values = try first.tensor(named: name).floats()
            #expect(try second.tensor(named: name).floats() == values, "\(name)")
        }
    }
}
