import SkeinCore
import SkeinTensor
import SkeinTestSupport
import Testing

@Suite struct Llama2CTests {
    /// dim 4, hidden 6, 2 layers, 2 heads, 1 key-value head, 3 tokens, context 5.
    private static func header(vocabulary: Int32, versioned: Bool) -> HeaderBytes {
        var bytes = HeaderBytes()
        if versioned { bytes = bytes.number(UInt32(0x616b_3432)).number(Int32(1)) }
        for value in [4, 6, 2, 2, 1, vocabulary, 5] { bytes = bytes.number(value) }
        return bytes
    }

    private static func floats(_ count: Int) -> [UInt8] {
        (0..<count).flatMap { HeaderBytes().number(Float($0).bitPattern).bytes }
    }

    /// Values of one layer without its norms: q, k, v, o and the three of the feed-forward part.
    private static let layer = 16 + 8 + 8 + 16 + 24 * 3

    @Test func `version 0 with its own head`() throws {
        let count = 12 + 2 * 4 + 2 * Self.layer + 2 * 4 + 4 + 2 * 5 + 12
        let bytes = Self.header(vocabulary: -3, versioned: false).raw(Self.floats(count)).bytes
        let model = try Llama2C(parsing: MappedFile(bytes: bytes))
        #expect(model.version == 0)
        #expect(model.configuration.vocabulary == 3 && !model.configuration.isHeadTied)
        #expect(model.configuration.headWidth == 2)
        #expect(model.names.count == 1 + 2 * 9 + 1 + 1)
        #expect(try model.tensor(named: "model.embed_tokens.weight").floats().first == 0)
        let norm = try model.tensor(named: "model.layers.1.input_layernorm.weight")
        #expect(try norm.floats() == [16, 17, 18, 19])
        let query = try model.tensor(named: "model.layers.1.self_attn.q_proj.weight")
        #expect(query.shape == [4, 4])
        #expect(try query.floats().first == 36)
        let key = try model.tensor(named: "model.layers.1.self_attn.k_proj.weight")
        #expect(key.shape == [2, 4])
        #expect(try key.floats().first == 60)
        let down = try model.tensor(named: "model.layers.0.mlp.down_proj.weight")
        #expect(down.shape == [4, 6])
        #expect(try model.tensor(named: "lm_head.weight").floats().last == Float(count - 1))
    }

    @Test func `version 1 with a shared head`() throws {
        let count = 2 * 4 + 2 * 4 + 4 + 12 + 2 * Self.layer
        let head = Self.header(vocabulary: 3, versioned: true).raw([1]).bytes
        let padding = [UInt8](repeating: 0, count: 256 - head.count)
        let model = try Llama2C(parsing: MappedFile(bytes: head + padding + Self.floats(count)))
        #expect(model.version == 1 && model.configuration.isHeadTied)
        #expect(try model.tensor(named: "model.norm.weight").floats() == [16, 17, 18, 19])
        #expect(try model.tensor(named: "model.embed_tokens.weight").floats().first == 20)
        let up = try model.tensor(named: "model.layers.1.mlp.up_proj.weight")
        #expect(up.shape == [6, 4])
        #expect(try up.floats().last == Float(count - 1))
        #expect(model.tensors["lm_head.weight"] == nil)
    }

    @Test func `broken files say what is wrong`() throws {
        func expect(_ code: SkeinError.Code, _ text: String, _ bytes: [UInt8]) {
            expectFailure(code, text) { _ = try Llama2C(parsing: MappedFile(bytes: bytes)) }
        }
        let head = Self.header(vocabulary: 3, versioned: false)
        expect(.corruptFile, "n_layers needs 4 bytes", Array(head.bytes.prefix(10)))
        expect(.corruptFile, "model.embed_tokens.weight of shape [3, 4] needs", head.raw([1]).bytes)
        expect(.corruptFile, "but the file has", head.raw(Self.floats(500)).bytes)
        expect(.corruptFile, "dim is 0", [UInt8](repeating: 0, count: 28))
        expect(.corruptFile, "do not divide", Self.odd([5, 6, 2, 2, 1, 3, 5]))
        expect(.corruptFile, "do not divide", Self.odd([8, 6, 2, 4, 3, 3, 5]))
        let second = HeaderBytes().number(UInt32(0x616b_3432)).number(Int32(2)).bytes
        expect(.unsupported, "layout version 2", second)
    }

    private static func odd(_ fields: [Int32]) -> [UInt8] {
        fields.reduce(HeaderBytes()) { $0.number($1) }.bytes
    }
}
