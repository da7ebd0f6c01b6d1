import SkeinTensor
import SkeinTestSupport
import Testing

@Suite struct BlockValuesTests {
    static let types = DType.allCases.filter(\.isQuantized)

    @Test(arguments: types) func `block tensors decode to Python's values`(type: DType) throws {
        let file = try GGUF(contentsOf: golden("types.gguf"))
        let expected = try Safetensors(contentsOf: golden("types.gguf.safetensors"))
        let values = try file.tensor(named: type.name).floats()
        let error = Tolerance.nmse(values, try expected.tensor(named: type.name).floats())
        #expect(error < Tolerance.elementwise)
    }
}
